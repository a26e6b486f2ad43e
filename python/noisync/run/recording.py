"""What runs record: requests to the core, and labelled series made of what it wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync import _core
from noisync.base.memory import check_memory
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.measure.observer import Axis, Follow, Observer
from noisync.normalization import require_post
from noisync.run.plan import Plan, Request
from noisync.run.schedule import Schedule

if TYPE_CHECKING:
    from noisync.run.ranks import Share

#: What names the coordinates and the own variables of every result.
RESERVED_NAMES = ("replicate", "time", "layer", "weights", "token", "component")

#: What is said of the coordinates in results and files.
COORDINATES = {
    "time": {"long_name": "time, layer * horizon / layers", "units": "1"},
    "layer": {"long_name": "number of layers that the tokens went through", "units": "1"},
    "replicate": {"long_name": "number of the noise path and of the start", "units": "1"},
}

#: Which runs: all that are complete, the others having no numbers.
Chosen = slice | npt.NDArray[np.bool_]

#: What is said of the variable ``weights``.
WEIGHTS = {"long_name": "masses of the tokens", "units": "1"}


class Series:
    """The numbers of one observer: (replicates, slots, axes), allocated when their shape is known.

    Parameters
    ----------
    advice : str
        What to do where they do not fit into memory.
    share : Share, optional
        Where several ranks have the tokens: the numbers are those of all, at every rank.
    """

    def __init__(
        self,
        observer: Observer,
        schedule: Schedule,
        plan: Plan,
        replicates: int,
        advice: str = "observe fewer layers (save=k, save=[...])",
        share: Share | None = None,
    ) -> None:
        self._share = share
        self.observer = observer
        self.schedule = schedule
        self.axes = observer.axes(plan)
        self._plan = plan
        self._replicates = replicates
        self._advice = advice
        self._lock = Lock()
        self._measure = observer.measure(plan)
        #: What an earlier run recorded, finished: (slots, axes); those slots have no values here.
        self._before: npt.NDArray[Any] = np.empty(0)
        self._values: npt.NDArray[Any] | None = None
        if not callable(self._measure):
            self._values = self._allocated(tuple(len(axis.values) for axis in self.axes))

    @property
    def values(self) -> npt.NDArray[Any]:
        """The numbers as they were recorded, (replicates, slots, axes)."""
        assert self._values is not None
        return self._values

    @property
    def shape(self) -> tuple[int, ...] | None:
        """What is made of a state; None: it is not known yet."""
        return None if self._values is None else self._values.shape[2:]

    def allocate(self, shape: tuple[int, ...]) -> None:
        """Make room for values of a shape that is known from elsewhere, or confirm it."""
        if self._values is None:
            self.axes = tuple(
                Axis.numbered(f"{self.name}_{place}", size)
                for place, size in enumerate(shape, start=1)
            )
            self._values = self._allocated(shape)
        elif self.shape != shape:
            raise ValueError(f"{self.name!r} of shape {shape} in place of {self.shape}")

    def put(self, layer: int, values: npt.NDArray[Any]) -> None:
        """Record the values of the only run at a layer, if that is due."""
        first, last = self.schedule.count(np.array([layer - 1, layer]))
        if last > first:
            self.values[0, first] = values

    def go_on_from(self, earlier: xr.DataArray, seen: int) -> None:
        """Take over what an earlier run of fewer layers recorded up to the layer `seen`."""
        layers = self.schedule.layers(seen)
        found = earlier["layer"].to_numpy()
        if not np.isin(layers, found).all():
            missing = layers[~np.isin(layers, found)][0]
            raise ArgumentError(
                f"trajectory: {self.name!r} was not recorded at layer {missing}, which its "
                "schedule has in a run of more layers"
            )
        self._before = earlier.to_numpy()[np.isin(found, layers)]
        if layers.size:
            self.allocate(self._before.shape[1:])

    def blocks(self, runs: slice, slots: slice, size: int) -> Iterator[tuple[slice, slice]]:
        """Divide runs and slots into blocks of about so many bytes at most."""
        if slots.stop <= slots.start:
            return
        each = self.values[0, 0].nbytes
        together = max(1, size // max(1, each * (slots.stop - slots.start)))
        at_once = max(1, size // max(1, each))
        for run in range(runs.start, runs.stop, together):
            for slot in range(slots.start, slots.stop, at_once):
                yield (
                    slice(run, min(run + together, runs.stop)),
                    slice(slot, min(slot + at_once, slots.stop)),
                )

    @property
    def name(self) -> str:
        """The name of the variable."""
        return self.observer.name

    def _allocated(self, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        dtype = self.observer.dtype(self._plan)
        full = (self._replicates, len(self.schedule), *shape)
        check_memory(
            int(np.prod(full, dtype=object)) * dtype.itemsize,
            f"keeping {self.name!r} of {full[1]} layers of {full[0]} runs",
            self._advice,
        )
        return np.empty(full, dtype)

    def request(self, first: int, count: int) -> Request:
        """Return the request to the core for the replicates first..first+count−1."""
        schedule = self.schedule.core()
        if isinstance(self._measure, _core.Measure) and self._is_shared(self._measure):
            assert self._values is not None  # allocated with its axes
            outputs = [self._values[first : first + count]]
            return _core.MeasureRequest(schedule, self._measure, outputs)
        return _core.CallRequest(schedule, self._writer(first))

    def _is_shared(self, measure: _core.Measure) -> bool:
        """Whether the core makes the numbers of all tokens where a rank has a part of them."""
        share = self._share
        return (
            share is None
            or self.observer.follow is not None
            or share.serves(measure.stretch(share.n))
        )

    def _of_all(self, share: Share) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
        """Return what makes the numbers of all tokens from those of this rank."""
        measure: Any = self._measure
        if not isinstance(measure, _core.Measure):  # a value for each row
            return lambda tokens: share.whole(np.asarray(measure(tokens)))
        weights, threads = self._plan.weights, self._plan.threads

        def measured(tokens: npt.NDArray[Any]) -> npt.NDArray[Any]:
            values = _core.measure(measure, share.whole(tokens), weights, threads)
            return np.reshape(values, self.shape or ())

        return measured

    def _writer(self, first: int) -> Callable[[int, int, npt.NDArray[Any]], None]:
        function: Any = self._measure if self._share is None else self._of_all(self._share)

        def write(run: int, slot: int, tokens: npt.NDArray[Any]) -> None:
            try:
                value = np.asarray(function(tokens))
            except Exception as error:
                if hasattr(error, "add_note"):  # Python 3.11
                    layer = self.schedule.layer(slot)
                    error.add_note(f"raised by the observer {self.name!r} at layer {layer}")
                raise
            if value.dtype.kind not in "biuf":
                raise ArgumentTypeError(
                    f"observe: {self.name} must return real numbers, got dtype {value.dtype}"
                )
            with self._lock:  # runs side by side: the first to come allocates
                if self._values is None:
                    self.allocate(value.shape)
            if value.shape != self.shape:
                raise ArgumentError(
                    f"observe: {self.name} must return the same shape at every layer, "
                    f"got {value.shape} after {self.shape}"
                )
            self.values[first + run, slot] = value

        return write

    def variable(self, until: int, runs: Chosen = slice(None)) -> xr.DataArray:
        """Return what runs recorded up to a layer, with dimensions (replicate, time, axes)."""
        layers = self.schedule.layers(until)
        time = self._plan.times(layers)
        values = self._values
        if values is None:  # a function that was never called
            values = np.empty((self._replicates, len(self.schedule)))
        first = len(self._before)
        # Layers times Δ has the same bits in a run that is extended and in a longer one.
        since_start = np.asarray(layers * self._plan.thickness, dtype=np.float64)
        values = self.observer.finish(values[runs][:, first : layers.size], since_start[first:])
        if first:
            values = np.concatenate([self._before[None, : layers.size], values], axis=1)
        return xr.DataArray(
            values,
            {
                "time": ("time", time, COORDINATES["time"]),
                "layer": ("time", layers, COORDINATES["layer"]),
                **{
                    axis.name: (axis.name, axis.values, {"long_name": axis.name, "units": "1"})
                    for axis in self.axes
                    if axis.labelled
                },
            },
            ("replicate", "time", *(axis.name for axis in self.axes)),
            self.name,
            {**self.observer.attributes, "dim": self._plan.model.dim},
        )


class Recording:
    """The series of all observers of runs."""

    def __init__(
        self,
        observers: Sequence[Observer],
        plan: Plan,
        default: Schedule,
        replicates: int,
        share: Share | None = None,
    ) -> None:
        self.follow = follow_of(observers, plan)
        self.series: list[Series] = []
        for observer in observers:
            _check_name(observer.name, [series.name for series in self.series])
            schedule = default
            if observer.layers is not None:
                name = f"layers of the observer {observer.name!r}"
                schedule = Schedule.checked(name, observer.layers, plan.layers)
            self.series.append(Series(observer, schedule, plan, replicates, share=share))
        _check_clashes(self.series)

    def variables(self, until: int, runs: Chosen = slice(None)) -> dict[str, xr.DataArray]:
        """Return what runs recorded up to a layer, by name."""
        return {series.name: series.variable(until, runs) for series in self.series}


def follow_of(observers: Iterable[Observer], plan: Plan) -> Follow:
    """Return the tangent vectors that the runs carry for the observers; none: 0 of them."""
    wanted = [(o.name, o.follow) for o in observers if o.follow is not None]
    if not wanted:
        return Follow(0, 0)
    if len(wanted) > 1:
        raise ArgumentError(
            "observe: a run carries tangent vectors for one observer, got "
            + " and ".join(repr(name) for name, _ in wanted)
        )
    name, follow = wanted[0]
    require_post(plan.model.placement, f"observe: {name}")
    assert follow is not None
    if follow.k > plan.model.dim - 1:
        raise ArgumentError(
            f"observe: {name} has k of at most dim - 1 = {plan.model.dim - 1}, got {follow.k}"
        )
    if follow.token >= plan.n:
        raise ArgumentError(
            f"observe: {name} follows one of {plan.n} tokens, got token {follow.token}"
        )
    return follow


def _check_name(name: str, earlier: Sequence[str]) -> None:
    if name in RESERVED_NAMES or name.startswith("model."):
        raise ArgumentError(
            f"observe: an observer cannot be called {name!r}, which is a part of every result; "
            "give it another name"
        )
    if name in earlier:
        raise ArgumentError(f"observe: two observers are called {name!r}; give one a name")


def _check_clashes(series: Sequence[Series]) -> None:
    """Refuse an observer that is called like a dimension of another, before anything runs."""
    names = [s.name for s in series]
    for s in series:
        own = {f"time_{s.name}", f"layer_{s.name}", *(axis.name for axis in s.axes)}
        # A function's axes are numbered once it has been called.
        pattern = re.compile(rf"{re.escape(s.name)}_\d+")
        for name in names:
            if name in own or pattern.fullmatch(name):
                raise ArgumentError(
                    f"observe: {name!r} is a dimension of the observer {s.name!r} and cannot be "
                    "the name of another; give one of them another name"
                )
