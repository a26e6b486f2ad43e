"""How much memory is free, asked before something large is allocated."""

from __future__ import annotations

import sys
from pathlib import Path

from noisync.base import cgroup
from noisync.errors import ArgumentError


def available_memory() -> int:
    """Return the bytes that can be allocated without swapping, within limits of control groups."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if "MemAvailable" in line)
        return min(free, cgroup.free_memory())
    except (OSError, StopIteration, ValueError):  # not Linux: let the allocation itself decide
        return sys.maxsize


def check_memory(needed: int, what: str, advice: str) -> None:
    """Refuse what needs more bytes than are free; the message names it and says what to do."""
    free = available_memory()
    if needed > free:
        raise ArgumentError(
            f"{what} needs {needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free; {advice}"
        )
