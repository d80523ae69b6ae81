"""Prints the codes of rounding with feedback, for `src/rounding/tests.rs`.

One column at a time, as the formula reads: target_j = w_j + sum over k > j of (w_k - q_k) L[k, j], with H + damping = L D L^T.
"""
import numpy as np

ROWS, COLUMNS, STEP = 3, 96, 0.5
n = np.arange(ROWS * COLUMNS, dtype=np.float64)
W = np.sin(n * 0.7 + 0.1 * np.sin(n)).astype(np.float32).astype(np.float64).reshape(ROWS, COLUMNS)
i = np.arange(COLUMNS)
H = np.float32(0.9) ** np.abs(i[:, None] - i[None, :]).astype(np.float64)
H = H.astype(np.float32).astype(np.float64)
root = np.linalg.cholesky(H + 0.01 * np.trace(H) / COLUMNS * np.eye(COLUMNS))
L = root / np.diag(root)
Q = np.zeros_like(W)
for j in reversed(range(COLUMNS)):
    target = W[:, j] + (W[:, j + 1 :] - Q[:, j + 1 :]) @ L[j + 1 :, j]
    Q[:, j] = np.round(target / STEP) * STEP
for row in Q / STEP:
    print(", ".join(str(int(q)) for q in row))
E = W - Q
print("proxy loss", np.trace(E @ H @ E.T) / np.trace(W @ H @ W.T))
