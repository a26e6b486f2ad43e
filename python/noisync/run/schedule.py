"""Which layers of a run are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.errors import ArgumentError


@dataclass(frozen=True)
class Schedule:
    """Every k-th layer and the last one (`every` > 0), or the listed ones, increasing."""

    last: int
    every: int = 0
    listed: tuple[int, ...] = ()

    @classmethod
    def checked(cls, name: str, chosen: int | Sequence[int] | None, layers: int) -> Schedule:
        """Return what the argument called `name` asks for: all, every k-th and the last, a list."""
        if chosen is None or np.ndim(chosen) == 0:
            return cls(layers, 1 if chosen is None else validate.integer(name, chosen, minimum=1))
        listed = {validate.integer(name, layer, minimum=0) for layer in np.asarray(chosen, object)}
        for layer in listed:
            if layer > layers:
                raise ArgumentError(f"{name} must list layers from 0 to {layers}, got {layer}")
        return cls(layers, listed=tuple(sorted(listed)))

    def __len__(self) -> int:
        return -(-self.last // self.every) + 1 if self.every else len(self.listed)

    def layers(self, until: int | None = None) -> npt.NDArray[np.int64]:
        """Return the layers, increasing; those up to `until`."""
        end = self.last if until is None else min(until, self.last)
        if not self.every:
            return np.array([layer for layer in self.listed if layer <= end], dtype=np.int64)
        regular = np.arange(0, end + 1, self.every, dtype=np.int64)
        return np.append(regular, end) if end == self.last and end % self.every else regular

    def count(self, until: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return how many of the layers are at most `until`, for each entry of it."""
        if not self.every:
            return np.searchsorted(np.array(self.listed, np.int64), until, side="right")
        regular = np.where(until < 0, 0, until // self.every + 1)
        return np.where(until >= self.last, len(self), regular)

    @property
    def chosen(self) -> int | list[int]:
        """What the argument `save` would be: every k-th layer, or a list."""
        return self.every or list(self.listed)

    def layer(self, slot: int) -> int:
        """Return the layer of a slot."""
        return min(slot * self.every, self.last) if self.every else self.listed[slot]

    def core(self) -> _core.Schedule:
        """Return the core's description."""
        if self.every:
            return _core.Schedule.regular(self.every, self.last)
        return _core.Schedule.listed(self.listed)
