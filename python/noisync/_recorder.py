"""Turns observers into requests to the core, and what the core writes into labelled arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync._memory import check_memory
from noisync._plan import Plan, Request
from noisync._schedule import Schedule
from noisync._validate import FloatArray
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.observers import (
    RESERVED_NAMES,
    VARIABLE_NAME,
    Axis,
    Budget,
    Energy,
    Lyapunov,
    Measure,
    Observer,
    Tokens,
    UserFunction,
)


@dataclass
class _Series:
    """The values of one observer: shape (replicates, slots, ...), allocated when it is known."""

    observer: Any
    axes: tuple[Axis, ...] = ()
    values: npt.NDArray[Any] | None = None


class Recorder:
    """The series of all observers of a run or an ensemble, at the observed layers."""

    def __init__(
        self,
        observers: Sequence[Observer] | None,
        plan: Plan,
        schedule: Schedule,
        replicates: int,
    ) -> None:
        given: object = () if observers is None else observers
        if not isinstance(given, Sequence):
            raise ArgumentTypeError(f"observe must be a sequence of observers, got {given!r}")
        self._plan = plan
        self._schedule = schedule
        self.replicates = replicates
        self._series: dict[str, _Series] = {}
        self._lock = Lock()
        for place, observer in enumerate(given):
            name = self._name(observer, place)
            if name in RESERVED_NAMES:
                raise ArgumentError(
                    f"observe: an observer cannot be called {name!r}, which is a coordinate of the "
                    "result; give it another name"
                )
            if name in self._series:
                raise ArgumentError(f"observe: two observers are called {name!r}; give one a name")
            self._series[name] = self._allocated(name, observer)

    def _name(self, observer: Any, place: int) -> str:
        if isinstance(observer, (Measure, Lyapunov, Tokens)):
            return observer.name
        # A class is callable too, but what it makes of the tokens is no observation.
        if not callable(observer) or isinstance(observer, type):
            raise ArgumentTypeError(
                "observe: an observer is an ns.Energy(...), ns.Budget(...), ns.Cosines(...), "
                "ns.OrderParameters(), ns.Clusters(...), ns.Lyapunov(...), ns.Tokens() or a "
                f"function of the tokens, got {observer!r}"
            )
        name = str(getattr(observer, "__name__", type(observer).__name__))
        # A lambda has no usable name.
        return name if VARIABLE_NAME.fullmatch(name) else f"observer_{place}"

    def _allocated(self, name: str, observer: Any) -> _Series:
        plan, n, dim = self._plan, self._plan.weights.size, self._plan.model.dim
        axes: tuple[Axis, ...] = ()
        dtype: np.dtype[Any] = np.dtype(np.float64)
        if isinstance(observer, Measure):
            axes = observer.axes()
        elif isinstance(observer, Tokens):
            axes, dtype = (_numbered("token", n), _numbered("component", dim)), plan.dtype
        elif isinstance(observer, Lyapunov):
            self._check_lyapunov(observer)
            axes = (_numbered("exponent", observer.k),)
        else:
            return _Series(observer)
        shape = tuple(len(axis.values) for axis in axes)
        return _Series(observer, axes, self._empty(name, shape, dtype))

    def _check_lyapunov(self, observer: Lyapunov) -> None:
        plan, n, dim = self._plan, self._plan.weights.size, self._plan.model.dim
        if observer.k > dim - 1:
            raise ArgumentError(
                f"observe: Lyapunov has k of at most dim - 1 = {dim - 1}, got {observer.k}"
            )
        if observer.token >= n:
            raise ArgumentError(
                f"observe: Lyapunov follows one of {n} tokens, got token {observer.token}"
            )
        if plan.scheme == "rk4":
            raise ArgumentError("observe: Lyapunov needs the scheme 'layer' or 'euler', got 'rk4'")
        if any(isinstance(series.observer, Lyapunov) for series in self._series.values()):
            raise ArgumentError("observe: there can be one Lyapunov in a run, got two")

    def _empty(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        full = (self.replicates, len(self._schedule), *shape)
        check_memory(
            int(np.prod(full, dtype=object)) * dtype.itemsize,
            f"observe: keeping {name!r} of {full[1]} layers of {full[0]} replicates",
            "observe fewer layers (save=k, save=[...])",
        )
        return np.empty(full, dtype)

    def requests(self, first: int, count: int) -> list[Request]:
        """Return the requests for the replicates first..first+count−1 of this ensemble."""
        part = slice(first, first + count)
        requests = []
        for measure, together in self._passes():
            outs = [series.values[part] for series in together if series.values is not None]
            requests.append(_core.MeasureRequest(self._schedule._core_config(), measure, outs))
        return requests + [
            self._request(name, series, part)
            for name, series in self._series.items()
            if not isinstance(series.observer, Measure)
        ]

    def _passes(self) -> list[tuple[_core.Measure, list[_Series]]]:
        """Return the measures to make, and the series that each serves, one after another.

        An energy at the β of a budget comes with it; the others share one pass over the pairs.
        """
        measured = [s for s in self._series.values() if isinstance(s.observer, Measure)]
        energies = [series for series in measured if isinstance(series.observer, Energy)]
        passes: list[tuple[_core.Measure, list[_Series]]] = []
        for series in measured:
            observer, together = series.observer, [series]
            if isinstance(observer, Energy):
                continue
            measure = observer.core_measure(self._plan)
            if isinstance(observer, Budget):
                law = (observer.beta, observer.scaled)
                same = [s for s in energies if (s.observer.beta, s.observer.scaled) == law][:1]
                with_energy = observer.core_measure(self._plan, with_energy=bool(same))
                if with_energy.size > measure.size:
                    measure, together = with_energy, together + same
                    energies.remove(same[0])
            passes.append((measure, together))
        for scaled in (False, True):
            together = [series for series in energies if series.observer.scaled == scaled]
            if together:
                betas = np.concatenate([np.atleast_1d(s.observer.beta) for s in together])
                observer = Energy(tuple(betas), scaled=scaled)
                passes.append((observer.core_measure(self._plan), together))
        return passes

    def _request(self, name: str, series: _Series, part: slice) -> Request:
        observer, schedule = series.observer, self._schedule._core_config()
        if series.values is None or callable(observer):
            return _core.CallRequest(schedule, self._writer(name, series, part.start))
        out = series.values[part]
        if isinstance(observer, Lyapunov):
            return _core.LyapunovRequest(schedule, observer.token, observer.k, out)
        return _core.SaveRequest(schedule, out)

    def _writer(
        self, name: str, series: _Series, first: int
    ) -> Callable[[int, int, npt.NDArray[Any]], None]:
        function: UserFunction = series.observer

        def write(place: int, slot: int, tokens: npt.NDArray[Any]) -> None:
            try:
                value = np.asarray(function(tokens))
            except Exception as error:
                if hasattr(error, "add_note"):  # Python 3.11
                    error.add_note(
                        f"raised by the observer {name!r} at layer {self._schedule.layer(slot)}"
                    )
                raise
            if value.dtype.kind not in "biuf":
                raise ArgumentTypeError(
                    f"observe: {name} must return real numbers, got dtype {value.dtype}"
                )
            with self._lock:  # replicates side by side: the first to come allocates
                if series.values is None:
                    series.axes = tuple(
                        _numbered(f"{name}_{place}", size)
                        for place, size in enumerate(value.shape, start=1)
                    )
                    # Not the dtype of the first value: a later one may need more.
                    series.values = self._empty(name, value.shape, np.dtype(np.float64))
            if value.shape != series.values.shape[2:]:
                raise ArgumentError(
                    f"observe: {name} must return the same shape at every layer, "
                    f"got {value.shape} after {series.values.shape[2:]}"
                )
            series.values[first + place, slot] = value

        return write

    def results(self) -> dict[str, tuple[tuple[Axis, ...], npt.NDArray[Any]]]:
        """Return (axes after replicate and slot, values) by name."""
        result = {}
        for name, series in self._series.items():
            values = series.values
            if values is None:  # a function that was never called
                values = np.empty((self.replicates, len(self._schedule)))
            if isinstance(series.observer, Lyapunov):
                values = self._exponents(values)
            if isinstance(series.observer, Measure):
                values = values.astype(series.observer.dtype, copy=False)
            result[name] = (series.axes, values)
        return result

    def _exponents(self, growth: FloatArray) -> FloatArray:
        time = self._plan.times(self._schedule.layers())
        return growth / np.where(time > 0, time, np.nan)[:, None]


def _numbered(name: str, size: int) -> Axis:
    return Axis(name, np.arange(size), labelled=False)
