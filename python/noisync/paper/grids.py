"""The appendix figures of arXiv:2604.26898: one grid of panels per activation."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noisync import plot
from noisync.base.validate import FloatArray
from noisync.figures.report import Section, markdown_table, number, save_figure
from noisync.figures.style import BLUE, GREY, style
from noisync.measure.cosines import cosines as histogram
from noisync.measure.decay import measured_rate
from noisync.measure.energy import Energy
from noisync.paper.panel import Depth, Panel, Theory, end_state, theory
from noisync.run.trajectory import Trajectory
from noisync.storage.files import text_file
from noisync.storage.netcdf import write_dataset

DIMS = (5, 64, 128)
SIGMAS = (0.0, 0.1)
SCALES = (1.0, 0.0, -1.0)
TOKENS, LAYERS, HORIZON, BETA = 64, 150, 5.0, 1.0
WIDTH = 512  # not stated in the paper
REPLICATES = 8
BINS = 100

_MEANING = {1.0: "attraction", 0.0: "no attention", -1.0: "repulsion"}


@dataclass(frozen=True)
class Result:
    """A panel with its runs (the first one is drawn in full) and energies (replicate, layer)."""

    panel: Panel
    run: Trajectory
    energies: FloatArray
    theory: Theory


def panels(activation: str | None) -> list[Panel]:
    """Return the panels of a grid; without an MLP there is no σ to vary."""
    sigmas = SIGMAS if activation else (0.0,)
    return [
        Panel(activation, dim, sigma, scale, WIDTH, BETA)
        for dim in DIMS
        for sigma in sigmas
        for scale in SCALES
    ]


def grid(activation: str | None, out: Path, step: Callable[[], None]) -> Section:
    """Run a grid, write its PNG, CSV and netCDF files and return its section.

    `step` is called after every panel.
    """
    name = activation or "no-mlp"
    results = []
    depth = Depth(TOKENS, HORIZON, LAYERS)
    for panel in panels(activation):
        energies = panel.ensemble(depth, REPLICATES, [Energy(BETA)]).energy.to_numpy()
        results.append(Result(panel, panel.run(depth, 0), energies, theory(panel, depth.step)))
        step()
    write_dataset("out", out / f"{name}.nc", _dataset(results))
    _write_summary(results, out / f"{name}.csv")
    with style():
        figure = draw(results)
    picture = save_figure(figure, out, f"{name}.png", f"Cosines and energies, {name}")
    plt.close(figure)
    return Section(_title(activation), _body(activation, results, picture, name))


def _title(activation: str | None) -> str:
    return f"Grid: {activation}" if activation else "Grid: no MLP"


# The picture


def draw(results: list[Result]) -> Figure:
    """Draw cosines (left) and energies (right) of all panels."""
    rows = len(results) // len(SCALES)
    height = 1.4 * rows + 0.8
    figure = plt.figure(figsize=(11.5, height), layout="none")
    halves = figure.add_gridspec(
        1, 2, left=0.1, right=0.995, bottom=0.42 / height, top=1 - 0.28 / height, wspace=0.14
    )
    left = halves[0].subgridspec(rows, len(SCALES), wspace=0.08, hspace=0.14)
    right = halves[1].subgridspec(rows, len(SCALES), wspace=0.08, hspace=0.14)
    for index, result in enumerate(results):
        row, column = divmod(index, len(SCALES))
        cosines = figure.add_subplot(left[row, column])
        plot.cosines(result.run, bins=BINS, ax=cosines)
        energy = figure.add_subplot(right[row, column])
        _draw_energies(energy, result)
        low = min(r.energies.min() for r in results[index - column : index - column + len(SCALES)])
        energy.set_ylim(max(0.3 * low, 1e-33), 6.0)
        for axes, label in ((cosines, "cosine"), (energy, r"energy $E_1$")):
            _trim(axes, row == rows - 1, column == 0, label)
            if row == 0:
                axes.set_title(f"$a = {result.panel.scale:g}$: {_MEANING[result.panel.scale]}")
        if column == 0:
            law = f"d = {result.panel.dim}"
            if result.panel.activation:
                law += f"\nσ = {result.panel.sigma:g}"
            cosines.text(-0.72, 0.5, law, transform=cosines.transAxes, va="center", fontsize=9)
    return figure


def _draw_energies(axes: Axes, result: Result) -> None:
    time = result.run.time
    positive = np.where(result.energies > 0, result.energies, np.nan)
    axes.semilogy(time, positive.T, color=BLUE, linewidth=0.4, alpha=0.5)
    axes.semilogy(time, result.energies.mean(axis=0), color=BLUE, linewidth=1.4)
    if result.theory.applies and result.theory.bound < 0:
        bound = result.energies[0, 0] * np.exp(result.theory.bound * time)
        axes.semilogy(time, bound, "--", color=GREY, linewidth=0.9, label="bound on the mean")
        axes.legend(loc="lower left", handlelength=1.4)


def _trim(axes: Axes, bottom: bool, left: bool, label: str) -> None:
    axes.set_xlabel(f"time $t$ (layer ${LAYERS / HORIZON:g}\\,t$)" if bottom else "")
    axes.set_ylabel(label if left else "")
    axes.tick_params(labelbottom=bottom, labelleft=left)
    axes.set_xlim(0, HORIZON)


# The numbers


def _dataset(results: list[Result]) -> xr.Dataset:
    """All curves of a grid: energies of every replicate, cosine histograms of the first."""
    counts = np.array(
        [[histogram(x, BINS).counts for x in result.run.tokens] for result in results]
    )
    energies = np.array([result.energies for result in results])
    edges = np.linspace(-1, 1, BINS + 1)
    return xr.Dataset(
        {
            "energy": (("panel", "replicate", "time"), energies),
            "cosine_count": (("panel", "time", "cosine"), counts),
        },
        {
            "time": results[0].run.time,
            "cosine": 0.5 * (edges[1:] + edges[:-1]),
            "dim": ("panel", [r.panel.dim for r in results]),
            "sigma": ("panel", [r.panel.sigma for r in results]),
            "attention_scale": ("panel", [r.panel.scale for r in results]),
        },
        attrs={
            "activation": results[0].panel.activation or "none",
            "beta": BETA,
            "width": WIDTH,
            "tokens": TOKENS,
            "layers": LAYERS,
            "horizon": HORIZON,
            "token_seed": 0,
            "noise_seed": 1,
            "version": results[0].run.version,
        },
    )


def _write_summary(results: list[Result], path: Path) -> None:
    with text_file("out", path) as target:
        writer = csv.writer(target)
        writer.writerow(
            ["dim", "sigma", "a", "lyapunov_exponent", "coercivity", "cluster_exponent",
             "cluster_exponent_at_depth", "bound_rate", "bound_applies", "energy_start", "mean_energy_end", "energy_rate",
             "energy_rate_near_one_cluster", "end_state"]
        )  # fmt: skip
        for r in results:
            rate, _, near = measured_rate(r.run.time, r.energies[0])
            writer.writerow(
                [r.panel.dim, r.panel.sigma, r.panel.scale, r.theory.lyapunov, r.theory.coercivity,
                 r.theory.cluster, r.theory.layered, r.theory.bound, r.theory.applies, r.energies[0, 0],
                 r.energies[:, -1].mean(), rate, near, end_state(r.run.tokens[-1])]
            )  # fmt: skip


# The text


def _body(activation: str | None, results: list[Result], picture: str, name: str) -> str:
    if activation:
        noise = f"an MLP of width {WIDTH} (the paper states none) with φ = {activation}"
        header = ["d", "σ", "a", "λ₁", "λ̄", "what theory says", "what the runs show"]
    else:
        noise = "no noise"
        header = ["d", "a", "what theory says", "what the run shows"]
    rows = []
    for result in results:
        panel, rates = result.panel, result.theory
        law: list[object] = [panel.dim]
        if activation:
            law += [f"{panel.sigma:g}", f"{panel.scale:g}".replace("-", "−")]
            law += [number(rates.lyapunov, 3), number(rates.coercivity, 3)]
        else:
            law += [f"{panel.scale:g}".replace("-", "−")]
        rows.append([*law, _prediction(result), _observation(result)])
    paths = (
        f"the runs (thin: {REPLICATES} noise paths from the same tokens, thick: their mean)"
        if activation
        else "the run"
    )
    return f"""\
{TOKENS} uniform tokens through {LAYERS} layers (T = {HORIZON:g}) with softmax attention (β = {BETA:g}, \
V = aI) and {noise}. Left: histograms of all pairwise cosines of one run (darker: more pairs, \
logarithmic). Right: the energy E₁ of {paths} and, dashed, the theorem's bound on the mean where its \
condition λ̄ < 0 holds and it decays. A flat end near 1e-31 is the rounding of float64.

{picture}

{markdown_table(header, rows)}

Curves of all panels: `{name}.nc`; this table with more digits: `{name}.csv`.
"""


def _prediction(result: Result) -> str:
    panel, rates = result.panel, result.theory
    name = "λ₁ − a" if panel.activation else "−a"
    exponent = f"{name} = {number(rates.cluster, 3)}"
    if rates.cluster == 0:
        text = "nothing moves"
    elif rates.cluster > 0:
        text = f"one cluster is unstable ({exponent})"
    elif panel.activation == "tanh" and panel.sigma == 0:  # G(−y) = −G(y)
        text = _odd_prediction(panel, rates, exponent)
    else:
        text = f"one cluster attracts ({exponent})"
    if not rates.applies:
        return (
            f"{text}; no decaying bound (λ̄ ≥ 0)"
            if panel.activation
            else f"{text}; the energy may grow"
        )
    if rates.bound < 0:
        return f"{text}; mean energy ≤ e^({number(rates.bound, 3)} t) E(0)"
    if panel.activation is None:
        return f"{text}; the energy never grows"
    return f"{text}; the bound e^({number(rates.bound, 3)} t) does not decay"


def _odd_prediction(panel: Panel, rates: Theory, exponent: str) -> str:
    """Tell what odd noise does: it cannot tell a cluster from an antipodal pair, attention can.

    Two equal clusters at ±x feel each other with the softmax weight 1/(1 + e^{2β}), so the angle
    by which they miss being opposite has the exponent λ₁ + 2a/(1 + e^{2β}).
    """
    if panel.scale == 0:
        return f"one cluster or an antipodal pair ±x attracts ({exponent})"
    between = rates.lyapunov + 2 * panel.scale / (1 + np.exp(2 * panel.beta))
    verdict = "also attracts" if between < 0 else "forms but does not last"
    return (
        f"one cluster attracts ({exponent}); an antipodal pair {verdict} "
        f"(exponent {number(between, 2)})"
    )


def _observation(result: Result) -> str:
    rates, energies = result.theory, result.energies
    rate, duration, near = measured_rate(result.run.time, energies[0])
    many = len(energies) > 1
    text = (
        f"{'mean ' if many else ''}energy {number(energies[0, 0])} → "
        f"{number(float(energies[:, -1].mean()))}; {'run 1: ' if many else ''}"
        f"{end_state(result.run.tokens[-1])}"
    )
    if near:
        # The slope of a line fitted to Brownian motion has 6/5 of the variance of its end points.
        deviation = (1.2 * rates.spread / duration) ** 0.5
        expected = number(2 * rates.layered, 3)
        if deviation > 0:
            expected += f" ± {number(deviation)}"
        text += f", log-slope {number(rate, 3)} (theory at this depth {expected})"
    elif np.isfinite(rate) and abs(rate) > 1e-12:
        text += f", log-slope {number(rate)} in the second half"
    if rates.applies and rates.bound < 0:
        bound = energies[0, 0] * np.exp(rates.bound * result.run.time)
        held = bool(np.all(energies.mean(axis=0) <= bound * (1 + 1e-9) + 1e-28))
        text += "; mean below the bound" if held else "; **mean above the bound**"
    return text
