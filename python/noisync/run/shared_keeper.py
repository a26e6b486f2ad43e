"""Pauses of a run that several ranks share: the first decides."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from noisync.errors import NoisyncError
from noisync.run.checkpoint import as_checkpoint
from noisync.run.keeper import Keeper, Pause, keeping
from noisync.run.ranks import Share
from noisync.run.runs import Runs
from noisync.run.shared_checkpoint import SharedCheckpoint

#: About so many seconds pass between two decisions.
_INTERVAL = 0.5


class SharedKeeper:
    """What :class:`Keeper` is to one process, to all ranks; each calls the same at the same place.

    Parameters
    ----------
    share : Share
    runs : Runs
    keeper : Keeper or None
        That of the first rank.
    checkpoint : SharedCheckpoint or None
        If there is one.
    decides : bool
        Whether there is anything to decide.
    """

    def __init__(
        self,
        share: Share,
        runs: Runs,
        keeper: Keeper | None,
        checkpoint: SharedCheckpoint | None,
        *,
        decides: bool,
    ) -> None:
        self._share, self._runs, self._keeper = share, runs, keeper
        self._checkpoint, self._decides = checkpoint, decides
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
        if self._checkpoint is None:
            return
        folder = None if self._keeper is None else self._keeper.folder
        generation = None if folder is None else folder.next_generation
        self._checkpoint.collect(self._share.comm.bcast(generation, root=0))
        if self._keeper is not None:
            self._keeper.write()
        if self._share.comm.bcast(self._checkpoint.written, root=0):
            self._runs.kept()


@contextmanager
def shared_keeping(
    share: Share, kind: str, asked: Mapping[str, Any], runs: Runs, run: Mapping[str, Any]
) -> Iterator[SharedKeeper]:
    """Go on from the checkpoint, if there is one, and write it where the block ends as it should.

    As :func:`noisync.run.keeper.keeping`, for all ranks.
    """
    wanted = as_checkpoint(run["checkpoint"])
    folder = Path() if wanted is None else Path(os.path.realpath(wanted.path))
    checkpoint = SharedCheckpoint(share, runs, folder)
    opened: Any = None
    keeper: Keeper | None = None
    error: NoisyncError | None = None
    if share.first:
        opened = keeping(kind, asked, checkpoint, run, shared=True)
        try:
            keeper = opened.__enter__()
        except NoisyncError as caught:
            error, opened = caught, None
        checkpoint.end_restoring()
    else:
        checkpoint.await_restoring()
    error = share.comm.bcast(error, root=0)
    if error is not None:
        raise error
    shared = SharedKeeper(
        share, runs, keeper, None if wanted is None else checkpoint,
        decides=wanted is not None or run["stop_after"] is not None,
    )  # fmt: skip
    try:
        yield shared
        shared.write()
    finally:
        if opened is not None:
            opened.__exit__(None, None, None)
