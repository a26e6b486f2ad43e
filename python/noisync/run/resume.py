"""Going on with whatever a checkpoint is of."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.measure.function import Function, as_observers
from noisync.measure.observer import Observer
from noisync.run.call import check_version
from noisync.run.checkpoint import Checkpoint
from noisync.run.ensemble import ensemble
from noisync.run.simulation import simulate
from noisync.storage.folder import Folder
from noisync.storage.plain import NotGivenError, restored

if TYPE_CHECKING:
    from distributed import Client

    from noisync.run.arguments import Observers
    from noisync.sphere.law import Law

#: What can be resumed, by the name that its checkpoints have for it: a function of the arguments.
RESUMED: dict[str, Callable[..., Any]] = {"simulate": simulate, "ensemble": ensemble}


def resume(
    path: str | os.PathLike[str],
    *,
    observe: Observers | None = None,
    tokens: Law | None = None,
    threads: int | None = None,
    progress: bool = False,
    stop_after: float | None = None,
    client: Client | None = None,
    comm: Any = None,
    allow_other_level: bool = False,
) -> Any:
    """Go on with whatever a checkpoint is of, a run, an ensemble, a study, to its end.

    The result is that of a call that was never interrupted, bit for bit.

    Parameters
    ----------
    path : path-like
        The folder of the checkpoint; what follows is written to it as well.
    observe : observers and functions, or a dict that names them, optional
        The functions among the observers of the call, and observers of classes of your own: a
        checkpoint knows them by their names.
    tokens : law, optional
        The law of the initial tokens, or the density of ``spde.solve``, where it holds functions or
        is of a class of your own.
    threads : int, optional
        Default: all cores.
    progress : bool
        Show a progress bar.
    stop_after : float, optional
        Hours after which the call writes its checkpoint and returns the result so far.
    client : dask.distributed.Client, optional
        Compute the cells of a study on its workers.
    comm : mpi4py communicator, optional
        Share the tokens of a single run, or the nodes of ``spde.solve``, among its ranks, however
        many shared them before.
    allow_other_level : bool
        Go on although the checkpoint was computed at another SIMD level, whose bits differ.

    Returns
    -------
    Trajectory, SpdeSolution or xarray.Dataset

    Raises
    ------
    ArgumentError
        If there is no checkpoint, it is damaged, of another version or SIMD level, or needs
        something that is not given.
    """
    checkpoint = Checkpoint(validate.path("path", path), allow_other_level=allow_other_level)
    call = Folder.asked("path", checkpoint.path)
    check_version(checkpoint, call)
    where = f"path: the checkpoint {str(checkpoint.path)!r}"
    try:
        kind = validate.choice(where, call.header["kind"], RESUMED)
        described = dict(call.header["arguments"])
        minutes = call.header["minutes"]
        observers = observers_of(described.pop("observe", ()), observe)
        arguments = _arguments(described, call.arrays, tokens)
    except (KeyError, TypeError, AttributeError) as error:
        raise ArgumentError(f"{where} is damaged: {error}") from error
    if observers:
        arguments["observe"] = observers
    if client is not None:
        if not kind.startswith("study "):
            raise ArgumentError(f"client serves the cells of studies, got a checkpoint of {kind!r}")
        arguments["client"] = client
    if comm is not None:
        if kind not in ("simulate", "spde.solve"):
            raise ArgumentError(f"comm serves single runs, got a checkpoint of {kind!r}")
        arguments["comm"] = comm
    checkpoint = Checkpoint(checkpoint.path, minutes, allow_other_level)
    return RESUMED[kind](
        **arguments,
        threads=threads,
        progress=progress,
        checkpoint=checkpoint,
        stop_after=stop_after,
    )


def _arguments(
    described: Mapping[str, Any], arrays: Mapping[str, Any], tokens: Law | None
) -> dict[str, Any]:
    arguments = {}
    for name, value in described.items():
        try:
            arguments[name] = restored(value, arrays)
        except NotGivenError as error:
            if name not in ("tokens", "density"):
                raise ArgumentError(f"{name} cannot be had from a checkpoint: {error}") from None
            if tokens is None:
                raise ArgumentError(
                    f"tokens must be given again: the law {error}, which a checkpoint cannot hold"
                ) from None
            arguments[name] = tokens
    return arguments


def _observer(described: Mapping[str, Any], given: Mapping[str, Observer]) -> Observer:
    """Return an observer of a call; `given` holds by name what only the user's program has."""
    try:
        observer = restored(described, {})
    except NotGivenError as error:
        name = str(described.get("name", error))
        if name not in given:
            raise ArgumentError(
                f"observe must give {name!r} again, which a checkpoint or a file knows by its "
                f"name only: observe={{{name!r}: ...}}"
            ) from None
        observer = given[name]
        if isinstance(observer, Function):
            layers = described.get("layers")
            observer = Function(observer.f, name, None if layers is None else restored(layers, {}))
    if not isinstance(observer, Observer):
        raise TypeError(f"{observer!r} in place of an observer")
    return observer


def observers_of(described: Sequence[Any], observe: Observers | None) -> list[Observer]:
    """Return the observers of a call; `observe` gives those again that it knows by name only."""
    given = {observer.name: observer for observer in as_observers(observe)}
    return [_observer(item, given) for item in described]
