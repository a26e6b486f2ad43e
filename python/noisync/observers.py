"""Reductions computed while a run goes on, so that long or large runs need no trajectory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync._validate import FloatArray
from noisync.energy import check_beta
from noisync.errors import ArgumentError, ArgumentTypeError

UserFunction = Callable[[npt.NDArray[Any]], npt.ArrayLike]


@dataclass(frozen=True)
class Energy:
    """Interaction energy after every layer: an array (layers + 1,) in ``run.observed``.

    Parameters
    ----------
    beta : float
        Inverse temperature, in (0, 700].
    name : str, optional
        Key of the result; ``"energy"`` by default.
    """

    beta: float = 1.0
    name: str = "energy"

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", check_beta(self.beta))


Observer = Energy | UserFunction


class Recorder:
    """Turns observers into requests to the core and their results into arrays."""

    def __init__(self, observers: Sequence[Observer], layers: int) -> None:
        self._layers = layers
        self._series: dict[str, FloatArray | list[npt.NDArray[Any]]] = {}
        self.requests: list[_core.EnergyRequest | _core.CallRequest] = []
        if isinstance(observers, Energy) or callable(observers):
            raise ArgumentTypeError(f"observe must be a sequence of observers, got {observers!r}")
        for observer in observers:
            self._add(observer)

    def _add(self, observer: Observer) -> None:
        if not isinstance(observer, Energy) and not callable(observer):
            raise ArgumentTypeError(
                f"observe: an observer is ns.Energy or a function of the tokens, got {observer!r}"
            )
        name = observer.name if isinstance(observer, Energy) else _name_of(observer)
        if name in self._series:
            raise ArgumentError(f"observe: two observers are called {name!r}; give one a name")
        if isinstance(observer, Energy):
            values = np.empty((self._layers + 1, 1))
            self._series[name] = values
            self.requests.append(_core.EnergyRequest([observer.beta], values))
        else:
            rows: list[npt.NDArray[Any]] = []
            self._series[name] = rows
            self.requests.append(_core.CallRequest(_appender(name, observer, rows)))

    def results(self, completed: int) -> dict[str, npt.NDArray[Any]]:
        """Return one array per observer, first axis the layers up to `completed`."""
        return {
            name: (series[:, 0] if isinstance(series, np.ndarray) else np.array(series))[
                : completed + 1
            ]
            for name, series in self._series.items()
        }


def _name_of(function: object) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _appender(
    name: str, function: UserFunction, rows: list[npt.NDArray[Any]]
) -> Callable[[npt.NDArray[Any]], None]:
    def append(tokens: npt.NDArray[Any]) -> None:
        value = np.asarray(function(tokens))
        if rows and value.shape != rows[0].shape:
            raise ArgumentError(
                f"observe: {name} must return the same shape at every layer, "
                f"got {value.shape} after {rows[0].shape}"
            )
        rows.append(value)

    return append
