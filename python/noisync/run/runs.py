"""Replicates on their way to the last layer, with pauses for checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync.measure.observer import Follow
from noisync.run.call import level
from noisync.run.keeper import Pause, Pauses
from noisync.run.plan import Plan
from noisync.run.progress import Progress
from noisync.run.recording import Series
from noisync.run.start import Start, drawn
from noisync.run.state import State, States
from noisync.storage.records import DamagedError, Record

#: Run and layer that could not be completed, why, and the residual of what did not converge.
Lost = tuple[int, int, str, float | None]

#: A record of a series holds about so many bytes at most.
_RECORD_BYTES = 2**26

#: The header of a checkpoint before the first layer may have this alone.
UNBEGUN = "unbegun"

#: What the names of a state's arrays begin with in a record, and the place of the saved tokens
#: among the series of a single run.
STATES, SAVED = "states.", 0


class Runs:
    """Where replicates stand and what they have recorded: all that a checkpoint holds.

    Parameters
    ----------
    plan : Plan
    start : law of their initial states
    series : what they record
    follow : the tangent vectors that they carry
    first_replicate, replicates : int
    together : int
        How many are carried at a time: their states are in memory.
    side_by_side : bool
        Whether each of those takes one thread.
    """

    def __init__(
        self,
        plan: Plan,
        start: Start,
        series: Sequence[Series],
        follow: Follow,
        *,
        first_replicate: int,
        replicates: int = 1,
        together: int = 1,
        side_by_side: bool = False,
    ) -> None:
        self._plan = plan
        self._start = start
        self._series = series
        self._follow = follow
        self._first_replicate = first_replicate
        self._replicates = replicates
        self._together = together
        self._side_by_side = side_by_side
        #: The last layer of each that was recorded, now and in the checkpoint.
        self.seen = np.full(replicates, -1, np.int64)
        self._kept = self.seen.copy()
        self.layers_summed_directly = np.zeros(replicates, np.int64)
        #: The SIMD levels that computed them.
        self.levels = [level()]
        self._part, self.states = self._begun(0)
        self._stood = self._stand()

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Which replicates have reached the last layer and recorded it, (replicates,)."""
        complete: npt.NDArray[np.bool_] = self.seen == self._plan.layers
        return complete

    def _begun(self, first: int) -> tuple[slice, States]:
        """Return the next replicates to be carried together, and their initial states."""
        part = slice(first, min(first + self._together, self._replicates))
        count = part.stop - part.start
        tokens = drawn(self._start, self._plan.seed, self._first_replicate + first, count)
        return part, States(tokens, self._plan.dtype, self._follow, self._plan.initial_norm)

    def carry(self, progress: Progress, keeper: Pauses) -> Lost | None:
        """Carry all to the last layer, or until the time is up or one is lost."""
        while True:
            try:
                lost = self._advance(progress, keeper)
            except Pause:
                if keeper.over:
                    return None
                keeper.write()
                continue
            if lost is not None or self._part.stop == self._replicates:
                return lost
            self._part, self.states = self._begun(self._part.stop)
            if keeper.over:
                return None
            if keeper.due:
                keeper.write()

    def _advance(self, progress: Progress, keeper: Pauses) -> Lost | None:
        """Carry the present ones on; the replicate of a loss counts from the first of all."""
        while True:
            until = keeper.until(int(self.states.layers.min()), self._plan.layers)
            lost = self._advance_to(until, progress, keeper)
            if lost is not None or until == self._plan.layers:
                return lost
            keeper.meet()

    def _advance_to(self, until: int, progress: Progress, keeper: Pauses) -> Lost | None:
        part, states = self._part, self.states
        count = part.stop - part.start

        def layers() -> int:
            return int(part.start * self._plan.layers + states.layers.sum())

        before = layers()

        def watch(advanced: int) -> None:
            progress.report(before + advanced)
            keeper.watch(before + advanced)

        try:
            lost = self._plan.advance(
                states,
                self._first_replicate + part.start,
                [series.request(part.start, count) for series in self._series],
                self._follow,
                watch if progress.shown or keeper.pauses else None,
                last=until,
                side_by_side=self._side_by_side and count > 1,
            )
        finally:
            self.seen[part] = states.seen
            self.layers_summed_directly[part] = states.layers_summed_directly
            progress.report(layers())
        if lost is None:
            return None
        run, layer, reason, residual = lost
        return part.start + run, layer, reason, residual

    def go_on_from(self, state: State, layers_summed_directly: int, seen: int) -> None:
        """Put the only run into a state that an earlier one reached; `seen` is recorded already."""
        carried = {name: getattr(state, name) for name in State.CARRIED}
        for name, value in carried.items():
            if value is not None:
                getattr(self.states, name)[0] = value
        self.states.layers[0] = state.layer
        self.states.layers_summed_directly[0] = layers_summed_directly
        self.states.seen[0] = self.seen[0] = seen
        self.kept()

    # What a checkpoint holds

    def state(self) -> Record:
        """Return where they stand."""
        header = {
            "first": self._part.start,
            "shapes": [series.shape for series in self._series],
            "levels": self.levels,
        }
        states = {STATES + name: array for name, array in self.states.arrays().items()}
        own = {"seen": self.seen, "layers_summed_directly": self.layers_summed_directly}
        return Record(header, own | states)

    def news(self, each: bool = False) -> Iterator[Record]:
        """Yield what was recorded since the last checkpoint: runs and slots that are neighbours.

        One slot at a time with `each`, so that all ranks yield alike.
        """
        changed = np.flatnonzero(self.seen > self._kept)
        before, now = self._kept[changed], self.seen[changed]
        alike = (np.diff(changed) == 1) & (np.diff(before) == 0) & (np.diff(now) == 0)
        for group in np.split(np.arange(changed.size), np.flatnonzero(~alike) + 1):
            if group.size:
                runs = slice(int(changed[group[0]]), int(changed[group[-1]]) + 1)
                yield from self._blocks(runs, int(before[group[0]]), int(now[group[0]]), each)

    def _blocks(self, runs: slice, before: int, now: int, each: bool) -> Iterator[Record]:
        for index, series in enumerate(self._series):
            first, last = (int(series.schedule.count(np.int64(seen))) for seen in (before, now))
            size = 0 if each else _RECORD_BYTES
            for part, slots in series.blocks(runs, slice(first, last), size):
                header = {"series": index, "run": part.start, "slot": slots.start}
                yield Record(header, {"values": series.values[part, slots]})

    def kept(self) -> None:
        """Take note that all of it is in the checkpoint."""
        self._kept = self.seen.copy()
        self._stood = self._stand()

    def changed(self) -> bool:
        """Whether any layer was completed or recorded since then."""
        return self._stand() != self._stood

    def _stand(self) -> tuple[int, int, int]:
        return self._part.start, int(self.states.layers.sum()), int(self.seen.sum())

    def restore(self, state: Record, records: Iterator[Record]) -> None:
        """Go back to where a checkpoint stands."""
        if state.header.get(UNBEGUN):
            return
        try:
            self._restore(state, records)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise DamagedError(f"it does not fit: {error}") from error

    def _restore(self, state: Record, records: Iterator[Record]) -> None:
        arrays = state.arrays
        tokens = arrays[f"{STATES}tokens"]
        first = state.header["first"]
        self._part = slice(first, first + len(tokens))
        self.states = States(tokens, self._plan.dtype, self._follow, self._plan.initial_norm)
        for name, array in self.states.arrays().items():
            _fill(array, arrays[STATES + name])
        _fill(self.seen, arrays["seen"])
        _fill(self.layers_summed_directly, arrays["layers_summed_directly"])
        for series, shape in zip(self._series, state.header["shapes"], strict=True):
            if shape is not None:
                series.allocate(tuple(shape))
        for record in records:
            header = record.header
            values = record.arrays["values"]
            runs = slice(header["run"], header["run"] + values.shape[0])
            slots = slice(header["slot"], header["slot"] + values.shape[1])
            _fill(self._series[header["series"]].values[runs, slots], values)
        self.levels = [*state.header["levels"]]
        if self.levels[-1] != level():
            self.levels.append(level())
        self.kept()


def _fill(array: npt.NDArray[Any], values: npt.NDArray[Any]) -> None:
    if array.shape != values.shape or array.dtype != values.dtype:
        raise ValueError(f"{values.dtype} {values.shape} in place of {array.dtype} {array.shape}")
    array[...] = values
