"""Beside a busy neighbour: how much longer things take while another process uses a core."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from rows import SHORT, times
from torch_peer import torch_attention

import noisync as ns


@contextmanager
def busy_process() -> Iterator[None]:
    """Have another process count for ever."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.5)
        yield
    finally:
        other.kill()
        other.wait()


def neighbour_rows(repeats: int) -> None:
    """Print slowdowns, medians against medians, beside what they should at most be."""
    softmax = ns.Softmax()

    def run(n: int, layers: int, noise: ns.MLP | None) -> Callable[[], object]:
        x, model = ns.sphere.uniform(n, 64), ns.Model(64, softmax, noise)
        return lambda: ns.simulate(model, x, horizon=1.0, layers=layers, save=[layers])

    cases = {}
    for dim in (16, 64):
        x = ns.sphere.uniform(8192, dim)
        t = torch.from_numpy(x)
        cases[f"direct sums, N = 8192, d = {dim}"] = (
            lambda x=x: ns.attention_drift(softmax, x, method="direct"), 1.6,
        )  # fmt: skip
        cases[f"PyTorch's sdpa, N = 8192, d = {dim}"] = (lambda t=t: torch_attention(t, t, t), None)
    mlp = ns.MLP("tanh", 512)
    cases |= {
        "run of N = 64, d = 64": (run(64, 400, None), 2.0),
        "run of N = 64, d = 64, MLP of 512": (run(64, 100, mlp), 2.0),
        "run of N = 1024, d = 64": (run(1024, 20, None), 2.0),
        "run of N = 1024, d = 64, MLP of 512": (run(1024, 20, mlp), 2.0),
    }
    print(f"\nbeside one busy process: median time over that without it\n{'':<48} {'at most':>18}")
    for name, (function, most) in cases.items():
        alone = np.median(times(function, repeats))
        with busy_process():
            ratio = float(np.median(times(function, 2 * repeats)) / alone)
        mark = ""
        if most is not None and ratio > most:
            mark = "  short"
            SHORT.append(f"beside a busy process, {name}: {ratio:.2f}, at most {most:g}")
        print(
            f"{name:<48} {ratio:>8.2f}x {'' if most is None else f'{most:g}x':>8}{mark}", flush=True
        )
