"""An ensemble in chunks of replicates, on the workers of a cluster."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import xarray as xr

from noisync.base import validate
from noisync.base.progress import Bar
from noisync.run.cluster import completed, threads_of
from noisync.run.merging import joined

if TYPE_CHECKING:
    from distributed import Client

#: Chunks for every thread of a cluster: few enough to cost little, and enough for threads of unlike
#: speed to end together.
_CHUNKS_PER_THREAD = 4

#: What computes replicates begin ... end − 1 of a call.
Chunk = Callable[[int, int], Callable[[], xr.Dataset]]


def in_parts(
    client: Client,
    chunk: Chunk,
    replicates: int,
    *,
    start: str,
    progress: bool,
    stop_after: float | None,
) -> xr.Dataset:
    """Return an ensemble, or what there was of it when the time was up; at least one chunk.

    An exception that ends it gets the replicates that were complete in its ``dataset``.
    """
    hours = math.inf if stop_after is None else validate.positive("stop_after", stop_after)
    end = time.monotonic() + 3600 * hours
    count = min(replicates, _CHUNKS_PER_THREAD * threads_of(client))
    edges = [replicates * k // count for k in range(count + 1)]
    tasks = {f"{begin}": chunk(begin, stop) for begin, stop in pairwise(edges)}
    done: list[xr.Dataset] = []

    def result() -> xr.Dataset | None:
        if not done:
            return None
        whole = joined(sorted(done, key=lambda part: int(part.replicate[0])))
        finished = int(whole.sizes["replicate"] == replicates)
        whole.attrs |= {"start": start, "finished": finished}
        return whole

    try:
        with Bar(replicates, "run", shown=progress) as bar:
            for _, part in completed(client, tasks):
                done.append(part)
                bar.update(part.sizes["replicate"])
                if time.monotonic() >= end:
                    break
    except BaseException as error:
        rest = getattr(error, "dataset", None)
        if isinstance(rest, xr.Dataset) and rest.sizes["replicate"]:
            done.append(rest)
        error.dataset = result()  # type: ignore[attr-defined]
        raise
    whole = result()
    assert whole is not None
    return whole
