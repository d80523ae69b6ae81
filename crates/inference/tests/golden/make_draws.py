#!/usr/bin/env python3
"""Prints the tokens that a seed must give: numpy's PCG-64 and a draw from the softmax, for tests/generation.rs."""
import numpy as np

STREAM = 0xA02BDBF7BB3C0A7AC28FA16A64ABF96
MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
MASK = (1 << 128) - 1


def draws(logits, seed, count):
    increment = (STREAM << 1 | 1) & MASK
    state = ((increment + seed) * MULTIPLIER + increment) & MASK
    generator = np.random.PCG64()
    generator.state = dict(
        bit_generator="PCG64", state=dict(state=state, inc=increment), has_uint32=0, uinteger=0
    )
    order = np.lexsort((np.arange(len(logits)), -logits))
    weights = np.exp(logits[order] - logits.max())
    sums = np.cumsum(weights)
    uniform = (generator.random_raw(count) >> np.uint64(11)) / 2.0**53
    return [int(order[np.searchsorted(sums, u * sums[-1], side="right")]) for u in uniform]


print(draws(np.array([i * 37 % 100 / 40 for i in range(100)]), 42, 8))
