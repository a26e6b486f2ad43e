"""Noise: networks against PyTorch, random numbers against NumPy."""

from __future__ import annotations

import numpy as np
import torch
from rows import best_time, header, row
from torch_peer import torch_mlp

import noisync as ns
from noisync import _core


def noise_rows(repeats: int) -> None:
    header("one MLP layer with fresh weights, relu, d = 64 (torch: randn, two products, relu)")
    for tokens, width in ((64, 512), (8192, 2048)):
        for dtype in ("float64", "float32"):
            y = ns.sphere.uniform(tokens, 64).astype(dtype)
            noise = ns.MLP("relu", width)
            tensor = torch.from_numpy(y)
            layers = 100 if tokens < 1000 else 1

            def ours(y=y, noise=noise, layers=layers) -> None:
                ns.sample_field(noise, y, layers=layers)

            def theirs(tensor=tensor, width=width, layers=layers) -> None:
                for _ in range(layers):
                    torch_mlp(tensor, width)

            fast, peer = best_time(ours, repeats), best_time(theirs, repeats)
            rate = 4 * tokens * width * 64 * layers / fast / 1e9
            row(
                f"N = {tokens}, m = {width}, {dtype}",
                peer / fast,
                2,
                f"{rate:4.0f} GFLOP/s of 4Nmd",
            )
    generator = np.random.default_rng(0)
    for dtype, target in (("float64", 8.5), ("float32", 12)):
        # Both write into one buffer that stays in the second-level cache.
        out, theirs = np.empty(2**16, dtype), np.empty(2**16)
        fast = best_time(lambda out=out: _core.fill_normals(0, 0, 0, 0, 0, out), 20 * repeats)
        peer = best_time(lambda theirs=theirs: generator.standard_normal(out=theirs), 20 * repeats)
        row(f"standard normals, one thread, {dtype}, against NumPy's float64", peer / fast, target,
            f"{1e9 * fast / out.size:.2f} ns a normal")  # fmt: skip
