"""Prints the NormalFloat levels of src/formats/nf/levels.rs. Needs only Python's standard library.

Construction of QLoRA (arXiv:2305.14314) as in bitsandbytes' create_normal_map, for b bits: 2^(b-1) positive levels,
2^(b-1) - 1 negative ones, and zero. The positive ones are the normal quantiles of 2^(b-1) + 1 probabilities, evenly
spaced from an offset down to 1/2, without the last; the negative ones mirror those of 2^(b-1) probabilities. All are
divided by the largest. The offset is 1 - (1/(2n) + 1/(2(n-1)))/2 with n = 2^b; bitsandbytes writes 0.9677083 for b = 4.
"""

from statistics import NormalDist


def side(offset, count):
    probabilities = [offset + (0.5 - offset) * i / count for i in range(count)]
    return [NormalDist().inv_cdf(p) for p in probabilities]


def levels(bits):
    n = 2**bits
    offset = 0.9677083 if bits == 4 else 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    positive, negative = side(offset, n // 2), side(offset, n // 2 - 1)
    result = sorted([-x for x in negative] + [0.0] + positive)
    return [x / max(result) for x in result]


for bits in (2, 3, 4):
    print(f"NF{bits}:", ", ".join(f"{x:.9f}" for x in levels(bits)))
