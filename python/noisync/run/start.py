"""Where runs start: given states, or a law that they are drawn from."""

from __future__ import annotations

from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.model import Model
from noisync.sphere.law import Law, checked_law, states_of


class Start(Law, Protocol):
    """A law of a known number of tokens."""

    @property
    def n(self) -> int:
        """Number of tokens."""


class _Given:
    """States that the user gave: one for all replicates, or one for each from `first` on."""

    def __init__(self, states: npt.NDArray[Any], first: int) -> None:
        self._states = states
        self._first = first
        *_, self.n, self.dim = states.shape

    @property
    def states(self) -> npt.NDArray[Any]:
        """What was given."""
        return self._states

    def samples(self, seed: int, first: int, count: int) -> npt.NDArray[Any]:
        if self._states.ndim == 2:
            return np.broadcast_to(self._states, (count, self.n, self.dim))
        return self._states[first - self._first :][:count]


def checked_start(
    tokens: npt.ArrayLike | Law, model: Model, first: int = 0, replicates: int | None = None
) -> Start:
    """Return the law that `tokens` are or stand for.

    States for each of several replicates are only taken where `replicates` says how many.
    """
    if hasattr(tokens, "samples"):
        law = checked_law("tokens", tokens)
        if law.n is None:
            raise ArgumentError(
                f"tokens: a start needs the number of its tokens, and n is None in {law!r}"
            )
        validate.integer("tokens.n", law.n, minimum=1)
        if law.dim != model.dim:
            raise ArgumentError(f"tokens must have dim {model.dim} like the model, got {law.dim}")
        return cast(Start, law)
    states = validate.finite_array("tokens", tokens)
    if states.ndim != 3 or replicates is None:
        return _Given(validate.tokens("tokens", states, model.dim), first)
    if states.shape[0] != replicates:
        raise ArgumentError(
            f"tokens must be one state or one for each of {replicates} replicates, "
            f"got shape {states.shape}"
        )
    rows = states.reshape(-1, states.shape[2])
    return _Given(validate.tokens("tokens", rows, model.dim).reshape(states.shape), first)


def given(start: Start) -> Any:
    """Return what the argument `tokens` was, checked: an array of states, or a law."""
    return start.states if isinstance(start, _Given) else start


def drawn(start: Start, seed: int, first: int, count: int) -> npt.NDArray[Any]:
    """Return the states of replicates first..first+count−1, which a user's law may get wrong."""
    if isinstance(start, _Given):
        return start.samples(seed, first, count)
    return states_of("tokens", start, seed, first, count)
