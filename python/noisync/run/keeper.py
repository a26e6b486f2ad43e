"""Pauses of a computation: to write its checkpoint, or because its time is up."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from noisync.base import validate
from noisync.errors import ArgumentError, CheckpointWarning, Terminated
from noisync.run.call import check_call, described_call
from noisync.run.checkpoint import Checkpoint, as_checkpoint
from noisync.storage.files import signals_deferred
from noisync.storage.folder import Folder
from noisync.storage.records import Record

#: Writing takes at most this share of a computation, unless it is to be as frequent as possible.
_SHARE = 0.01


class Pause(BaseException):
    """Raised out of a computation that is to be continued: between layers, nothing is lost."""


class Work(Protocol):
    """What a checkpoint is of."""

    def state(self) -> Record:
        """Return where it stands."""

    def news(self) -> Iterable[Record]:
        """Return what was recorded since :meth:`kept` was called last."""

    def kept(self) -> None:
        """Take note that all of that is on disk."""

    def changed(self) -> bool:
        """Whether anything has happened since then."""

    def restore(self, state: Record, records: Iterator[Record]) -> None:
        """Go back to where a checkpoint stands."""


class Pauses(Protocol):
    """What tells a computation when to pause, and why."""

    @property
    def pauses(self) -> bool:
        """Whether the computation has to call :meth:`watch`."""

    @property
    def over(self) -> bool:
        """Whether the time is up."""

    @property
    def due(self) -> bool:
        """Whether a checkpoint is due."""

    def watch(self, layers: int) -> None:
        """Raise a Pause if there is reason to; so many layers were completed in all."""

    def until(self, layer: int, last: int) -> int:
        """Return the layer after which :meth:`meet` is to be called."""

    def meet(self) -> None:
        """Raise a Pause if there is reason to."""

    def write(self) -> None:
        """Write the checkpoint, if there is one and something new."""


class Keeper:
    """Writes the checkpoints of a computation when they are due, and knows when its time is up.

    Parameters
    ----------
    work : Work
    call : function
        Of the minutes between two checkpoints; returns what was asked for. A checkpoint of anything
        else is refused.
    checkpoint : Checkpoint or None
    stop_after : float or None
        Hours.
    rows : bool
        Whether the work restores rows that lie in files of their own, or sees to them itself.
    """

    def __init__(
        self,
        work: Work,
        call: Callable[[float], Record],
        checkpoint: Checkpoint | None,
        stop_after: float | None,
        *,
        rows: bool = True,
    ) -> None:
        self._work, self._rows = work, rows
        self._began = time.monotonic()
        hours = None if stop_after is None else validate.positive("stop_after", stop_after)
        self._end = None if hours is None else self._began + 3600 * hours
        self._minutes = 0.0 if checkpoint is None else checkpoint.minutes
        self._folder = None
        if checkpoint is not None:
            self._folder = self._opened(checkpoint, call(checkpoint.minutes))
        self._next = self._began + 60 * self._minutes
        self._last_layers = 0

    def _opened(self, checkpoint: Checkpoint, call: Record) -> Folder:
        if not Folder.exists(checkpoint.path):
            folder = Folder.begin("checkpoint", checkpoint.path, call, self._work.state())
            self._work.kept()
            return folder
        folder = Folder.reopen("checkpoint", checkpoint.path)
        try:
            check_call(checkpoint, folder.call, call)
            folder.restore(self._work.restore, rows=self._rows)
        except BaseException:
            folder.close()
            raise
        return folder

    @property
    def folder(self) -> Folder | None:
        """The checkpoint."""
        return self._folder

    @property
    def pauses(self) -> bool:
        """Whether the computation has to call :meth:`watch`."""
        return self._folder is not None or self._end is not None

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self._end is not None and time.monotonic() >= self._end

    @property
    def due(self) -> bool:
        """Whether a checkpoint is due."""
        return self._folder is not None and time.monotonic() >= self._next

    def watch(self, layers: int) -> None:
        """Raise a Pause if there is reason to; so many layers were completed in all.

        The layer that is under way will be computed anew: for a checkpoint, one is let end first.
        """
        ended = layers > self._last_layers
        self._last_layers = layers
        if self.over or (ended and self.due):
            raise Pause

    def until(self, layer: int, last: int) -> int:
        """Return the layer up to which the computation need not ask whether it is to pause."""
        return last

    def meet(self) -> None:
        """Do nothing: a process alone decides whenever it likes."""

    def write(self) -> None:
        """Write the checkpoint, if there is one and something new; where that fails, warn."""
        work = self._work
        if self._folder is None or not work.changed():
            return
        began = time.monotonic()
        try:
            self._folder.append(work.news(), work.state())
        except (OSError, ArgumentError) as error:
            warnings.warn(f"{error}; the checkpoint before stands", CheckpointWarning, stacklevel=2)
        else:
            work.kept()
        ended = time.monotonic()
        rest = 0.0 if self._minutes == 0 else (ended - began) * (1 / _SHARE - 1)
        self._next = ended + max(60 * self._minutes, rest)

    def close(self) -> None:
        """Let other processes have the checkpoint."""
        if self._folder is not None:
            self._folder.close()


@contextmanager
def keeping(
    kind: str,
    asked: Mapping[str, Any],
    work: Work,
    run: Mapping[str, Any],
    *,
    shared: bool = False,
) -> Iterator[Keeper]:
    """Go on from the checkpoint, if there is one, and write it however the block ends.

    `kind` is the function that was called, `asked` are its arguments that matter to the result;
    `run` has what it was told of checkpoints, too. With a checkpoint SIGTERM raises Terminated.
    A work that ranks share writes at the end itself, and restores its rows itself.
    """
    checkpoint = as_checkpoint(run["checkpoint"])
    call = partial(described_call, kind, asked)
    keeper = None
    try:
        with signals_deferred():
            keeper = Keeper(work, call, checkpoint, run["stop_after"], rows=not shared)
        with terminated_by_sigterm(checkpoint is not None):
            try:
                yield keeper
            finally:
                if not shared:
                    keeper.write()
    finally:
        if keeper is not None:
            keeper.close()


@contextmanager
def terminated_by_sigterm(active: bool) -> Iterator[None]:
    """Let SIGTERM raise Terminated, in the main thread and where nobody else handles it."""
    main = threading.current_thread() is threading.main_thread()
    if not (active and main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL):
        yield
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def terminate(_number: int, _frame: Any) -> None:
    """Raise Terminated: a handler of signals."""
    raise Terminated
