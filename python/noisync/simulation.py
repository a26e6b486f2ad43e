"""Running the layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from noisync import _core, _validate
from noisync._threads import thread_count
from noisync.errors import ArgumentError, ArgumentTypeError, SimulationError
from noisync.model import Model
from noisync.observers import Observer, Recorder
from noisync.trajectory import Trajectory

_DTYPES = ("float64", "float32")


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
    dtype: str = "float64",
    threads: int | None = None,
    progress: bool = False,
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
    observe : sequence of Energy or functions
        Values to compute after every layer, in ``run.observed``. A function gets the (N, d) tokens
        and returns a number or an array of fixed shape.
    dtype : {"float64", "float32"}
        Arithmetic of the run.
    threads : int, optional
        Default: all cores. The result is the same, bit for bit, for any number.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Trajectory

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
    if not isinstance(model, Model):
        raise ArgumentTypeError(f"model must be a Model, got {model!r}")
    start = _validate.tokens("tokens", tokens, model.dim)
    count = start.shape[0]
    horizon = _validate.positive("horizon", horizon)
    layers = _validate.integer("layers", layers, minimum=1, maximum=2**32 - 1)
    seed = _validate.integer("seed", seed, minimum=0, maximum=2**64 - 1)
    replicate = _validate.integer("replicate", replicate, minimum=0, maximum=2**32 - 1)
    mass = _validate.weights(weights, count)
    real = np.dtype(_validate.choice("dtype", dtype, _DTYPES))
    workers = thread_count(threads)
    saved = saved_layers(save, layers)
    states = _allocate((len(saved), count, model.dim), real)
    recorder = Recorder(observe, range(layers + 1))

    with tqdm(total=layers, unit="layer", disable=not progress, leave=False) as bar:
        outcome = _core.run_layers(
            np.ascontiguousarray(start, dtype=real),
            mass,
            attention=model.attention._core_config() if model.attention is not None else None,
            noise=model.noise._core_config() if model.noise is not None else None,
            horizon=horizon,
            layers=layers,
            seed=seed,
            replicate=replicate,
            requests=[_core.SaveRequest(saved, states), *recorder.requests],
            threads=workers,
            progress=(lambda layer: _advance(bar, layer)) if progress else None,
        )
        _advance(bar, outcome.completed)

    kept = np.array([layer for layer in saved if layer <= outcome.completed], dtype=np.int64)
    trajectory = Trajectory(
        layer=kept,
        tokens=states[: kept.size],
        weights=mass,
        model=model,
        horizon=horizon,
        layers=layers,
        seed=seed,
        replicate=replicate,
        observed=recorder.results(outcome.completed),
    )
    _raise_if_stopped(outcome, trajectory)
    return trajectory


def saved_layers(save: int | Sequence[int] | None, layers: int) -> list[int]:
    """Return the increasing layers that `save` asks for."""
    if save is None:
        return list(range(layers + 1))
    if not isinstance(save, (Sequence, np.ndarray)) or isinstance(save, str):
        every = _validate.integer("save", save, minimum=1)
        return sorted({*range(0, layers + 1, every), layers})
    chosen = [_validate.integer("save", layer, minimum=0) for layer in save]
    for layer in chosen:
        if layer > layers:
            raise ArgumentError(f"save must list layers from 0 to {layers}, got {layer}")
    return sorted(set(chosen))


def _allocate(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    size = int(np.prod([float(n) for n in shape])) * dtype.itemsize
    try:
        with open("/proc/meminfo") as lines:
            available = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        limit = available["MemAvailable"]
    except (OSError, KeyError, ValueError, IndexError):
        limit = 2**62
    if size > limit:
        raise ArgumentError(
            f"save: keeping {shape[0]} states of {shape[1]} tokens needs {size / 2**30:.1f} GiB and "
            f"{limit / 2**30:.1f} GiB are free; keep fewer (save=k, save=[...]) or observe instead"
        )
    return np.empty(shape, dtype)


def _advance(bar: tqdm[Any], layer: int) -> None:
    bar.update(max(layer, 0) - bar.n)


def _raise_if_stopped(outcome: _core.Outcome, trajectory: Trajectory) -> None:
    error = outcome.error
    if outcome.lost_token >= 0:
        error = SimulationError(
            f"layer {outcome.completed + 1}: token {outcome.lost_token} left the sphere (its vector "
            "became zero, infinite or NaN); the states before are in this error's .trajectory"
        )
    if error is not None:
        error.trajectory = trajectory  # type: ignore[attr-defined]
        raise error
