"""Pauses of a run that several ranks share: the first decides, and writes for all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync.errors import NoisyncError
from noisync.run.keeper import Keeper, Pause, keeping
from noisync.run.ranks import Share
from noisync.run.runs import SAVED, STATES, Runs
from noisync.storage.records import Record

#: About so many seconds pass between two decisions.
_INTERVAL = 0.5


class SharedKeeper:
    """What :class:`Keeper` is to one process, to all ranks; each calls the same at the same place.

    The checkpoint is that of one process: any number of ranks goes on from it.
    """

    def __init__(
        self, share: Share, runs: Runs, keeper: Keeper | None, *, writes: bool, stops: bool
    ) -> None:
        self._share, self._runs, self._keeper = share, runs, keeper
        self._writes, self._decides = writes, writes or stops
        self._stride, self._since = 1, time.monotonic()
        self._over = self._due = False

    def until(self, layer: int, last: int) -> int:
        """Return the layer after which the ranks are to decide again."""
        return min(layer + self._stride, last) if self._decides else last

    def meet(self) -> None:
        """Raise a Pause on all ranks, if the first has reason to."""
        decision = None
        if self._keeper is not None:
            seconds = time.monotonic() - self._since
            if seconds < _INTERVAL / 2:
                self._stride *= 2
            elif seconds > 2 * _INTERVAL:
                self._stride = max(1, self._stride // 2)
            decision = self._keeper.over, self._keeper.due, self._stride
        self._over, self._due, self._stride = self._share.comm.bcast(decision, root=0)
        self._since = time.monotonic()
        if self._over or self._due:
            raise Pause

    @property
    def pauses(self) -> bool:
        """False: within a stride there is nothing to decide."""
        return False

    @property
    def over(self) -> bool:
        """Whether the time was up when the ranks met."""
        return self._over

    @property
    def due(self) -> bool:
        """Whether a checkpoint was due when the ranks met."""
        return self._due

    def watch(self, layers: int) -> None:
        """Do nothing: within a stride there is nothing to decide."""

    def write(self) -> None:
        """Write the checkpoint, if there is one."""
        if not self._writes:
            return
        collected = _Collected.of(self._share, self._runs)

        def write() -> None:
            assert self._keeper is not None
            self._keeper.write(collected)

        self._share.by_first(write)
        self._runs.kept()


class _Collected:
    """The state and the news of all ranks, where the first has gathered them."""

    def __init__(self, state: Record, news: list[Record]) -> None:
        self._state, self._news = state, news
        self.restored: tuple[Record, list[Record]] | None = None

    @classmethod
    def of(cls, share: Share, runs: Runs) -> _Collected:
        state = runs.state()
        whole = _with(state, share.whole_states(_states(state)), share.n)
        return cls(whole, list(_news(share, runs)))

    def state(self) -> Record:
        return self._state

    def news(self) -> list[Record]:
        return self._news

    def kept(self) -> None:
        pass

    def changed(self) -> bool:
        return True

    def restore(self, state: Record, records: Iterator[Record]) -> None:
        self.restored = state, list(records)


def _news(share: Share, runs: Runs) -> Iterator[Record]:
    """Yield what was recorded since the last checkpoint; saved tokens slot by slot, gathered."""
    for record in runs.news(each=True):
        values = record.arrays["values"]
        if record.header["series"] == SAVED:
            values = np.array([[share.whole(slot) for slot in run] for run in values])
        yield replace(record, arrays={"values": values})


def _own(share: Share, state: Record, records: list[Record]) -> tuple[Record, Iterator[Record]]:
    """Return what a rank has of a checkpoint of all."""
    own = [
        replace(each, arrays={"values": each.arrays["values"][:, :, share.rows]})
        if each.header["series"] == SAVED
        else each
        for each in records
    ]
    count = share.rows.stop - share.rows.start
    return _with(state, share.own_states(_states(state)), count), iter(own)


def _states(state: Record) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of the states themselves."""
    found = {k.removeprefix(STATES): v for k, v in state.arrays.items() if k.startswith(STATES)}
    return dict(sorted(found.items()))


def _with(state: Record, states: Mapping[str, npt.NDArray[Any]], count: int) -> Record:
    """Return a state with other arrays of so many tokens."""
    shapes = list(state.header["shapes"])
    shapes[SAVED] = [count, *shapes[SAVED][1:]]
    arrays = {**state.arrays, **{STATES + name: array for name, array in states.items()}}
    return Record({**state.header, "shapes": shapes}, arrays)


@contextmanager
def shared_keeping(
    share: Share, kind: str, asked: Mapping[str, Any], runs: Runs, run: Mapping[str, Any]
) -> Iterator[SharedKeeper]:
    """Go on from the checkpoint, if there is one, and write it where the block ends as it should.

    As :func:`noisync.run.keeper.keeping`, for all ranks.
    """
    writes = run["checkpoint"] is not None
    collected = _Collected.of(share, runs) if writes else _Collected(Record({}), [])
    opened: Any = None
    keeper: Keeper | None = None
    error: NoisyncError | None = None
    if share.first:
        opened = keeping(kind, asked, collected, run, at_end=False)
        try:
            keeper = opened.__enter__()
        except NoisyncError as caught:
            error, opened = caught, None
    error, restored = share.comm.bcast((error, collected.restored), root=0)
    if error is not None:
        raise error
    if restored is not None:
        runs.restore(*_own(share, *restored))
    runs.kept()
    stops = run["stop_after"] is not None
    shared = SharedKeeper(share, runs, keeper, writes=writes, stops=stops)
    try:
        yield shared
        shared.write()
    finally:
        if opened is not None:
            opened.__exit__(None, None, None)
