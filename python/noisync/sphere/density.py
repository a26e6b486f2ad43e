"""A law by its density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.sphere.law import BlockLaw, checked_values
from noisync.sphere.quadrature import DIMENSIONS, quadrature

Function = Callable[[FloatArray], npt.ArrayLike]

#: How far the mean of a density may be from 1.
MEAN_TOLERANCE = 1e-8

#: The default bound is this many times the largest value on the nodes.
_MARGIN = 1.2

#: The largest bound: that many draws a token takes on average.
_LARGEST_BOUND = 1e6

#: Degrees of the quadratures that a density is checked on, from coarse to fine: the check ends
#: where two means agree. The finest have about a million nodes.
_DEGREES = {
    2: (1023, 4095, 2**14 - 1, 2**16 - 1, 2**18 - 1, 2**20 - 1),
    3: (127, 255, 511, 1023, 1535),
    4: (31, 63, 95, 127, 159),
    5: (15, 31, 39, 47, 55),
}

#: Points at which the function is evaluated at once.
_BLOCK = 2**16


@dataclass(frozen=True)
class Density(BlockLaw):
    """The law of independent points of a given density, sampled by rejection.

    Parameters
    ----------
    function : callable
        The density with respect to the uniform probability law, whose own is 1: it maps points
        (m, dim) to m numbers, each a function of its point alone. Non-negative, with mean 1 under
        the uniform law to 1e-8.
    dim : int
        2 to 5.
    n : int, optional
        Number of points, where they are drawn.
    bound : float, optional
        A number that the density nowhere exceeds, at most 1e6; on average a point takes as many
        draws. By default 1.2 times the largest value on the nodes of a fine quadrature.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a density that is negative, not finite or off mean 1 on that quadrature; and, while
        points are drawn, for a value above the bound, whose point the message names.
    """

    function: Function
    dim: int
    n: int | None = None
    bound: float | None = None
    _limit: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ArgumentTypeError(
                f"function must be callable, got {validate.shown(self.function)}"
            )
        self._check()
        if self.dim not in DIMENSIONS:
            raise ArgumentError(
                f"dim must be 2 to 5, where a density can be checked by quadrature, got {self.dim}"
            )
        largest = self._checked_largest()
        bound = _MARGIN * largest
        if self.bound is not None:
            bound = validate.positive("bound", self.bound)
            object.__setattr__(self, "bound", bound)
            if bound < largest:
                raise ArgumentError(
                    f"bound must be at least the largest value of the density, {largest:g} on the "
                    f"nodes of a quadrature, got {bound:g}"
                )
        if bound > _LARGEST_BOUND:
            raise ArgumentError(
                f"bound must be at most {_LARGEST_BOUND:g}, so many draws a token takes on "
                f"average, got {bound:g}"
            )
        object.__setattr__(self, "_limit", bound)

    def __repr__(self) -> str:
        # By its name: an address would differ from one process to the next.
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return f"Density(function={name}, dim={self.dim}, n={self.n}, bound={self.bound})"

    def _density(self, points: FloatArray) -> FloatArray:
        blocks = [points[start : start + _BLOCK] for start in range(0, len(points), _BLOCK)]
        values = [checked_values("function", self.function(block), block) for block in blocks]
        return np.concatenate(values) if values else np.empty(0)

    def _checked_largest(self) -> float:
        """Return the largest value on the nodes of a fine quadrature by which the mean is 1."""
        means: list[float] = []
        for degree in _DEGREES[self.dim]:
            nodes, weights = quadrature(self.dim, degree)
            values = self._density(nodes)
            means.append(float(weights @ values))
            if len(means) > 1 and abs(means[-1] - means[-2]) <= MEAN_TOLERANCE / 10:
                break
        if abs(means[-1] - 1) > MEAN_TOLERANCE:
            settled = abs(means[-1] - means[-2]) <= MEAN_TOLERANCE
            doubt = "" if settled else " (not yet settled: too peaked or too rough to be checked)"
            raise ArgumentError(
                f"function must have mean 1 under the uniform law to {MEAN_TOLERANCE:g}, got "
                f"{means[-1]:.10g} on {len(nodes)} nodes{doubt}"
            )
        return float(values.max())

    def _tokens(self, seed: int, replicate: int, tokens: npt.NDArray[np.uint64]) -> FloatArray:
        points = np.empty((tokens.size, self.dim))
        pending = np.arange(tokens.size)
        draw = 0
        while pending.size:
            candidates = _core.initial_normals(seed, replicate, draw, tokens[pending], self.dim)
            candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
            values = self._density(candidates)
            above = np.flatnonzero(values > self._limit)
            if above.size:
                raise ArgumentError(
                    f"bound must be at least the density everywhere, which is "
                    f"{values[above[0]]:g} at {candidates[above[0]].tolist()}, got {self._limit:g}"
                )
            uniform = _core.initial_choices(seed, replicate, draw, tokens[pending])[:, 0]
            taken = uniform * self._limit < values
            points[pending[taken]] = candidates[taken]
            pending = pending[~taken]
            draw += 1
        return points
