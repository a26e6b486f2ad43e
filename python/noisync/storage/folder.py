"""A folder that a computation can go on from after any end, that of its process included.

``call``: what was asked for, written once. ``state-0``, ``state-1``: where it stands, in two
generations; a new one replaces the older, so that the newest whole one is at most one interval old.
``tokens``, ``tokens-0``, ``tokens-1``: rows of those two that several processes wrote (rows.py).
``records``: what it has recorded, only ever appended to; a state says how many bytes of it count.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType

from noisync.errors import ArgumentError
from noisync.storage.files import (
    reason,
    refusing,
    replace_file,
    signals_deferred,
    sync,
    sync_folder,
)
from noisync.storage.records import DamagedError, Record, read_record, read_records, write_record
from noisync.storage.rows import resolved

_CALL, _RECORDS, _STATES = "call", "records", ("state-0", "state-1")

#: The files of the rows of records, and of the rows of states of either generation.
RECORD_ROWS, STATE_ROWS = "tokens", ("tokens-0", "tokens-1")


class Folder:
    """An open checkpoint; no other process has it open. `name` is the argument messages name."""

    def __init__(self, name: str, path: Path, lock: int, call: Record) -> None:
        self.path = path
        self.call = call
        self._name = name
        self._lock = lock
        self._length = 0  # bytes of the records that the newest state counts
        self._generation = 0

    @classmethod
    def exists(cls, path: Path) -> bool:
        """Whether there is something at a path other than an empty folder."""
        try:
            return next(path.iterdir(), None) is not None
        except FileNotFoundError:
            return False
        except NotADirectoryError:
            return True

    @classmethod
    def begin(cls, name: str, path: Path, call: Record, state: Record) -> Folder:
        """Make a checkpoint: the folder appears with its first state."""
        with signals_deferred(), refusing(name, path):
            target = Path(os.path.realpath(path))
            partial = target.with_name(f".noisync-{secrets.token_hex(8)}.part")
            partial.mkdir()
            try:
                (partial / _RECORDS).touch()
                _write(partial / _CALL, call)
                _write(partial / _STATES[0], _numbered(state, 0, 0))
                sync_folder(partial)
                lock = _locked(name, path, partial)
                partial.replace(target)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            sync_folder(target.parent)
            return cls(name, target, lock, call)

    @classmethod
    def reopen(cls, name: str, path: Path) -> Folder:
        """Open a checkpoint that exists."""
        with _reading(name, path):
            target = _checked(name, path)
            lock = _locked(name, path, target)
            try:
                return cls(name, target, lock, _read(target / _CALL))
            except BaseException:
                os.close(lock)
                raise

    @classmethod
    def asked(cls, name: str, path: Path) -> Record:
        """Return what a checkpoint is of, whoever has it open."""
        with _reading(name, path):
            return _read(_checked(name, path) / _CALL)

    @property
    def next_generation(self) -> int:
        """The number of the state that is written next."""
        return self._generation + 1

    def restore(
        self, restore: Callable[[Record, Iterator[Record]], None], *, rows: bool = True
    ) -> None:
        """Call restore(state, records) with the newest state that is whole, as are its records.

        Where that of a newer state turns out to be damaged on the way, it is called again with an
        older one. Without `rows`, those that lie in files of their own are left there.
        """
        complete = partial(resolved, self.path) if rows else _as_it_is
        states, reasons = [], []
        for file in _STATES:
            try:
                states.append(_read(self.path / file))
            except FileNotFoundError:
                continue
            except (DamagedError, OSError) as error:
                reasons.append(f"{file}: {error}")
        for state in sorted(states, key=_generation, reverse=True):
            try:
                length = state.header["length"]
                with (self.path / _RECORDS).open("rb") as records:
                    restore(complete(state), map(complete, read_records(records, length)))
            except (DamagedError, KeyError, TypeError, ValueError) as error:
                reasons.append(f"generation {_generation(state)}: {error}")
                continue
            self._length = length
            self._generation = _generation(state)
            return
        raise ArgumentError(
            f"{self._name}: {str(self.path)!r} is damaged: {'; '.join(reasons) or 'no state'}"
        )

    def append(self, records: Iterable[Record], state: Record) -> None:
        """Add records and replace the older state by one that counts them.

        Where that fails the checkpoint stands as before.
        """
        with signals_deferred():
            with (self.path / _RECORDS).open("r+b") as file:
                file.truncate(self._length)  # what no state counts
                file.seek(self._length)
                for record in records:
                    write_record(file, record)
                file.flush()
                os.fsync(file.fileno())
                length = file.tell()
            generation = self._generation + 1
            numbered = _numbered(state, generation, length)
            replace_file(
                self._name,
                self.path / _STATES[generation % 2],
                lambda partial: _write(partial, numbered),
            )
            self._length, self._generation = length, generation

    def close(self) -> None:
        """Let other processes have it."""
        os.close(self._lock)

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _checked(name: str, path: Path) -> Path:
    target = path.resolve(strict=True)
    if not (target / _CALL).is_file():
        raise ArgumentError(f"{name}: {str(path)!r} is no checkpoint of noisync")
    for file in (_CALL, _RECORDS, *_STATES, RECORD_ROWS, *STATE_ROWS):
        if (target / file).is_symlink():  # writing would go elsewhere
            raise ArgumentError(
                f"{name}: {str(path)!r} is no checkpoint of noisync: {file} is a link"
            )
    return target


@contextmanager
def _reading(name: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArgumentError(f"{name}: cannot read {str(path)!r}: {reason(error)}") from error
    except DamagedError as error:
        raise ArgumentError(f"{name}: {str(path)!r} is damaged: {error}") from error


def _as_it_is(record: Record) -> Record:
    return record


def _generation(state: Record) -> int:
    return int(state.header.get("generation", -1))


def _numbered(state: Record, generation: int, length: int) -> Record:
    return Record({**state.header, "generation": generation, "length": length}, state.arrays)


def _write(path: Path, record: Record) -> None:
    with path.open("wb") as file:
        write_record(file, record)
    sync(path)


def _read(path: Path) -> Record:
    with path.open("rb") as file:
        return read_record(file, path.stat().st_size)


def _locked(name: str, path: Path, folder: Path) -> int:
    """Open a folder for this process alone; the lock goes when it is closed or the process ends."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return lock  # a filesystem without locks
        os.close(lock)
        raise ArgumentError(f"{name}: {str(path)!r} is in use by another process") from error
    return lock
