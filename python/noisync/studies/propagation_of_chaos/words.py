"""What the numbers of the study say, in words."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from noisync.base.validate import FloatArray
from noisync.figures.report import number


def verdict(slope: FloatArray, expected: float) -> str:
    """Say whether the interval (estimate, low, high) of a slope holds what theory has."""
    _, low, high = slope
    if low <= expected <= high:
        return "holds it"
    return "lies below it: steeper" if high < expected else "lies above it: flatter"


def limits_words(data: xr.Dataset) -> str:
    """Say what bounds the range of N in which slopes mean something."""
    lines = []
    for k in range(data.sizes["model"]):
        one = data.isel(model=k)
        start = f"- d = {int(one.dim)}, {one.attention.item()}, {one.noise.item()}: "
        if not one.from_spde:
            lines.append(
                f"{start}the reference is one system of {data.attrs['reference_tokens']} tokens, "
                "whose own error, that of so many tokens, is the dotted line; the first N of them "
                "are the N, so that errors are smaller than against the limit, by the share "
                f"N/{data.attrs['reference_tokens']} to first order."
            )
            continue
        parts = []
        for name, title in (("coupling", "coupling"), ("energy", "energy"), ("sobolev", "Sobolev²"),
                            ("wasserstein", "W₂²")):  # fmt: skip
            errors = one[name].max("time", skipna=False).mean("replicate").to_numpy()
            errors = np.atleast_2d(errors)
            if not np.isfinite(errors).any():
                continue
            floor = np.atleast_1d(one[f"floor_{name}"].to_numpy())
            share = np.nanmax((floor if name == "wasserstein" else floor[:, None]) / errors)
            parts.append(f"{title} {number(100 * share, 2)} %")
        until = float(one.resolved_until)
        resolved = "at no time" if np.isnan(until) else f"until t = {until:g}"
        lines.append(
            f"{start}the error of the SPDE's nodes (against 2/3 of their degree; W₂²: the least "
            "that so many points can have from the uniform law), in per cent of the least error "
            f"measured: {', '.join(parts)}. The gradients of the flow are "
            f"within the degree {resolved}."
        )
    if not data.attrs["transport_beyond_circle"]:
        lines.append("- POT is not installed: exact transport was measured on the circle alone.")
    lines.append(
        f"- {data.attrs['replicates']} noise paths: the squares are dominated by few of them, and "
        "the errors of the first N tokens and of the first 2N go together, so the slopes are "
        "limited by paths, not by N."
    )
    return "\n".join(lines)


def law_words(values: FloatArray) -> tuple[str, ...]:
    """Return variance, skewness and excess kurtosis with standard errors, and a test's p."""
    count = values.size
    scaled = (values - values.mean()) / values.std(ddof=1)
    return (
        number(values.var(ddof=1), 3),
        f"{number(float(stats.skew(values)), 2)} ± {number((6 / count) ** 0.5, 1)}",
        f"{number(float(stats.kurtosis(values)), 2)} ± {number((24 / count) ** 0.5, 1)}",
        number(float(stats.kstest(scaled, "norm").pvalue), 2),
    )


def growth_words(data: xr.Dataset) -> str:
    """Say for each model of the long runs how its coupling error ends."""
    lines = []
    time = data.growth_time.to_numpy()
    for k in range(data.sizes["growth_model"]):
        mean = data.growth[k].mean("growth_replicate").to_numpy()
        top, last = int(mean.argmax()), mean[-1]
        middle = mean[time.size // 2]
        attention = "attracts" if data.growth_value[k] > 0 else "repels"
        spread = float(data.growth_spread[k, :, -1].mean())
        share = 100 * float(data.floor_growth[k].max() / mean[top])
        how = (
            "is still at its largest at the end"
            if last > 0.8 * mean[top]
            else f"is largest at t = {time[top]:g}, and {number(last / mean[top], 2)} of that at "
            "the end"
        )
        lines.append(
            f"- λ̄ = {number(float(data.growth_coercivity[k]), 3)}, λ₁ = "
            f"{number(float(data.growth_exponent[k]), 3)}, attention {attention}: the mean error "
            f"{how}; from half the time to the end it changes by a factor of "
            f"{number(last / middle, 2)}. Tokens end at 1 − |mean|² = {number(spread, 2)}. "
            f"The nodes' own error is at most {number(share, 1)} % of the largest."
        )
    return "\n".join(lines)
