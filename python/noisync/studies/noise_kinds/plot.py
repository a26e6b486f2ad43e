"""The picture of kinds of noise."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes

from noisync.figures.style import (
    BLUE,
    GREEN,
    GREY,
    VERMILION,
    check_dataset,
    panels_or_new,
    styled,
)


@styled
def noise_kinds(data: xr.Dataset, ax: npt.ArrayLike | None = None) -> tuple[Axes, ...]:
    """Draw what each kind of noise does: a row for every kind.

    Left: how the cosines of all pairs are distributed, over all runs (darker: more, logarithmic).
    Middle: the number of clusters, a line for every run, and their median. Right: the budget of the
    energy, its mean over runs; dots are the measured change of the mean energy.

    Parameters
    ----------
    data : xarray.Dataset
        What :func:`noisync.studies.noise_kinds` returned.
    ax : three Axes for every kind, optional
        Row by row; a new figure by default.

    Returns
    -------
    tuple of Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind, or `ax` that is not so many Axes.
    """
    check_dataset(data, ("clusters", "cosines", "budget", "energy"), "ns.studies.noise_kinds")
    kinds = data.kind.to_numpy().tolist()
    if ax is None:
        _, ax = plt.subplots(len(kinds), 3, figsize=(6.8, 1.35 * len(kinds)), sharex=True)
    panels = panels_or_new(ax, 3 * len(kinds), 3, (0.0, 0.0))
    for k, kind in enumerate(kinds):
        cosines, clusters, budget = panels[3 * k : 3 * k + 3]
        one = data.sel(kind=kind)
        _cosines(cosines, one)
        cosines.set_ylabel(kind)
        _clusters(clusters, one)
        _budget(budget, one)
    for panel, title in zip(
        panels[:3],
        ("cosines of pairs", "clusters", r"$dE_\beta/dt$: attention, noise, measured"),
        strict=True,
    ):
        panel.set_title(title)
    for panel in panels[-3:]:
        panel.set_xlabel("time $t$")
    panels[2].legend(loc="lower right")
    return panels


def _cosines(axes: Axes, data: xr.Dataset) -> None:
    counts = data.cosines.sum("replicate").to_numpy()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    time, middles = data.time.to_numpy(), data["bin"].to_numpy()
    axes.pcolormesh(
        time, middles, np.log10(np.maximum(shares.T, 1e-4)), cmap="Greys", vmin=-4, vmax=0,
        shading="nearest",
    )  # fmt: skip
    axes.set_ylim(-1, 1)


def _clusters(axes: Axes, data: xr.Dataset) -> None:
    counts = data.clusters.sel(statistic="count").to_numpy()
    axes.semilogy(data.time, counts.T, color=BLUE, linewidth=0.4, alpha=0.4)
    axes.semilogy(data.time, np.median(counts, axis=0), color=BLUE, linewidth=1.5)
    most = data.attrs["tokens"]
    axes.set_ylim(0.8, 1.25 * most)
    ticks = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    ticks = [tick for tick in ticks if tick <= most]
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()


def _budget(axes: Axes, data: xr.Dataset) -> None:
    mean = data.budget.mean("replicate")
    for part, color in (("attention", GREEN), ("noise", VERMILION)):
        axes.plot(data.time, mean.sel(part=part), color=color, label=part)
    energy = data.energy.mean("replicate").to_numpy()
    time = data.time.to_numpy()
    between = (time[1:] + time[:-1]) / 2
    axes.plot(
        between, np.diff(energy) / np.diff(time), ".", color=GREY, markersize=2, label="measured"
    )
    axes.axhline(0, color=GREY, linewidth=0.5)
