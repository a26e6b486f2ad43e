"""More layers for a run that has ended."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from noisync.base import validate
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.run.arguments import RunArguments, complete
from noisync.run.checkpoint import Checkpoint
from noisync.run.plan import Plan
from noisync.run.resume import RESUMED, observers_of
from noisync.run.simulation import single_run
from noisync.run.start import checked_start
from noisync.run.trajectory import Trajectory

if TYPE_CHECKING:
    from noisync.run.arguments import Observers


def extend(
    trajectory: Trajectory,
    *,
    layers: int,
    observe: Observers | None = None,
    threads: int | None = None,
    progress: bool = False,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    stop_after: float | None = None,
) -> Trajectory:
    r"""Carry a run through more layers of the same thickness, with the noise of the next layers.

    .. math:: X_\ell \to X_{\ell + m},\qquad \Delta \text{ as it was}

    The result is that of one run over all layers, bit for bit. A run that was stopped goes on from
    the last layer that it completed.

    Parameters
    ----------
    trajectory : Trajectory
        From :func:`noisync.simulate`, :func:`noisync.extend` or a file.
    layers : int
        m, how many more.
    observe : observers and functions, or a dict that names them, optional
        The functions among the observers of the run, and observers of classes of your own: a
        trajectory knows them by their names. The other observers go on as they were.
    threads, progress, checkpoint, stop_after
        As in :func:`noisync.simulate`.

    Returns
    -------
    Trajectory
        All of it, with the states that `save` asked for once and a horizon of Δ times all layers.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, a function that is not given, or the normalization
        ``"mix"`` without a `switch_time`.
    SimulationError
        If a token leaves the sphere.
    """
    if not isinstance(trajectory, Trajectory):
        raise ArgumentTypeError(
            f"trajectory must be a Trajectory, got {validate.shown(trajectory)}"
        )
    placement = trajectory.model.placement
    if placement.name == "mix" and placement.switch_time is None:
        raise ArgumentError(
            "trajectory must have a model with a switch_time, since its normalization is 'mix': a "
            "quarter of the horizon would be another time in a longer run"
        )
    reached = trajectory.state.layer
    more = validate.integer("layers", layers, minimum=1, maximum=2**32 - 1 - reached)
    total = reached + more
    described = json.loads(trajectory.origin.observers)
    run = _arguments(trajectory, total)
    run |= {"threads": threads, "progress": progress}
    run |= {"checkpoint": checkpoint, "stop_after": stop_after}
    run |= {"observe": observers_of(described, observe)}
    start = checked_start(trajectory.state.tokens, trajectory.model)
    plan = Plan.checked(trajectory.model, start.n, run)
    plan = replace(plan, thickness=trajectory.thickness)
    asked = {"trajectory": trajectory, "layers": more}
    return single_run("extend", asked, plan, start, trajectory.replicate, run, trajectory)


def _arguments(trajectory: Trajectory, total: int) -> RunArguments:
    """Return the arguments of one run over all layers."""
    origin = trajectory.origin
    if not origin.level:
        raise ArgumentError("trajectory must come from a run: this one does not say of which")
    own_noise = trajectory.noise_replicate == trajectory.replicate
    arguments: dict[str, Any] = {
        "horizon": _horizon(trajectory, total),
        "layers": total,
        "seed": trajectory.seed,
        "noise_replicate": None if own_noise else trajectory.noise_replicate,
        "weights": trajectory.weights,
        "save": json.loads(origin.save),
        "dtype": trajectory.state.tokens.dtype,
        "path_layers": trajectory.path_layers // trajectory.layers * total,
        "scheme": trajectory.scheme,
        "method": origin.method_asked,
        "tol": origin.tol,
    }
    return complete(RunArguments(**arguments))  # type: ignore[typeddict-item]


def _horizon(trajectory: Trajectory, total: int) -> float:
    """Return T with T / L = Δ in floating point, for L layers, where there is one."""
    near = trajectory.horizon * total / trajectory.layers
    for horizon in (near, math.nextafter(near, np.inf), math.nextafter(near, 0.0)):
        if horizon / total == trajectory.thickness:
            return horizon
    return near


RESUMED["extend"] = extend
