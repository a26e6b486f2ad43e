"""Running the layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from noisync import _core, _validate
from noisync._memory import check_memory
from noisync._plan import Plan
from noisync._recorder import Recorder
from noisync._schedule import Schedule
from noisync.errors import SimulationError
from noisync.model import Model, check_model
from noisync.observers import Observer
from noisync.trajectory import Trajectory


def simulate(
    model: Model,
    tokens: npt.ArrayLike,
    *,
    horizon: float,
    layers: int,
    seed: int = 0,
    replicate: int = 0,
    weights: npt.ArrayLike | None = None,
    save: int | Sequence[int] | None = None,
    observe: Sequence[Observer] = (),
    dtype: npt.DTypeLike = "float64",
    threads: int | None = None,
    progress: bool = False,
    path_layers: int | None = None,
    scheme: str = "layer",
    method: str = "auto",
    tol: float = 1e-12,
) -> Trajectory:
    r"""Carry tokens through the layers of a model.

    .. math::
        Y_i = \mathrm{LN}(X_i + \Delta\,\mathrm{Attn}_X(X_i)),\qquad
        X_i' = \mathrm{LN}(Y_i + \sqrt\Delta\, G_\ell(Y_i)),\qquad \Delta = T/L

    Parameters
    ----------
    model : Model
    tokens : (N, d) array_like
        Initial state, rows of norm 1 (see :func:`noisync.sphere.normalize`).
    horizon : float
        T > 0, the time that all layers together take.
    layers : int
        L, the number of layers.
    seed, replicate : int
        The noise of layer l is a function of (seed, replicate, l) and the noise law alone: it does
        not depend on N, on what is saved or on the number of threads.
    weights : (N,) array_like, optional
        Masses of the tokens, non-negative with sum 1; uniform by default.
    save : None, int or sequence of int, optional
        Which states to keep: all, every k-th and the last, or the listed layers (0 is the start).
    observe : sequence of observers or functions
        Values to compute after every layer, in ``run.observed`` (:class:`noisync.Energy`,
        ``Budget``, ``Cosines``, ``OrderParameters``, ``Clusters``, ``Lyapunov``). A function gets
        the (N, d) tokens and returns a number or an array of fixed shape.
    dtype : {"float64", "float32"}
        Arithmetic of the run.
    threads : int, optional
        Default: all cores. The result is the same, bit for bit, for any number.
    progress : bool
        Show a progress bar.
    path_layers : int, optional
        The noise path lives on this many layers, a multiple of `layers`, and a layer sums the
        increments √(T/path_layers) G of its part of the path, each evaluated at its own state.
        Runs with other `layers` and the same `path_layers` meet the same noise.
    scheme : {"layer", "euler", "rk4"}
        The time step, see ``noisync.schemes.SCHEMES``: the transformer's layer as above, a single
        step X' = LN(X + Δ Attn(X) + √Δ G(X)), or, without noise, the Runge–Kutta method of order 4.
    method, tol
        How the attention is summed and how exactly, as in :func:`noisync.attention_drift`; the
        run's ``method`` says which way was taken. Observed energies take linear time where that is
        faster, unless ``"direct"`` is asked for.

    Returns
    -------
    Trajectory
        Its ``model`` says which sampler a :class:`noisync.GaussianField` was given.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, before anything is computed.
    SimulationError
        If a token leaves the sphere (a zero, infinite or NaN vector). The states until then are in
        the exception's ``trajectory``, as they are in a ``KeyboardInterrupt``'s.

    References
    ----------
    arXiv:2604.26898, eq. (1.1).
    """
    check_model(model)
    start = _validate.tokens("tokens", tokens, model.dim)
    n = start.shape[0]
    replicate = _validate.integer("replicate", replicate, minimum=0, maximum=2**32 - 1)
    plan = Plan.checked(
        model,
        n,
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
    saved = Schedule.checked(save, plan.layers)
    check_memory(
        len(saved) * n * model.dim * plan.dtype.itemsize,
        f"save: keeping {len(saved)} states",
        "keep fewer (save=k, save=[...]) or observe on the way instead",
    )
    states = np.empty((len(saved), n, model.dim), plan.dtype)
    recorder = Recorder(observe, plan, Schedule(plan.layers, every=1), 1)

    with tqdm(total=plan.layers, unit="layer", disable=not progress) as bar:
        outcome = plan.run(
            start[None],
            replicate,
            [_core.SaveRequest(saved._core_config(), states[None]), *recorder.requests(0, 1)],
            (lambda layer: _advance(bar, layer)) if progress else None,
        )
        computed = int(outcome.computed[0])
        _advance(bar, computed)

    kept = saved.layers()
    kept = kept[kept <= computed]
    trajectory = Trajectory(
        layer=kept,
        tokens=states[: kept.size],
        weights=plan.weights,
        model=plan.model,
        horizon=plan.horizon,
        layers=plan.layers,
        seed=plan.seed,
        replicate=replicate,
        observed={
            name: values[0, : int(outcome.observed[0]) + 1]
            for name, (_, values) in recorder.results().items()
        },
        path_layers=plan.path_layers,
        scheme=plan.scheme,
        method=plan.method,
    )
    _raise_if_stopped(outcome, trajectory)
    return trajectory


def _advance(bar: tqdm[Any], layer: int) -> None:
    bar.update(max(layer, 0) - bar.n)


def _raise_if_stopped(outcome: _core.Outcome, trajectory: Trajectory) -> None:
    error = outcome.take_error()
    if outcome.lost_token >= 0:
        error = SimulationError(
            f"layer {int(outcome.computed[0]) + 1}: token {outcome.lost_token} left the sphere "
            "(its vector became zero, infinite or NaN); the states before are in this error's "
            ".trajectory"
        )
    if error is not None:
        error.trajectory = trajectory  # type: ignore[attr-defined]
        try:
            raise error
        finally:
            del error  # or it would hold itself, and the trajectory, through this frame
