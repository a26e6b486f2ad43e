"""Attention: direct sums against PyTorch, linear time against direct sums."""

from __future__ import annotations

import math
import time

import numpy as np
import torch
from rows import best_time, header, row
from torch_peer import torch_attention

import noisync as ns


def attention_rows(tokens: int, repeats: int) -> None:
    header(f"attention drift, softmax, Q^T K = I, V = I, N = {tokens}, against PyTorch's sdpa")
    targets = {"float64": (5, 4, 3, 3), "float32": (8, 2.7, 2.7, 2.7)}
    for place, dim in enumerate((3, 16, 64, 128)):
        for dtype in ("float64", "float32"):
            x = ns.sphere.uniform(tokens, dim).astype(dtype)
            t = torch.from_numpy(x)

            def ours(x=x):
                return ns.attention_drift(ns.Softmax(), x, method="direct")

            tolerance = 1e-13 if dtype == "float64" else 1e-5
            np.testing.assert_allclose(ours(), torch_attention(t, t, t).numpy(), atol=tolerance)
            fast = best_time(ours, repeats)
            peer = best_time(lambda t=t: torch_attention(t, t, t), repeats)
            rate = 3 * tokens**2 * dim / fast / 1e9
            note = f"{1e3 * fast:7.1f} ms, {rate:4.0f} GFLOP/s of 3N^2d"
            row(f"d = {dim}, {dtype}", peer / fast, targets[dtype][place], note)
    for dim in (64, 128):
        generator = np.random.default_rng(dim)
        q, k, v = generator.standard_normal((3, dim, dim)) / dim**0.5
        x = ns.sphere.uniform(tokens, dim)
        general = ns.Softmax(query=q, key=k, value=v)
        t = torch.from_numpy(x)
        tq, tk, tv = (torch.from_numpy(m) for m in (q, k, v))

        def theirs(t=t, tq=tq, tk=tk, tv=tv):
            return torch_attention(t @ tq.T, t @ tk.T, t @ tv.T)

        np.testing.assert_allclose(ns.attention_drift(general, x), theirs().numpy(), atol=1e-12)
        fast = best_time(lambda general=general, x=x: ns.attention_drift(general, x), repeats)
        row(f"general Q, K, V, d = {dim}, float64", best_time(theirs, repeats) / fast, 1.8)


def linear_rows(repeats: int) -> None:
    header("linear time, beta = 4, tol = 1e-10, N = 1e6, against the direct sum (from N = 1e5)")
    attention = ns.Softmax(beta=4.0)
    for dim in (3, 2, 4):
        x = ns.sphere.uniform(10**6, dim)

        def drift(n: int, method: str, x=x):
            return ns.attention_drift(attention, x[:n], method=method, tol=1e-10)

        np.testing.assert_allclose(drift(5000, "harmonic"), drift(5000, "direct"), atol=1e-10)
        small = best_time(lambda drift=drift: drift(10**5, "harmonic"), repeats)
        large = best_time(lambda drift=drift: drift(10**6, "harmonic"), max(repeats // 2, 1))
        begin = time.perf_counter()
        drift(10**5, "direct")
        direct = 100 * (time.perf_counter() - begin)
        growth = math.log10(large / small)
        note = f"{large:.2f} s, growth exponent {growth:.2f} (at most 1.1)"
        row(f"d = {dim}", direct / large, 500 if dim == 3 else 1, note)
    model = ns.Model(3, attention, ns.MLP("relu", 64))
    x = ns.sphere.uniform(10**6, 3)
    begin = time.perf_counter()
    ns.simulate(model, x, horizon=0.1, layers=1, observe=[ns.Energy(4.0)], save=[1])
    print(
        f"a layer of a million tokens on S^2 with its energy: {time.perf_counter() - begin:.2f} s"
    )
