"""Points on the unit sphere S^{d-1}."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core, _validate
from noisync._validate import FloatArray
from noisync.errors import ArgumentError

__all__ = ["normalize", "uniform"]


def uniform(n: int, dim: int, seed: int = 0) -> FloatArray:
    """Draw independent uniform points on S^{dim-1}.

    Parameters
    ----------
    n, dim : int
        Number of points and dimension, dim >= 2.
    seed : int
        Non-negative, below 2^64. The first k points are the same for every n >= k.

    Returns
    -------
    (n, dim) ndarray of float64, rows of norm 1

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For n below 1, dim below 2 or a seed out of range.
    """
    n = _validate.integer("n", n, minimum=1, maximum=2**32)
    dim = _validate.integer("dim", dim, minimum=2, maximum=2**24)
    seed = _validate.integer("seed", seed, minimum=0, maximum=2**64 - 1)
    return normalize(_core.initial_normals(seed, 0, n * dim).reshape(n, dim))


def normalize(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Project rows to the sphere: x_i / |x_i|.

    Parameters
    ----------
    x : (n, dim) array_like
        Finite, no zero row. float32 stays float32; everything else becomes float64.

    Returns
    -------
    (n, dim) ndarray

    Raises
    ------
    ArgumentError
        If a row is zero or not finite.
    """
    array = _validate.rows("x", x)
    wide = array.astype(np.float64)
    # Dividing by the largest entry first keeps the squares of huge and tiny rows in range.
    largest = np.abs(wide).max(axis=1, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    if zero.size:
        raise ArgumentError(f"x: row {zero[0]} is zero and has no direction")
    wide /= largest
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(unit, dtype=array.dtype)
