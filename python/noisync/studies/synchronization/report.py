"""The report of the study of synchronisation by noise."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from noisync.figures.report import markdown_table, number, save_figure
from noisync.figures.style import style
from noisync.storage.files import replace_text
from noisync.studies.synchronization.plot import mean_energy, phase_diagram

_INTRODUCTION = """\
# Synchronisation by noise

{tokens} tokens, uniform on the sphere, move through layers of softmax attention (QᵀK = βI, V = aI,
β = {beta:g}) and a common Gaussian noise field, the limit of wide random MLPs with σ = σ_U = σ_W.
{replicates} runs a cell, up to T = {horizon:g}; all intervals are 95 %, by bootstrap over runs.

The theorem (arXiv:2604.26898, §1.3 and §4): where ε + λ̄'(β) < 0 the mean energy decays at least
that fast. The attention's ε is 0 for a ≥ 0 and 4|a| for a < 0 (see docs/theory.md). Near one
cluster the energy of a path decays like e^(2(λ₁ − a)t), layers of finite thickness shift that rate
to the column "layers".
"""

_PHASE = """\
## Where noise beats repulsive attention

{phase_activation}, d = {phase_dim}, {phase_replicates} runs a point. One cluster has the exponent
λ₁ − a: below the line a = λ₁(σ) it repels. Near the line runs have not come to an end by
T = {horizon:g}; repulsive attention also has to be overcome from far away.
"""


def report(data: xr.Dataset, out: Path) -> str:
    """Write the pictures and the numbers into `out` and return the report in Markdown."""
    lines = [_INTRODUCTION.format(**data.attrs)]
    for dim in data.dim.to_numpy().tolist():
        name = f"synchronization-d{dim}.png"
        lines += [f"## d = {dim}", "", _energies(data, dim, out, name), "", _table(data, dim), ""]
    with style():
        axes = phase_diagram(data)
        picture = save_figure(axes.figure, out, "synchronization-phase.png", "phase diagram")  # type: ignore[arg-type]
        plt.close(axes.figure)  # type: ignore[arg-type]
    lines += [
        _PHASE.format(**data.attrs),
        picture,
        "",
        "## The noises",
        "",
        _laws(data),
        "",
        "λ̄'(β) is never below λ̄ and least for small β, up to the one in the last column (100: "
        "everywhere looked): the bound on E_β says most there.",
        "",
        "## What was not resolved",
        "",
        _unresolved(data),
        "",
    ]
    _write_numbers(data, out / "synchronization.csv")
    return "\n".join(lines)


def _energies(data: xr.Dataset, dim: int, out: Path, name: str) -> str:
    shape = data.sizes["activation"], data.sizes["value"]
    with style():
        figure, panels = plt.subplots(
            *shape, figsize=(2.3 * shape[1], 1.9 * shape[0]), sharex=True, squeeze=False
        )
        for k, activation in enumerate(data.activation.to_numpy().tolist()):
            for j, value in enumerate(data.value.to_numpy().tolist()):
                axes = panels[k, j]
                mean_energy(data, activation=activation, dim=dim, value=value, ax=axes)
                cell = data.mean_energy.sel(activation=activation, dim=dim, value=value)
                axes.set_ylim(max(0.3 * float(cell.min()), 1e-12), 3 * float(cell.max()))
                if k + j > 0:
                    axes.get_legend().remove()
                if j > 0:
                    axes.set_ylabel("")
                if k < shape[0] - 1:
                    axes.set_xlabel("")
        text = save_figure(figure, out, name, f"mean energies for d = {dim}")
        plt.close(figure)
    caption = (
        "*Mean energy: measured with its interval, exact for a = 0 (circles), the theorem's bound "
        "where it decays (dashed).*"
    )
    return f"{text}\n\n{caption}"


_HEADER = (
    "φ", "σ", "a", "bound's rate", "mean energy at T", "bound at T", "exact at T",
    "rate near one cluster", "2(λ₁ − a)", "layers", "median time to one cluster",
    "one / pair / neither",
)  # fmt: skip


def _cells(data: xr.Dataset) -> list[xr.Dataset]:
    """Return the cells of a dataset with dimensions activation, sigma and value."""
    return [
        data.sel(activation=activation, sigma=sigma, value=value)
        for activation in data.activation.to_numpy()
        for sigma in data.sigma.to_numpy()
        for value in data.value.to_numpy()
    ]


def _table(data: xr.Dataset, dim: int) -> str:
    rows = []
    for cell in _cells(data.sel(dim=dim)):
        end = cell.isel(time=-1)
        rate = cell.rate.to_numpy()
        time = float(cell.time_to_cluster)
        rows.append(
            (
                cell.activation.item(),
                f"{cell.sigma.item():g}",
                number(cell.value.item()),
                number(cell.bound_rate.item(), 3),
                _interval(end.mean_energy.to_numpy()),
                number(end.energy_bound.item()) if cell.bound_rate < 0 else "—",
                number(end.exact_energy.item()) if np.isfinite(end.exact_energy) else "—",
                f"{_interval(rate)} ({cell.rate_runs.item()})" if np.isfinite(rate[0]) else "—",
                number(cell.cluster_exponent.item(), 3),
                number(cell.layered_exponent.item(), 3),
                number(time) if np.isfinite(time) else "—",
                " / ".join(f"{100 * share:.0f} %" for share in cell.share.to_numpy()),
            )
        )
    return markdown_table(_HEADER, rows)


def _interval(values: np.ndarray) -> str:
    estimate, low, high = values
    return f"{number(estimate, 3)} [{number(low)}, {number(high)}]"


def _laws(data: xr.Dataset) -> str:
    names = ["lyapunov_exponent", "coercivity", "best_rate", "best_beta"]
    rows = [
        (
            activation,
            dim,
            f"{sigma:g}",
            *(
                number(law.item(), 3)
                for law in data[names].sel(activation=activation, dim=dim, sigma=sigma).values()
            ),
        )
        for activation in data.activation.to_numpy()
        for dim in data.dim.to_numpy()
        for sigma in data.sigma.to_numpy()
    ]
    return markdown_table(("φ", "d", "σ", "λ₁", "λ̄", "least λ̄'(β)", "up to β ="), rows)


def _unresolved(data: xr.Dataset) -> str:
    attributes, bias = data.attrs, data.layer_bias.to_numpy()
    worst = np.unravel_index(np.nanargmax(np.abs(bias)), bias.shape)
    place = ", ".join(
        f"{name} = {data[name].to_numpy()[k]}"
        for name, k in zip(data.layer_bias.dims, worst, strict=True)
    )
    over = data.mean_energy.sel(bound="low").to_numpy() > data.energy_bound.to_numpy()
    over &= (data.bound_rate.to_numpy() < 0)[..., None] & (data.time.to_numpy() > 0)
    return "\n".join(
        [
            f"- Layers: {int(data.layers.min())} to {int(data.layers.max())} of them, "
            f"Δκ(1)(d−1) at most {attributes['thickness']:g}. With half as many on the same noise "
            f"the mean energy at T changes by a factor e^x, |x| at most {abs(bias[worst]):.2g} "
            f"({place}), its median {np.nanmedian(np.abs(bias)):.2g}.",
            f"- {attributes['replicates']} runs a cell, replicates 0 to "
            f"{attributes['replicates'] - 1} of seed {attributes['seed']}: means of energies that "
            "few runs dominate are known only to their intervals, which then are too short.",
            "- Rates near one cluster are of the runs that came near (their number in brackets): "
            "of the others nothing is known.",
            f"- Measured mean energies above the bound, by their whole interval: "
            f"{int(over.any(axis=-1).sum())} of {over[..., 0].size} cells (layers of finite "
            "thickness are not bound by it).",
        ]
    )


def _write_numbers(data: xr.Dataset, path: Path) -> None:
    names = ("bound_rate", "cluster_exponent", "layered_exponent", "time_to_cluster", "layers",
             "layer_bias", "rate_runs")  # fmt: skip
    table = data[list(names)].to_dataframe()
    for name in ("mean_energy", "rate"):
        values = data[name].isel(time=-1) if name == "mean_energy" else data[name]
        for bound in data.bound.to_numpy():
            column = values.sel(bound=bound).to_dataframe()[name]
            table[f"{name}_{bound}"] = column
    for end in data.end.to_numpy():
        table[str(end).replace(" ", "_")] = data.share.sel(end=end).to_dataframe()["share"]
    replace_text("out", path, table.to_csv(float_format="%.6g"))
