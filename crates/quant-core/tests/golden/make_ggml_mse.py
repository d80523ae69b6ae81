#!/usr/bin/env python3
"""Writes ggml_mse.csv: the mean squared errors of llama.cpp's own encoders on the data of ../ggml_encode.rs.

The library is ggml's quantizer, compiled from llama.cpp's sources:
  g++ -c -O2 -fPIC -Iggml/include -Iggml/src ggml/src/ggml-threading.cpp -o threading.o
  gcc -O2 -fPIC -shared -D_GNU_SOURCE -Iggml/include -Iggml/src -Ibuild/ggml/src ggml/src/ggml-quants.c \\
      ggml/src/ggml.c ggml/src/ggml-alloc.c threading.o -lm -lpthread -lstdc++ -o libggmlq.so

Usage: python3 make_ggml_mse.py libggmlq.so [MODEL.gguf]
With a model (SmolLM2-135M-Instruct.Q4_1.gguf was used, Apache-2.0), weights.f16 is cut from it again.
"""
import ctypes
import os
import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader, quants

HERE = pathlib.Path(__file__).parent
ROW, ROWS = 1536, 8
FORMATS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "TQ1_0", "TQ2_0",
           "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ4_XS"]
# llama.cpp refuses to make these without importance.
WEIGHTED_ONLY = ["IQ2_XXS", "IQ2_XS"]


def gaussian_like(seed, n):
    """As in domain_types::testing: sums of twelve uniforms, minus 6, in F32."""
    mask = (1 << 64) - 1
    state = seed * 0x9E3779B97F4A7C15 & mask | 1
    uniforms = np.empty(12 * n, dtype=np.float32)
    for i in range(12 * n):
        state = state + 0x9E3779B97F4A7C15 & mask
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        uniforms[i] = np.float32((z ^ z >> 31) >> 40) / np.float32(1 << 24)
    total = np.zeros(n, dtype=np.float32)
    for column in uniforms.reshape(n, 12).T:
        total += column
    return total - np.float32(6)


def laplace_like(n):
    """A normal variable times a Rayleigh variable has a Laplace distribution."""
    a, b, c = (gaussian_like(seed, n) for seed in (2, 3, 4))
    return a * np.sqrt(b * b + c * c)


def smollm2(model):
    tensor = next(t for t in GGUFReader(model).tensors if t.name == "blk.10.ffn_down.weight")
    return quants.dequantize(tensor.data, tensor.tensor_type)[:ROWS].astype("<f2")


def encode(library, name, weights, importance):
    kind = GGMLQuantizationType[name]
    block_len, block_bytes = GGML_QUANT_SIZES[kind]
    out = np.zeros((ROWS, ROW // block_len * block_bytes), dtype=np.uint8)
    pointer = None if importance is None else importance.ctypes.data
    library.ggml_quantize_chunk(kind, weights.ctypes.data, out.ctypes.data, 0, ROWS, ROW, pointer)
    return quants.dequantize(out, kind)


def main():
    library = ctypes.CDLL(sys.argv[1], mode=os.RTLD_LAZY)
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int] + [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    if len(sys.argv) > 2:
        smollm2(sys.argv[2]).tofile(HERE / "weights.f16")
    n = ROW * ROWS
    data = {
        "gaussian": gaussian_like(1, n),
        "laplace": laplace_like(n),
        "smollm2": np.fromfile(HERE / "weights.f16", dtype="<f2").astype(np.float32),
    }
    importance = np.square(gaussian_like(5, ROW)) + np.float32(0.1)
    lines = ["format,data,mse,weighted_mse"]
    for name in FORMATS:
        for label, weights in data.items():
            weights = np.ascontiguousarray(weights.reshape(ROWS, ROW))
            mse = ""
            if name not in WEIGHTED_ONLY:
                plain = encode(library, name, weights, None).astype(np.float64) - weights
                mse = f"{(plain**2).mean():.9e}"
            weighted = encode(library, name, weights, importance).astype(np.float64) - weights
            weighted_mse = (weighted**2 * importance).sum() / (ROWS * importance.sum(dtype=np.float64))
            lines.append(f"{name.lower()},{label},{mse},{weighted_mse:.9e}")
    (HERE / "ggml_mse.csv").write_text("\n".join(lines) + "\n")


main()
