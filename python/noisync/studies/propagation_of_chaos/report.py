"""The report of the study of propagation of chaos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from noisync.base.validate import FloatArray
from noisync.figures.report import markdown_table, number, save_panels
from noisync.storage.files import replace_text
from noisync.studies.propagation_of_chaos.plot import groups, propagation_of_chaos
from noisync.studies.propagation_of_chaos.plot_chaos import (
    conditional_chaos,
    coupling_growth,
    measured_chaos,
)
from noisync.studies.propagation_of_chaos.words import (
    growth_words,
    law_words,
    limits_words,
    verdict,
)

_INTRODUCTION = """\
# Propagation of chaos

N tokens, independent with the density ~ e^({concentration:g} x₁), and the solution μ of the SPDE
meet the same noise path; the first N tokens are the same for every N. {replicates} noise paths and
starts, T = {horizon:g}, L = {layers}; the largest error is that over {saved} saved times and the
start. Intervals are 95 %, by bootstrap over noise paths and starts together: with so few they are
narrow rather than wide.

Four things are not to be confused. Synchronous coupling, (1/N) Σ |Xᵢ − X̄ᵢ|², is ~ 1/N in every
dimension; W₂² has the sampling error of N points on a sphere of dimension d − 1, and the theorem
(arXiv:2604.26898, §3) bounds it by c_T r_d(N) for any μ₀; Sobolev distances cut at a fixed degree
are ~ 1/N for every order; the energy's error is ~ N^(−1/2). Dashed lines in the figures are those
rates, dotted ones the error of the SPDE's nodes; the column "theory" is their slope on the same N.
"""

_CHAOS = """\
## Chaos given the noise

{starts} starts on one noise path, and as many noise paths; f is the first coordinate at T. Given
the noise two tokens become independent; over noise paths they do not, since the noise is common to
both: it stays, however many tokens there are.
"""

_GROWTH = """\
## Beyond the theorem: how the constant grows with T

N = {growth_tokens}, d = 4, layers as thick as above. The theorem's c_T may grow with T as it likes.
"""


def report(data: xr.Dataset, out: Path) -> str:
    """Write the pictures and the numbers into `out` and return the report in Markdown."""
    lines = [_INTRODUCTION.format(**data.attrs)]
    for place, models in enumerate(groups(data)):
        one = data.isel(model=models[0])
        name = "propagation-of-chaos" + (f"-{place + 1}" if place else "") + ".png"
        axes = propagation_of_chaos(data, models)
        lines += [
            f"## {one.attention.item()}, {one.noise.item()}", "",
            save_panels(axes, out, name, "errors against N"), "",
            _slopes(data, models), "",
        ]  # fmt: skip
    lines += ["## What limits the range", "", limits_words(data), ""]
    if measured_chaos(data):
        lines += _chaos(data, out)
    if "growth" in data:
        picture = save_panels(
            coupling_growth(data), out, "coupling-growth.png", "coupling error, time"
        )
        lines += [_GROWTH.format(**data.attrs), picture, "", growth_words(data), ""]
    lines += [
        "## Cost", "",
        f"Estimated before the run, without other load: {data.attrs['cost']}.", "",
        f"Seed {data.attrs['seed']}.", "",
    ]  # fmt: skip
    for k in range(data.sizes["model"]):
        lines += ["```toml", data.toml[k].item().strip(), "```", ""]
    _write_numbers(data, out / "propagation-of-chaos.csv")
    return "\n".join(lines)


def _slopes(data: xr.Dataset, models: list[int]) -> str:
    rows: list[tuple[str, ...]] = []
    for k in models:
        one = data.isel(model=k)
        dim = str(int(one.dim))
        add = _adder(rows, dim)
        for over in data.over.to_numpy().tolist():
            when = {"sup": "sup over time", "end": "at T"}[over]
            add(f"coupling, {when}", one.slope_coupling.sel(over=over), -1.0)
            expected = float(one.expected_wasserstein)
            add(f"W₂², {when}", one.slope_wasserstein.sel(over=over), expected)
            for order in data.order.to_numpy():
                name = f"Sobolev², s = {order:g}, p = {data.attrs['degree']}, {when}"
                add(name, one.slope_sobolev.sel(over=over, order=order), -1.0)
            add(f"energy, {when}", one.slope_energy.sel(over=over), -0.5)
        name = f"Sobolev², s = 1, p = N^(1/{int(one.dim) - 1}), at T"
        add(name, one.slope_sobolev_growing, float(one.expected_sobolev_growing))
        if np.isfinite(one.bound_wasserstein):
            bound = float(one.bound_wasserstein)
            values = one.slope_wasserstein.sel(over="sup").to_numpy()
            holds = "holds" if values[1] <= bound else "does not hold here"
            rows.append(
                (dim, "W₂², sup over time: the bound", *_numbers(values),
                 f"≤ {number(bound, 3)}", holds)
            )  # fmt: skip
    header = ("d", "error", "slope", "95 % from", "to", "theory", "the interval")
    return markdown_table(header, rows)


def _adder(rows: list[tuple[str, ...]], dim: str) -> Callable[[str, xr.DataArray, float], None]:
    def add(name: str, slope: xr.DataArray, expected: float) -> None:
        values = slope.to_numpy()
        if np.isfinite(values).all():
            rows.append(
                (dim, name, *_numbers(values), number(expected, 3), verdict(values, expected))
            )

    return add


def _numbers(values: FloatArray) -> tuple[str, ...]:
    return tuple(number(value, 3) for value in values)


def _chaos(data: xr.Dataset, out: Path) -> list[str]:
    lines = [_CHAOS.format(**data.attrs)]
    for place, k in enumerate(measured_chaos(data)):
        one = data.isel(model=k)
        name = "conditional-chaos" + (f"-{place + 1}" if place else "") + ".png"
        picture = save_panels(conditional_chaos(data, k), out, name, "chaos given the noise")
        rows = []
        for j, n in enumerate(data.conditional_tokens.to_numpy()):
            values = [
                f"{number(low, 2)} … {number(high, 2)}"
                for _, low, high in (one.conditional[j].to_numpy(), one.unconditional[j].to_numpy())
            ]
            rows.append((str(n), *values, *law_words(one.fluctuation[j].to_numpy())))
        header = (
            "N", "Cov given the noise, 95 %", "Cov over noise paths, 95 %",
            "variance of the fluctuation", "skewness", "excess kurtosis", "KS p",
        )  # fmt: skip
        slope = one.slope_conditional.to_numpy()
        words = (
            f"d = {int(one.dim)}, {one.attention.item()}, {one.noise.item()}. "
            f"Slope of the covariance given the noise from N = 64 on: {number(slope[0], 3)} "
            f"[{number(slope[1], 3)}, {number(slope[2], 3)}]; the interval {verdict(slope, -1.0)}."
        )
        lines += [picture, "", words, "", markdown_table(header, rows), ""]
    lines += [
        "The fluctuation is √N(⟨f, μ^N⟩ − ⟨f, μ⟩) on one noise path; a normal law has skewness and "
        "excess kurtosis 0. KS p is that of the Kolmogorov–Smirnov test against the normal law of "
        "the same mean and variance, which fitted, makes it large rather than small.",
        "",
    ]
    return lines


def _write_numbers(data: xr.Dataset, path: Path) -> None:
    lines = ["error,model,d,order,N,mean of the sup over time,mean at T"]
    for k in range(data.sizes["model"]):
        one = data.isel(model=k)
        series = [(name, "", one[name]) for name in ("coupling", "wasserstein", "energy")]
        series += [("sobolev", f"{s:g}", one.sobolev.sel(order=s)) for s in data.order.to_numpy()]
        for name, order, values in series:
            sup = values.max("time", skipna=False).mean("replicate").to_numpy()
            end = values.isel(time=-1).mean("replicate").to_numpy()
            for n, first, last in zip(data.tokens.to_numpy(), sup, end, strict=True):
                lines.append(f"{name},{k},{int(one.dim)},{order},{n},{first:.6g},{last:.6g}")
        growing = one.sobolev_growing.mean("replicate").to_numpy()
        for n, last in zip(data.tokens.to_numpy(), growing, strict=True):
            lines.append(f"sobolev_growing,{k},{int(one.dim)},1,{n},,{last:.6g}")
    replace_text("out", path, "\n".join(lines) + "\n")
