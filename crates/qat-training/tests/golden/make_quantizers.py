"""Gradients of the fake quantizers as PyTorch's autograd finds them: prints quantizers.json.

pip install torch; python make_quantizers.py > quantizers.json

Each surrogate is written as its paper has it: rounding is replaced by `x + (round(x) - x).detach()`, clipping is
`torch.clamp`, the scaling of the step's gradient is LSQ's `gradscale`, and EWGS is a torch.autograd.Function.
"""

import json
import math

import torch

torch.manual_seed(7)
DELTA = 0.2
STRETCH = 0.99


def nearest(levels, x):
    thresholds = (levels[1:] + levels[:-1]) / 2
    return levels[(x.unsqueeze(-1) > thresholds).sum(-1)]


def gradscale(s, factor):
    return (s - s * factor).detach() + s * factor


class Ewgs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, levels):
        level = nearest(levels, x)
        ctx.save_for_backward(x - level)
        return level

    @staticmethod
    def backward(ctx, gradient):
        (residual,) = ctx.saved_tensors
        return gradient * (1 + DELTA * torch.sign(gradient) * residual), None


def rounded(surrogate, levels, w, s, sharing):
    low, high = levels[0], levels[-1]
    if surrogate in ("ste", "clipped_ste"):
        s = s.detach()
    else:
        s = gradscale(s, 1 / math.sqrt(sharing * max(-low, high)))
    x = w / s
    if surrogate == "ste":
        return (s * nearest(levels, x) - w).detach() + w
    if surrogate == "ewgs":
        return s * Ewgs.apply(torch.clamp(x, low, high), levels)
    if surrogate == "seq":
        low, high = (3 * levels[0] - levels[1]) / 2, (3 * levels[-1] - levels[-2]) / 2
        centre, half = (low + high) / 2, (high - low) / 2 * STRETCH
        inside = (x >= centre - half) & (x <= centre + half)
        return s * torch.where(inside, x + (nearest(levels, x) - x).detach(), nearest(levels, x).detach())
    clipped = torch.clamp(x, low, high)
    return s * (clipped + (nearest(levels, x) - clipped).detach())


def case(surrogate, name, levels, dims, block):
    levels = torch.tensor(levels, dtype=torch.float64)
    rows, row_len = dims
    w = (torch.randn(dims) * 0.5).double()
    # Steps that F16 holds exactly, one of them negative.
    s = (torch.rand(rows, row_len // block) * 0.5 + 0.1).half().double()
    s[0, 0] = -s[0, 0]
    g = torch.randn(dims).double()
    w.requires_grad_(), s.requires_grad_()
    every = s.repeat_interleave(block, dim=1)
    every.retain_grad()
    out = rounded(surrogate, levels, w, every, block)
    out.backward(g)
    flat = lambda t: [] if t is None else t.detach().flatten().tolist()
    of_steps = s.grad if s.grad is not None else torch.zeros_like(s)
    return {
        "surrogate": surrogate, "levels": levels.tolist(), "dims": dims, "block": block,
        "weights": flat(w), "steps": flat(s), "gradient": flat(g),
        "rounded": flat(out), "of_weights": flat(w.grad), "of_steps": flat(of_steps), "grid": name,
    }


GRIDS = {
    "piq2": [-2.0, -1.0, 0.0, 1.0],
    "piq3": [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0],
    "ternary": [-1.0, 0.0, 1.0],
    "nf2": [-1.0, 0.0, 0.435818165, 1.0],
    "seq2": [-1.5, -0.5, 0.5, 1.5],
}
SURROGATES = ["ste", "clipped_ste", "lsq", "ewgs", "seq"]
print(json.dumps([case(u, n, l, [3, 16], 8) for u in SURROGATES for n, l in GRIDS.items()]))
