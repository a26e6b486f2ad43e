"""A checksum at the end of a file, over everything before it.

Readers of netCDF and of zip archives ignore what follows the end of their own data.
"""

from __future__ import annotations

import hashlib
import os
from enum import Enum
from pathlib import Path
from typing import IO

_MARK = b"\nnoisync sha256 "
_LENGTH = len(_MARK) + 64 + 1
_BLOCK = 2**20


class Seal(Enum):
    """What the seal of a file says of it."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    NONE = "none"  # there is no seal


def seal(path: Path) -> None:
    """Append the checksum of a file to it."""
    with path.open("r+b") as file:
        digest = _digest(file, path.stat().st_size)
        file.write(_MARK + digest + b"\n")


def check_seal(path: Path) -> Seal:
    """Compare a file with its checksum."""
    length = path.stat().st_size - _LENGTH
    with path.open("rb") as file:
        if length < 0:
            return Seal.NONE
        file.seek(length)
        end = file.read(_LENGTH)
        if not end.startswith(_MARK):
            return Seal.NONE
        file.seek(0)
        whole = end == _MARK + _digest(file, length) + b"\n"
    return Seal.WHOLE if whole else Seal.DAMAGED


def _digest(file: IO[bytes], length: int) -> bytes:
    """Return the checksum of the next bytes, in hexadecimal digits."""
    hashed = hashlib.sha256()
    while length:
        block = file.read(min(length, _BLOCK))
        if not block:
            raise OSError(os.strerror(5))  # the file got shorter while it was read
        hashed.update(block)
        length -= len(block)
    return hashed.hexdigest().encode()
