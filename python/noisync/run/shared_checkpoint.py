"""The checkpoint of a run that several ranks share: each writes and reads its own tokens.

One process and any number of ranks go on from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from noisync.errors import ArgumentError
from noisync.run.ranks import Share
from noisync.run.runs import SAVED, STATES, UNBEGUN, Runs
from noisync.storage.files import reason
from noisync.storage.folder import RECORD_ROWS, STATE_ROWS
from noisync.storage.records import DamagedError, Record
from noisync.storage.rows import Block, Rows, joined, resolved, with_outside, write_rows

_TOKENS = f"{STATES}tokens"


class SharedCheckpoint:
    """What there is to write and to restore: at the first rank, the work of its keeper."""

    def __init__(self, share: Share, runs: Runs, folder: Path) -> None:
        self._share, self._runs, self._folder = share, runs, folder
        self._state = Record({UNBEGUN: True})
        self._news: list[Record] = []
        self._failure: str | None = None
        #: Whether what was collected last is in the checkpoint.
        self.written = False

    def collect(self, generation: int) -> None:
        """Write the tokens of every rank, and bring the rest to the first; called by all."""
        share, runs = self._share, self._runs
        state, news = runs.state(), list(runs.news(each=True))
        arrays = [
            _Tokens(STATE_ROWS[generation % 2], 0, state.arrays[_TOKENS]),
            *(
                _Tokens(RECORD_ROWS, record.header["slot"], record.arrays["values"])
                for record in news
                if record.header["series"] == SAVED
            ),
        ]
        failure: str | None = None
        blocks: list[list[Block]] = []
        try:
            blocks = [each.write(self._folder, share) for each in arrays]
        except OSError as error:
            failure = reason(error)
        others = {name: array for name, array in _states(state).items() if name != "tokens"}
        whole = _with(state, share.whole_states(others, everywhere=False), share.n)
        found = share.comm.gather((failure, blocks), root=0)
        if found is None:
            return
        self.written = False
        self._failure = next((each for each, _ in found if each is not None), None)
        if self._failure is None:
            rows = [
                each.of_all(share, joined(own[k] for _, own in found))
                for k, each in enumerate(arrays)
            ]
            self._state = with_outside(whole, {_TOKENS: rows[0]})
            slots = iter(rows[1:])
            self._news = [
                with_outside(each, {"values": next(slots)}) if each.header["series"] == SAVED
                else each
                for each in news
            ]  # fmt: skip

    # The work of the keeper at the first rank

    def state(self) -> Record:
        """Return where all stand; before anything was collected, that they have not begun."""
        if self._failure is not None:
            raise ArgumentError(f"checkpoint: cannot write {str(self._folder)!r}: {self._failure}")
        return self._state

    def news(self) -> list[Record]:
        """Return what was recorded since the last checkpoint that was written."""
        return self._news

    def kept(self) -> None:
        """Take note that it is in the checkpoint."""
        self.written = True

    def changed(self) -> bool:
        """Return True: what is collected is to be written."""
        return True

    def restore(self, state: Record, records: Iterator[Record]) -> None:
        """Let all ranks go back to where a checkpoint stands."""
        offer = state, list(records)
        self._share.comm.bcast(offer, root=0)
        self.take(*offer)

    def end_restoring(self) -> None:
        """Let the other ranks know that no other checkpoint is offered."""
        self._share.comm.bcast(None, root=0)

    def await_restoring(self) -> None:
        """Do at the other ranks what the first offers, until it has ended."""
        while (offer := self._share.comm.bcast(None, root=0)) is not None:
            try:
                self.take(*offer)
            except DamagedError:
                continue  # and take the next one

    def take(self, state: Record, records: Sequence[Record]) -> None:
        """Go back to a checkpoint, if that is whole at all ranks; called by all."""
        failure = None
        try:
            self._runs.restore(self._own_state(state), iter(self._own_records(records)))
        except DamagedError as error:
            failure = str(error)
        failures = [each for each in self._share.comm.allgather(failure) if each is not None]
        if failures:
            raise DamagedError(failures[0])

    def _own_state(self, state: Record) -> Record:
        if state.header.get(UNBEGUN):
            return state
        rows = self._share.rows
        inside = _with(state, self._share.own_states(_states(state)), rows.stop - rows.start)
        return resolved(self._folder, inside, rows)

    def _own_records(self, records: Sequence[Record]) -> Iterator[Record]:
        rows = self._share.rows
        for record in records:
            if record.header["series"] == SAVED and record.arrays:  # one process wrote it
                yield Record(record.header, {"values": record.arrays["values"][:, :, rows]})
            else:
                yield resolved(self._folder, record, rows)


class _Tokens:
    """Numbers with a row for each token of this rank, after axes of length 1."""

    def __init__(self, file: str, number: int, array: npt.NDArray[Any]) -> None:
        self._file, self._number = file, number
        self._leading = array.ndim - 2
        self._rows = array[(0,) * self._leading]

    def _offset(self, share: Share) -> int:
        return int(self._number * share.n * self._rows[:1].nbytes)

    def write(self, folder: Path, share: Share) -> list[Block]:
        """Write them to their place in the file."""
        return write_rows(folder, self._file, self._offset(share), share.rows.start, self._rows)

    def of_all(self, share: Share, blocks: tuple[Block, ...]) -> Rows:
        """Return where those of all ranks lie."""
        shape = share.n, *self._rows.shape[1:]
        dtype = self._rows.dtype.str
        return Rows(self._file, self._offset(share), dtype, shape, self._leading, blocks)


def _states(state: Record) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of the states themselves."""
    found = {k.removeprefix(STATES): v for k, v in state.arrays.items() if k.startswith(STATES)}
    return dict(sorted(found.items()))


def _with(state: Record, states: Mapping[str, npt.NDArray[Any]], count: int) -> Record:
    """Return a state with other arrays, of so many saved tokens."""
    shapes = list(state.header["shapes"])
    shapes[SAVED] = [count, *shapes[SAVED][1:]]
    arrays = {**state.arrays, **{STATES + name: array for name, array in states.items()}}
    return Record({**state.header, "shapes": shapes}, arrays)
