"""Whole runs: ensembles, large systems, two threads."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import torch
from rows import best_time, header, row
from torch_peer import torch_energy, torch_layer

import noisync as ns


def ensemble_rows(repeats: int) -> None:
    header("256 replicates of N = 64, d = 64, m = 512 (10 of 150 layers), against PyTorch batched")
    for dtype in ("float64", "float32"):
        model = ns.Model(64, ns.Softmax(), ns.MLP("relu", 512))
        law = ns.sphere.Uniform(64, 64)

        def ours(model=model, law=law, dtype=dtype):
            return ns.ensemble(model, law, replicates=256, horizon=1 / 3, layers=10, save=[10],
                               dtype=dtype, observe=[ns.Energy()])  # fmt: skip

        def theirs(law=law, dtype=dtype):
            x = torch.from_numpy(law.samples(0, 0, 256).astype(dtype))
            for _ in range(10):
                x = torch_layer(x, 1 / 30, 512)
            return 0.5 * (math.e - torch.exp(x @ x.mT).mean(dim=(1, 2)))

        mean, other = float(ours().energy.mean()), float(theirs().mean())
        np.testing.assert_allclose(mean, other, rtol=0.02)  # other random numbers, the same law
        fast = best_time(ours, max(repeats // 2, 1))
        row(dtype, best_time(theirs, max(repeats // 2, 1)) / fast, 4)


# The high-water mark of this process itself: getrusage's would start with its parent's.
MEMORY = """
import pathlib
import noisync as ns

def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024

x = ns.sphere.uniform(20_000, 64)
before = peak()
model = ns.Model(64, ns.Softmax(), ns.MLP("relu", 512))
ns.simulate(model, x, horizon=0.1, layers=2, dtype="float32", save=[2], observe=[ns.Energy()])
print(peak() - before)
"""


def large_row() -> None:
    header("N = 20,000, d = 64, m = 512, float32, ten layers with their energy, against PyTorch")
    model = ns.Model(64, ns.Softmax(), ns.MLP("relu", 512))
    x = ns.sphere.uniform(20_000, 64)
    start = torch.from_numpy(x.astype(np.float32))
    np.testing.assert_allclose(torch_energy(start), ns.measure.energy(x), rtol=1e-4)

    def theirs() -> None:
        y = start
        for _ in range(10):
            y = torch_layer(y[None, None], 0.01, 512)[0, 0]
            torch_energy(y)

    def ours() -> None:
        ns.simulate(model, x, horizon=0.1, layers=10, dtype="float32", save=[10],
                    observe=[ns.Energy()])  # fmt: skip

    fast = best_time(ours, 1)
    used = int(
        subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, check=True).stdout
    )
    share = used / (4 * 20_000**2)
    row("time", best_time(theirs, 1) / fast, 3, f"{fast:.1f} s")
    row("memory: an N x N float32 array / peak", 1 / share, 10, f"{used / 2**20:.0f} MiB in all")


def million_row(repeats: int) -> None:
    header("a million tokens, d = 3, a layer with its energy, against PyTorch's N = 20,000, scaled")
    model = ns.Model(3, ns.Softmax(beta=4.0), ns.MLP("tanh", 64, sigma_u=0.5, sigma_w=0.1))
    x = ns.sphere.uniform(10**6, 3)
    start = torch.from_numpy(x[:20_000])
    np.testing.assert_allclose(torch_energy(start), ns.measure.energy(x[:20_000]), rtol=1e-10)

    def ours() -> None:
        ns.simulate(model, x, horizon=0.04, layers=2, save=[2], observe=[ns.Energy()])

    def theirs() -> None:
        torch_energy(torch_layer(start[None, None], 0.02, 64)[0, 0])

    fast = best_time(ours, max(repeats // 3, 1)) / 2
    slow = best_time(theirs, max(repeats // 3, 1)) * 50**2  # quadratic in N
    row("time", slow / fast, 100, f"{fast:.2f} s a layer")


def scaling_rows(repeats: int) -> None:
    header("two threads against one")
    x = ns.sphere.uniform(8192, 64)
    for name, work in (
        ("attention, N = 8192, d = 64", lambda t: ns.attention_drift(ns.Softmax(), x, threads=t)),
        ("MLP layer, m = 2048", lambda t: ns.sample_field(ns.MLP("relu", 2048), x, threads=t)),
    ):
        one, two = (best_time(lambda t=t, work=work: work(t), repeats) for t in (1, 2))
        row(name, one / two, 1.9)
