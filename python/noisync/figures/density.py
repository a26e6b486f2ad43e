"""The density of a solution of the SPDE."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.patches import Circle
from scipy.spatial import ConvexHull

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.figures.style import BLUE, GREY, axes_or_new, styled
from noisync.spde.solution import SpdeSolution

#: The colour scale ends this many times below the largest density.
_DECADES = 3
_COLORS = "magma"


@styled
def density(
    solution: SpdeSolution,
    *,
    state: int | None = None,
    ax: Axes | None = None,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw the density of μ_t: on the circle (d = 2) or on both halves of the sphere (d = 3).

    Drawn is the density at the nodes, ρ_0/J, on a logarithmic scale; the uniform law has density 1.
    On the circle all saved times make a picture of space and time, a single one a curve. On the
    sphere it is seen from outside: left from x_3 > 0, right from x_3 < 0, like two discs.

    Parameters
    ----------
    solution : SpdeSolution
    state : int, optional
        Index of a saved state. By default all of them for d = 2, the last one for d = 3.
    ax : Axes, optional
        Where to draw; a new figure by default.
    limits : (float, float), optional
        Least and largest density of the scale; by default those that occur, at most three decades.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For something that is no solution, a dim other than 2 and 3, or a state that was not saved.
    """
    if not isinstance(solution, SpdeSolution):
        raise ArgumentTypeError(f"solution must be an SpdeSolution, got {validate.shown(solution)}")
    dim, count = solution.model.dim, solution.layer.size
    if dim not in (2, 3):
        raise ArgumentError(f"solution must have dim 2 or 3 to be drawn, got {dim}")
    if state is not None and not -count <= state < count:
        raise ArgumentError(f"state must index one of the {count} saved states, got {state}")
    if dim == 3:
        shown = -1 if state is None else state
        return _on_sphere(solution, shown, ax, limits or density_limits(solution, shown))
    if state is None:
        return _in_space_and_time(solution, ax, limits or density_limits(solution))
    return _on_circle(solution, state, ax, limits or density_limits(solution, state))


def density_limits(solution: SpdeSolution, state: int | None = None) -> tuple[float, float]:
    """Return the least and largest density at a saved state, or at all; at most three decades."""
    values = solution.node_density if state is None else solution.node_density[state]
    top = float(values.max())
    low = max(float(values.min()), top / 10**_DECADES)
    return min(low, 0.9 * top), top


def _around(solution: SpdeSolution, state: int, angles: FloatArray) -> FloatArray:
    """Return the density at angles, linear between the nodes."""
    x = solution.tokens[state].astype(np.float64)
    own = np.arctan2(x[:, 1], x[:, 0])
    return np.asarray(np.interp(angles, own, solution.node_density[state], period=2 * np.pi))


def _in_space_and_time(
    solution: SpdeSolution, ax: Axes | None, limits: tuple[float, float]
) -> Axes:
    axes = axes_or_new(ax)
    angles = np.linspace(-np.pi, np.pi, 721)
    values = np.array([_around(solution, k, angles) for k in range(solution.layer.size)])
    mesh = axes.pcolormesh(
        solution.time, angles, values.T,
        norm=LogNorm(*limits, clip=True), cmap=_COLORS, shading="nearest", rasterized=True,
    )  # fmt: skip
    axes.figure.colorbar(mesh, ax=axes, label="density")
    axes.set(xlabel="time $t$", ylabel="angle", ylim=(-np.pi, np.pi))
    axes.set_yticks([-np.pi, 0, np.pi], [r"$-\pi$", "$0$", r"$\pi$"])
    return axes


def _on_circle(
    solution: SpdeSolution, state: int, ax: Axes | None, limits: tuple[float, float]
) -> Axes:
    axes = axes_or_new(ax)
    angles = np.linspace(-np.pi, np.pi, 1441)
    axes.plot(angles, _around(solution, state, angles), color=BLUE)
    axes.axhline(1, color=GREY, linewidth=0.6, linestyle=":")
    axes.set(
        xlabel="angle", ylabel="density", yscale="log", xlim=(-np.pi, np.pi),
        ylim=(0.8 * limits[0], 1.25 * limits[1]),
    )  # fmt: skip
    axes.set_xticks([-np.pi, 0, np.pi], [r"$-\pi$", "$0$", r"$\pi$"])
    axes.set_title(f"$t = {solution.time[state]:.2f}$")
    return axes


def _on_sphere(
    solution: SpdeSolution, state: int, ax: Axes | None, limits: tuple[float, float]
) -> Axes:
    axes: Any = plt.subplots(figsize=(4.4, 2.2), dpi=200)[1] if ax is None else axes_or_new(ax)
    x = solution.tokens[state].astype(np.float64)
    values = solution.node_density[state]
    norm = LogNorm(*limits, clip=True)
    triangles = ConvexHull(x).simplices
    for side, sign in ((-1.08, 1.0), (1.08, -1.0)):
        # Seen from outside the far half is turned about the second axis. Triangles across the edge
        # are drawn on both halves and cut off there.
        seen = triangles[(sign * x[triangles, 2] > -1e-12).any(axis=1)]
        flat = x[:, :2] * [sign, 1.0]
        behind = sign * x[:, 2] < 0
        radius = np.linalg.norm(flat, axis=1, keepdims=True)
        flat = np.where(behind[:, None], flat / np.maximum(radius, 1e-12) * (2 - radius), flat)
        edge = Circle((side, 0), 1, fill=False, color=GREY, linewidth=0.6)
        axes.add_patch(edge)
        image = axes.tripcolor(
            flat[:, 0] + side, flat[:, 1], seen, np.maximum(values, 1e-300),
            norm=norm, cmap=_COLORS, shading="gouraud", rasterized=True,
        )  # fmt: skip
        image.set_clip_path(edge)
        axes.text(side, -1.1, f"$x_3 {'>' if sign > 0 else '<'} 0$", ha="center", va="top")
    if ax is None:
        axes.figure.colorbar(ScalarMappable(norm, _COLORS), ax=axes, label="density", shrink=0.8)
    axes.set(xlim=(-2.15, 2.15), ylim=(-1.3, 1.1), aspect="equal")
    axes.set_title(f"$t = {solution.time[state]:.2f}$")
    axes.set_axis_off()
    return axes  # type: ignore[no-any-return]
