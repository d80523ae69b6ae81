#!/usr/bin/env python3
"""Writes golden.json: logits of tiny random models, computed from the definitions with numpy in F64.

The forward passes follow Hugging Face's modelling code (rotate_half on half-split heads, Gemma's 1 + w norms, masks
over the whole sequence) and share nothing with the crate under test. Weights are not stored: both sides make them
from the tensor's name. Run: python3 make_golden.py > golden.json
"""
import json
import math

import numpy as np

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


def weight(name, *shape):
    """Weights by name, in the order and convention of GGUF."""
    g = gaussian_like(fnv1a(name), int(np.prod(shape)))
    if name.endswith("norm.weight"):
        g = np.float32(1) + np.float32(0.2) * g
    elif name.endswith(".bias"):
        g = np.float32(0.3) * g
    elif name == "token_embd.weight":
        g = np.float32(0.5) * g
    else:
        gain = 2.0 if ".attn_q." in name or ".attn_k." in name else 1.0
        g = np.float32(gain / math.sqrt(shape[-1])) * g
    return g.reshape(shape).astype(np.float64)


def un_permute(w, heads):
    """GGUF's order of Llama's q and k rows back to Hugging Face's (inverse of convert_hf_to_gguf's permute)."""
    dim = w.shape[0] // heads
    return w.reshape(heads, dim // 2, 2, -1).swapaxes(1, 2).reshape(w.shape)


def rms(x, w, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


def inv_freq(base, dims):
    return 1.0 / base ** (np.arange(0, dims, 2) / dims)


def llama3_inv_freq(freq, factor, low_factor, high_factor, original):
    """transformers' _compute_llama3_parameters."""
    wavelen = 2 * math.pi / freq
    out = np.where(wavelen > original / low_factor, freq / factor, freq)
    smooth = (original / wavelen - low_factor) / (high_factor - low_factor)
    smoothed = (1 - smooth) * out / factor + smooth * out
    medium = ~(wavelen < original / high_factor) & ~(wavelen > original / low_factor)
    return np.where(medium, smoothed, out)


def yarn(base, dims, factor, original):
    """transformers' _compute_yarn_parameters with its defaults: frequencies and attention factor."""

    def correction_dim(rotations):
        return dims * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(base))

    low, high = max(math.floor(correction_dim(32)), 0), min(math.ceil(correction_dim(1)), dims - 1)
    if low == high:
        high += 0.001
    ramp = np.clip((np.arange(dims // 2) - low) / (high - low), 0, 1)
    extrapolation = inv_freq(base, dims)
    keep = 1 - ramp
    return extrapolation / factor * (1 - keep) + extrapolation * keep, 0.1 * math.log(factor) + 1


def rotary(c, windowed):
    base, dims, scaling = c["rope_base"], c["rope_dims"], c["scaling"]
    if windowed:
        return inv_freq(c["local_base"] or base, dims), 1.0
    if scaling is None:
        return inv_freq(base, dims), 1.0
    if scaling["kind"] == "linear":
        return inv_freq(base, dims) / scaling["factor"], 1.0
    if scaling["kind"] == "factors":
        return inv_freq(base, dims) / np.array(scaling["factors"], np.float32).astype(np.float64), 1.0
    return yarn(base, dims, scaling["factor"], scaling["original_context"])


def rotate_half(x):
    half = x.shape[-1] // 2
    return np.concatenate([-x[..., half:], x[..., :half]], -1)


def apply_rotary(x, freq, factor):
    """x: heads × tokens × head_dim; the first 2·len(freq) dimensions rotate."""
    angle = np.arange(x.shape[1])[:, None] * np.concatenate([freq, freq])[None]
    dims = 2 * len(freq)
    cos, sin = np.cos(angle) * factor, np.sin(angle) * factor
    turned = x[..., :dims] * cos + rotate_half(x[..., :dims]) * sin
    return np.concatenate([turned, x[..., dims:]], -1)


def in_cache(x):
    """The key-value cache holds half-precision numbers."""
    return x.astype(np.float16).astype(np.float64)


def attention(c, layer, x):
    p, t = f"blk.{layer}.attn_", x.shape[0]
    heads, kv, d = c["heads"], c["kv_heads"], c["head_dim"]
    window = c["window"] if c["window"] and (layer + 1) % c["window_pattern"] else None

    def project(which, n):
        w = weight(f"{p}{which}.weight", n * d, c["width"])
        if c["style"] == "interleaved" and which != "v":
            w = un_permute(w, n)
        y = x @ w.T
        if c["qkv_bias"]:
            y = y + weight(f"{p}{which}.bias", n * d)
        y = y.reshape(t, n, d).swapaxes(0, 1)
        if c["qk_norm"] and which != "v":
            y = norm(c, f"{p}{which}_norm.weight", y, d)
        return y

    freq, factor = rotary(c, window is not None)
    q = apply_rotary(project("q", heads), freq, factor)
    k = apply_rotary(project("k", kv), freq, factor)
    k, v = (np.repeat(in_cache(x), heads // kv, 0) for x in (k, project("v", kv)))
    i, j = np.arange(t)[:, None], np.arange(t)[None]
    visible = (j <= i) if window is None else (j <= i) & (j > i - window)
    scores = np.where(visible, q @ k.swapaxes(1, 2) * c["scale"], -np.inf)
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    out = (scores / scores.sum(-1, keepdims=True)) @ v
    return out.swapaxes(0, 1).reshape(t, heads * d) @ weight(f"{p}output.weight", c["width"], heads * d).T


def norm(c, name, x, width):
    w = weight(name, width)
    # Gemma's checkpoints hold w − 1 and its code multiplies by 1 + w; GGUF holds the sum.
    return rms(x, 1 + (w - 1), c["eps"]) if c["architecture"] == "gemma3" else rms(x, w, c["eps"])


def swiglu(x, gate, up, down):
    gate = x @ gate.T
    return (gate / (1 + np.exp(-gate)) * (x @ up.T)) @ down.T


def mixture(c, layer, x):
    """MixtralSparseMoeBlock, Qwen2MoeSparseMoeBlock and Qwen3MoeSparseMoeBlock of transformers: softmax, then top-k."""
    m, p, width = c["experts"], f"blk.{layer}.ffn_", c["width"]
    n, ffn = m["count"], m["ffn_width"]
    gate, up = (weight(f"{p}{part}_exps.weight", n, ffn, width) for part in ("gate", "up"))
    down = weight(f"{p}down_exps.weight", n, width, ffn)
    logits = x @ weight(f"{p}gate_inp.weight", n, width).T
    probabilities = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities /= probabilities.sum(-1, keepdims=True)
    out = np.zeros_like(x)
    for t in range(len(x)):
        chosen = np.argsort(-probabilities[t])[: m["top_k"]]
        w = probabilities[t][chosen]
        if m["norm_topk_prob"]:
            w = w / w.sum()
        for e, share in zip(chosen, w):
            out[t] += share * swiglu(x[t], gate[e], up[e], down[e])
    if m["shared_width"]:
        parts = [weight(f"{p}{part}_shexp.weight", m["shared_width"], width) for part in ("gate", "up")]
        shared = swiglu(x, *parts, weight(f"{p}down_shexp.weight", width, m["shared_width"]))
        out += shared / (1 + np.exp(-x @ weight(f"{p}gate_inp_shexp.weight", width)))[:, None]
    return out


def feed_forward(c, layer, x):
    if c.get("experts"):
        return mixture(c, layer, x)
    p = f"blk.{layer}.ffn_"
    gate = x @ weight(f"{p}gate.weight", c["ffn_width"], c["width"]).T
    up = x @ weight(f"{p}up.weight", c["ffn_width"], c["width"]).T
    if c["activation"] == "silu":
        gate = gate / (1 + np.exp(-gate))
    else:
        gate = 0.5 * gate * (1 + np.tanh(math.sqrt(2 / math.pi) * (gate + 0.044715 * gate**3)))
    return (gate * up) @ weight(f"{p}down.weight", c["width"], c["ffn_width"]).T


def logits(c, tokens):
    embedding = weight("token_embd.weight", c["vocab_size"], c["width"])
    h = embedding[tokens] * c["embedding_scale"]
    for layer in range(c["layers"]):
        p = f"blk.{layer}."
        out = attention(c, layer, norm(c, p + "attn_norm.weight", h, c["width"]))
        h = h + (norm(c, p + "post_attention_norm.weight", out, c["width"]) if c["post_norms"] else out)
        out = feed_forward(c, layer, norm(c, p + "ffn_norm.weight", h, c["width"]))
        h = h + (norm(c, p + "post_ffw_norm.weight", out, c["width"]) if c["post_norms"] else out)
    head = embedding if c["tied"] else weight("output.weight", c["vocab_size"], c["width"])
    out = norm(c, "output_norm.weight", h, c["width"]) @ head.T
    cap = c["softcap"]
    return cap * np.tanh(out / cap) if cap else out


BASE = dict(
    architecture="llama", vocab_size=40, layers=2, width=32, ffn_width=48, heads=4, kv_heads=2, head_dim=16,
    eps=1e-5, scale=1 / 4, rope_base=10000.0, local_base=None, rope_dims=16, style="interleaved", scaling=None,
    activation="silu", qkv_bias=False, qk_norm=False, window=None, window_pattern=1, post_norms=False,
    embedding_scale=1.0, tied=True, softcap=None,
)
QWEN2 = dict(BASE, architecture="qwen2", style="half-split", qkv_bias=True, tied=False, eps=1e-6)
QWEN3 = dict(BASE, architecture="qwen3", style="half-split", qk_norm=True, rope_base=1e6, eps=1e-6)
GEMMA3 = dict(
    BASE, architecture="gemma3", style="half-split", qk_norm=True, post_norms=True, activation="gelu", layers=4,
    kv_heads=1, window=5, window_pattern=3, rope_base=1e6, local_base=10000.0, embedding_scale=math.sqrt(32),
    scale=24**-0.5, scaling=dict(kind="linear", factor=8.0), softcap=4.0, eps=1e-6,
)
EXPERTS = dict(count=8, top_k=2, ffn_width=24, norm_topk_prob=True, shared_width=None)
MIXTRAL = dict(BASE, experts=dict(EXPERTS, ffn_width=48))
QWEN2MOE = dict(QWEN2, architecture="qwen2moe", experts=dict(EXPERTS, top_k=3, norm_topk_prob=False, shared_width=40))
QWEN3MOE = dict(QWEN3, architecture="qwen3moe", experts=dict(EXPERTS, top_k=4))
PLAIN = inv_freq(10000.0, 16)
LLAMA3 = [float(np.float32(f)) for f in PLAIN / llama3_inv_freq(PLAIN, 8.0, 1.0, 4.0, 64)]
LONG = [0, 1, 31, 32, 33, 63, 127, 128, 129, 160, 255, 256, 257, 299]
CASES = {
    "llama": (BASE, 12, None),
    "llama long": (BASE, 300, LONG),
    "llama linear": (dict(BASE, scaling=dict(kind="linear", factor=4.0)), 12, None),
    "llama factors": (dict(BASE, scaling=dict(kind="factors", factors=LLAMA3)), 40, [5, 20, 39]),
    "llama yarn": (dict(BASE, scaling=dict(kind="yarn", factor=4.0, original_context=64)), 100, [10, 63, 64, 99]),
    "qwen2": (QWEN2, 12, None),
    "qwen3": (QWEN3, 12, None),
    "qwen3 yarn": (
        dict(QWEN3, scaling=dict(kind="yarn", factor=8.0, original_context=256)), 100, [10, 63, 64, 99],
    ),
    "mixtral": (MIXTRAL, 40, None),
    "qwen2moe": (QWEN2MOE, 40, None),
    "qwen3moe": (QWEN3MOE, 12, None),
    "partial rotation": (dict(QWEN2, rope_dims=8, qkv_bias=False), 12, None),
    "gemma3": (GEMMA3, 12, None),
    "gemma3 long": (dict(GEMMA3, window=40), 300, LONG),
}


def main():
    out = {}
    for name, (config, count, rows) in CASES.items():
        tokens = [(i * i * 7 + i * 3 + 5) % config["vocab_size"] for i in range(count)]
        rows = rows or list(range(count))
        values = logits(config, tokens)[rows]
        out[name] = dict(config=config, tokens=tokens, rows=rows, logits=[[round(x, 6) for x in r] for r in values.tolist()])
    print(json.dumps(out, separators=(",", ":")))


main()
