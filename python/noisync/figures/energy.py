"""The interaction energy along a run."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from noisync.bounds import energy_bound
from noisync.figures.style import BLUE, GREY, axes_or_new, check_run, styled
from noisync.run.trajectory import Trajectory


@styled
def energy(
    run: Trajectory,
    beta: float = 1.0,
    *,
    bound: bool = False,
    ax: Axes | None = None,
    color: str = BLUE,
    label: str | None = None,
) -> Axes:
    r"""Draw E_β against time on a logarithmic axis.

    Parameters
    ----------
    run : Trajectory
    beta : float
        Inverse temperature of the energy.
    bound : bool
        Also draw the theorem's bound on the mean energy, :func:`noisync.energy_bound`, where there
        is one and it does not grow.
    ax : Axes, optional
        Where to draw; a new figure by default.
    color, label : str, optional
        Of the energy's line.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For something that is no run, or a run with too little in it to draw.
    """
    check_run(run)
    axes = axes_or_new(ax)
    values = run.energy(beta)
    positive = np.where(values > 0, values, np.nan)  # a logarithm has no place for exact zeros
    axes.semilogy(run.time, positive, color=color, label=label)
    if bound and values.size and values[0] > 0:
        limit = energy_bound(run.model, run.time - run.time[0], float(values[0]), beta)
        if limit is not None and limit[-1] <= limit[0]:
            axes.semilogy(
                run.time, limit, "--", color=GREY, linewidth=0.9, label="bound on the mean"
            )
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    axes.set_xlabel("time $t$")
    axes.set_ylabel(rf"energy $E_{{\beta}}$, $\beta={beta:g}$")
    return axes
