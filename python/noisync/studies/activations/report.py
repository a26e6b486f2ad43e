"""The ranking of activations, as tables and a picture."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from noisync.figures.report import markdown_table, number, save_figure
from noisync.figures.style import style
from noisync.storage.files import make_folder, replace_text
from noisync.storage.netcdf import write_dataset
from noisync.studies.activations.plot import activation_rates

_INTRODUCTION = """\
# Which activations synchronise

Rates of the noise of a wide random network with activation φ and biases σ = σ_U = σ_W
(arXiv:2604.26898, §1.3 and §4.2). Near tokens approach like e^(λ₁t), almost surely, where λ₁ < 0;
mean energies decay where λ̄ < 0. From the σ of the last table on λ̄ < 0.
"""


def rankings(data: xr.Dataset) -> str:
    """Return tables in Markdown: for every d and σ from the smallest λ₁, then the critical σ."""
    lines = []
    for dim in data.dim.to_numpy():
        for sigma in data.sigma.to_numpy():
            law = data.sel(dim=dim, sigma=sigma).sortby("lyapunov_exponent")
            by_coercivity = np.argsort(np.argsort(law.coercivity.to_numpy())) + 1
            names = ("lyapunov_exponent", "coercivity", "variance", "slope")
            rows = [
                (
                    rank + 1,
                    by_coercivity[rank],
                    name,
                    *(number(law[column].to_numpy()[rank], 4) for column in names),
                )
                for rank, name in enumerate(law.activation.to_numpy())
            ]
            header = ("rank by λ₁", "by λ̄", "φ", "λ₁", "λ̄", "κ(1)", "κ'(1)")
            lines += [f"d = {dim}, σ = {sigma:g}", "", markdown_table(header, rows), ""]
    critical = data.critical_sigma
    lines += [
        "σ from which on λ̄ < 0 (0: for every σ; inf: for none up to 10)",
        "",
        markdown_table(
            ("φ", *(f"d = {dim}" for dim in data.dim.to_numpy())),
            [
                (name, *(number(value, 4) for value in critical.sel(activation=name).to_numpy()))
                for name in data.activation.to_numpy()
            ],
        ),
    ]
    return "\n".join(lines)


def write_rankings(data: xr.Dataset, out: Path) -> Path:
    """Write activations.md, .png, .csv and .nc into the folder `out`; return the report's path."""
    with style():
        figure, panels = plt.subplots(1, 3, figsize=(9.0, 3.2))
        sigma = float(data.sigma.to_numpy()[-1])
        activation_rates(data, sigma=sigma, ax=panels[0])
        activation_rates(data, rate="coercivity", sigma=sigma, ax=panels[1])
        activation_rates(data, rate="critical_sigma", ax=panels[2])
        for panel in panels[1:]:
            panel.get_legend().remove()
        make_folder("out", out)
        write_dataset("out", out / "activations.nc", data)
        picture = save_figure(figure, out, "activations.png", "rates against dimension")
        plt.close(figure)
    table = data.to_dataframe().to_csv(float_format="%.10g")
    replace_text("out", out / "activations.csv", table)
    report = out / "activations.md"
    text = "\n".join([_INTRODUCTION, picture, "", rankings(data), ""])
    replace_text("out", report, text)
    return report
