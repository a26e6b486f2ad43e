"""noisync against PyTorch, NumPy and itself on this machine, in one run.

Answers are compared first, then times: the best of several, as ratios peer / noisync (above 1,
noisync is faster) beside the ratio that is aimed at. Bare times of a shared machine mean little;
the ratios of one run do. Ends with the rows that fall short.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

import noisync as ns
from noisync import _core
from noisync.base.threads import thread_count

SHORT: list[str] = []


def best_time(function: Callable[[], object], repeats: int) -> float:
    """Smallest of several wall times, after one call that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)


def row(name: str, ratio: float, target: float, note: str = "") -> None:
    """Print a ratio beside its target; remember it if it falls short."""
    mark = "" if ratio >= target else "  short"
    if mark:
        SHORT.append(f"{name}: {ratio:.2f} of {target:g}")
    print(f"{name:<48} {ratio:>8.2f}x {target:>7g}x{mark:7} {note}", flush=True)


def header(title: str) -> None:
    print(f"\n{title}\n{'':<48} {'ratio':>9} {'target':>8}")


def torch_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    attend = torch.nn.functional.scaled_dot_product_attention
    return attend(q[None, None], k[None, None], v[None, None], scale=1.0)[0, 0]


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


def scaling_rows(repeats: int) -> None:
    header("two threads against one")
    x = ns.sphere.uniform(8192, 64)
    for name, work in (
        ("attention, N = 8192, d = 64", lambda t: ns.attention_drift(ns.Softmax(), x, threads=t)),
        ("MLP layer, m = 2048", lambda t: ns.sample_field(ns.MLP("relu", 2048), x, threads=t)),
    ):
        one, two = (best_time(lambda t=t, work=work: work(t), repeats) for t in (1, 2))
        row(name, one / two, 1.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(thread_count(None))
    print(f"noisync {ns.__version__} ({_core.level}), torch {torch.__version__}, "
          f"numpy {np.__version__}, {thread_count(None)} threads")  # fmt: skip
    attention_rows(options.tokens, options.repeats)
    linear_rows(options.repeats)
    noise_rows(options.repeats)
    ensemble_rows(options.repeats)
    large_row()
    scaling_rows(options.repeats)
    print("\nshort of the target:", *(SHORT or ["nothing"]), sep="\n  ")


if __name__ == "__main__":
    main()
