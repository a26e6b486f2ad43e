"""The backward equation of a pair's cosine, solved until two resolutions agree."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from noisync.base.validate import FloatArray
from noisync.errors import KernelAccuracyWarning
from noisync.theory.covariance import Covariance
from noisync.theory.generator import lyapunov_exponent
from noisync.theory.pair.mesh import Mesh, mesh
from noisync.theory.pair.operator import generator
from noisync.theory.pair.radau import evolve

#: Degrees of the elements, tried until two results agree.
DEGREES = (14, 18, 24, 32)

#: Accuracy promised: what two successive results must agree to.
PROMISED = 1e-8


def refined(
    kernel: Covariance,
    nearest: float,
    solve: Callable[[Mesh, float], FloatArray],
    scale: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """Refine in the angle and, by another first step, change all steps, until two results agree."""
    step = 1 / (kernel.dim * kernel.variance)
    coarse = solve(mesh(kernel, nearest, DEGREES[0]), step)
    reached = np.inf
    for k, degree in enumerate(DEGREES[1:], 1):
        fine = solve(mesh(kernel, nearest, degree), step * 0.8**k)
        change = float(np.max(np.abs(fine - coarse) / scale(fine), initial=0.0))
        reached, coarse = min(reached, change), fine
        if change <= PROMISED:
            return fine
    warnings.warn(
        f"the law of a pair was computed to a relative accuracy of {reached:.1e} only; "
        f"{PROMISED:g} is promised for smooth functions of the cosine",
        KernelAccuracyWarning,
        stacklevel=4,
    )
    return coarse


def propagate(
    kernel: Covariance,
    elements: Mesh,
    power: float,
    start: FloatArray,
    times: FloatArray,
    step: float,
    floor: float,
) -> FloatArray:
    """Return K at the nodes at each of the rising times, (k, n)."""
    operator = generator(kernel, elements, power)
    return evolve(operator.mass, operator.bands, start, times, step, floor)


def _spread(kernel: Covariance) -> float:
    """Return σ² = κ(1) + κ'(1): near θ = 0, d log θ = λ_1 dt + σ dB."""
    return kernel.variance + kernel.slope


def decay_power(kernel: Covariance) -> float:
    """Return the α in [0, 1] that makes the growth 2αλ_1 + 2α²σ² of (1−u)^α least.

    1 where it is nearly 1: (1−u)^{1−α}, the initial value near u = 1, must not vary too slowly.
    """
    best = float(np.clip(-0.5 * lyapunov_exponent(kernel) / _spread(kernel), 0.0, 1.0))
    return best if best < 0.9 else 1.0


def nearest_angle(kernel: Covariance, power: float, time: float) -> float:
    """Return the angle below which nothing that happens until `time` is felt, to about 1e-12.

    Under the weight (1−u)^α log θ has drift λ_1 + 2ασ² and standard deviation σ√t. For α = 0 more
    is known: the chance ever to come from θ to angles of order 1 is θ^s, s = −2λ_1/σ².
    """
    exponent, spread = lyapunov_exponent(kernel), _spread(kernel)
    drift = max(exponent + 2 * power * spread, 0.0)
    depth = 20 + 7 * (spread * time) ** 0.5 + drift * time
    if 0 < power < 1:
        depth = max(depth, 13 / (1 - power))  # (1−u)^{1−α} below 1e-11
    if power == 0 and exponent < 0:
        depth = min(depth, 28 / min(-2 * exponent / spread, 1.0))
    return float(np.exp(-min(depth, 300.0)))
