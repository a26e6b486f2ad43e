"""Every attention beside PyTorch's of the same kind, and masks beside no masks."""

from __future__ import annotations

import numpy as np
import torch
from rows import alternated, best_time, header, row
from torch_peer import (
    torch_attention,
    torch_causal,
    torch_distances,
    torch_heads,
    torch_sinkhorn,
)

import noisync as ns

DIM = 64


def kind_rows(tokens: int, repeats: int) -> None:
    header(f"attentions with general Q, K, V, d = {DIM}, N = {tokens}, against PyTorch's sdpa")
    x = ns.sphere.uniform(tokens, DIM)
    q, k, v = np.random.default_rng(DIM).standard_normal((3, DIM, DIM)) / DIM**0.5
    of_tokens = [torch.from_numpy(x @ m.T) for m in (q, k, v)]
    given = {"query": q, "key": k, "value": v}
    causal = ns.Softmax(**given, mask=ns.Causal())
    for name, attention, peer, target in (
        ("softmax", ns.Softmax(**given), torch_attention, 1.8),
        ("L2", ns.L2(**given), torch_distances, 1.8),
        ("softmax under a causal mask", causal, torch_causal, 1.8),
    ):
        np.testing.assert_allclose(
            ns.attention_drift(attention, x), peer(*of_tokens).numpy(), atol=1e-12
        )
        fast = best_time(lambda attention=attention: ns.attention_drift(attention, x), repeats)
        slow = best_time(lambda peer=peer: peer(*of_tokens), repeats)
        row(name, slow / fast, target)
    heads_row(x, repeats)
    sinkhorn_row(x[:4096], max(repeats // 3, 1))


def heads_row(x: np.ndarray, repeats: int) -> None:
    """Four heads of height 16, each with its output: V of rank 16, whose 16 numbers are summed."""
    count, height = 4, DIM // 4
    generator = np.random.default_rng(1)
    q, k, v = generator.standard_normal((3, count, height, DIM)) / DIM**0.5
    o = generator.standard_normal((count, DIM, height)) / height**0.5
    parts = [ns.Softmax(query=q[h], key=k[h], value=o[h] @ v[h]) for h in range(count)]
    given = [torch.from_numpy(m) for m in (x, q, k, v, o)]
    np.testing.assert_allclose(
        ns.attention_drift(parts, x), torch_heads(*given).numpy(), atol=1e-12
    )
    fast = best_time(lambda: ns.attention_drift(parts, x), repeats)
    row("softmax, four heads", best_time(lambda: torch_heads(*given), repeats) / fast, 1)


def sinkhorn_row(x: np.ndarray, repeats: int) -> None:
    t = torch.from_numpy(x)
    sinkhorn = ns.Sinkhorn(beta=4.0)
    np.testing.assert_allclose(
        ns.attention_drift(sinkhorn, x), torch_sinkhorn(t, 4.0, 1e-10).numpy(), atol=1e-9
    )
    fast = best_time(lambda: ns.attention_drift(sinkhorn, x), repeats)
    slow = best_time(lambda: torch_sinkhorn(t, 4.0, 1e-10), repeats)
    row(f"Sinkhorn, Q^T K = 4 I, N = {len(x)}, N x N in memory", slow / fast, 1)


def mask_rows(tokens: int, repeats: int) -> None:
    header(f"a causal mask, N = {tokens}, against the same attention without")
    for dim in (3, 16, 64, 128):
        for dtype in ("float64", "float32"):
            x = ns.sphere.uniform(tokens, dim).astype(dtype)
            q, k = np.random.default_rng(dim).standard_normal((2, dim, dim)) / dim**0.5
            for name, given, target in (
                ("Q^T K = I", {}, 1.25 if dim >= 64 else 1.0),
                ("general Q, K", {"query": q, "key": k}, 1.8),
            ):
                free, masked = ns.Softmax(**given), ns.Softmax(**given, mask=ns.Causal())
                last = ns.attention_drift(masked, x)[-1]
                np.testing.assert_allclose(last, ns.attention_drift(free, x)[-1], atol=1e-5)
                slow, fast = alternated(
                    lambda free=free, x=x: ns.attention_drift(free, x, method="direct"),
                    lambda masked=masked, x=x: ns.attention_drift(masked, x),
                    repeats,
                )
                row(f"{name}, d = {dim}, {dtype}", slow / fast, target)
