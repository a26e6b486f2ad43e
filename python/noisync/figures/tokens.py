"""The tokens themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.figures.style import BLUE, GREY, axes_or_new, check_run, styled
from noisync.run.trajectory import Trajectory


@styled
def tokens(
    run: Trajectory | npt.ArrayLike,
    *,
    state: int = -1,
    basis: npt.ArrayLike | None = None,
    ax: Axes | None = None,
    color: Any = BLUE,
    weights: npt.ArrayLike | None = None,
) -> Axes:
    """Draw tokens: on the circle (d = 2), the sphere (d = 3), or projected to a plane (d > 3).

    The area of a token grows with its weight, within limits: one of weight 0 is a small dot.

    Parameters
    ----------
    run : Trajectory or (N, d) array_like
    state : int
        Index of the saved state of a Trajectory, the last by default.
    basis : (d, 2) array_like, optional
        Orthonormal columns that span the plane of a projection; by default the two leading
        directions of the tokens drawn (:func:`noisync.plot.leading_plane`). Forces a projection
        for d = 3.
    ax : Axes, optional
        Where to draw; a three-dimensional one for d = 3. A new figure by default.
    color : color or array of colors
    weights : (N,) array_like, optional
        Of tokens that are given as an array; those of a Trajectory are its own.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For something that is no run, or a run with too little in it to draw.
    """
    if isinstance(run, Trajectory):
        if weights is not None:
            raise ArgumentError("weights must be left out for a Trajectory, which has its own")
        if not -run.tokens.shape[0] <= state < run.tokens.shape[0]:
            raise ArgumentError(
                f"state must index one of the {run.tokens.shape[0]} saved states, got {state}"
            )
        x = run.tokens[state].astype(np.float64)
        mass = run.weights
    else:
        x = validate.tokens("run", run).astype(np.float64)
        mass = validate.weights(weights, len(x))
    area = np.clip(len(x) * mass, 0.3, 25.0)
    if x.shape[1] == 3 and basis is None:
        return _on_sphere(x, ax, color, 12 * area)
    axes = axes_or_new(ax)
    if x.shape[1] == 2:
        points, names = x, ("$x_1$", "$x_2$")
    else:
        plane = leading_plane(x, mass) if basis is None else validate.matrix("basis", basis)
        if plane.shape != (x.shape[1], 2):
            raise ArgumentError(f"basis must have shape ({x.shape[1]}, 2), got {plane.shape}")
        points, names = x @ plane, ("first direction", "second direction")
    axes.add_patch(Circle((0, 0), 1, fill=False, color=GREY, linewidth=0.6))
    axes.scatter(points[:, 0], points[:, 1], s=9 * area, c=color, alpha=0.7, linewidths=0)
    axes.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal", xlabel=names[0], ylabel=names[1])
    return axes


@styled
def snapshots(
    run: Trajectory,
    states: Sequence[int] | None = None,
    *,
    ax: Sequence[Axes] | None = None,
    color: Any = BLUE,
) -> tuple[Axes, ...]:
    """Draw the tokens of a run at several times, side by side in one frame.

    Parameters
    ----------
    run : Trajectory
    states : sequence of int, optional
        Indices of saved states; the first, the middle one and the last by default.
    ax : sequence of Axes, optional
        One for each, three-dimensional for d = 3; a new figure by default.
    color : color or array of colors

    Returns
    -------
    tuple of Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For something that is no run, states that it does not hold, or too few axes.
    """
    check_run(run)
    count, _, dim = run.tokens.shape
    chosen = (0, count // 2, count - 1) if states is None else tuple(states)
    if ax is None:
        projection = {"projection": "3d"} if dim == 3 else {}
        _, drawn = plt.subplots(
            1, len(chosen), figsize=(2.4 * len(chosen), 2.5), subplot_kw=projection, squeeze=False
        )
        ax = list(drawn[0])
    if len(ax) != len(chosen):
        raise ArgumentError(f"ax must be {len(chosen)} axes, one for each state, got {len(ax)}")
    basis = leading_plane(run.tokens[-1], run.weights) if dim > 3 else None
    for axes, state in zip(ax, chosen, strict=True):
        tokens(run, state=state, basis=basis, ax=axes, color=color)
        axes.set_title(f"$t = {run.time[state]:g}$")
    return tuple(ax)


def leading_plane(x: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Return the two directions that carry most of Σ w x xᵀ, as orthonormal columns (d, 2).

    Signs are fixed so that the mean token has non-negative components.
    """
    states = np.asarray(x, dtype=np.float64)
    mass = validate.weights(weights, len(states))
    plane = np.linalg.svd(np.sqrt(mass)[:, None] * states, full_matrices=True)[2][:2].T
    signs = np.where(mass @ states @ plane < 0, -1.0, 1.0)
    return np.asarray(plane * signs)


def _on_sphere(x: FloatArray, ax: Axes | None, color: Any, area: FloatArray) -> Axes:
    if ax is None:
        ax = plt.figure(figsize=(3.2, 3.2)).add_subplot(projection="3d")
    if ax.name != "3d":
        raise ArgumentError("ax must be three-dimensional (projection='3d') for tokens with d = 3")
    axes: Any = ax
    angle = np.linspace(0, 2 * np.pi, 73)
    height = np.linspace(0, np.pi, 19)
    axes.plot_wireframe(
        np.outer(np.cos(angle), np.sin(height)),
        np.outer(np.sin(angle), np.sin(height)),
        np.outer(np.ones_like(angle), np.cos(height)),
        color=GREY, linewidth=0.25, alpha=0.4, rcount=19, ccount=19,
    )  # fmt: skip
    axes.scatter(x[:, 0], x[:, 1], x[:, 2], s=area, c=color, depthshade=True)
    axes.set_box_aspect((1, 1, 1), zoom=1.35)
    axes.set_axis_off()
    return ax
