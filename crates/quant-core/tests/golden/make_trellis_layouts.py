"""Writes trellis_layouts.txt: matrices in trellis codes with some of the weights they stand for.

Decodes by the text of docs/formats.md alone, one bit at a time, with the tables that are printed there. Needs numpy.
Run it in its own folder.
"""

import re
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROW = re.compile(r"\| (t\d\w*) \| (\d) \| (\d+) \| ([^|]+) \|")
# Rows and columns of the matrices.
SHAPES = [(32, 32), (64, 96)]


def tables(cell):
    """`shift/top: half; …` to (shift, entries)."""
    for table in cell.split(";"):
        place, half = table.split(":")
        shift, top = map(int, place.split("/"))
        half = list(map(int, half.split()))
        assert len(half) == 8
        yield shift, half + [top - entry for entry in reversed(half)]


def decode(matrix, bits, parts, rows, columns, row, column):
    length = rows * bits
    scales = np.frombuffer(matrix[length // 8 * columns :].tobytes(), dtype="<f2")

    def bit(at):
        at %= length
        return int(matrix[at // 8 * columns + column]) >> (at % 8) & 1

    total, top = 0, 0
    for shift, entries in parts:
        total += entries[sum(bit(row * bits + shift + i) << i for i in range(4))]
        top += entries[0] + entries[15]
    return np.float32(scales[row]) * np.float32(total - top / 2)


random = np.random.default_rng(20240607)
lines = []
for name, bits, window, cell in ROW.findall((HERE / "../../../../docs/formats.md").read_text()):
    bits, parts = int(bits), list(tables(cell))
    assert max(shift for shift, _ in parts) + 4 == int(window)
    for rows, columns in SHAPES:
        codes = random.integers(0, 256, rows * columns * bits // 8).astype(np.uint8)
        scales = np.float16(random.uniform(-2.0, 2.0, rows)).astype("<f2").tobytes()
        matrix = np.concatenate([codes, np.frombuffer(scales, dtype=np.uint8)])
        # One weight of each row, and of most columns.
        places = [(row, 7 * row % columns) for row in range(rows)]
        # A zero has no sign here.
        weights = [decode(matrix, bits, parts, rows, columns, *at) + np.float32(0.0) for at in places]
        values = np.array(weights, dtype="<f4").tobytes().hex()
        lines.append(f"{name} {rows} {columns} {matrix.tobytes().hex()} {values}")
(HERE / "trellis_layouts.txt").write_text("\n".join(lines) + "\n")
