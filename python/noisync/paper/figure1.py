"""Figure 1 of arXiv:2604.26898: the noise alone synchronises tokens."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from noisync import plot
from noisync.base.validate import AnyFloatArray, FloatArray
from noisync.figures.report import Section, markdown_table, number, save_figure
from noisync.figures.style import BLUE, GREY, VERMILION, style
from noisync.measure.cosines import GATHERED
from noisync.measure.function import Function
from noisync.paper.panel import Depth, Panel, Theory, end_state, theory
from noisync.run.trajectory import Trajectory
from noisync.storage.files import text_file

DIM, TOKENS, LAYERS, HORIZON, WIDTH, BETA = 4, 64, 2000, 20.0, 2048, 1.0
ACTIVATIONS = {"relu": "ReLU", "tanh": "tanh"}
REPLICATES = 8
EVERY = 10  # layers between observed energies


@dataclass(frozen=True)
class _Result:
    activation: str
    run: Trajectory  # the noise path that gathered most, drawn in full
    energies: FloatArray  # sign-blind energy (replicate, time)
    gathered: FloatArray  # share of tokens in the largest cluster, up to sign, at T (replicate,)
    theory: Theory


def figure1(out: Path, step: Callable[[], None]) -> Section:
    """Run both activations; write ``figure1.png``, ``.csv`` and a netCDF file for each."""
    results = []
    depth = Depth(TOKENS, HORIZON, LAYERS)
    for activation in ACTIVATIONS:
        panel = Panel(activation, DIM, 0.0, 0.0, WIDTH, BETA)
        observe = [
            Function(sign_blind_energy, layers=EVERY),
            Function(gathered_share, layers=[LAYERS]),
        ]
        data = panel.ensemble(depth, REPLICATES, observe)
        energies = data.sign_blind_energy.to_numpy()
        run = panel.run(depth, int(np.argmin(energies[:, -1])))
        run.save(out / f"figure1-{activation}.nc")
        gathered = data.gathered_share[:, -1].to_numpy()
        results.append(_Result(activation, run, energies, gathered, theory(panel, depth.step)))
        step()
    _write(results, out / "figure1.csv")
    with style():
        figure = _draw(results)
    picture = save_figure(figure, out, "figure1.png", "Synchronisation by noise, ReLU and tanh")
    plt.close(figure)
    return Section("Figure 1: the noise alone synchronises", _body(picture, results))


def sign_blind_energy(x: AnyFloatArray) -> float:
    """Mean of (1 − ⟨x_i, x_j⟩²)/2 over all pairs: zero for a cluster and for a pair ±x."""
    minus = ((x[:, None, :] - x[None, :, :]) ** 2).sum(axis=-1)
    plus = ((x[:, None, :] + x[None, :, :]) ** 2).sum(axis=-1)
    # 1 − u² = |x − y|² |x + y|² / 4 keeps its digits as u → ±1.
    return float((minus * plus / 4).mean() / 2)


def gathered_share(x: AnyFloatArray) -> float:
    """Share of tokens whose cosine to one of them, the best placed, exceeds 0.9, up to sign."""
    return float((np.abs(x @ x.T) > GATHERED).mean(axis=1).max())


def _write(results: list[_Result], path: Path) -> None:
    with text_file("out", path) as target:
        writer = csv.writer(target)
        writer.writerow(["activation", "replicate", "lyapunov_exponent", "coercivity",
                         "sign_blind_energy_start", "sign_blind_energy_end", "gathered_share"])  # fmt: skip
        for result in results:
            for k, (energy, share) in enumerate(zip(result.energies, result.gathered, strict=True)):
                writer.writerow([result.activation, k, result.theory.lyapunov,
                                 result.theory.coercivity, energy[0], energy[-1], share])  # fmt: skip


def _draw(results: list[_Result]) -> Figure:
    figure, axes = plt.subplots(
        len(results), 4, figsize=(9.2, 4.4), width_ratios=(1.5, 1.5, 1, 1), squeeze=False
    )
    for row, result in enumerate(results):
        run = result.run
        cosines, energy, start, end = axes[row]
        plot.cosines(run, ax=cosines)
        cosines.set_title(f"{ACTIVATIONS[result.activation]}: pairwise cosines, one noise path")
        time = run.time[::EVERY]
        energy.semilogy(time, result.energies.T, color=BLUE, linewidth=0.5, alpha=0.6)
        median = np.median(result.energies, axis=0)
        energy.semilogy(time, median, color=BLUE, linewidth=1.6, label="median")
        guide = 0.3 * median[0] * np.exp(2 * result.theory.lyapunov * time)
        energy.semilogy(time, guide, "--", color=GREY, label=r"slope $2\lambda_1$")
        energy.set(title=f"sign-blind energy, {REPLICATES} noise paths", xlabel="time $t$")
        energy.legend(loc="lower left")
        basis = plot.leading_plane(run.tokens[-1])
        colors = np.where(run.tokens[-1] @ basis[:, 0] > 0, BLUE, VERMILION)
        for axis, state, when in ((start, 0, "$t = 0$"), (end, -1, f"$t = {HORIZON:g}$")):
            plot.tokens(run, state=state, basis=basis, ax=axis, color=colors)
            axis.set(title=f"tokens, {when}", xlabel="", ylabel="", xticks=[], yticks=[])
            axis.axis("off")
    return figure


def _body(picture: str, results: list[_Result]) -> str:
    header = ["φ", "λ₁", "λ̄", "2λ₁ ± deviation of a path",
              "log-slope from 0 to T: mean (range)",
              "gathered at T: median (range)", "path drawn: T"]  # fmt: skip
    lines = []
    for result in results:
        slopes = np.log(result.energies[:, -1] / result.energies[:, 0]) / HORIZON
        deviation = (result.theory.spread / HORIZON) ** 0.5
        lines.append(
            [
                ACTIVATIONS[result.activation],
                number(result.theory.lyapunov, 3),
                number(result.theory.coercivity, 3),
                f"{number(2 * result.theory.lyapunov, 3)} ± {number(deviation)}",
                f"{number(slopes.mean())} ({number(slopes.min())} to {number(slopes.max())})",
                f"{np.median(result.gathered):.0%} "
                f"({result.gathered.min():.0%} to {result.gathered.max():.0%})",
                end_state(result.run.tokens[-1]),
            ]
        )
    return f"""\
No attention: {TOKENS} uniform tokens on S^{DIM - 1} move under the common noise of a random MLP alone \
(width {WIDTH}, no biases, {LAYERS} layers, T = {HORIZON:g}). Both activations have λ₁ < 0: although \
nothing makes them interact, tokens gather, because all of them feel the same noise. ReLU gathers them \
at one point. tanh without biases is odd, G(−y) = −G(y): it cannot tell x from −x, and the tokens gather \
at an antipodal pair. The energy shown cannot tell either: the mean of (1 − ⟨x_i, x_j⟩²)/2. Near the \
attractor it falls with log-slope 2λ₁ ± √(4(κ(1) + κ'(1))/T) along a path; at T = {HORIZON:g} that is a \
few units of the logarithm, so some paths have gathered and others not yet; the log-slopes below include \
the transient before. The coercivity λ̄ is positive \
in both cases: the theorem's bound on the *mean* energy does not apply, and synchronisation is the \
almost sure statement of λ₁.

{picture}

One noise path of each, the one of {REPLICATES} that gathered most, is drawn. Left: histograms of all pairwise cosines (darker: more pairs, logarithmic). Right: the tokens at the start \
and the end, projected to the two leading directions of the end; colours mark the hemisphere of the end. Dashed: the slope 2λ₁, for the eye.

{markdown_table(header, lines)}

"Gathered" is the share of tokens whose cosine to one of them exceeds {GATHERED} up to sign. All \
paths: `figure1.csv`; the paths drawn: `figure1-relu.nc`, `figure1-tanh.nc`.
"""
