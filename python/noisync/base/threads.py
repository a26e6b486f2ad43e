"""How many threads a computation uses: an argument, or what this process may use."""

from __future__ import annotations

import math
import os

from noisync.base import cgroup, validate
from noisync.errors import ArgumentError

_birthplace = os.getpid()


def thread_count(threads: int | None) -> int:
    """Return `threads`, or for None what this process may use.

    That is the least of the cores that it may run on (its cpuset), the processor time that its
    control groups allow, as containers and batch jobs set it, and ``OMP_NUM_THREADS``. A process
    forked after noisync was imported has one: OpenMP's threads do not survive a fork, and waiting
    for them would never end.
    """
    forked = os.getpid() != _birthplace
    if threads is None:
        return 1 if forked else _allowed()
    count = validate.integer("threads", threads, minimum=1, maximum=4096)
    if forked and count > 1:
        raise ArgumentError(
            f"threads must be 1 in a forked process, got {count}; start the process with the "
            "method 'spawn' to use more"
        )
    return count


def _allowed() -> int:
    """Return how many threads have a processor each."""
    cores = len(os.sched_getaffinity(0))
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if asked.isdecimal() and int(asked) > 0:
        cores = min(cores, int(asked))
    return max(1, math.floor(min(cores, cgroup.cpu_limit())))
