#!/usr/bin/env python3
"""Writes ggml/*.bin: random blocks of every ggml format and what the PyPI package `gguf` (0.19 was used) decodes them to.

A file is all blocks followed by all weights (F32, little-endian); the format gives the sizes of both.

Usage: python3 make_ggml.py
"""
import pathlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

HERE = pathlib.Path(__file__).parent / "ggml"
SEED = 20240607
# Where the F16 scales of a block are.
F16_AT = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "IQ4_NL": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "TQ1_0": [52], "TQ2_0": [64],
    "IQ1_S": [0], "IQ1_M": [], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0], "IQ4_XS": [0],
}
# Subnormal ones, zeros, the largest.
EDGE_SCALES = np.array([3.1e-6, -5e-7, 6e-8, 0.0, -0.0, 65504.0], dtype="<f2")


def random_scale(index, rng):
    """Ordinary scales of both signs for the first blocks, then edge cases. Returns the bits."""
    scale = np.float16(rng.normal(0.0, 0.02)) if index < 2 else rng.choice(EDGE_SCALES)
    return int(np.asarray(scale, dtype="<f2").view("<u2"))


def random_blocks(name, rng):
    block_len, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    count = 5 if block_len == 256 else 16
    blocks = rng.integers(0, 256, (count, block_bytes), dtype=np.uint8)
    for index, block in enumerate(blocks):
        for at in F16_AT[name]:
            block[at : at + 2] = np.array([random_scale(index, rng)], dtype="<u2").view(np.uint8)
        if name == "IQ1_M":
            # d lies in the high nibbles of four 16-bit fields.
            d = random_scale(index, rng)
            for quarter in range(4):
                at = 48 + 2 * quarter + 1
                block[at] = block[at] & 0x0F | (d >> (4 * quarter) & 15) << 4
    return blocks


HERE.mkdir(exist_ok=True)
for index, name in enumerate(F16_AT):
    blocks = random_blocks(name, np.random.default_rng(SEED + index))
    weights = quants.dequantize(blocks.reshape(1, -1), GGMLQuantizationType[name]).astype("<f4")
    assert np.isfinite(weights).all(), name
    HERE.joinpath(name.lower() + ".bin").write_bytes(blocks.tobytes() + weights.tobytes())
