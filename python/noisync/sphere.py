"""Points on the unit sphere S^{d-1}."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError

__all__ = ["Uniform", "normalize", "uniform"]


@dataclass(frozen=True)
class Uniform:
    """The law of independent uniform points on S^{dim-1}: a start that differs by replicate.

    Parameters
    ----------
    n, dim : int
        Number of points and dimension, dim >= 2.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For n below 1 or dim below 2.
    """

    n: int
    dim: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", validate.integer("n", self.n, minimum=1, maximum=2**32))
        object.__setattr__(self, "dim", validate.integer("dim", self.dim, minimum=2, maximum=2**24))

    def sample(self, seed: int = 0, replicate: int = 0) -> FloatArray:
        """Return the (n, dim) points of a replicate; the first k are the same for every n >= k."""
        replicate = validate.integer("replicate", replicate, minimum=0, maximum=2**32 - 1)
        return np.asarray(self.samples(seed, replicate, 1)[0])

    def samples(self, seed: int, first: int, count: int) -> FloatArray:
        """Return the points of replicates first..first+count−1, (count, n, dim)."""
        seed = validate.integer("seed", seed, minimum=0, maximum=2**64 - 1)
        first = validate.integer("first", first, minimum=0, maximum=2**32 - 1)
        count = validate.integer("count", count, minimum=0, maximum=2**32 - first)
        return _core.uniform_tokens(seed, first, count, self.n, self.dim)


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
    return Uniform(n, dim).sample(seed)


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
    array = validate.rows("x", x)
    wide = array.astype(np.float64)
    # Dividing by the largest entry first keeps the squares of huge and tiny rows in range.
    largest = np.abs(wide).max(axis=1, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    if zero.size:
        raise ArgumentError(f"x: row {zero[0]} is zero and has no direction")
    wide /= largest
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(unit, dtype=array.dtype)
