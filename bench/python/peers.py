"""noisync against PyTorch and NumPy on this machine, in one run: answers compared, then times.

Prints the best of several times as ratios peer / noisync: above 1, noisync is faster. Bare times
of a shared machine mean little; the ratios of one run do.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

import noisync as ns
from noisync import _core
from noisync._threads import thread_count


def best_time(function: Callable[[], object], repeats: int) -> float:
    """Smallest of several wall times, after one call that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)


def torch_attention(x: torch.Tensor) -> torch.Tensor:
    batch = x[None, None]
    return torch.nn.functional.scaled_dot_product_attention(batch, batch, batch, scale=1.0)[0, 0]


def numpy_attention(x: np.ndarray) -> np.ndarray:
    weights = np.exp(x @ x.T - 1.0)
    return (weights @ x) / weights.sum(axis=1, keepdims=True)


def torch_mlp(y: torch.Tensor, width: int) -> torch.Tensor:
    d = y.shape[1]
    U = torch.randn(width, d, dtype=y.dtype)
    W = torch.randn(width, d, dtype=y.dtype)
    return torch.relu(y @ U.T / d**0.5) @ W / width**0.5


def attention_rows(tokens: int, repeats: int) -> None:
    print(f"\nattention drift, softmax, Q^T K = I, V = I, N = {tokens}")
    print(f"{'d':>4} {'dtype':>8} {'noisync':>10} {'torch / noisync':>16} {'numpy / noisync':>16}")
    for dim in (3, 16, 64, 128):
        for dtype in ("float64", "float32"):
            x = ns.sphere.uniform(tokens, dim).astype(dtype)
            tensor = torch.from_numpy(x)
            ours = ns.attention_drift(ns.Softmax(), x)
            tolerance = 1e-13 if dtype == "float64" else 1e-5
            np.testing.assert_allclose(ours, torch_attention(tensor).numpy(), atol=tolerance)
            np.testing.assert_allclose(ours, numpy_attention(x), atol=tolerance)
            fast = best_time(lambda x=x: ns.attention_drift(ns.Softmax(), x), repeats)
            peer = best_time(lambda tensor=tensor: torch_attention(tensor), repeats)
            plain = best_time(lambda x=x: numpy_attention(x), max(repeats // 3, 1))
            print(
                f"{dim:>4} {dtype:>8} {1e3 * fast:>7.1f} ms {peer / fast:>15.2f}x "
                f"{plain / fast:>15.2f}x"
            )


def noise_rows(repeats: int) -> None:
    print("\none MLP layer with fresh weights, relu, d = 64 (torch: randn, two products, relu)")
    print(f"{'N':>6} {'m':>6} {'dtype':>8} {'noisync':>10} {'torch / noisync':>16}")
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
            print(
                f"{tokens:>6} {width:>6} {dtype:>8} {1e3 * fast / layers:>7.2f} ms "
                f"{peer / fast:>15.2f}x"
            )


def normal_row(repeats: int) -> None:
    count = 2**22
    generator = np.random.default_rng(0)
    fast = best_time(lambda: _core.initial_normals(0, 0, count), repeats)
    peer = best_time(lambda: generator.standard_normal(count), repeats)
    print(f"\nstandard normals, one thread: numpy / noisync {peer / fast:.2f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(thread_count(None))
    print(f"noisync {ns.__version__} ({_core.level}), torch {torch.__version__}, "
          f"numpy {np.__version__}, {thread_count(None)} threads")  # fmt: skip
    attention_rows(options.tokens, options.repeats)
    noise_rows(options.repeats)
    normal_row(options.repeats)


if __name__ == "__main__":
    main()
