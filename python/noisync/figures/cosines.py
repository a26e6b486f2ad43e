"""The pairwise cosines along a run."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from noisync.errors import ArgumentError
from noisync.figures.style import axes_or_new, check_run, styled
from noisync.measure.cosines import cosines as histogram
from noisync.run.trajectory import Trajectory


@styled
def cosines(run: Trajectory, *, bins: int = 100, ax: Axes | None = None) -> Axes:
    """Draw the distribution of the pairwise cosines against time.

    Each column is a histogram of ⟨x_i, x_j⟩ over pairs i < j, darker for more pairs on a
    logarithmic scale; where tokens have different weights, over all i and j by their mass.

    Parameters
    ----------
    run : Trajectory
        Of at least two tokens.
    bins : int
        Number of equal bins of [−1, 1].
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For something that is no run, or a run with too little in it to draw.
    """
    check_run(run)
    if run.tokens.shape[1] < 2:
        raise ArgumentError("run must have at least 2 tokens for pairwise cosines, got 1")
    if run.tokens.shape[0] < 2:
        raise ArgumentError(f"run must have at least 2 saved states, got {run.tokens.shape[0]}")
    axes = axes_or_new(ax)
    counts, edges = histogram(run.tokens, bins, run.weights if np.ptp(run.weights) else None)
    values = np.ma.masked_equal((counts / counts.sum(axis=1, keepdims=True)).T, 0.0)
    time = run.time
    middle = 0.5 * (time[1:] + time[:-1])
    borders = np.concatenate(([time[0]], middle, [time[-1]]))
    axes.pcolormesh(borders, edges, values, cmap="YlGnBu", norm=LogNorm(1e-4, 1.0), rasterized=True)
    axes.set_ylim(-1.02, 1.02)
    axes.set_xlabel("time $t$")
    axes.set_ylabel(r"cosine $\langle x_i, x_j\rangle$")
    return axes
