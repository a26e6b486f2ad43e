"""The same layers in PyTorch."""

from __future__ import annotations

import math

import torch


def torch_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    attend = torch.nn.functional.scaled_dot_product_attention
    return attend(q[None, None], k[None, None], v[None, None], scale=1.0)[0, 0]


def torch_causal(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    attend = torch.nn.functional.scaled_dot_product_attention
    return attend(q[None, None], k[None, None], v[None, None], scale=1.0, is_causal=True)[0, 0]


def torch_distances(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Softmax of -|q - k|^2: of 2 <q, k> - |k|^2, one more coordinate."""
    ones = torch.ones_like(q[:, :1])
    return torch_attention(
        torch.cat([2 * q, ones], 1), torch.cat([k, -(k * k).sum(1, keepdim=True)], 1), v
    )


def torch_heads(
    x: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, o: torch.Tensor
) -> torch.Tensor:
    """Multi-head attention; q, k, v (heads, height, dim), o (heads, dim, height)."""
    attend = torch.nn.functional.scaled_dot_product_attention
    mixed = attend(*((x @ m.mT)[None] for m in (q, k, v)), scale=1.0)[0]
    return (mixed @ o.mT).sum(0)


def torch_sinkhorn(x: torch.Tensor, beta: float, tolerance: float) -> torch.Tensor:
    """The symmetric iteration on logarithms, with the logits in memory; equal weights."""
    logits = beta * x @ x.T - math.log(len(x))
    f = torch.zeros(len(x), dtype=x.dtype)
    while True:
        scaled = -torch.logsumexp(logits + f, dim=1)
        if 2 * float(torch.expm1(f - scaled).abs().max()) <= tolerance:
            return torch.softmax(logits + f, dim=1) @ x
        f = (f + scaled) / 2


def torch_mlp(y: torch.Tensor, width: int) -> torch.Tensor:
    d = y.shape[-1]
    U = torch.randn(*y.shape[:-2], width, d, dtype=y.dtype)
    W = torch.randn(*y.shape[:-2], width, d, dtype=y.dtype)
    return torch.relu(y @ U.mT / d**0.5) @ W / width**0.5


def torch_layer(x: torch.Tensor, step: float, width: int) -> torch.Tensor:
    """One layer of any batch of systems: softmax attention with beta = 1, then a random MLP."""
    normalize = torch.nn.functional.normalize
    drift = torch.nn.functional.scaled_dot_product_attention(x, x, x, scale=1.0)
    y = normalize(x + step * drift, dim=-1)
    return normalize(y + step**0.5 * torch_mlp(y, width), dim=-1)


def torch_energy(x: torch.Tensor) -> float:
    """E_1 by strips of rows: no N x N array."""
    n = x.shape[0]
    total = sum(float(torch.exp(rows @ x.T).sum(dtype=torch.float64)) for rows in x.split(2048))
    return 0.5 * (math.e - total / n**2)
