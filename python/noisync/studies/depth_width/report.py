"""The report of the study of depth and width."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from noisync.figures.report import markdown_table, number, save_figure
from noisync.storage.files import replace_text
from noisync.studies.depth_width.plot import depth_width

_INTRODUCTION = """\
# Depth and width

A transformer of L layers and MLP width m is compared with its limit, interacting particles under
a common Gaussian noise field. The error is the largest over grid times of the mean squared distance
of the tokens, averaged over replicates; the theorem (arXiv:2604.26898, Theorem 1.1) bounds it at
grid times by a constant times 1/L + 1/m. The constant of 1/m depends on the number of tokens.

- Depth: the layers with the Gaussian field, against the same layers {refinement} times as many as
  the deepest, on the same noise path.
- Width: layers with an MLP against layers with the Gaussian field, both {width_layers} deep. In
  every layer the two noises, Gaussian given the hidden weights, are coupled by optimal transport.
"""


def report(data: xr.Dataset, out: Path) -> str:
    """Write the picture and the numbers into `out` and return the report in Markdown."""
    axes = depth_width(data)
    picture = save_figure(axes[0].figure, out, "depth-width.png", "squared error against L and m")  # type: ignore[arg-type]
    plt.close(axes[0].figure)  # type: ignore[arg-type]
    attributes = data.attrs
    lines = ["part,size,mean squared error,standard error"]
    rows = []
    for what, symbol in (("depth", "L"), ("width", "m")):
        errors = data[f"{what}_error"]
        means = errors.mean("replicate").to_numpy()
        spread = errors.std("replicate", ddof=1).to_numpy() / np.sqrt(errors.sizes["replicate"])
        for size, mean, error in zip(data[what].to_numpy(), means, spread, strict=True):
            lines.append(f"{what},{size},{mean:.6g},{error:.2g}")
            rows.append((f"{symbol} = {size}", number(mean, 3), number(error, 2)))
    replace_text("out", out / "depth-width.csv", "\n".join(lines) + "\n")
    slopes = [
        (what, *(number(value, 3) for value in data[f"slope_{what}"].to_numpy()), "−1")
        for what in ("depth", "width")
    ]
    return "\n".join(
        [
            _INTRODUCTION.format(**attributes),
            markdown_table(("", "slope", "95 % from", "to", "theorem"), slopes),
            "",
            picture,
            "",
            markdown_table(("", "mean squared error", "standard error"), rows),
            "",
            f"{data.sizes['replicate']} replicates, seed {attributes['seed']}, scheme "
            f"{attributes['scheme']}, N = {attributes['tokens']}, T = {attributes['horizon']:g}. "
            "Not resolved: the reference has an error of its own, about 1/"
            f"{attributes['refinement']} of that of the deepest run; the sampled kernel differs "
            f"from κ by {attributes['kernel_error']:.1e} of κ(1).",
            "",
            "```toml",
            attributes["model"].strip(),
            "```",
            "",
        ]
    )
