"""What attention and noise contribute to the change of the energy."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from noisync.errors import ArgumentError
from noisync.figures.style import BLUE, GREY, ORANGE, axes_or_new, check_dataset, check_run, styled
from noisync.measure.budget import Budget
from noisync.run.series_of_layers import separated
from noisync.run.trajectory import Trajectory


@styled
def budget(
    run: Trajectory | xr.Dataset, name: str = Budget.name, *, ax: Axes | None = None
) -> Axes:
    """Draw the energy's budget over time, attention and noise stacked, and their sum.

    Parameters
    ----------
    run : Trajectory or xarray.Dataset
        A run, or an ensemble (then its mean), that was observed by an :class:`noisync.Budget`.
    name : str
        The observer's name.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If there is no such observation.
    """
    if isinstance(run, xr.Dataset):
        check_dataset(run, (name,), "ns.ensemble(..., observe=[ns.Budget()])")
        series = separated(run, name).mean("replicate")
        time, values = series.time.to_numpy(), series.to_numpy()
    else:
        check_run(run)
        if name not in run.observed:
            found = ", ".join(run.observed) or "nothing"
            raise ArgumentError(
                f"run was not observed by ns.Budget(name={name!r}), it has observed {found}"
            )
        series = run.observed[name]
        time, values = series.time.to_numpy(), series.to_numpy()
    axes = axes_or_new(ax)
    # Stacked upwards what raises the energy, downwards what lowers it.
    up, down = np.zeros(time.size), np.zeros(time.size)
    for part, label, color in zip(values.T, ("attention", "noise"), (BLUE, ORANGE), strict=True):
        rise, fall = np.maximum(part, 0), np.minimum(part, 0)
        for base, change, text in ((up, rise, label), (down, fall, None)):
            axes.fill_between(
                time, base, base + change, color=color, alpha=0.6, linewidth=0, label=text
            )
        up, down = up + rise, down + fall
    axes.plot(time, values.sum(axis=1), color="black", linewidth=0.9, label="sum")
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.set(xlabel="time $t$", ylabel=r"parts of $dE_\beta/dt$")
    axes.legend()
    return axes
