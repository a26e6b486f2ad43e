"""The picture of the errors against N."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes

from noisync.base.validate import FloatArray
from noisync.figures.style import GREY, check_dataset, panels_or_new, styled
from noisync.studies.bootstrap import mean_interval
from noisync.studies.propagation_of_chaos.panels import (
    COLORS,
    SOURCE,
    checked_model,
    draw_rate,
    log_axes,
)
from noisync.studies.propagation_of_chaos.rates import growing_rate, smooth_rate, theorem_rate


@styled
def propagation_of_chaos(
    data: xr.Dataset, models: Sequence[int] | None = None, ax: Sequence[Axes] | None = None
) -> tuple[Axes, ...]:
    """Draw the errors of :func:`noisync.studies.propagation_of_chaos` against N.

    Four panels: synchronous coupling, W_2², squared Sobolev distances, energy; the largest error
    over time, its mean over noise paths with a 95 % interval. Dashed lines are the rates that
    theory has, through the middle of the points; dotted ones the error of the reference.

    Parameters
    ----------
    data : xarray.Dataset
        What the study returned.
    models : sequence of int, optional
        Which models; by default those that differ from the first by dimension alone.
    ax : four Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    tuple of four Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind, a model that is not in it, or `ax` that is not four Axes.
    """
    check_dataset(data, ("coupling", "wasserstein", "sobolev", "energy"), SOURCE)
    chosen = groups(data)[0] if models is None else [checked_model(data, model) for model in models]
    panels = panels_or_new(ax, 4, 2, (6.4, 5.0))
    for k, model in enumerate(chosen):
        one = data.isel(model=model)
        color, dim = COLORS[k % len(COLORS)], int(one.dim)
        label = f"d = {dim}"
        _coupling(panels[0], one, color, label)
        _transport(panels[1], one, color, label, bound=k == 0)
        _sobolev(panels[2], one, color, label)
        _energy(panels[3], one, color, label)
    for panel, name in zip(
        panels,
        (
            r"$E\,\sup_t\frac{1}{N}\sum_i|X_i-\bar X_i|^2$",
            r"$E\,\sup_t W_2^2(\mu^N_t,\mu_t)$",
            r"$E\,\|\mu^N-\mu\|^2_{-1}$",
            r"$E\,\sup_t|E_\beta(\mu^N_t)-E_\beta(\mu_t)|$",
        ),
        strict=True,
    ):
        log_axes(panel, data.tokens.to_numpy())
        panel.set_ylabel(name)
        if panel.get_legend_handles_labels()[0]:
            panel.legend()
    if panels[1].get_legend() is not None:  # between the errors and the nodes' own
        panels[1].legend(loc="center left", bbox_to_anchor=(0.0, 0.32))
    return panels


def groups(data: xr.Dataset) -> list[list[int]]:
    """Return the models, those together that differ by dimension alone."""
    found: dict[tuple[str, str], list[int]] = {}
    for k in range(data.sizes["model"]):
        key = str(data.attention[k].item()), str(data.noise[k].item())
        found.setdefault(key, []).append(k)
    return list(found.values())


def _points(
    axes: Axes, n: npt.NDArray[np.int64], errors: FloatArray, color: str, label: str
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Draw means over noise paths with intervals; return the sizes that were measured, and them."""
    known = np.isfinite(errors).all(axis=0)
    if not known.any():
        return n[:0], np.empty(0)
    mean, low, high = mean_interval(errors[:, known])
    bars = np.maximum([mean - low, high - mean], 0.0)
    axes.errorbar(
        n[known], mean, bars, fmt="o", markersize=3.5, capsize=2, color=color, label=label
    )
    return n[known], mean


def _floor(axes: Axes, one: xr.Dataset, name: str, color: str, least: float) -> None:
    """Draw the error of the reference where it comes near the points."""
    value = float(one[f"floor_{name}"].max())
    if np.isfinite(value) and value > least / 100:
        axes.axhline(
            value, linestyle=":", color=color, linewidth=0.9, label=f"nodes, d = {int(one.dim)}"
        )


def _coupling(axes: Axes, one: xr.Dataset, color: str, label: str) -> None:
    n, mean = _points(
        axes, one.tokens.to_numpy(), one.coupling.max("time", skipna=False).to_numpy(), color, label
    )
    if n.size:
        draw_rate(axes, n, mean, 1 / n, color)
        _floor(axes, one, "coupling", color, mean.min())


def _energy(axes: Axes, one: xr.Dataset, color: str, label: str) -> None:
    n, mean = _points(
        axes, one.tokens.to_numpy(), one.energy.max("time", skipna=False).to_numpy(), color, label
    )
    if n.size:
        draw_rate(axes, n, mean, np.asarray(n, dtype=np.float64) ** -0.5, color)
        _floor(axes, one, "energy", color, mean.min())


def _transport(axes: Axes, one: xr.Dataset, color: str, label: str, *, bound: bool) -> None:
    errors = one.wasserstein.max("time", skipna=False).to_numpy()
    n, mean = _points(axes, one.tokens.to_numpy(), errors, color, label)
    if not n.size:
        return
    dim = int(one.dim)
    draw_rate(axes, n, mean, smooth_rate(dim, n), color)
    if bound:
        upper = theorem_rate(dim, n)
        axes.plot(
            n, upper * 1.5 * mean[0] / upper[0], "-.", color=GREY, linewidth=0.9,
            label=r"slope of the bound $r_d(N)$",
        )  # fmt: skip
    floor = one.floor_wasserstein.sel(tokens=n).to_numpy()
    axes.plot(n, floor, ":", color=color, linewidth=0.9, label=f"nodes, d = {dim}")


def _sobolev(axes: Axes, one: xr.Dataset, color: str, label: str) -> None:
    """Draw s = 1 at the fixed degree, over time, and open: at the growing one, at the end."""
    sizes = one.tokens.to_numpy()
    orders = one.order.to_numpy()
    fixed = (
        one.sobolev.isel(order=int(np.argmin(np.abs(orders - 1))))
        .max("time", skipna=False)
        .to_numpy()
    )
    n, mean = _points(axes, sizes, fixed, color, rf"{label}, $p={one.attrs['degree']}$")
    if n.size:
        draw_rate(axes, n, mean, 1 / n, color)
    growing = one.sobolev_growing.to_numpy()
    known = np.isfinite(growing).all(axis=0)
    if known.any():
        mean, n = growing[:, known].mean(axis=0), sizes[known]
        axes.plot(
            n, mean, "s", fillstyle="none", markersize=3.5, color=color,
            label=rf"{label}, $p=N^{{1/{int(one.dim) - 1}}}$, end",
        )  # fmt: skip
        draw_rate(axes, n, mean, growing_rate(int(one.dim), n), color, ":")
