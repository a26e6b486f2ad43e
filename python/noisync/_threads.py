"""How many threads a computation uses: an argument, never a global state."""

from __future__ import annotations

import os

from noisync import _validate


def thread_count(threads: int | None) -> int:
    """Return `threads`, or for None the number of cores this process may run on."""
    if threads is None:
        return len(os.sched_getaffinity(0))
    return _validate.integer("threads", threads, minimum=1, maximum=4096)
