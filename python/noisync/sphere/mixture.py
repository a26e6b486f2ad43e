"""Mixtures of laws on the sphere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.sphere.law import Law, TokenLaw, checked_law, density_of, states_of


@dataclass(frozen=True, eq=False)
class Mixture(TokenLaw):
    r"""The law of points each of which comes from one of several laws.

    .. math:: \rho(x) = \sum_c p_c\, \rho_c(x)

    Parameters
    ----------
    components : sequence of laws
        All of the same dim and the same number of tokens n, which are the mixture's.
    weights : (components,) array_like, optional
        p, non-negative with sum 1; equal by default.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For components of several n or dim, what is no law, or weights that break a rule.
    """

    components: Sequence[Law]
    weights: npt.ArrayLike | None = None
    n: int | None = field(init=False, repr=False)
    dim: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.components, (list, tuple)):
            raise ArgumentTypeError(
                f"components must be a list of laws, got {validate.shown(self.components)}"
            )
        laws = [checked_law(f"components[{k}]", law) for k, law in enumerate(self.components)]
        if not laws:
            raise ArgumentError("components must hold at least one law, got none")
        object.__setattr__(self, "components", tuple(laws))
        for name in ("n", "dim"):
            values = [getattr(law, name) for law in laws]
            if any(value != values[0] for value in values):
                raise ArgumentError(f"components must have the same {name}, got {values}")
            object.__setattr__(self, name, values[0])
        weights = validate.weights(self.weights, len(laws))
        weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)
        self._check()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mixture) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[tuple[Law, ...], bytes]:
        return tuple(self.components), np.asarray(self.weights).tobytes()

    def _density(self, points: FloatArray) -> FloatArray:
        densities = [
            density_of(f"components[{k}]", law, points) for k, law in enumerate(self.components)
        ]
        return np.asarray(np.asarray(self.weights) @ np.stack(densities))

    def _samples(self, seed: int, replicates: range, rows: range) -> FloatArray:
        chosen = self._choices(seed, replicates, rows)
        out = np.empty((*chosen.shape, self.dim))
        part = slice(rows.start, rows.stop)
        for k, law in enumerate(self.components):
            # A seed of its own: what a component draws knows nothing of the choice.
            own = component_seed(seed, k)
            first, count = replicates.start, len(replicates)
            states = states_of(f"components[{k}]", law, own, first, count, part)
            out[chosen == k] = states[chosen == k]
        return out

    def _choices(self, seed: int, replicates: range, rows: range) -> npt.NDArray[np.int64]:
        """Return the component of every token, (replicates, rows)."""
        tokens = np.arange(rows.start, rows.stop, dtype=np.uint64)
        uniform = np.empty((len(replicates), len(rows)))
        for own, replicate in zip(uniform, replicates, strict=True):
            own[:] = _core.initial_choices(seed, replicate, 0, tokens)[:, 0]
        ends = np.cumsum(np.asarray(self.weights))
        return np.searchsorted(ends / ends[-1], uniform, side="right")


def component_seed(seed: int, component: int) -> int:
    """Return the seed of a component of a mixture, by a block of Philox that no stream uses."""
    key = [seed & 0xFFFFFFFF, seed >> 32]
    low, high, *_ = _core.philox4x32([component, 0, 0, 0x7F << 24], key)
    return high << 32 | low
