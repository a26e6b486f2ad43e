"""Work on many machines: tasks on the workers of a ``dask.distributed`` client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from noisync.base import validate
from noisync.base.version import __version__
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.run.call import level

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")


def check_client(client: Any) -> Client:
    """Return a client whose workers compute what this process would: same version and SIMD level.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For what is no client, no workers, or workers of another version or level.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ArgumentError('client needs dask.distributed: pip install "noisync[dask]"') from None
    if not isinstance(client, Client):
        raise ArgumentTypeError(
            f"client must be a dask.distributed.Client, got {validate.shown(client)}"
        )
    own = identity()
    try:
        found = client.run(identity)
    except ImportError as error:
        raise ArgumentError(f"client: its workers cannot import noisync: {error}") from error
    if not found:
        raise ArgumentError("client must have one or more workers, got none")
    for worker, other in found.items():
        if other != own:
            raise ArgumentError(
                f"client: the worker {worker} has noisync {other[0]} at the level {other[1]}, and "
                f"this process {own[0]} at {own[1]}: their bits may differ"
            )
    return client


def identity() -> tuple[str, str]:
    """Return the version, and the SIMD level, of this process."""
    return __version__, level()


def threads_of(client: Client) -> int:
    """Return how many tasks all workers together do at a time."""
    return sum(client.nthreads().values())


def completed(client: Client, tasks: Mapping[str, Callable[[], T]]) -> Iterator[tuple[str, T]]:
    """Compute tasks on the workers and return each with its name as it is done.

    A task whose worker is lost is computed again by another. What is not done when the caller
    leaves is given up.
    """
    from distributed import as_completed

    futures = {client.submit(task, pure=False): name for name, task in tasks.items()}
    try:
        for future in as_completed(futures):
            result = future.result()
            yield futures[future], result
    finally:
        with suppress(Exception):  # the cluster may be gone
            client.cancel(list(futures))
