"""Running the layers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
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

_DTYPES = ("float32", "float64")


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
    real = _dtype(dtype)
    workers = thread_count(threads)
    saved = saved_layers(save, layers, count * model.dim * real.itemsize)
    states = np.empty((len(saved), count, model.dim), real)
    recorder = Recorder(observe, layers)

    with tqdm(total=layers, unit="layer", disable=not progress) as bar:
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

    kept = np.array(saved[: outcome.saved], dtype=np.int64)
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


def _dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in _DTYPES:
        raise ArgumentError(f"dtype must be one of {', '.join(_DTYPES)}, got {name!r}")
    result: np.dtype[Any] = np.dtype(name)
    return result


def saved_layers(save: int | Sequence[int] | None, layers: int, state_bytes: int = 0) -> list[int]:
    """Return the increasing layers that `save` asks for, if their states fit in memory."""
    if save is None or np.ndim(save) == 0:
        every = 1 if save is None else _validate.integer("save", save, minimum=1)
        _check_memory(layers // every + 1, state_bytes)
        return [*range(0, layers, every), layers]
    chosen = [_validate.integer("save", layer, minimum=0) for layer in np.asarray(save, object)]
    for layer in chosen:
        if layer > layers:
            raise ArgumentError(f"save must list layers from 0 to {layers}, got {layer}")
    _check_memory(len(chosen), state_bytes)
    return sorted(set(chosen))


def _check_memory(states: int, state_bytes: int) -> None:
    available = _available_memory()
    if states * state_bytes > available:
        raise ArgumentError(
            f"save: keeping {states} states needs {states * state_bytes / 2**30:.1f} GiB and "
            f"{available / 2**30:.1f} GiB are free; keep fewer (save=k, save=[...]) or observe "
            "on the way instead"
        )


def _available_memory() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration, ValueError):  # not Linux: let the allocation itself decide
        return sys.maxsize


def _advance(bar: tqdm[Any], layer: int) -> None:
    bar.update(max(layer, 0) - bar.n)


def _raise_if_stopped(outcome: _core.Outcome, trajectory: Trajectory) -> None:
    error = outcome.error
    if outcome.lost_token >= 0:
        error = SimulationError(
            f"layer {outcome.completed + 1}: token {outcome.lost_token} left the sphere "
            "(its vector became zero, infinite or NaN); the states before are in this error's "
            ".trajectory"
        )
    if error is not None:
        error.trajectory = trajectory  # type: ignore[attr-defined]
        raise error
