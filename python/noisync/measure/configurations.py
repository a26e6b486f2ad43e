"""Measures of configurations with any leading axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.attention.drift import not_converged
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError


def configurations(x: npt.ArrayLike, dim: int | None = None) -> npt.NDArray[Any]:
    """Return `x` as configurations (..., n, dim) of unit rows."""
    array = validate.finite_array("x", x)
    if array.ndim < 3:
        return validate.tokens("x", array, dim)
    if 0 in array.shape:
        raise ArgumentError(f"x must hold at least one token, got shape {array.shape}")
    rows = array.reshape(-1, array.shape[-1])
    return validate.tokens("x", rows, dim).reshape(array.shape)


def measured(
    x: npt.ArrayLike,
    weights: npt.ArrayLike | None,
    measure: Callable[[int, int], _core.Measure],
    threads: int,
    dim: int | None = None,
) -> FloatArray:
    """Return the numbers of measure(n, dim) for every configuration: (leading axes, numbers)."""
    states = configurations(x, dim)
    *leading, n, d = states.shape
    mass = validate.weights(weights, n)
    made = measure(n, d)
    try:
        values = [_core.measure(made, state, mass, threads) for state in states.reshape(-1, n, d)]
    except _core.NotConvergedError as error:
        raise not_converged(error) from None
    return np.reshape(values, (*leading, made.size))
