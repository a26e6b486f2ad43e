"""Records: a description in JSON and arrays, with a checksum, one after the other in a file.

A record is: the mark, the lengths of what follows, the SHA-256 of the lengths and of what follows,
the description, the arrays' bytes in the order in which the description names them.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_MARK = b"noisync1"
_LENGTHS = struct.Struct("<QQ")
_HASH = 32
_HEAD = len(_MARK) + _LENGTHS.size + _HASH

#: Kinds of arrays in records: truth values, integers, floating-point numbers.
_KINDS = "biuf"


class DamagedError(Exception):
    """What was read is not what was written."""


@dataclass(frozen=True)
class Record:
    """A description that JSON can hold, and arrays by name."""

    header: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


def array_bytes(array: npt.NDArray[Any]) -> memoryview:
    """Return the bytes of a contiguous array that is not empty."""
    return array.reshape(-1).view(np.uint8).data


def write_record(file: IO[bytes], record: Record) -> None:
    """Write a record where the file stands."""
    arrays = {name: np.ascontiguousarray(array) for name, array in record.arrays.items()}
    layout = [
        {"name": name, "dtype": array.dtype.str, "shape": list(np.shape(record.arrays[name]))}
        for name, array in arrays.items()
    ]
    header = json.dumps({"header": dict(record.header), "arrays": layout}).encode()
    body = [array_bytes(array) for array in arrays.values() if array.size]
    lengths = _LENGTHS.pack(len(header), sum(part.nbytes for part in body))
    hashed = hashlib.sha256(lengths)
    hashed.update(header)
    for part in body:
        hashed.update(part)
    file.write(_MARK + lengths + hashed.digest() + header)
    for part in body:
        file.write(part)


def read_record(file: IO[bytes], remaining: int) -> Record:
    """Read the record where the file stands; it must end within so many bytes."""
    head = file.read(min(_HEAD, remaining))
    if len(head) < _HEAD or not head.startswith(_MARK):
        raise DamagedError("a record is torn")
    lengths = head[len(_MARK) : -_HASH]
    described, carried = _LENGTHS.unpack(lengths)
    if _HEAD + described + carried > remaining:
        raise DamagedError("a record is torn")
    header, body = bytearray(described), bytearray(carried)
    if file.readinto(header) != described or file.readinto(body) != carried:  # type: ignore[attr-defined]
        raise DamagedError("a record is torn")
    hashed = hashlib.sha256(lengths)
    hashed.update(header)
    hashed.update(body)
    if hashed.digest() != head[-_HASH:]:
        raise DamagedError("a checksum does not fit")
    try:
        return _unpacked(header, body)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedError(str(error)) from error


def read_records(file: IO[bytes], length: int) -> Iterator[Record]:
    """Read the records that make up the first `length` bytes of a file."""
    file.seek(0)
    while file.tell() < length:
        yield read_record(file, length - file.tell())


def _unpacked(header: bytearray, body: bytearray) -> Record:
    described = json.loads(header.decode())
    arrays, first = {}, 0
    for layout in described["arrays"]:
        dtype = np.dtype(layout["dtype"])
        if dtype.kind not in _KINDS:
            raise ValueError(f"an array of {dtype}")
        count = int(np.prod(layout["shape"], dtype=object))
        array = np.frombuffer(body, dtype, count, first) if count else np.empty(0, dtype)
        arrays[layout["name"]] = array.reshape(layout["shape"])
        first += array.nbytes
    if first != len(body):
        raise ValueError("arrays that do not fill their record")
    return Record(described["header"], arrays)
