"""The uniform law on the sphere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisync import _core
from noisync.base.threads import thread_count
from noisync.base.validate import FloatArray
from noisync.sphere.law import TokenLaw


@dataclass(frozen=True)
class Uniform(TokenLaw):
    """The law of independent uniform points on S^{dim-1}: a start that differs by replicate.

    Parameters
    ----------
    n : int or None
        Number of points; None where only the density is asked for.
    dim : int
        Dimension, at least 2.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For n below 1 or dim below 2.
    """

    n: int | None
    dim: int

    def __post_init__(self) -> None:
        self._check()

    def _samples(self, seed: int, replicates: range, rows: range) -> FloatArray:
        return _core.uniform_tokens(
            seed, replicates.start, len(replicates), rows.start, len(rows), self.dim,
            thread_count(None),
        )  # fmt: skip

    def _density(self, points: FloatArray) -> FloatArray:
        return np.ones(len(points))


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
        For n below 1, dim below 2, a seed out of range, or more points than fit the memory.
    """
    return Uniform(n, dim).sample(seed)
