"""The tokens themselves, along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisync import _core
from noisync.errors import ArgumentError
from noisync.measure.observer import Axis, Layers, Observer, Setting


@dataclass(frozen=True)
class Tokens(Observer, key="tokens"):
    """The tokens themselves: (N, d) per observed layer, dimensions ``token`` and ``component``.

    Parameters
    ----------
    name : str, optional
        Name of the result; ``"tokens"`` by default.
    layers : None, int or sequence of int, optional
        Which layers to observe: all those of the run, every k-th and the last, or the listed ones.
    """

    name: str = "tokens"
    layers: Layers = None

    def __post_init__(self) -> None:
        self._check()

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return ``token`` and ``component``."""
        return Axis.numbered("token", setting.n), Axis.numbered("component", setting.model.dim)

    def measure(self, setting: Setting) -> _core.Measure:
        """Return the core's description."""
        return _core.token_measure(setting.n, setting.model.dim)

    def dtype(self, setting: Setting) -> np.dtype[Any]:
        """Return the precision of the run."""
        return setting.dtype

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable."""
        return {"long_name": "tokens on the unit sphere", "units": "1"}

    @classmethod
    def from_setting(cls, value: Any) -> list[Observer]:
        """Return one where the value is true."""
        if not isinstance(value, bool):
            raise ArgumentError(f"observe.tokens must be true or false, got {value!r}")
        return [cls()] if value else []
