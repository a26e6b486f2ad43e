"""The report of the study of commuting limits."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from noisync.base.validate import FloatArray
from noisync.figures.report import markdown_table, number, save_figure
from noisync.storage.files import replace_text
from noisync.studies.commuting_limits.plot import commuting_limits, constants
from noisync.studies.propagation_of_chaos.words import verdict

_INTRODUCTION = """\
# Do the limits commute?

Three limits of a transformer, each in its own coupling: many tokens (against tokens that the SPDE
drives by the same noise, L = {layers}), many layers (against {refinement} times the deepest on the
same noise path, N = {depth_tokens}), wide layers (an MLP against the Gaussian field, the two noises
of every layer coupled by optimal transport at the N tokens, {width_layers} layers). The error is
the largest over saved times of the mean squared distance of the tokens, T = {horizon:g}. Theorem
1.1 of arXiv:2604.26898 bounds it by a constant times 1/L + 1/m, its §3 by one times 1/N in this
coupling; the constant of 1/m depends on N, and a bound without N is proved for smooth activations.
"""


def report(data: xr.Dataset, out: Path) -> str:
    """Write the picture and the numbers into `out` and return the report in Markdown."""
    axes = commuting_limits(data)
    picture = save_figure(axes[0].figure, out, "commuting-limits.png", "three errors")  # type: ignore[arg-type]
    plt.close(axes[0].figure)  # type: ignore[arg-type]
    found = constants(data)
    _write_numbers(data, out / "commuting-limits.csv")
    header = ("", "slope", "95 % from", "to", "theorem", "the interval")
    return "\n".join(
        [
            _INTRODUCTION.format(**data.attrs),
            picture,
            "",
            markdown_table(header, _slopes(data)),
            "",
            f"Lines c/size: c = {number(found['tokens'], 2)} in N, {number(found['depth'], 2)} in "
            f"L, {number(found['width'], 2)} in m (for the activation and the N of the left "
            "panel). By the triangle inequality the error of N tokens, L layers and width m "
            "against the SPDE is at most three times their sum.",
            "",
            "## Does the error at fixed m grow with N?",
            "",
            _growth(data),
            "",
            "## What limits the range",
            "",
            "The reference in L has an error of its own, about "
            f"1/{data.attrs['refinement']} of that of the deepest run. The optimal coupling "
            "factorises N × N matrices in every layer: N ≤ 512, and most of the cost. All "
            f"intervals are 95 %, by bootstrap over {data.sizes['replicate']} noise paths and "
            f"starts. Seed {data.attrs['seed']}.",
            "",
            "```toml",
            data.attrs["model"].strip(),
            "```",
            "",
        ]
    )


def _slopes(data: xr.Dataset) -> list[tuple[str, ...]]:
    rows = [
        _row("N", data.slope_tokens.to_numpy(), -1.0),
        _row("L", data.slope_depth.to_numpy(), -1.0),
    ]
    for a, activation in enumerate(data.activation.to_numpy()):
        for k, n in enumerate(data.width_token.to_numpy()):
            rows.append(_row(f"m, {activation}, N = {n}", data.slope_width[a, k].to_numpy(), -1.0))
    return rows


def _row(name: str, slope: FloatArray, expected: float) -> tuple[str, ...]:
    numbers = (number(value, 3) for value in slope)
    return (name, *numbers, number(expected, 2), verdict(slope, expected))


def _growth(data: xr.Dataset) -> str:
    rows, lines = [], []
    for a, activation in enumerate(data.activation.to_numpy()):
        slopes = data.slope_width_tokens[a].to_numpy()
        for j, width in enumerate(data.width.to_numpy()):
            rows.append((activation, str(width), *(number(value, 2) for value in slopes[j])))
        if np.all(slopes[:, 1] > 0):
            says = "grows with N at every m measured"
        elif np.all(slopes[:, 2] < 0):
            says = "falls with N at every m measured"
        elif np.all((slopes[:, 1] <= 0) & (slopes[:, 2] >= 0)):
            says = "shows no growth with N that the intervals could tell from none"
        else:
            says = "grows with N for some m and not for others"
        first, last = data.width_token.to_numpy()[[0, -1]]
        lines.append(
            f"{activation}: the error {says}; slopes in N, from {first} to {last} tokens, are "
            f"{number(slopes[:, 0].min(), 2)} to {number(slopes[:, 0].max(), 2)}."
        )
    table = markdown_table(("activation", "m", "slope in N", "95 % from", "to"), rows)
    return "\n".join([*lines, "", table])


def _write_numbers(data: xr.Dataset, path: Path) -> None:
    lines = ["error,activation,N,size,mean squared error,standard error"]

    def add(name: str, activation: str, n: str, sizes: FloatArray, errors: FloatArray) -> None:
        spread = errors.std(axis=0, ddof=1) / np.sqrt(errors.shape[0])
        for size, mean, error in zip(sizes, errors.mean(axis=0), spread, strict=True):
            lines.append(f"{name},{activation},{n},{size},{mean:.6g},{error:.2g}")

    add("tokens", "", "", data.tokens.to_numpy(), data.tokens_error.to_numpy())
    n = str(data.attrs["depth_tokens"])
    add("depth", "", n, data.depth.to_numpy(), data.depth_error.to_numpy())
    for a, activation in enumerate(data.activation.to_numpy()):
        for k, n in enumerate(data.width_token.to_numpy()):
            add(
                "width",
                activation,
                str(n),
                data.width.to_numpy(),
                data.width_error[a, k].to_numpy(),
            )
    replace_text("out", path, "\n".join(lines) + "\n")
