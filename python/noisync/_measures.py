"""Measures of the core, described by values of Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noisync import _core, _validate
from noisync._linear_time import (
    METHODS,
    energy_series,
    exponential_series,
    is_faster,
    summed,
)
from noisync._noise_law import PairHarmonics
from noisync._validate import FloatArray
from noisync.errors import ArgumentError
from noisync.model import Model


def energy_measure(
    betas: Sequence[float], dim: int, n: int, method: str, *, scaled: bool
) -> _core.Measure:
    """Return the measure of E_β for every β, by the way that `method` leads to for n tokens."""
    series = energy_series(betas, dim, n, method, scaled=scaled)
    return _core.energy_measure(list(betas), scaled, [] if series is None else series.tolist(), dim)


def budget_measure(
    model: Model,
    beta: float,
    n: int,
    method: str,
    tol: float = 1e-12,
    *,
    scaled: bool,
    with_energy: bool = False,
) -> _core.Measure:
    """Return the measure of the attention and the noise part of dE_β/dt.

    With `with_energy` E_β is its third number where it comes without another pass: by direct sums.

    Raises
    ------
    ArgumentError
        If "harmonic" is asked for and cannot serve.
    """
    series = _budget_series(model, beta, n, method)
    if series is not None:
        harmonics, pairs = series
        attention = None
        if model.attention is not None:
            attention = summed(model.attention, model.dim, n, method, tol)
        return _core.linear_time_budget_measure(
            beta,
            scaled,
            attention,
            harmonics.tolist(),
            pairs.coefficients.tolist(),
            pairs.limit,
            model.dim,
        )
    attention, noise = None, None
    if model.attention is not None:
        attention = _core.SummedAttention(model.attention.law(), _core.Summation())
    if model.noise is not None:
        noise = model.noise.pair_noise(model.dim, beta)
    return _core.budget_measure(beta, scaled, attention, noise, model.dim, with_energy)


def _budget_series(
    model: Model, beta: float, n: int, method: str
) -> tuple[FloatArray, PairHarmonics] | None:
    """Return the coefficients of e^{βu−β} and of that times G_β, or None for the direct sum."""
    _validate.choice("method", method, METHODS)
    exponential = None if method == "direct" else exponential_series(beta, model.dim, 1e-17)
    noise: PairHarmonics | None = PairHarmonics(np.empty(0), 0.0)
    if exponential is not None and model.noise is not None:
        noise = model.noise.pair_harmonics(model.dim, beta)
    if exponential is None or noise is None:
        if method == "harmonic":
            raise ArgumentError(
                "method: 'harmonic' serves the budget for dim of at most 16, moderate beta and a "
                "noise of few harmonics (no kinked activation, no ValueNoise); use 'direct'"
            )
        return None
    size = max(len(exponential.coefficients), noise.coefficients.size)
    if method == "auto" and not is_faster(_core.harmonics_up_to(size - 1, model.dim), model.dim, n):
        return None
    harmonics = np.pad(exponential.coefficients, (0, size - len(exponential.coefficients)))
    if noise.coefficients.size:
        padded = np.pad(noise.coefficients, (0, size - noise.coefficients.size))
        noise = noise._replace(coefficients=padded)
    return harmonics, noise
