"""Writes own_layouts.txt: blocks of our own formats with the weights they stand for.

Decodes by the text of docs/formats.md alone, one weight at a time: where is its field, which level is it, what is the
scale. Needs numpy. Run it in its own folder.
"""

import itertools
from pathlib import Path

import numpy as np

NF2 = [-1.0, 0.0, 0.435818165, 1.0]
NF3 = [-1.0, -0.535022708, -0.246931432, 0.0, 0.183337480, 0.381993954, 0.622985742, 1.0]
# The constants of bitsandbytes (QLoRA).
NF4 = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]  # fmt: skip
TWO, THREE = [-2, -1, 0, 1], [-4, -3, -2, -1, 0, 1, 2, 3]
# format: bits, weights of a full block, levels. Code 3 of pit is never written and reads as 2.
FORMATS = {
    "piq2": (2, 256, TWO),
    "piq3": (3, 256, THREE),
    "pit": (2, 256, [-1, 0, 1, 2]),
    "uq2": (2, 256, TWO),
    "uq3": (3, 256, THREE),
    "nf2": (2, 64, NF2),
    "nf3": (3, 64, NF3),
    "nf4": (4, 64, NF4),
}


def field(plane, width, weight):
    """The field of `width` bits of one weight."""
    start = 0
    while True:
        rest = len(plane) - start
        group = 32 if rest >= 32 else 1 << (rest.bit_length() - 1)
        in_group = group * 8 // width
        if weight < in_group:
            byte = plane[start + weight % group]
            return byte >> (width * (weight // group)) & ((1 << width) - 1)
        weight -= in_group
        start += group


def decode(name, n, block):
    bits, _, levels = FORMATS[name]
    scale = np.frombuffer(block[:2].tobytes(), dtype="<f2")[0].astype(np.float32)
    codes = block[2:]
    if bits == 3:
        low, high = codes[: n // 4], codes[n // 4 :]
        numbers = [field(low, 2, i) | field(high, 1, i) << 2 for i in range(n)]
    else:
        numbers = [field(codes, bits, i) for i in range(n)]
    return np.array([scale * np.float32(levels[c]) for c in numbers], dtype=np.float32)


def decode_km(bits, n, block):
    header = 2 << bits
    centroids = np.frombuffer(block[:header].tobytes(), dtype="<f2").astype(np.float32)
    codes = block[header:]
    if bits == 3:
        low, high = codes[: n // 4], codes[n // 4 :]
        return np.array([centroids[field(low, 2, i) | field(high, 1, i) << 2] for i in range(n)], dtype=np.float32)
    return np.array([centroids[field(codes, bits, i)] for i in range(n)], dtype=np.float32)


def e8p_patterns():
    """Magnitudes in halves: squared norm up to 10, then 29 with five 3s, in lexicographic order."""
    vectors = list(itertools.product((1, 3, 5), repeat=8))
    inner = [v for v in vectors if sum(x * x for x in v) <= 40]
    return inner + [v for v in vectors if sorted(v) == [1] * 3 + [3] * 5][:29]


def decode_e8p(block):
    scale = np.frombuffer(block[:2].tobytes(), dtype="<f2")[0].astype(np.float32)
    weights = []
    for word in np.frombuffer(block[2:].tobytes(), dtype="<u2"):
        word = int(word)
        signs = [-1 if word >> 8 + i & 1 else 1 for i in range(7)]
        halves = [s * m for s, m in zip(signs, PATTERNS[word & 255])]
        last = PATTERNS[word & 255][7]
        # The sum in units must be even: in halves, a multiple of 4.
        halves.append(last if (sum(halves) + last) % 4 == 0 else -last)
        weights += [np.float32(2 * h + (-1 if word >> 15 else 1)) * scale for h in halves]
    return np.array(weights, dtype=np.float32)


random = np.random.default_rng(20240607)
lines = []
for name, (bits, block_len, _) in FORMATS.items():
    for n in sorted({32, 64, 96, 160, 224, 256} & set(range(block_len + 1))):
        block = random.integers(0, 256, 2 + bits * n // 8).astype(np.uint8)
        scale = np.float16(random.choice([-1, 1]) * random.uniform(0.001, 2.0))
        block[:2] = np.frombuffer(scale.astype("<f2").tobytes(), dtype=np.uint8)
        # A zero has no sign here: formats differ in it.
        weights = decode(name, n, block) + np.float32(0.0)
        lines.append(f"{name} {block.tobytes().hex()} {weights.astype('<f4').tobytes().hex()}")
PATTERNS = e8p_patterns()
for n in (8, 64, 256):
    block = random.integers(0, 256, 2 + n // 4).astype(np.uint8)
    block[:2] = np.frombuffer(np.float16(-0.25 * n / 100).astype("<f2").tobytes(), dtype=np.uint8)
    lines.append(f"e8p {block.tobytes().hex()} {decode_e8p(block).astype('<f4').tobytes().hex()}")
for bits in (2, 3):
    for n in (32, 160, 256):
        block = random.integers(0, 256, (2 << bits) + bits * n // 8).astype(np.uint8)
        centroids = np.sort(random.normal(0, 0.02, 1 << bits)).astype("<f2")
        block[: 2 << bits] = np.frombuffer(centroids.tobytes(), dtype=np.uint8)
        lines.append(f"km{bits} {block.tobytes().hex()} {decode_km(bits, n, block).astype('<f4').tobytes().hex()}")
Path(__file__).with_name("own_layouts.txt").write_text("\n".join(lines) + "\n")
