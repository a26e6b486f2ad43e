"""The norms of the tokens, along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisync import _core
from noisync.errors import ArgumentError
from noisync.measure.observer import Axis, Layers, Observer, Setting


@dataclass(frozen=True)
class Norms(Observer, key="norms"):
    """The norms of the tokens: (N,) per observed layer, in a dimension ``token``.

    For models whose normalisation keeps them: pre, mix and peri.

    Parameters
    ----------
    name : str, optional
        Name of the result; ``"norms"`` by default.
    layers : None, int or sequence of int, optional
        Which layers to observe: all those of the run, every k-th and the last, or the listed ones.

    Raises
    ------
    ArgumentError
        In a run of another model.

    References
    ----------
    arXiv:2510.22026; :class:`noisync.Normalization`.
    """

    name: str = "norms"
    layers: Layers = None

    def __post_init__(self) -> None:
        self._check()

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return ``token``."""
        return (Axis.numbered("token", setting.n),)

    def measure(self, setting: Setting) -> _core.Measure:
        """Return the core's description."""
        placement = setting.model.placement
        if not placement.keeps_norms:
            raise ArgumentError(
                f"observe: {self.name} is for the normalizations 'pre', 'mix' and 'peri', got "
                f"{placement.name!r}"
            )
        return _core.norm_measure(setting.n)

    def dtype(self, setting: Setting) -> np.dtype[Any]:
        """Return the precision of the run."""
        return setting.dtype

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable."""
        return {"long_name": "norms of the tokens", "units": "1"}

    @classmethod
    def from_setting(cls, value: Any) -> list[Observer]:
        """Return one where the value is true."""
        if not isinstance(value, bool):
            raise ArgumentError(f"observe.norms must be true or false, got {value!r}")
        return [cls()] if value else []
