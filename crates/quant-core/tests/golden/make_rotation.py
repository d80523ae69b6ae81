"""The numbers in src/incoherence/tests.rs: R = (C x H) S of width 12 = 3 * 4 and seed 42, applied to -4, -3, ..., 7."""

import numpy as np

MASK = 2**64 - 1


def splitmix64(seed, count):
    words, state = [], seed
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        words.append(z ^ (z >> 31))
    return words


def rotation(width, seed):
    block = width & -width
    m = width // block
    words = splitmix64(seed, -(-width // 64))
    signs = np.array([-1.0 if words[i // 64] >> (i % 64) & 1 else 1.0 for i in range(width)])
    hadamard = np.array([[1.0]])
    while len(hadamard) < block:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]]) / np.sqrt(2)
    angle = 2 * np.pi * np.outer(np.arange(m), np.arange(m)) / m
    hartley = (np.cos(angle) + np.sin(angle)) / np.sqrt(m)
    return np.kron(hartley, hadamard) * signs


if __name__ == "__main__":
    r = rotation(12, 42)
    assert np.allclose(r @ r.T, np.eye(12))
    print(", ".join(f"{x:.7f}" for x in r @ (np.arange(12) - 4.0)))
