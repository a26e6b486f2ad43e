"""Many runs with independent noise, reduced on the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync.base import validate
from noisync.base.version import __version__
from noisync.errors import ArgumentError, NoisyncError, SimulationError
from noisync.measure.function import as_observers
from noisync.model import Model, check_model
from noisync.run.arguments import RunArguments, complete, shares_run_arguments
from noisync.run.cluster import check_client
from noisync.run.keeper import keeping
from noisync.run.merging import FORMAT
from noisync.run.origin import Origin, kernel_error, start_text, with_matrices
from noisync.run.parts import in_parts
from noisync.run.plan import Plan
from noisync.run.progress import Progress
from noisync.run.recording import COORDINATES, WEIGHTS, Recording
from noisync.run.runs import Runs
from noisync.run.series_of_layers import joined as with_layers
from noisync.run.start import checked_start, given
from noisync.sphere.law import Law

if TYPE_CHECKING:
    from distributed import Client
    from typing_extensions import Unpack

#: Up to this number of tokens replicates run side by side, each in one thread; larger systems have
#: enough to share among the threads within a layer.
_SMALL_SYSTEM = 2048

#: Initial states in memory at once.
_CHUNK_BYTES = 2**22


@shares_run_arguments()
def ensemble(
    model: Model,
    tokens: npt.ArrayLike | Law,
    *,
    replicates: int,
    first_replicate: int = 0,
    client: Client | None = None,
    **arguments: Unpack[RunArguments],
) -> xr.Dataset:
    r"""Run a model many times with independent noise and keep what the observers make of it.

    Replicate k is, bit for bit, the run ``simulate(..., replicate=k)``. With `noise_replicate` all
    meet the same noise and only what they start from differs.

    Parameters
    ----------
    model : Model
    tokens : (N, d) or (replicates, N, d) array_like, or a law
        The same start for all, a start for each, or a law such as ``ns.sphere.Uniform(n, dim)``,
        drawn with (seed, replicate).
    replicates : int
        Number of runs.
    first_replicate : int
        Number of the first replicate: ensembles of 0..99 and of 100..199 are one of 0..199
        (:func:`noisync.merge`).
    client : dask.distributed.Client, optional
        Run the replicates on its workers, in chunks (``pip install "noisync[dask]"``): the same
        bits. A worker that is lost costs its chunk, which another computes again. The workers use
        `threads` each, by default what ``OMP_NUM_THREADS`` gives them; there is no `checkpoint`.
    {shared arguments}
    save : None, int or sequence of int, optional
        The layers at which to observe: all, every k-th and the last, or the listed ones. Observers
        with ``layers`` of their own keep to those.
    observe : sequence of observers and functions, or a dict that names them
        What to keep of every run (:class:`noisync.Energy`, ``Budget``, ``Cosines``,
        ``OrderParameters``, ``Clusters``, ``Lyapunov``, ``Tokens``); a function gets the (N, d)
        tokens and returns a number or an array of fixed shape. Memory is that of these results, not
        of the states.

    Returns
    -------
    xarray.Dataset
        A variable per observer with dimensions (replicate, time, ...); model, seed and version in
        the attributes. An observer with other layers than `save` has a dimension ``time_NAME``
        and a coordinate ``layer_NAME`` of its own.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, before anything is computed.
    SimulationError
        If a token leaves the sphere. The replicates that were complete are in the exception's
        ``dataset``, as they are in that of a ``KeyboardInterrupt`` or of whatever else ended the
        runs.

    Examples
    --------
    >>> import noisync as ns
    >>> model = ns.Model(dim=3, noise=ns.MLP("tanh", width=32))
    >>> data = ns.ensemble(model, ns.sphere.Uniform(8, 3), replicates=4, horizon=1.0, layers=10,
    ...                    observe=[ns.Energy(beta=1.0)])
    >>> dict(data.energy.sizes)
    {'replicate': 4, 'time': 11}

    References
    ----------
    arXiv:2604.26898, eq. (1.1).
    """
    check_model(model)
    run = complete(arguments)
    if client is not None:
        client = check_client(client)
        if run["checkpoint"] is not None:
            raise ArgumentError(
                "checkpoint goes without client: run replicates in parts, each with a checkpoint, "
                "and merge them"
            )
    replicates = validate.integer("replicates", replicates, minimum=1, maximum=2**32 - 1)
    first_replicate = validate.integer(
        "first_replicate", first_replicate, minimum=0, maximum=2**32 - replicates
    )
    start = checked_start(tokens, model, first_replicate, replicates)
    plan = Plan.checked(model, start.n, run)
    observers = as_observers(run["observe"])
    if client is not None:
        states = given(start)
        own = not isinstance(states, np.ndarray) or states.ndim == 2  # else one for each replicate

        def chunk(begin: int, end: int) -> Callable[[], xr.Dataset]:
            part: RunArguments = {**run, "observe": observers, "progress": False}
            part["stop_after"] = None
            return partial(
                ensemble, model, states if own else states[begin:end], replicates=end - begin,
                first_replicate=first_replicate + begin, **part,
            )  # fmt: skip

        return in_parts(
            client, chunk, replicates, start=start_text(start), progress=run["progress"],
            stop_after=run["stop_after"],
        )  # fmt: skip
    recording = Recording(observers, plan, plan.save, replicates)
    side_by_side = start.n <= _SMALL_SYSTEM and replicates > 1
    runs = Runs(
        plan, start, recording.series, recording.follow,
        first_replicate=first_replicate,
        replicates=replicates,
        together=max(plan.threads, _CHUNK_BYTES // (8 * start.n * model.dim)),
        side_by_side=side_by_side,
    )  # fmt: skip

    def result() -> xr.Dataset:
        origin = Origin.of(plan, start_text(start), observers, runs.levels)
        return _dataset(plan, recording, first_replicate, runs, origin)

    asked = {
        "model": plan.model, "tokens": given(start), "replicates": replicates,
        "first_replicate": first_replicate, **plan.asked(), "observe": observers,
    }  # fmt: skip
    began = False
    try:
        with (
            Progress(
                replicates, plan.layers, by_run=side_by_side, shown=run["progress"]
            ) as progress,
            keeping("ensemble", asked, runs, run) as keeper,
        ):
            began = True
            lost = runs.carry(progress, keeper)
    except BaseException as error:
        if began or not isinstance(error, NoisyncError):  # a checkpoint that is refused
            error.dataset = result()  # type: ignore[attr-defined]
        raise
    if lost is not None:
        run_lost, layer, reason, residual = lost
        raise SimulationError.of(
            f"replicate {first_replicate + run_lost}, layer {layer}: {reason}; the complete "
            "replicates are in this error's .dataset",
            dataset=result(),
            residual=residual,
        )
    return result()


def _dataset(
    plan: Plan, recording: Recording, first_replicate: int, runs: Runs, origin: Origin
) -> xr.Dataset:
    """Label the results of the replicates that are complete."""
    complete = slice(None) if runs.complete.all() else runs.complete
    summed_directly = int(runs.layers_summed_directly.sum())
    replicates = runs.complete.size
    layers = plan.save.layers()
    text, matrices = with_matrices(plan.model)
    attributes: dict[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "finished": int(runs.complete.all()),
        "model": text,
        "horizon": plan.horizon,
        "layers": plan.layers,
        "thickness": plan.thickness,
        "path_layers": plan.path_layers,
        "scheme": plan.scheme,
        "method": plan.method_taken(plan.layers * replicates, summed_directly),
        "layers_summed_directly": summed_directly,
        "seed": str(plan.seed),  # netCDF has no unsigned 64-bit attributes
        "tokens": plan.n,
        "dtype": plan.dtype.name,
        **kernel_error(plan.model),
        **origin.attributes(),
    }
    if plan.noise_replicate is not None:
        attributes["noise_replicate"] = str(plan.noise_replicate)
    number = (first_replicate + np.arange(replicates))[complete]
    coordinates: dict[str, Any] = {
        "replicate": ("replicate", number, COORDINATES["replicate"]),
        "time": ("time", plan.times(layers), COORDINATES["time"]),
        "layer": ("time", layers, COORDINATES["layer"]),
    }
    own = {"weights": (("token",), plan.weights, WEIGHTS), **matrices}
    observed = with_layers(recording.variables(plan.layers, complete), layers)
    return xr.Dataset(own | observed, coordinates, attributes)
