"""The limits of the control groups that this process is in, as containers and batch jobs set them.

https://docs.kernel.org/admin-guide/cgroup-v2.html, and the older hierarchy of version 1.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

_MOUNT, _MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def cpu_limit(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> float:
    """Return how many processors' time the groups allow; infinite where they set no limit."""
    limits = [math.inf]
    for folder in _folders("cpu", mount, membership):
        quota, period = _words(folder / "cpu.max", 2) or (
            *(_words(folder / "cpu.cfs_quota_us", 1) or ("max",)),
            *(_words(folder / "cpu.cfs_period_us", 1) or ("1",)),
        )
        if quota.isdecimal() and int(period) > 0:  # "max" and -1 are no limit
            limits.append(int(quota) / int(period))
    return min(limits)


def free_memory(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> int:
    """Return the bytes that the groups still allow; very many where they set no limit.

    Pages of files that can be given back count as free.
    """
    free = [sys.maxsize]
    for folder in _folders("memory", mount, membership):
        limit = _words(folder / "memory.max", 1) or _words(folder / "memory.limit_in_bytes", 1)
        used = _words(folder / "memory.current", 1) or _words(folder / "memory.usage_in_bytes", 1)
        if limit and used and limit[0].isdecimal():
            free.append(int(limit[0]) - int(used[0]) + _reclaimable(folder / "memory.stat"))
    return max(0, min(free))


def _folders(controller: str, mount: Path, membership: Path) -> Iterator[Path]:
    """Return the folders of the groups of this process, each and those above it."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = mount / controllers if controllers else mount
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_dir():
                yield folder
            if folder == root:
                break


def _words(path: Path, count: int) -> tuple[str, ...]:
    """Return the words of a file of so many, or none."""
    try:
        words = tuple(path.read_text().split())
    except OSError:
        return ()
    return words if len(words) == count else ()


def _reclaimable(path: Path) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
