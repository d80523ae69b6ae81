"""Logits of a small Llama network in numpy (float64), for src/network/tests.rs. Prints the JSON kept in llama.json.

Weights are w[i] = scale * sin(0.7 * i + seed) with i the index in the flat [out, in] tensor; norms are 1 + w.
"""
import json
import numpy as np

V, LAYERS, W, F, HEADS, KV, D, EPS, BASE = 11, 2, 8, 12, 4, 2, 4, 1e-5, 100.0
TOKENS = [3, 7, 1, 10, 0, 3]


def weight(seed, *dims, scale=0.5):
    return (scale * np.sin(0.7 * np.arange(np.prod(dims)) + seed)).reshape(dims)


def rms(x, w):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * (1 + w)


def rope(x):  # [T, heads, D], pairs (2i, 2i+1)
    t = np.arange(len(x))[:, None, None]
    angle = t * BASE ** (-2.0 * np.arange(D // 2) / D)
    a, b = x[..., 0::2], x[..., 1::2]
    out = np.empty_like(x)
    out[..., 0::2] = a * np.cos(angle) - b * np.sin(angle)
    out[..., 1::2] = a * np.sin(angle) + b * np.cos(angle)
    return out


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def forward(tokens):
    embedding = weight(1, V, W)
    x, n = embedding[tokens], len(tokens)
    for layer in range(LAYERS):
        s = 10 * (layer + 1)
        h = rms(x, weight(s, W))
        q = rope((h @ weight(s + 1, HEADS * D, W).T).reshape(n, HEADS, D))
        k = rope((h @ weight(s + 2, KV * D, W).T).reshape(n, KV, D))
        v = (h @ weight(s + 3, KV * D, W).T).reshape(n, KV, D)
        mixed = np.empty((n, HEADS, D))
        for head in range(HEADS):
            group = head // (HEADS // KV)
            scores = q[:, head] @ k[:, group].T / np.sqrt(D)
            scores[np.triu_indices(n, 1)] = -np.inf
            mixed[:, head] = softmax(scores) @ v[:, group]
        x = x + mixed.reshape(n, -1) @ weight(s + 4, W, HEADS * D).T
        h = rms(x, weight(s + 5, W))
        gate = h @ weight(s + 6, F, W).T
        gate = gate / (1 + np.exp(-gate))
        x = x + (gate * (h @ weight(s + 7, F, W).T)) @ weight(s + 8, W, F).T
    return rms(x, weight(99, W)) @ embedding.T


print(json.dumps([[round(float(v), 6) for v in row] for row in forward(TOKENS)]))
