"""The cells of a study, each computed once: what a checkpoint has of them is not computed again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from noisync.errors import NoisyncError
from noisync.run.checkpoint import Checkpoint
from noisync.run.cluster import check_client, completed
from noisync.run.keeper import Keeper, keeping
from noisync.storage.records import Record

if TYPE_CHECKING:
    from distributed import Client

#: Numbers and arrays by name.
Values = Mapping[str, Any]

#: Arguments of studies that change nothing in a result.
_WITHOUT_EFFECT = {"threads", "progress", "checkpoint", "stop_after", "client"}


def with_effect(arguments: Values) -> Values:
    """Return those arguments of a study that matter to its result."""
    return {name: value for name, value in arguments.items() if name not in _WITHOUT_EFFECT}


class TimeUpError(Exception):
    """The time of a study was up before its last cell."""


class Cells:
    """What the cells of a study have come to so far.

    Parameters
    ----------
    study : str
        Its name in the package.
    arguments : mapping
        All that matter to its result.
    checkpoint, stop_after
        As in :func:`noisync.simulate`; a checkpoint is written after whole cells.
    """

    def __init__(
        self,
        study: str,
        arguments: Values,
        checkpoint: Checkpoint | str | os.PathLike[str] | None,
        stop_after: float | None,
    ) -> None:
        self._values: dict[str, Values] = {}
        self._new: list[Record] = []
        self._study, self._arguments = study, arguments
        self._run = {"checkpoint": checkpoint, "stop_after": stop_after}
        self._keeper: Keeper | None = None

    def of(self, key: str, compute: Callable[[], Values]) -> Values:
        """Return the values of a cell; they are computed unless the checkpoint has them."""
        if key not in self._values:
            self._check_time()
            self._add(key, compute())
        return self._values[key]

    def each(
        self, planned: Iterable[tuple[str, Callable[[], Values]]], client: Client | None = None
    ) -> Iterator[tuple[str, Values]]:
        """Return all cells with their keys as they are known; on the workers of a client, if given.

        There they are computed side by side, in any order.
        """
        if client is None:
            for key, compute in planned:
                yield key, self.of(key, compute)
            return
        missing = {}
        for key, compute in planned:
            if key in self._values:
                yield key, self._values[key]
            else:
                missing[key] = compute
        if missing:
            self._check_time()
            for key, values in completed(check_client(client), missing):
                self._add(key, values)
                yield key, values
                self._check_time()

    def _check_time(self) -> None:
        assert self._keeper is not None  # within running()
        if self._keeper.over:
            raise TimeUpError

    def _add(self, key: str, values: Values) -> None:
        assert self._keeper is not None
        scalars = [name for name, value in values.items() if not isinstance(value, np.ndarray)]
        arrays = {name: np.asarray(value) for name, value in values.items()}
        self._values[key] = values
        self._new.append(Record({"cell": key, "scalars": scalars}, arrays))
        if self._keeper.due:
            self._keeper.write()

    @contextmanager
    def running(self, result: Callable[[], xr.Dataset | None]) -> Iterator[None]:
        """Write the checkpoint however the block ends.

        An exception that stops the study gets what it had come to in its ``dataset``; where the
        time was up there is none.
        """
        try:
            with keeping(f"study {self._study}", self._arguments, self, self._run) as keeper:
                self._keeper = keeper
                yield
        except TimeUpError:
            pass
        except (KeyboardInterrupt, NoisyncError) as stop:
            stop.dataset = result()  # type: ignore[union-attr]
            raise

    # What a checkpoint holds

    def state(self) -> Record:
        """Return how many cells there are."""
        return Record({"cells": len(self._values)})

    def news(self) -> list[Record]:
        """Return the cells since the last checkpoint."""
        return self._new

    def kept(self) -> None:
        """Take note that they are in the checkpoint."""
        self._new = []

    def changed(self) -> bool:
        """Whether there are any."""
        return bool(self._new)

    def restore(self, state: Record, records: Iterator[Record]) -> None:
        """Go back to where a checkpoint stands."""
        self._values = {}
        for record in records:
            scalars = record.header["scalars"]
            self._values[record.header["cell"]] = {
                name: array.item() if name in scalars else array
                for name, array in record.arrays.items()
            }
