#!/usr/bin/env python3
"""Writes mixtures.json: logits of tiny mixtures of experts as transformers computes them, beside the GGUF metadata that
llama.cpp's converter writes for them. Weights are made from GGUF names. Run: python3 make_mixtures.py > mixtures.json
"""
import json

import torch
from make_golden import ROWS, TOKENS, weight
from transformers import AutoConfig, AutoModelForCausalLM

N, USED, FFN, SHARED, WIDTH, HEADS, KV, DIM, VOCAB = 4, 2, 48, 64, 128, 4, 2, 32, 40
BASE = dict(
    hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, num_key_value_heads=KV, vocab_size=VOCAB,
    max_position_embeddings=128, rms_norm_eps=1e-5, num_experts_per_tok=USED, rope_theta=10000.0,
    tie_word_embeddings=False,
)
QWEN = dict(BASE, intermediate_size=96, num_experts=N, moe_intermediate_size=FFN, decoder_sparse_step=1)
COMMON = {
    "block_count": 2, "embedding_length": WIDTH, "feed_forward_length": 96, "context_length": 128,
    "attention.head_count": HEADS, "attention.head_count_kv": KV, "expert_count": N, "expert_used_count": USED,
    "attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 10000.0,
}
QWEN_KEYS = dict(COMMON, expert_feed_forward_length=FFN)
QWEN3_KEYS = dict(QWEN_KEYS, **{"attention.key_length": DIM, "attention.value_length": DIM})
# Name of the case: GGUF architecture, model_type, config.json, GGUF keys.
CASES = {
    "mixtral": ("llama", "mixtral", dict(BASE, intermediate_size=FFN, num_local_experts=N, sliding_window=None),
                dict(COMMON, feed_forward_length=FFN)),
    "mixtral windows": ("llama", "mixtral", dict(BASE, intermediate_size=FFN, num_local_experts=N, sliding_window=9),
                        dict(COMMON, feed_forward_length=FFN, **{"attention.sliding_window": 9})),
    "qwen2moe": ("qwen2moe", "qwen2_moe",
                 dict(QWEN, shared_expert_intermediate_size=SHARED, norm_topk_prob=False, qkv_bias=True),
                 dict(QWEN_KEYS, expert_shared_feed_forward_length=SHARED)),
    "qwen2moe normed": ("qwen2moe", "qwen2_moe",
                        dict(QWEN, shared_expert_intermediate_size=SHARED, norm_topk_prob=True, qkv_bias=True),
                        dict(QWEN_KEYS, expert_shared_feed_forward_length=SHARED, expert_weights_norm=True)),
    "qwen3moe": ("qwen3moe", "qwen3_moe", dict(QWEN, head_dim=DIM, norm_topk_prob=True), QWEN3_KEYS),
    "qwen3moe not normed": ("qwen3moe", "qwen3_moe", dict(QWEN, head_dim=DIM, norm_topk_prob=False),
                            dict(QWEN3_KEYS, expert_weights_norm=False)),
}
PARTS = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate": "ffn_gate_inp",
    "mlp.shared_expert.gate_proj": "ffn_gate_shexp", "mlp.shared_expert.up_proj": "ffn_up_shexp",
    "mlp.shared_expert.down_proj": "ffn_down_shexp", "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
}
ENDS = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def un_permuted(w, heads):
    """GGUF's order of Llama's q and k rows back to Hugging Face's."""
    dim = w.shape[0] // heads
    return w.reshape(heads, dim // 2, 2, -1).swapaxes(1, 2).reshape(w.shape)


def parts_of(name, shape):
    """GGUF tensors of a parameter, with their shapes, in the order in which they are its rows."""
    if name.rsplit(".", 1)[0] in ENDS:
        return [(ENDS[name.rsplit(".", 1)[0]] + ".weight", shape)]
    layer, part = name.removeprefix("model.layers.").split(".", 1)
    p = f"blk.{layer}."
    if part == "mlp.experts.gate_up_proj":
        half = (shape[0], shape[1] // 2, shape[2])
        return [(p + "ffn_gate_exps.weight", half), (p + "ffn_up_exps.weight", half)]
    if part == "mlp.experts.down_proj":
        return [(p + "ffn_down_exps.weight", shape)]
    module, kind = part.rsplit(".", 1)
    return [(f"{p}{PARTS[module]}.{kind}", shape)]


def logits(architecture, model_type, config):
    made = AutoConfig.for_model(model_type, **json.loads(json.dumps(config)))
    made._attn_implementation = made._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(made, dtype=torch.float64).eval()
    shapes = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = []
            for gguf, shape in parts_of(name, tuple(parameter.shape)):
                shapes[gguf] = list(shape)
                w = torch.from_numpy(weight(gguf, shape, False)).double()
                rows = {"attn_q": HEADS, "attn_k": KV}.get(gguf.split(".")[-2])
                values.append(un_permuted(w, rows) if rows and architecture == "llama" else w)
            parameter.copy_(torch.cat(values, 1) if len(values) > 1 else values[0])
        return shapes, model(torch.tensor([TOKENS]), use_cache=False).logits[0, ROWS]


def main():
    cases = {}
    for name, (architecture, model_type, config, keys) in CASES.items():
        shapes, out = logits(architecture, model_type, config)
        keys = {f"{architecture}.{key}": value for key, value in keys.items()}
        keys["general.architecture"] = architecture
        values = [[round(x, 5) for x in row] for row in out.tolist()]
        cases[name] = dict(keys=keys, tensors=shapes, logits=values)
    print(json.dumps(dict(tokens=TOKENS, rows=ROWS, cases=cases), separators=(",", ":")))


main()
