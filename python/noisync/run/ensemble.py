"""Many runs with independent noise, reduced on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync.base import validate
from noisync.base.version import __version__
from noisync.errors import SimulationError
from noisync.measure.function import as_observers
from noisync.model import Model, check_model
from noisync.run.arguments import RunArguments, complete, shares_run_arguments
from noisync.run.plan import Plan
from noisync.run.progress import Progress
from noisync.run.recording import Recording, joined
from noisync.run.start import checked_start, drawn
from noisync.run.state import States
from noisync.sphere.law import Law

if TYPE_CHECKING:
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
        Number of the first replicate: ensembles of 0..99 and of 100..199 are one of 0..199.
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
    replicates = validate.integer("replicates", replicates, minimum=1, maximum=2**32 - 1)
    first_replicate = validate.integer(
        "first_replicate", first_replicate, minimum=0, maximum=2**32 - replicates
    )
    start = checked_start(tokens, model, first_replicate, replicates)
    plan = Plan.checked(model, start.n, run)
    recording = Recording(as_observers(run["observe"]), plan, plan.save, replicates)
    follow = recording.follow
    chunk = max(plan.threads, _CHUNK_BYTES // (8 * start.n * model.dim))
    side_by_side = start.n <= _SMALL_SYSTEM and replicates > 1
    complete_runs = np.zeros(replicates, dtype=bool)
    summed_directly = np.zeros(replicates, dtype=np.int64)

    def result() -> xr.Dataset:
        data = _dataset(plan, recording, first_replicate, replicates, int(summed_directly.sum()))
        return data if complete_runs.all() else data.isel(replicate=complete_runs)

    lost = None
    with Progress(replicates, plan.layers, by_run=side_by_side, shown=run["progress"]) as progress:
        try:
            for first in range(0, replicates, chunk):
                part = slice(first, min(first + chunk, replicates))
                count = part.stop - first
                tokens_of_part = drawn(start, plan.seed, first_replicate + first, count)
                states = States(tokens_of_part, plan.dtype, follow)
                try:
                    lost = plan.advance(
                        states,
                        first_replicate + first,
                        recording.requests(first, count),
                        follow,
                        progress,
                        side_by_side=side_by_side and count > 1,
                    )
                finally:
                    complete_runs[part] = states.seen == plan.layers
                    summed_directly[part] = states.layers_summed_directly
                if lost is not None:
                    break
                progress.complete(count * plan.layers)
        except BaseException as error:
            error.dataset = result()  # type: ignore[attr-defined]
            raise
    if lost is not None:
        run_lost, layer, token = lost
        raise SimulationError.of(
            f"replicate {first_replicate + first + run_lost}, layer {layer}: token {token} left "
            "the sphere (its vector became zero, infinite or NaN); the complete replicates are in "
            "this error's .dataset",
            dataset=result(),
        )
    return result()


def _dataset(
    plan: Plan, recording: Recording, first_replicate: int, replicates: int, summed_directly: int
) -> xr.Dataset:
    """Label the results."""
    model = plan.model
    attributes: dict[str, Any] = {
        "version": __version__,
        "model": model.to_toml(),
        "horizon": plan.horizon,
        "layers": plan.layers,
        "path_layers": plan.path_layers,
        "scheme": plan.scheme,
        "method": plan.method_taken(plan.layers * replicates, summed_directly),
        "layers_summed_directly": summed_directly,
        "seed": str(plan.seed),  # netCDF has no unsigned 64-bit attributes
        "tokens": plan.n,
        "dtype": plan.dtype.name,
    }
    if plan.noise_replicate is not None:
        attributes["noise_replicate"] = str(plan.noise_replicate)
    if model.kernel_error is not None:
        attributes["kernel_error"] = model.kernel_error
    layers = plan.save.layers()
    coordinates: dict[str, Any] = {
        "replicate": first_replicate + np.arange(replicates),
        "time": plan.times(layers),
        "layer": ("time", layers),
    }
    return xr.Dataset(joined(recording.variables(plan.layers), layers), coordinates, attributes)
