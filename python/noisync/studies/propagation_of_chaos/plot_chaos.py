"""Pictures of chaos given the noise, and of the coupling error over a long time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from noisync.errors import ArgumentError
from noisync.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    check_dataset,
    panels_or_new,
    styled,
)
from noisync.studies.bootstrap import mean_interval
from noisync.studies.propagation_of_chaos.panels import (
    COLORS,
    SOURCE,
    checked_model,
    draw_rate,
    log_axes,
)


@styled
def conditional_chaos(
    data: xr.Dataset, model: int | None = None, ax: Sequence[Axes] | None = None
) -> tuple[Axes, ...]:
    r"""Draw chaos given the noise, from :func:`noisync.studies.propagation_of_chaos`.

    Left: Cov(f(X¹), f(X²)) over starts on one noise path, which vanishes, and over noise paths,
    which does not. Middle and right: variance and law of √N(⟨f, μ^N⟩ − ⟨f, μ⟩) given the noise.

    Parameters
    ----------
    data : xarray.Dataset
        What the study returned.
    model : int, optional
        Which model; the first that was measured by default.
    ax : three Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    tuple of three Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind, a model that was not measured, or `ax` that is not three
        Axes.
    """
    check_dataset(data, ("conditional", "unconditional", "fluctuation"), SOURCE)
    measured = measured_chaos(data)
    chosen = checked_model(data, measured[0] if measured and model is None else model)
    if chosen not in measured:
        raise ArgumentError(f"model must be one that was measured, of {measured}, got {chosen}")
    one = data.isel(model=chosen)
    panels = panels_or_new(ax, 3, 3, (7.4, 2.5))
    _covariances(panels[0], one)
    _variances(panels[1], one)
    _laws(panels[2], one)
    return panels


@styled
def coupling_growth(data: xr.Dataset, ax: Sequence[Axes] | None = None) -> tuple[Axes, ...]:
    """Draw the coupling error against time, from :func:`noisync.studies.propagation_of_chaos`.

    Left: its mean over noise paths, N fixed, with a 95 % interval; dotted: the error of the
    reference on one path. Right: how far apart the tokens
    are, 1 − |mean|², which is 0 for one cluster.

    Parameters
    ----------
    data : xarray.Dataset
        What the study returned.
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
    check_dataset(data, ("growth", "growth_spread"), SOURCE)
    panels = panels_or_new(ax, 2, 2, (6.4, 2.6))
    time = data.growth_time.to_numpy()
    for k in range(data.sizes["growth_model"]):
        for panel, name in zip(panels, ("growth", "growth_spread"), strict=True):
            values = data[name].isel(growth_model=k).to_numpy()[:, 1:]
            mean, low, high = mean_interval(values)
            color = COLORS[k % len(COLORS)]
            panel.plot(time[1:], mean, ("-", "--")[k % 2], color=color, label=growth_label(data, k))
            panel.fill_between(time[1:], low, high, color=color, alpha=0.15, linewidth=0)
        floor = data.floor_growth[k].to_numpy()[1:]
        panels[0].plot(time[1:], floor, ":", color=color, linewidth=0.8)
    for panel in panels:
        panel.set_yscale("log")
        panel.set_xlabel("time $t$")
    panels[0].set_ylabel(r"$E\,\frac{1}{N}\sum_i|X_i-\bar X_i|^2$")
    panels[1].set_ylabel(r"$1-|\frac{1}{N}\sum_i X_i|^2$")
    top = float(data.growth.max())
    least = float(data.growth[..., 1:].mean("growth_replicate").min())
    panels[0].set_ylim(max(least / 10, top * 1e-12), 3 * top)
    panels[0].set_title(f"N = {data.attrs['growth_tokens']}")
    panels[1].legend(loc="lower left")
    return panels


def measured_chaos(data: xr.Dataset) -> list[int]:
    """Return the models whose chaos given the noise was measured."""
    if "conditional" not in data:
        return []
    known = np.isfinite(data.conditional.to_numpy()).all(axis=(1, 2))
    return [int(k) for k in np.flatnonzero(known)]


def growth_label(data: xr.Dataset, k: int) -> str:
    """Say what noise and attention do in one of the models of the growth."""
    sign = "<" if data.growth_coercivity[k] < 0 else ">"
    does = "attracts" if data.growth_value[k] > 0 else "repels"
    return rf"$\bar\lambda {sign} 0$, attention {does}"


def _covariances(axes: Axes, one: xr.Dataset) -> None:
    n = one.conditional_tokens.to_numpy()
    for name, color, label in (
        ("unconditional", VERMILION, "over noise paths"),
        ("conditional", BLUE, "given the noise"),
    ):
        estimate, low, high = np.abs(one[name].to_numpy().T)
        sign = "−" if np.median(one[name].to_numpy()[:, 0]) < 0 else ""
        bars = [np.abs(estimate - np.minimum(low, high)), np.abs(np.maximum(low, high) - estimate)]
        axes.errorbar(
            n, estimate, bars, fmt="o", markersize=3.5, capsize=2, color=color,
            label=f"{sign}Cov {label}",
        )  # fmt: skip
        if name == "conditional":
            slope = one.slope_conditional.to_numpy()
            draw_rate(axes, n[n >= 64], estimate[n >= 64], 1 / n[n >= 64], GREY, label="slope −1")
            title = f"slope {slope[0]:.2f} [{slope[1]:.2f}, {slope[2]:.2f}] from N = 64"
            axes.set_title(title.replace("-", "−"))
    log_axes(axes, n)
    axes.set_ylabel(r"$|\mathrm{Cov}(f(X_1), f(X_2))|$")
    axes.legend()


def _variances(axes: Axes, one: xr.Dataset) -> None:
    n = one.conditional_tokens.to_numpy()
    values = one.fluctuation.to_numpy()
    centred = (values - values.mean(axis=1, keepdims=True)) ** 2
    mean, low, high = mean_interval(centred.T)
    axes.errorbar(
        n, mean, [mean - low, high - mean], fmt="o", markersize=3.5, capsize=2, color=BLUE
    )
    axes.axhline(mean[-1], linestyle="--", color=GREY, linewidth=0.9)
    log_axes(axes, n)
    axes.set_yscale("linear")
    axes.set_ylabel(r"$N\,\mathrm{Var}\langle f,\mu^N\rangle$ given the noise")


def _laws(axes: Axes, one: xr.Dataset) -> None:
    """Draw the laws of the least and the largest N, standardised, beside the normal law."""
    n = one.conditional_tokens.to_numpy()
    edges = np.linspace(-4, 4, 41).tolist()
    for k, color in ((0, ORANGE), (n.size - 1, BLUE)):
        values = one.fluctuation.to_numpy()[k]
        scaled = (values - values.mean()) / values.std()
        axes.hist(
            scaled, edges, density=True, histtype="step", color=color, linewidth=1.1,
            label=f"N = {n[k]}",
        )  # fmt: skip
    grid = np.linspace(-4, 4, 201)
    axes.plot(grid, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), "--", color=GREY, label="normal")
    axes.set_xlabel(r"$\sqrt{N}(\langle f,\mu^N\rangle-\langle f,\mu\rangle)$, standardised")
    axes.set_ylabel("density")
    axes.set_ylim(0, 0.6)
    axes.legend(loc="upper left")
