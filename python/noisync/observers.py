"""Reductions computed while a run goes on, so that long or large runs need no trajectory."""

from __future__ import annotations

import re
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


#: What can name a variable of a netCDF file.
_NAME = re.compile(r"[A-Za-z_][\w.+-]*", re.ASCII)


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
        if not _NAME.fullmatch(str(self.name)) or str(self.name) != self.name:
            raise ArgumentError(
                f"name must be letters, digits, '_', '.', '+' or '-' after a letter, "
                f"got {self.name!r}"
            )


Observer = Energy | UserFunction


class Recorder:
    """Turns observers into requests to the core and their results into arrays."""

    def __init__(self, observers: Sequence[Observer] | None, layers: int) -> None:
        self._layers = layers
        self._series: dict[str, FloatArray | list[npt.NDArray[Any]]] = {}
        self.requests: list[_core.EnergyRequest | _core.CallRequest] = []
        given: object = () if observers is None else observers
        if not isinstance(given, Sequence):
            raise ArgumentTypeError(f"observe must be a sequence of observers, got {given!r}")
        for place, observer in enumerate(given):
            self._add(place, observer)

    def _add(self, place: int, observer: Any) -> None:
        # A class is callable too, but what it makes of the tokens is no observation.
        known = isinstance(observer, Energy) or callable(observer)
        if not known or isinstance(observer, type):
            raise ArgumentTypeError(
                "observe: an observer is an ns.Energy(...) or a function of the tokens, "
                f"got {observer!r}"
            )
        name = observer.name if isinstance(observer, Energy) else _name_of(observer, place)
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


def _name_of(function: object, place: int) -> str:
    name = str(getattr(function, "__name__", type(function).__name__))
    return name if _NAME.fullmatch(name) else f"observer_{place}"  # a lambda has no usable name


def _appender(
    name: str, function: UserFunction, rows: list[npt.NDArray[Any]]
) -> Callable[[npt.NDArray[Any]], None]:
    def append(tokens: npt.NDArray[Any]) -> None:
        try:
            value = np.array(function(tokens))  # a copy: the function may reuse its buffer
        except Exception as error:
            if hasattr(error, "add_note"):  # Python 3.11
                error.add_note(f"raised by the observer {name!r} at layer {len(rows)}")
            raise
        if value.dtype.kind not in "biuf":
            raise ArgumentTypeError(
                f"observe: {name} must return real numbers, got dtype {value.dtype}"
            )
        if rows and value.shape != rows[0].shape:
            raise ArgumentError(
                f"observe: {name} must return the same shape at every layer, "
                f"got {value.shape} after {rows[0].shape}"
            )
        rows.append(value)

    return append
