"""The pictures of where tokens end."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes

from noisync.figures.style import VERMILION, check_dataset, panels_or_new, styled
from noisync.studies.two_token_transition.agreement import exact_bounds
from noisync.theory.two_token import antipodal_probability

_SOURCE = "ns.studies.two_token_transition"


@styled
def two_token_transition(data: xr.Dataset, ax: npt.ArrayLike | None = None) -> tuple[Axes, ...]:
    """Draw where pairs end over (β, d), and the probability of antipodes against β.

    Left: the measured probability, and the line cosh 2β = d − 2, left of which antipodes do not
    attract. Right: the same for each d with exact 95 % bounds, and lines of theory.

    Parameters
    ----------
    data : xarray.Dataset
        What :func:`noisync.studies.two_token_transition` returned.
    ax : two Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    tuple of two Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind, or `ax` that is not two Axes.
    """
    check_dataset(data, ("ended", "exact", "low", "high"), _SOURCE)
    panels = panels_or_new(ax, 2, 2, (6.6, 2.7))
    _phases(panels[0], data)
    _against_beta(panels[1], data)
    return panels


def _phases(axes: Axes, data: xr.Dataset) -> None:
    dims, betas = data.dim.to_numpy(), data.beta.to_numpy()
    rows = np.arange(dims.size)
    mesh = axes.pcolormesh(
        betas, rows, _share(data), cmap="cividis", vmin=0, vmax=0.5, shading="nearest"
    )
    line = data.critical_beta.to_numpy()
    for k, critical in enumerate(line):
        axes.plot([critical] * 2, [k - 0.5, k + 0.5], color="white", linewidth=2.6)
    for k, critical in enumerate(line):
        label = r"$\cosh 2\beta = d-2$" if k == 0 else None
        axes.plot([critical] * 2, [k - 0.5, k + 0.5], color=VERMILION, label=label)
    axes.set_yticks(rows, [str(d) for d in dims])
    axes.set(xlabel=r"$\beta$", ylabel="dimension $d$")
    axes.legend(loc="upper right", frameon=True)
    bar = axes.figure.colorbar(mesh, ax=axes, label="share that ends as antipodes", extend="max")
    bar.outline.set_linewidth(0.6)


def _share(data: xr.Dataset) -> npt.NDArray[np.float64]:
    runs = data.ended.sum("end")
    share = data.ended.sel(end="two antipodes") / runs.where(runs > 0)
    return np.asarray(share.to_numpy())


def _against_beta(axes: Axes, data: xr.Dataset) -> None:
    betas = data.beta.to_numpy()
    fine = np.linspace(betas[0] / 2, betas[-1] * 1.02, 121)
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.85, data.sizes["dim"]))
    share = _share(data)
    for k, d in enumerate(data.dim.to_numpy().tolist()):
        exact = [antipodal_probability(d, beta, data.attrs["cosine"]) for beta in fine]
        axes.plot(fine, exact, color=colors[k], linewidth=0.9)
        known = np.isfinite(share[k])
        low, high = data.low[k].to_numpy()[known], data.high[k].to_numpy()[known]
        middle = share[k][known]
        axes.errorbar(
            betas[known], middle, [middle - low, high - middle], fmt="o", markersize=2.5,
            capsize=1.5, linewidth=0.8, color=colors[k], label=f"{d}",
        )  # fmt: skip
    axes.set(xlabel=r"$\beta$", ylabel="probability of antipodes", ylim=(0, None))
    axes.legend(title="$d$", ncols=2, loc="upper left")


@styled
def antipodal_groups(data: xr.Dataset, ax: npt.ArrayLike | None = None) -> tuple[Axes, ...]:
    """Draw how N uniform tokens end: a column for every d, a colour for every β.

    First row: the share of runs that have come to two antipodes by T (full), with exact 95 %
    bounds, and of those that are undecided (open). Second: where there are two groups at T, the
    mean share of tokens in the smaller one. Third: the median time to settle, where half the runs
    did.

    Parameters
    ----------
    data : xarray.Dataset
        What :func:`noisync.studies.two_token_transition` returned.
    ax : three Axes for every d, optional
        Row by row; a new figure by default.

    Returns
    -------
    tuple of Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind, or `ax` that is not so many Axes.
    """
    check_dataset(data, ("group_ended", "group_size", "group_time_to_settle"), _SOURCE)
    dims = data.group_dim.to_numpy().tolist()
    columns = len(dims)
    if ax is None:
        size = (0.7 + 1.9 * columns, 4.8)
        _, ax = plt.subplots(3, columns, figsize=size, sharex=True, sharey="row", squeeze=False)
    panels = panels_or_new(ax, 3 * columns, columns, (0.0, 0.0))
    for k, d in enumerate(dims):
        own = panels[k::columns]
        _groups(own, data.sel(group_dim=d))
        own[0].set_title(f"$d = {d}$")
    for panel, label in zip(
        panels[::columns],
        ("share of runs", "share in the smaller group", "time to settle"),
        strict=True,
    ):
        panel.set_ylabel(label)
    panels[columns].legend(*panels[0].get_legend_handles_labels(), title=r"$\beta$", ncols=2)
    return panels


def _groups(panels: tuple[Axes, ...], data: xr.Dataset) -> None:
    betas, n = data.group_beta.to_numpy(), data.tokens.to_numpy()
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.85, betas.size))
    shares, sizes, times = panels
    for k, beta in enumerate(betas):
        one = data.isel(group_beta=k)
        counts = one.group_ended.to_numpy()
        runs = counts.sum(axis=1)
        known = runs > 0
        share = counts[known, 1] / runs[known]
        others = runs[known] - counts[known, 1]
        low, high = exact_bounds(np.stack([others, counts[known, 1], 0 * others], axis=1))
        undecided = counts[known, 2] / runs[known]
        bars = np.clip([share - low, high - share], 0, None)
        style = {"color": colors[k], "markersize": 3, "linewidth": 0.8}
        shares.errorbar(n[known], share, bars, fmt="o-", capsize=1.5, label=f"{beta:g}", **style)
        shares.plot(n[known], undecided, "o:", fillstyle="none", **style)
        table = one.group_size.to_numpy()
        pairs = table[:, 1:].sum(axis=1)
        mean = (table * data["size"].to_numpy()).sum(axis=1) / np.where(pairs, pairs, 1) / n
        sizes.plot(n[pairs > 0], mean[pairs > 0], "o-", **style)
        time = one.group_time_to_settle.to_numpy()
        times.plot(n, np.where(np.isfinite(time), time, np.nan), "o-", **style)
    for panel in panels:
        panel.set_xscale("log", base=2)
    shares.set_ylim(-0.03, 1.03)
    sizes.set_ylim(0, 0.53)
    times.set_ylim(0, None)
    times.set_xlabel("tokens $N$")
    times.set_xticks(n, [str(each) for each in n])
