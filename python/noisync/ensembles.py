"""Many runs with independent noise, reduced on the way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import xarray as xr
from tqdm.auto import tqdm

from noisync import _core, _validate
from noisync._plan import Plan
from noisync._recorder import Recorder
from noisync._schedule import Schedule
from noisync._version import __version__
from noisync.errors import ArgumentError, SimulationError
from noisync.model import Model, check_model
from noisync.observers import Observer
from noisync.sphere import Uniform

#: Up to this number of tokens replicates run side by side, each in one thread; larger systems have
#: enough to share among the threads within a layer.
_SMALL_SYSTEM = 2048

#: Initial states in memory at once.
_CHUNK_BYTES = 2**22


class Law(Protocol):
    """A law of initial tokens, such as :class:`noisync.sphere.Uniform`."""

    @property
    def n(self) -> int:
        """Number of tokens."""

    @property
    def dim(self) -> int:
        """Their dimension."""

    def samples(self, seed: int, first: int, count: int) -> npt.NDArray[Any]:
        """Return the states of replicates first..first+count−1, (count, n, dim)."""


def ensemble(
    model: Model,
    tokens: npt.ArrayLike | Law,
    *,
    replicates: int,
    horizon: float,
    layers: int,
    seed: int = 0,
    observe: Sequence[Observer] = (),
    save: int | Sequence[int] | None = None,
    weights: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike = "float64",
    threads: int | None = None,
    progress: bool = False,
    path_layers: int | None = None,
    scheme: str = "layer",
    method: str = "auto",
    tol: float = 1e-12,
    first_replicate: int = 0,
) -> xr.Dataset:
    r"""Run a model many times with independent noise and keep what the observers make of it.

    Replicate k is, bit for bit, the run ``simulate(..., replicate=k)``.

    Parameters
    ----------
    model : Model
    tokens : (N, d) or (replicates, N, d) array_like, or a law
        The same start for all, a start for each, or a law such as ``ns.sphere.Uniform(n, dim)``,
        drawn with (seed, replicate).
    replicates : int
        Number of runs.
    horizon, layers, seed, weights, dtype, threads, path_layers, scheme, method, tol
        As in :func:`noisync.simulate`.
    observe : sequence of observers or functions
        What to keep of every run (:class:`noisync.Energy`, ``Budget``, ``Cosines``,
        ``OrderParameters``, ``Clusters``, ``Lyapunov``, ``Tokens``); a function gets the (N, d)
        tokens and returns a number or an array of fixed shape. Memory is that of these results, not
        of the states.
    save : None, int or sequence of int, optional
        The layers at which to observe: all, every k-th and the last, or the listed ones.
    progress : bool
        Show a progress bar.
    first_replicate : int
        Number of the first replicate: ensembles of 0..99 and of 100..199 are one of 0..199.

    Returns
    -------
    xarray.Dataset
        A variable per observer with dimensions (replicate, time, ...); model, seed and version in
        the attributes.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, before anything is computed.
    SimulationError
        If a token leaves the sphere. The replicates that were complete are in the exception's
        ``dataset``, as they are in a ``KeyboardInterrupt``'s.

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
    replicates = _validate.integer("replicates", replicates, minimum=1, maximum=2**32 - 1)
    first_replicate = _validate.integer(
        "first_replicate", first_replicate, minimum=0, maximum=2**32 - replicates
    )
    start = _start(tokens, model, replicates)
    plan = Plan.checked(
        model,
        start.n,
        horizon=horizon,
        layers=layers,
        seed=seed,
        weights=weights,
        dtype=dtype,
        threads=threads,
        path_layers=path_layers,
        scheme=scheme,
        method=method,
        tol=tol,
    )
    observed = Schedule.checked(save, plan.layers)
    recorder = Recorder(observe, plan, observed, replicates)
    chunk = max(plan.threads, _CHUNK_BYTES // (8 * start.n * model.dim))
    complete = np.zeros(replicates, dtype=bool)
    error: BaseException | None = None
    try:
        with tqdm(total=replicates, unit="run", disable=not progress) as bar:
            for first in range(0, replicates, chunk):
                count = min(chunk, replicates - first)
                outcome = plan.run(
                    _drawn(start, plan.seed, first_replicate + first, count),
                    first_replicate + first,
                    recorder.requests(first, count),
                    partial(_advance, bar, first) if progress else None,
                    side_by_side=count > 1 and start.n <= _SMALL_SYSTEM,
                )
                complete[first : first + count] = outcome.observed == plan.layers
                error = _error(outcome, first_replicate + first)
                if error is not None:
                    break
                _advance(bar, first, count)
    except KeyboardInterrupt as interrupt:  # between two calls of the core
        error = interrupt
    dataset = _dataset(plan, recorder, observed, first_replicate)
    dataset = dataset if complete.all() else dataset.isel(replicate=complete)
    if error is not None:
        error.dataset = dataset  # type: ignore[attr-defined]
        try:
            raise error
        finally:
            del error  # or it would hold itself, and the dataset, through this frame
    return dataset


class _Given:
    """States that the user gave: one for all replicates, or one for each."""

    def __init__(self, states: npt.NDArray[Any]) -> None:
        self._states = states
        *_, self.n, self.dim = states.shape

    def samples(self, seed: int, first: int, count: int) -> npt.NDArray[Any]:
        if self._states.ndim == 2:
            return np.broadcast_to(self._states, (count, self.n, self.dim))
        return self._states[first : first + count]


def _advance(bar: tqdm[Any], first: int, done: int) -> None:
    bar.update(first + done - bar.n)


def _start(tokens: npt.ArrayLike | Law, model: Model, replicates: int) -> Law:
    if hasattr(tokens, "samples"):
        law = cast(Law, tokens)
        _validate.integer("tokens.n", law.n, minimum=1)
        if law.dim != model.dim:
            raise ArgumentError(f"tokens must have dim {model.dim} like the model, got {law.dim}")
        return law
    if np.ndim(tokens) != 3:
        return _Given(_validate.tokens("tokens", tokens, model.dim))
    states = _validate.finite_array("tokens", tokens)
    if states.shape[0] != replicates:
        raise ArgumentError(
            f"tokens must be one state or one for each of {replicates} replicates, "
            f"got shape {states.shape}"
        )
    rows = states.reshape(-1, states.shape[2])
    return _Given(_validate.tokens("tokens", rows, model.dim).reshape(states.shape))


def _drawn(start: Law, seed: int, first: int, count: int) -> npt.NDArray[Any]:
    """Return the states of some replicates, which the law may have got wrong."""
    states = start.samples(seed, first, count)
    if isinstance(start, (_Given, Uniform)):
        return states
    states = _validate.finite_array("tokens: samples", states)
    if states.shape != (count, start.n, start.dim):
        raise ArgumentError(
            "tokens: samples must have shape (replicates, n, dim) = "
            f"{(count, start.n, start.dim)}, got {states.shape}"
        )
    _validate.tokens("tokens: samples", states.reshape(-1, start.dim))
    return states


def _error(outcome: _core.Outcome, first: int) -> BaseException | None:
    if outcome.lost_token >= 0:
        place = outcome.lost_replicate
        return SimulationError(
            f"replicate {first + place}, layer {int(outcome.computed[place]) + 1}: token "
            f"{outcome.lost_token} left the sphere (its vector became zero, infinite or NaN); the "
            "complete replicates are in this error's .dataset"
        )
    return outcome.take_error()


def _dataset(
    plan: Plan, recorder: Recorder, observed: Schedule, first_replicate: int
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
        "method": plan.method,
        "seed": str(plan.seed),  # netCDF has no unsigned 64-bit attributes
        "tokens": plan.weights.size,
        "dtype": plan.dtype.name,
    }
    if model.kernel_error is not None:
        attributes["kernel_error"] = model.kernel_error
    coordinates: dict[str, Any] = {
        "replicate": first_replicate + np.arange(recorder.replicates),
        "time": plan.times(observed.layers()),
        "layer": ("time", observed.layers()),
    }
    variables = {}
    for name, (axes, values) in recorder.results().items():
        variables[name] = (("replicate", "time", *(axis.name for axis in axes)), values)
        coordinates |= {axis.name: axis.values for axis in axes if axis.labelled}
    return xr.Dataset(variables, coordinates, attributes)
