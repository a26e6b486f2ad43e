"""The report of what kinds of noise do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from noisync.figures.report import markdown_table, number, save_panels
from noisync.measure.order import ONE_CLUSTER, ONE_LINE
from noisync.storage.files import replace_text
from noisync.studies.noise_kinds.kinds import MEANINGS, WITHOUT_BUDGET
from noisync.studies.noise_kinds.plot import noise_kinds

_INTRODUCTION = """\
# Kinds of noise

The same {tokens} uniform tokens in d = {dim}, {replicates} times, under attention alone and under
five kinds of noise alone (arXiv:2601.21942, 2604.01978, 2604.26898). All noises have the strength
{strength:g}, κ(1) or its like, at tokens that have gathered; β = {beta:g}, T = {horizon:g},
L = {layers}. A cluster is of tokens within {angle:g} rad, through others.
"""


def report(data: xr.Dataset, out: Path) -> str:
    """Write the picture and the numbers into `out` and return the report in Markdown."""
    picture = save_panels(noise_kinds(data), out, "noise-kinds.png", "kinds of noise")
    kinds = data.kind.to_numpy().tolist()
    found = {kind: _numbers(data.sel(kind=kind)) for kind in kinds}
    names = list(next(iter(found.values())))
    lines = [",".join(["kind", *names])]
    lines += [",".join([kind, *(f"{v:.6g}" for v in found[kind].values())]) for kind in kinds]
    replace_text("out", out / "noise-kinds.csv", "\n".join(lines) + "\n")
    return "\n".join(
        [
            _INTRODUCTION.format(**data.attrs), picture, "",
            "*Left: cosines of all pairs, all runs (darker: more, logarithmic). Middle: the number "
            "of clusters of each run, and the median. Right: the mean budget of the energy, and "
            "the measured change of the mean energy (dots).*", "",
            _table(found), "",
            "## What each does", "",
            *(f"- **{kind}**: {MEANINGS[kind]}. {_words(found[kind])}" for kind in kinds), "",
            "## The budget", "",
            _budget_words(found), "",
            f"Seed {data.attrs['seed']}.", "",
            *(line for kind in kinds for line in _model(kind, data.sel(kind=kind).toml.item())),
        ]
    )  # fmt: skip


def _numbers(data: xr.Dataset) -> dict[str, float]:
    """Return what is said of a kind: how its runs end, and how its budget fits."""
    end = data.isel(time=-1)
    mean = end.order.sel(parameter="mean").to_numpy()
    leading = end.order.sel(parameter="leading").to_numpy()
    one = mean > ONE_CLUSTER
    pair = ~one & (leading > ONE_LINE)
    count = end.clusters.sel(statistic="count").to_numpy()
    energy = data.energy.to_numpy()
    flux = data.budget.sum("part", skipna=False).to_numpy()
    time = data.time.to_numpy()
    change = energy[:, -1] - energy[:, 0]
    unexplained = change - np.trapezoid(flux, time, axis=1)
    return {
        "one_cluster": float(one.mean()),
        "antipodal_pair": float(pair.mean()),
        "clusters": float(np.median(count)),
        "clusters_least": float(count.min()),
        "clusters_most": float(count.max()),
        "heaviest": float(np.median(end.clusters.sel(statistic="heaviest"))),
        "energy_start": float(energy[:, 0].mean()),
        "energy_end": float(energy[:, -1].mean()),
        "energy_end_error": float(energy[:, -1].std(ddof=1) / len(energy) ** 0.5),
        "unexplained": float(unexplained.mean()),
        "unexplained_error": float(unexplained.std(ddof=1) / len(energy) ** 0.5),
    }


def _table(found: dict[str, dict[str, float]]) -> str:
    rows = [
        (
            kind,
            f"{one['clusters']:g} ({one['clusters_least']:g} … {one['clusters_most']:g})",
            f"{100 * one['heaviest']:.0f} %",
            f"{100 * one['one_cluster']:.0f} % / {100 * one['antipodal_pair']:.0f} %",
            number(one["energy_start"], 3),
            f"{number(one['energy_end'], 3)} ± {number(one['energy_end_error'], 1)}",
        )
        for kind, one in found.items()
    ]
    header = (
        "kind", "clusters at T: median (range)", "in the heaviest", "runs at one point / at ±x",
        "mean energy at 0", "at T",
    )  # fmt: skip
    return markdown_table(header, rows)


def _words(one: dict[str, float]) -> str:
    """Say how the runs of a kind end."""
    ends = []
    if one["one_cluster"] > 0:
        ends.append(f"{100 * one['one_cluster']:.0f} % of the runs end at one point")
    if one["antipodal_pair"] > 0:
        ends.append(f"{100 * one['antipodal_pair']:.0f} % at two antipodes")
    rest = 1 - one["one_cluster"] - one["antipodal_pair"]
    if rest > 1e-9:
        if ends:
            ends.append(f"{100 * rest:.0f} % elsewhere")
        else:
            ends.append("No run ends at one point or at two antipodes")
    change = one["energy_end"] / one["energy_start"]
    return (
        f"{', '.join(ends)}; the median number of clusters is {one['clusters']:g}, and the mean "
        f"energy is {number(change, 2)} times that of the start."
    )


def _budget_words(found: dict[str, dict[str, float]]) -> str:
    lines = [
        f"- {kind}: {number(one['unexplained'], 2)} ± {number(one['unexplained_error'], 1)} of "
        f"{number(one['energy_end'] - one['energy_start'], 3)}"
        for kind, one in found.items()
        if kind not in WITHOUT_BUDGET
    ]
    lines.insert(
        0,
        "What is left of the change of the mean energy from 0 to T when the budget's integral is "
        "taken off; it holds in the limit of infinite depth, so layers of finite thickness leave "
        "something:\n",
    )
    lines.append(f"\nThe budget of {', '.join(WITHOUT_BUDGET)} is not known in closed form.")
    return "\n".join(lines)


def _model(kind: str, toml: str) -> list[str]:
    return [f"{kind}:", "", "```toml", toml.strip(), "```", ""]
