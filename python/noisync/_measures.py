"""Measures of the core, described by values of Python."""

from __future__ import annotations

from collections.abc import Sequence

from noisync import _core
from noisync._generator import generator_series
from noisync._linear_time import energy_series
from noisync.model import Model


def energy_measure(
    betas: Sequence[float], dim: int, n: int, method: str, *, scaled: bool
) -> _core.Measure:
    """Return the measure of E_β for every β, by the way that `method` leads to for n tokens."""
    series = energy_series(betas, dim, n, method, scaled=scaled)
    return _core.energy_measure(list(betas), scaled, [] if series is None else series.tolist(), dim)


def budget_measure(model: Model, beta: float, *, scaled: bool) -> _core.Measure:
    """Return the measure of the attention and the noise part of dE_β/dt."""
    attention = None if model.attention is None else model.attention._core_config()
    noise = () if model.noise is None else generator_series(model.kernel, beta).tolist()
    return _core.budget_measure(beta, scaled, attention, noise, model.dim)
