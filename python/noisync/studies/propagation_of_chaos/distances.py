"""How far N tokens are from the reference: exact transport, Sobolev distances, energies."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from noisync import sphere
from noisync.base.memory import check_memory
from noisync.base.threads import thread_count
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.measure.energy import energy
from noisync.studies.propagation_of_chaos.reference import Nodes, Reference

#: Bytes that the network simplex takes for a pair of a token and a node.
_PAIR_BYTES = 40


def coupling_squares(x: FloatArray, truth: Reference) -> FloatArray:
    """Return (1/N) Σ_i |X^i − X̄^i|² at every saved time, (K,)."""
    return np.asarray(np.mean(np.sum((x - truth.driven[:, : x.shape[1]]) ** 2, axis=2), axis=1))


def energy_errors(x: FloatArray, truth: FloatArray, beta: float) -> FloatArray:
    """Return |E_β(μ^N) − E_β(μ)| at every saved time, `truth` the latter."""
    return np.abs(np.asarray(energy(x, beta)) - truth)


def sobolev_squares(
    x: FloatArray, truth: Nodes, order: float, degree: int, wx: FloatArray | None = None
) -> FloatArray:
    """Return ‖μ^N − μ‖²_{−s}, cut at a degree, at every saved time, (K,)."""
    return np.array(
        [
            sphere.sobolev(own, nodes, order, degree, wx, truth.weights) ** 2
            for own, nodes in zip(x, truth.tokens, strict=True)
        ]
    )


def transport_squares(x: FloatArray, truth: Nodes, threads: int | None) -> FloatArray:
    """Return W_2²(μ^N, μ), geodesic, at every saved time, (K,)."""

    def at_time(k: int) -> float:
        return sphere.wasserstein2(x[k], truth.tokens[k], wy=truth.weights) ** 2

    # The network simplex knows one thread, and releases the interpreter.
    workers = 1 if x.shape[2] == 2 else thread_count(threads)
    with ThreadPoolExecutor(workers) as pool:
        return np.array(list(pool.map(at_time, range(len(x)))))


def check_transport(n: int, nodes: int, dim: int, threads: int | None) -> None:
    """Refuse exact transport that does not fit the memory."""
    if dim > 2:
        check_memory(
            _PAIR_BYTES * n * nodes * min(thread_count(threads), 10),
            f"transport_tokens: the exact distance of {n} tokens from {nodes} nodes",
            "take fewer tokens; sobolev, whose time and memory are linear, is measured for all N",
        )


def transport_serves(dim: int) -> bool:
    """Whether there is exact transport: on the circle, or with POT."""
    point = np.eye(dim)[:1]
    try:
        sphere.wasserstein2(point, point)
    except ArgumentError:
        return False
    return True


def quantisation(dim: int, nodes: int) -> float:
    r"""Return the least W_2² of any M equal masses from the uniform law, to first order.

    .. math:: \frac{d-1}{d+1} r^2,\qquad
              \frac{\pi^{(d-1)/2}}{\Gamma((d+1)/2)} r^{d-1} = \frac{|S^{d-1}|}{M}

    the mean squared distance from the centre of a ball of the volume of a node's share; exact on
    the circle, (2π/M)²/12.
    """
    area = 2 * math.pi ** (dim / 2) / math.gamma(dim / 2)
    ball = math.pi ** ((dim - 1) / 2) / math.gamma((dim + 1) / 2)
    radius = (area / (nodes * ball)) ** (1 / (dim - 1))
    return float((dim - 1) / (dim + 1) * radius**2)
