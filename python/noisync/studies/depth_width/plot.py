"""Convergence in depth and in width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from noisync.figures.style import BLUE, GREY, VERMILION, check_dataset, panels_or_new, styled


@styled
def depth_width(data: xr.Dataset, ax: Sequence[Axes] | None = None) -> tuple[Axes, Axes]:
    """Draw the squared errors of :func:`noisync.studies.depth_width` against depth and width.

    Parameters
    ----------
    data : xarray.Dataset
        What the study returned.
    ax : two Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    (Axes, Axes)

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind, or `ax` that is not two Axes.
    """
    check_dataset(data, ("depth_error", "width_error"), "ns.studies.depth_width")
    left, right = panels_or_new(ax, 2, 2, (6.4, 2.6))
    _panel(left, data, "depth", "layers $L$", BLUE)
    _panel(right, data, "width", "width $m$", VERMILION)
    left.set_ylabel(r"$E\,\max_t\,\frac{1}{N}\sum_i |X_i - \bar X_i|^2$")
    return left, right


def _panel(axes: Axes, data: xr.Dataset, what: str, label: str, color: str) -> None:
    sizes = data[what].to_numpy()
    errors = data[f"{what}_error"].to_numpy()
    mean = errors.mean(axis=0)
    band = 1.96 * errors.std(axis=0, ddof=1) / np.sqrt(errors.shape[0])
    axes.errorbar(sizes, mean, band, fmt="o", markersize=3.5, capsize=2, color=color)
    centre = np.exp(np.log(mean).mean()) * np.exp(np.log(sizes).mean()) / sizes
    axes.plot(sizes, centre, "--", color=GREY, linewidth=0.9, label="slope −1: the theorem")
    estimate, low, high = data[f"slope_{what}"].to_numpy()
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel(label)
    title = f"slope {estimate:.2f}, 95 % from {low:.2f} to {high:.2f}"
    axes.set_title(title.replace("-", "−"))
    axes.legend()
