"""Pictures of the study of synchronisation by noise."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from noisync.errors import ArgumentError
from noisync.figures.style import (
    BLUE,
    GREEN,
    ORANGE,
    VERMILION,
    axes_or_new,
    check_dataset,
    styled,
)

_COLORS = (BLUE, ORANGE, GREEN, VERMILION)


@styled
def mean_energy(
    data: xr.Dataset,
    *,
    activation: str | None = None,
    dim: int | None = None,
    value: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw mean energies of :func:`noisync.studies.synchronization` for every σ.

    Lines with bands are measured (95 % over replicates), circles are the exact mean (a = 0), dashed
    lines are the theorem's bound where it decays.

    Parameters
    ----------
    data : xarray.Dataset
        What the study returned.
    activation, dim, value : optional
        φ, d and a to draw; the first of the study by default.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind, or a cell that is not in the study.
    """
    check_dataset(data, ("mean_energy", "energy_bound"), "ns.studies.synchronization")
    chosen = {"activation": activation, "dim": dim, "value": value}
    for name, wanted in chosen.items():
        known = data[name].to_numpy().tolist()
        if wanted is None:
            chosen[name] = known[0]
        elif wanted not in known:
            raise ArgumentError(f"{name} must be one of {known}, got {wanted!r}")
    cell = data.sel(chosen)
    axes = axes_or_new(ax)
    time = cell.time.to_numpy()
    for k, sigma in enumerate(cell.sigma.to_numpy()):
        color = _COLORS[k % len(_COLORS)]
        one = cell.sel(sigma=sigma)
        estimate, low, high = one.mean_energy.to_numpy().T
        axes.plot(time, estimate, color=color, label=rf"$\sigma={sigma:g}$")
        axes.fill_between(time, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(
            time[::4], one.exact_energy[::4], "o", color=color, markersize=3, fillstyle="none"
        )
        if one.bound_rate < 0:
            axes.plot(time, one.energy_bound, "--", color=color, linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xlabel("time $t$")
    axes.set_ylabel(rf"$E[E_\beta(\mu_t)]$, $\beta={data.attrs['beta']:g}$")
    a = f"{chosen['value']:g}".replace("-", "−")
    axes.set_title(f"{chosen['activation']}, d = {chosen['dim']}, a = {a}")
    axes.legend()
    return axes


@styled
def phase_diagram(data: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw where noise beats repulsive attention, from :func:`noisync.studies.synchronization`.

    Colour is the share of runs that end in one cluster; the line is a = λ_1(σ), below which theory
    has one cluster repel.

    Parameters
    ----------
    data : xarray.Dataset
        What the study returned.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind.
    """
    check_dataset(data, ("phase_share", "phase_line"), "ns.studies.synchronization")
    axes = axes_or_new(ax)
    share = data.phase_share.sel(end="one cluster").transpose("phase_value", "phase_sigma")
    sigma, value = data.phase_sigma.to_numpy(), data.phase_value.to_numpy()
    order = np.argsort(value)
    mesh = axes.pcolormesh(
        sigma, value[order], share.to_numpy()[order], cmap="cividis", vmin=0, vmax=1,
        shading="nearest",
    )  # fmt: skip
    limits = axes.get_xlim(), axes.get_ylim()
    axes.plot(sigma, data.phase_line, "-", color="white", linewidth=2.6)
    axes.plot(sigma, data.phase_line, "-", color=VERMILION, label=r"$a = \lambda_1(\sigma)$")
    axes.set(xlim=limits[0], ylim=limits[1], xlabel=r"$\sigma = \sigma_U = \sigma_W$")
    axes.set_ylabel("attention $a$ (repulsive below 0)")
    axes.set_title(
        f"{data.attrs['phase_activation']}, d = {data.attrs['phase_dim']}, "
        f"T = {data.attrs['horizon']:g}"
    )
    axes.legend(loc="lower left", frameon=True)
    bar = axes.figure.colorbar(mesh, ax=axes, label="share of runs in one cluster")
    bar.outline.set_linewidth(0.6)
    return axes
