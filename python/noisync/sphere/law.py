"""Laws of tokens on the sphere: what they are asked for, and what those of noisync share."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from noisync.base import validate
from noisync.base.memory import check_memory
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError, ArgumentTypeError

#: Tokens drawn at once: Ctrl-C is noticed between two such blocks.
_BLOCK = 2**16


class Law(Protocol):
    """A law of initial tokens, such as :class:`noisync.sphere.Uniform`.

    One that also has a method ``density(points)``, the density with respect to the uniform
    probability law at `points` of shape (..., dim), is a measure that ``spde.solve`` starts from.
    """

    @property
    def n(self) -> int | None:
        """Number of tokens; None where the law is that of one token and no more is asked."""

    @property
    def dim(self) -> int:
        """Their dimension."""

    def samples(self, seed: int, first: int, count: int) -> npt.NDArray[Any]:
        """Return the states of replicates first..first+count−1, (count, n, dim).

        A law whose `samples` has a parameter `rows`, a slice, is asked for those tokens alone.
        """


class TokenLaw(ABC):
    """A law of independent tokens: token i is a function of (seed, replicate, i) alone."""

    n: int | None
    dim: int

    def _check(self) -> None:
        """Check and store the number of tokens and the dimension."""
        if self.n is not None:
            n = validate.integer("n", self.n, minimum=1, maximum=2**32)
            object.__setattr__(self, "n", n)
        dim = validate.integer("dim", self.dim, minimum=2, maximum=2**24)
        object.__setattr__(self, "dim", dim)

    def sample(self, seed: int = 0, replicate: int = 0) -> FloatArray:
        """Return the (n, dim) tokens of a replicate; the first k are the same for every n >= k."""
        replicate = validate.integer("replicate", replicate, minimum=0, maximum=2**32 - 1)
        return np.asarray(self.samples(seed, replicate, 1)[0])

    def samples(self, seed: int, first: int, count: int, rows: slice = slice(None)) -> FloatArray:
        """Return the tokens of replicates first..first+count−1, (count, n, dim).

        `rows`, a slice of step 1, asks for some of the tokens alone.
        """
        seed = validate.integer("seed", seed, minimum=0, maximum=2**64 - 1)
        first = validate.integer("first", first, minimum=0, maximum=2**32 - 1)
        count = validate.integer("count", count, minimum=0, maximum=2**32 - first)
        if self.n is None:
            raise ArgumentError(f"n must be given where tokens are drawn, got {self!r}")
        wanted = _range(rows, self.n)
        check_memory(
            8 * count * len(wanted) * self.dim,
            f"n: drawing {count} x {len(wanted)} tokens of dim {self.dim}",
            "draw fewer tokens or fewer replicates at once",
        )
        return self._samples(seed, range(first, first + count), wanted)

    def density(self, points: npt.ArrayLike) -> FloatArray:
        """Return the density with respect to the uniform probability law, (...).

        Parameters
        ----------
        points : (..., dim) array_like
            Unit vectors.
        """
        array = np.asarray(validate.finite_array("points", points), dtype=np.float64)
        if array.ndim == 0 or array.shape[-1] != self.dim:
            raise ArgumentError(f"points must have shape (..., {self.dim}), got {array.shape}")
        flat = array.reshape(-1, self.dim)
        if len(flat):
            validate.tokens("points", flat)
        return np.asarray(self._density(flat)).reshape(array.shape[:-1])

    @abstractmethod
    def _density(self, points: FloatArray) -> FloatArray:
        """Return the density at `points`, (m, dim)."""

    @abstractmethod
    def _samples(self, seed: int, replicates: range, rows: range) -> FloatArray:
        """Return the tokens `rows` of `replicates`, (replicates, rows, dim)."""


class BlockLaw(TokenLaw):
    """A law whose tokens are drawn a block of one replicate at a time."""

    @abstractmethod
    def _tokens(self, seed: int, replicate: int, tokens: npt.NDArray[np.uint64]) -> FloatArray:
        """Return the tokens of these numbers."""

    def _samples(self, seed: int, replicates: range, rows: range) -> FloatArray:
        out = np.empty((len(replicates), len(rows), self.dim))
        for state, replicate in zip(out, replicates, strict=True):
            for start in range(0, len(rows), _BLOCK):
                block = rows[start : start + _BLOCK]
                tokens = np.arange(block.start, block.stop, dtype=np.uint64)
                state[start : start + len(block)] = self._tokens(seed, replicate, tokens)
        return out


def checked_law(name: str, law: object) -> Law:
    """Refuse what is no law: it needs `n`, `dim` and `samples`."""
    missing = [part for part in ("n", "dim", "samples") if not hasattr(law, part)]
    if missing:
        raise ArgumentTypeError(
            f"{name} must be a law with n, dim and samples, such as ns.sphere.Uniform, and "
            f"{validate.shown(law)} has no {missing[0]}"
        )
    return law  # type: ignore[return-value]


def states_of(
    name: str, law: Law, seed: int, first: int, count: int, rows: slice = slice(None)
) -> npt.NDArray[Any]:
    """Return some rows of the states of replicates first..first+count−1.

    A user's law may get them wrong: their shape and norms are checked. One that takes no `rows` is
    drawn whole and cut.
    """
    if isinstance(law, TokenLaw):
        return law.samples(seed, first, count, rows)
    n = validate.integer(f"{name}: n", law.n, minimum=1)
    wanted = _range(rows, n)
    if len(wanted) < n and "rows" in inspect.signature(law.samples).parameters:
        taken = law.samples(seed, first, count, rows=rows)  # type: ignore[call-arg]
        return _checked_states(name, taken, (count, len(wanted), law.dim))
    states = _checked_states(name, law.samples(seed, first, count), (count, n, law.dim))
    return states[:, wanted.start : wanted.stop]


def _checked_states(
    name: str, states: npt.ArrayLike, shape: tuple[int, int, int]
) -> npt.NDArray[Any]:
    array = validate.finite_array(f"{name}: samples", states)
    if array.shape != shape:
        raise ArgumentError(
            f"{name}: samples must have shape (replicates, n, dim) = {shape}, got {array.shape}"
        )
    if array.size:
        validate.tokens(f"{name}: samples", array.reshape(-1, shape[2]))
    return array


def density_of(name: str, law: object, points: FloatArray) -> FloatArray:
    """Return the density of a law at points (m, dim), which a user's law may get wrong."""
    if not hasattr(law, "density"):
        raise ArgumentTypeError(
            f"{name} must have a density, such as that of ns.sphere.Uniform, got "
            f"{validate.shown(law)}"
        )
    return checked_values(f"{name}: density", law.density(points), points)


def checked_values(name: str, value: npt.ArrayLike, points: FloatArray) -> FloatArray:
    """Return the values of a density at points (m, dim): m finite numbers, none below zero."""
    values = np.asarray(validate.finite_array(name, value), dtype=np.float64)
    if values.shape != points.shape[:1]:
        raise ArgumentError(
            f"{name} must return {points.shape[0]} numbers for as many points, "
            f"got shape {values.shape}"
        )
    if np.any(values < 0):
        where = int(np.argmin(values))
        raise ArgumentError(
            f"{name} must be non-negative, got {values[where]:g} at {points[where].tolist()}"
        )
    return values


def _range(rows: slice, n: int) -> range:
    if not isinstance(rows, slice):
        raise ArgumentTypeError(f"rows must be a slice, got {validate.shown(rows)}")
    start, stop, step = rows.indices(n)
    if step != 1:
        raise ArgumentError(f"rows must be a slice of step 1, got {rows}")
    return range(start, max(start, stop))
