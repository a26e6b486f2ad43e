"""Arrays with a row for each token in files beside the records, written and read part by part.

Of a checkpoint that several processes share, each writes its own rows; the record of an array says
where they lie, with a checksum for every block, so that any number of processes reads them again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync.storage.records import DamagedError, Record, array_bytes

#: A block holds about so many bytes at most.
_BLOCK_BYTES = 2**26

#: The entry of a record's header that describes its arrays in other files.
_OUTSIDE = "outside"

#: First row, the row after the last, and the SHA-256 of what lies between.
Block = tuple[int, int, str]


@dataclass(frozen=True)
class Rows:
    """Where the rows of an array are: from a place of a file on, one after the other.

    The array has so many leading axes of length 1 before the one of rows.
    """

    file: str
    offset: int
    dtype: str
    shape: tuple[int, ...]
    leading: int
    blocks: tuple[Block, ...]

    @property
    def row_bytes(self) -> int:
        """The bytes of a row."""
        return int(np.prod(self.shape[1:], dtype=object)) * np.dtype(self.dtype).itemsize


def write_rows(
    folder: Path, file: str, offset: int, first: int, rows: npt.NDArray[Any]
) -> list[Block]:
    """Write the rows first, first + 1, ... of an array, synced; return their blocks."""
    rows = np.ascontiguousarray(rows)
    each = rows[:1].nbytes
    count = max(1, _BLOCK_BYTES // max(each, 1))
    blocks = []
    descriptor = os.open(folder / file, os.O_WRONLY | os.O_CREAT, 0o666)
    with os.fdopen(descriptor, "wb") as target:
        for begin in range(0, len(rows), count):
            part = array_bytes(rows[begin : begin + count])
            target.seek(offset + (first + begin) * each)
            target.write(part)
            stop = min(begin + count, len(rows))
            blocks.append((first + begin, first + stop, hashlib.sha256(part).hexdigest()))
        target.flush()
        os.fsync(target.fileno())
    return blocks


def read_rows(folder: Path, rows: Rows, part: slice) -> npt.NDArray[Any]:
    """Return some of the rows.

    Raises
    ------
    DamagedError
        If they are not those that were written.
    """
    first, last, _ = part.indices(rows.shape[0])
    found = np.empty((last - first, *rows.shape[1:]), rows.dtype)
    covered = 0
    with (folder / rows.file).open("rb") as source:
        for begin, stop, digest in rows.blocks:
            own = max(begin, first), min(stop, last)
            if own[0] >= own[1]:
                continue
            source.seek(rows.offset + begin * rows.row_bytes)
            content = source.read((stop - begin) * rows.row_bytes)
            if hashlib.sha256(content).hexdigest() != digest:
                raise DamagedError(f"{rows.file}: a checksum does not fit")
            block = np.frombuffer(content, rows.dtype).reshape(-1, *rows.shape[1:])
            found[own[0] - first : own[1] - first] = block[own[0] - begin : own[1] - begin]
            covered += own[1] - own[0]
    if covered != last - first:
        raise DamagedError(f"{rows.file}: rows are missing")
    return found.reshape((1,) * rows.leading + found.shape)


def with_outside(record: Record, arrays: Mapping[str, Rows]) -> Record:
    """Return a record that also has arrays which lie elsewhere."""
    return Record(
        {**record.header, _OUTSIDE: {name: asdict(rows) for name, rows in arrays.items()}},
        {name: array for name, array in record.arrays.items() if name not in arrays},
    )


def resolved(folder: Path, record: Record, part: slice = slice(None)) -> Record:
    """Return a record with all its arrays; of those that lie elsewhere, some rows."""
    outside = record.header.get(_OUTSIDE, {})
    if not outside:
        return record
    try:
        found = {name: read_rows(folder, _rows(entry), part) for name, entry in outside.items()}
    except (OSError, TypeError, ValueError) as error:
        raise DamagedError(str(error)) from error
    header = {name: value for name, value in record.header.items() if name != _OUTSIDE}
    return Record(header, {**record.arrays, **found})


def joined(blocks: Iterable[Iterable[Block]]) -> tuple[Block, ...]:
    """Return the blocks of all parts."""
    return tuple(block for part in blocks for block in part)


def _rows(entry: Mapping[str, Any]) -> Rows:
    if np.dtype(entry["dtype"]).kind != "f":
        raise ValueError(f"rows of {entry['dtype']}")
    name = str(entry["file"])
    if Path(name).name != name:
        raise ValueError(f"rows in {name!r}")
    return Rows(**{**entry, "shape": tuple(entry["shape"])})
