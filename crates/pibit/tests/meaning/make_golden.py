#!/usr/bin/env python3
"""Writes golden.json: logits of tiny models as transformers computes them from config.json, in F64.

A case is a family, the fields of config.json that differ from the family's base, and logits. Weights are not stored: both
sides make them from the tensor's name. Run: python3 make_golden.py > golden.json (torch 2.15, transformers 5.24).
"""
import json
import math

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

MASK = (1 << 64) - 1
GOLDEN_RATIO = 0x9E3779B97F4A7C15


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def gaussian_like(seed, n):
    """domain_types::testing::gaussian_like: SplitMix64, sums of 12 uniforms in F32."""
    state = np.uint64((seed * GOLDEN_RATIO) & MASK | 1)
    with np.errstate(over="ignore"):
        z = state + np.arange(1, 12 * n + 1, dtype=np.uint64) * np.uint64(GOLDEN_RATIO)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    uniform = ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)
    total = np.zeros(n, np.float32)
    for column in uniform.reshape(n, 12).T:
        total += column
    return total - np.float32(6)


def weight(name, shape, gemma):
    g = gaussian_like(fnv1a(name), int(np.prod(shape)))
    if name.endswith("norm.weight"):
        g = np.float32(0 if gemma else 1) + np.float32(0.2) * g
    elif name.endswith(".bias"):
        g = np.float32(0.3) * g
    elif name in ("model.embed_tokens.weight", "token_embd.weight"):
        g = np.float32(0.5) * g
    else:
        gain = 2.0 if any(p in name for p in (".q_proj.", ".k_proj.", ".attn_q.", ".attn_k.")) else 1.0
        g = np.float32(gain / math.sqrt(shape[-1])) * g
    return g.reshape(shape)


BASE = dict(
    hidden_size=128, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=128, rms_norm_eps=1e-5, rope_theta=10000.0, vocab_size=40, tie_word_embeddings=False,
)
GEMMA = dict(
    BASE, model_type="gemma3_text", head_dim=32, num_hidden_layers=4, hidden_activation="gelu_pytorch_tanh",
    rope_theta=1e6, rope_local_base_freq=10000.0, sliding_window=6, sliding_window_pattern=2,
    query_pre_attn_scalar=40, tie_word_embeddings=True,
)
FAMILIES = {
    "llama": dict(BASE, model_type="llama", hidden_act="silu", attention_bias=False, mlp_bias=False),
    "mistral": dict(BASE, model_type="mistral", hidden_act="silu", sliding_window=None),
    "qwen2": dict(
        BASE, model_type="qwen2", hidden_act="silu", use_sliding_window=False, sliding_window=6, max_window_layers=0,
    ),
    "qwen3": dict(
        BASE, model_type="qwen3", hidden_act="silu", head_dim=48, use_sliding_window=False, sliding_window=6,
        max_window_layers=0, attention_bias=False,
    ),
    "gemma3_text": GEMMA,
}
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32
)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)


def scaled(base=None, **fields):
    return dict(rope_scaling=dict(base or {}, **fields))


# `None` in an edit removes the field; NULL writes null.
NULL = "null"
CASES = {
    "llama": ("llama", {}),
    "llama tied": ("llama", dict(tie_word_embeddings=True)),
    "llama head_dim": ("llama", dict(head_dim=48)),
    "llama all key heads": ("llama", dict(num_key_value_heads=None)),
    "llama linear": ("llama", scaled(rope_type="linear", factor=4.0)),
    "llama type of old": ("llama", scaled(type="linear", factor=4.0)),
    "llama both types": ("llama", scaled(type="linear", rope_type="linear", factor=4.0)),
    "llama llama3": ("llama", scaled(LLAMA3)),
    "llama llama3 without context": ("llama", scaled({k: v for k, v in LLAMA3.items() if k[0] != "o"})),
    "llama rope_parameters": ("llama", dict(rope_theta=None, rope_parameters=dict(LLAMA3, rope_theta=5e4))),
    "llama yarn": ("llama", scaled(YARN)),
    "llama yarn without context": ("llama", scaled(rope_type="yarn", factor=4.0)),
    "llama yarn context outside": ("llama", dict(scaled(YARN), original_max_position_embeddings=64)),
    "llama yarn attention_factor": ("llama", scaled(YARN, attention_factor=1.4)),
    "llama yarn betas": ("llama", scaled(YARN, beta_fast=1.0, beta_slow=0.25)),
    "llama yarn mscale": ("llama", scaled(YARN, mscale=1.5, mscale_all_dim=0.7)),
    "llama yarn one mscale": ("llama", scaled(YARN, mscale=1.5)),
    "llama yarn not truncated": ("llama", scaled(YARN, truncate=False)),
    "mistral": ("mistral", {}),
    "mistral windows": ("mistral", dict(sliding_window=7)),
    "mistral key heads": ("mistral", dict(num_key_value_heads=None, num_attention_heads=8)),
    "qwen2": ("qwen2", {}),
    "qwen2 windows": ("qwen2", dict(use_sliding_window=True)),
    "qwen2 yarn": ("qwen2", scaled(YARN)),
    "qwen3": ("qwen3", {}),
    "qwen3 windows": ("qwen3", dict(use_sliding_window=True)),
    "qwen3 scaled windows": ("qwen3", dict(scaled(YARN), use_sliding_window=True)),
    "qwen3 head_dim": ("qwen3", dict(head_dim=None)),
    "gemma3": ("gemma3_text", {}),
    "gemma3 scalar": ("gemma3_text", dict(query_pre_attn_scalar=None)),
    "gemma3 local base": ("gemma3_text", dict(rope_local_base_freq=500.0)),
    "gemma3 local base absent": ("gemma3_text", dict(rope_local_base_freq=None)),
    "gemma3 linear": ("gemma3_text", scaled(rope_type="linear", factor=8.0)),
    "gemma3 soft cap": ("gemma3_text", dict(final_logit_softcapping=4.0)),
    "gemma3 untied": ("gemma3_text", dict(tie_word_embeddings=False)),
    "gemma3 tied by default": ("gemma3_text", dict(tie_word_embeddings=None)),
    "gemma3 all windows": ("gemma3_text", dict(layer_types=["sliding_attention"] * 4)),
    "gemma3 no windows": ("gemma3_text", dict(layer_types=["full_attention"] * 4)),
    "gemma3 rope_parameters": ("gemma3_text", dict(
        rope_theta=None, rope_local_base_freq=None,
        rope_parameters=dict(
            sliding_attention=dict(rope_type="default", rope_theta=700.0),
            full_attention=dict(rope_type="linear", factor=2.0, rope_theta=3e4),
        ),
    )),
}
TOKENS = [(i * i * 7 + i * 3 + 5) % 40 for i in range(64)]
ROWS = [1, 12, 63]


def config_of(family, edit):
    config = dict(FAMILIES[family])
    for key, value in edit.items():
        config.pop(key, None)
        if value is not None:
            config[key] = None if value == NULL else value
    return config


def logits(config):
    fields = json.loads(json.dumps(config))
    made = AutoConfig.for_model(fields.pop("model_type"), **fields)
    made._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(made, dtype=torch.float64).eval()
    gemma = config["model_type"] == "gemma3_text"
    shapes = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            shapes[name] = list(parameter.shape)
            parameter.copy_(torch.from_numpy(weight(name, tuple(parameter.shape), gemma)).double())
        for module in model.modules():  # Frequencies are computed in F32: again in F64 from the same formulas.
            if gemma and hasattr(module, "embed_scale"):
                module.embed_scale = torch.tensor(math.sqrt(config["hidden_size"]), dtype=torch.float64)
        out = model(torch.tensor([TOKENS]), use_cache=False).logits[0, ROWS]
    return shapes, out


def main():
    torch.manual_seed(0)
    cases = {}
    for name, (family, edit) in CASES.items():
        config = config_of(family, edit)
        shapes, out = logits(config)
        values = [[round(x, 5) for x in row] for row in out.double().tolist()]
        cases[name] = dict(config=config, tensors=shapes, logits=values)
    print(json.dumps(dict(tokens=TOKENS, rows=ROWS, cases=cases), separators=(",", ":")))


if __name__ == "__main__":
    main()
