"""Points on the unit sphere S^{d-1}."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from noisync.base import validate
from noisync.errors import ArgumentError


def normalize(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Project vectors to the sphere: x_i / |x_i|.

    Parameters
    ----------
    x : (..., dim) array_like
        Finite, no zero vector, dim >= 2. float32 stays float32; everything else becomes float64.

    Returns
    -------
    (..., dim) ndarray

    Raises
    ------
    ArgumentError
        If a vector is zero or not finite.
    """
    array = validate.finite_array("x", x)
    if array.ndim == 0 or array.shape[-1] < 2:
        raise ArgumentError(f"x must have shape (..., dim), dim >= 2, got shape {array.shape}")
    if array.size == 0:
        raise ArgumentError(f"x must hold at least one vector, got shape {array.shape}")
    wide = array.astype(np.float64)
    # Dividing by the largest entry first keeps the squares of huge and tiny rows in range.
    largest = np.abs(wide).max(axis=-1, keepdims=True)
    zero = np.argwhere(largest[..., 0] == 0)
    if len(zero):
        where = tuple(int(i) for i in zero[0])
        row = f": row {where[0] if len(where) == 1 else where}" if where else ""
        raise ArgumentError(f"x{row} is zero and has no direction")
    wide /= largest
    unit = wide / np.linalg.norm(wide, axis=-1, keepdims=True)
    return np.asarray(unit, dtype=array.dtype)
