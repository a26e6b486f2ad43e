"""How many threads a computation uses: an argument, never a setting."""

from __future__ import annotations

import os

from noisync.base import validate
from noisync.errors import ArgumentError

_birthplace = os.getpid()


def thread_count(threads: int | None) -> int:
    """Return `threads`, or for None the number of cores this process may run on.

    A process forked after noisync was imported has one: OpenMP's threads do not survive a fork, and
    waiting for them would never end.
    """
    forked = os.getpid() != _birthplace
    if threads is None:
        return 1 if forked else len(os.sched_getaffinity(0))
    count = validate.integer("threads", threads, minimum=1, maximum=4096)
    if forked and count > 1:
        raise ArgumentError(
            f"threads must be 1 in a forked process, got {count}; start the process with the "
            "method 'spawn' to use more"
        )
    return count
