"""The picture of the ranking of activations."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    axes_or_new,
    check_dataset,
    styled,
)


@styled
def activation_rates(
    data: xr.Dataset,
    *,
    rate: str = "lyapunov_exponent",
    sigma: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the rates of :func:`noisync.studies.activation_rates` against d, a line an activation.

    Parameters
    ----------
    data : xarray.Dataset
        What the study returned.
    rate : {"lyapunov_exponent", "coercivity", "critical_sigma"}
        What to draw.
    sigma : float, optional
        For the two rates: which σ; the first of the study by default.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind, or a σ that is not in the study.
    """
    names = {
        "lyapunov_exponent": r"$\lambda_1$",
        "coercivity": r"$\bar\lambda$",
        "critical_sigma": r"$\sigma$ from which on $\bar\lambda < 0$",
    }
    validate.choice("rate", rate, names)
    check_dataset(data, tuple(names), "ns.studies.activation_rates")
    axes = axes_or_new(ax)
    values = data[rate]
    if rate != "critical_sigma":
        known = data.sigma.to_numpy().tolist()
        if sigma is not None and sigma not in known:
            raise ArgumentError(f"sigma must be one of {known}, got {sigma!r}")
        sigma = known[0] if sigma is None else sigma
        values = values.sel(sigma=sigma)
        axes.set_title(rf"$\sigma={sigma:g}$")
    dims = data.dim.to_numpy()
    markers, colors = "osD^vPX*<>h", (BLUE, ORANGE, GREEN, VERMILION, GREY, "black")
    for k, name in enumerate(data.activation.to_numpy()):
        line = values.sel(activation=name).to_numpy()
        axes.plot(
            dims, np.where(np.isfinite(line), line, np.nan), marker=markers[k % len(markers)],
            color=colors[k % len(colors)], linestyle="-" if k < len(colors) else "--",
            markersize=3.5, linewidth=0.9, label=str(name),
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks(dims, [str(d) for d in dims])
    axes.minorticks_off()
    if rate != "critical_sigma":
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set_yscale("symlog", linthresh=0.1)
    axes.set(xlabel="dimension $d$", ylabel=names[rate])
    axes.legend(ncols=2)
    return axes
