"""The table of arXiv:2604.26898: κ(1), κ'(1), λ_1 and λ̄ for 24 noise laws."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from pathlib import Path

from noisync.figures.report import Section, markdown_table, number
from noisync.storage.files import text_file
from noisync.theory.kernel import Kernel

QUANTITIES = ("variance", "slope", "lyapunov_exponent", "coercivity")
SYMBOLS = ("κ(1)", "κ'(1)", "λ₁", "λ̄")


@dataclass(frozen=True)
class Row:
    """One row: the noise law, the published digits and our values."""

    activation: str
    dim: int
    sigma: float
    published: tuple[str, ...]
    computed: tuple[float, ...]

    def agrees(self, column: int) -> bool:
        """Whether our value, rounded to the published digits, is the published one."""
        return agrees(self.published[column], self.computed[column])


def agrees(published: str, computed: float) -> bool:
    """Whether `computed` lies within half a unit of the last digit of `published`."""
    exact = Decimal(published)
    exponent = exact.as_tuple().exponent
    if not isinstance(exponent, int) or not math.isfinite(computed):
        return False
    half_unit = Decimal(5).scaleb(exponent - 1)
    # A value that the exact arithmetic puts on the border may come out on either side of it.
    return abs(Decimal(computed) - exact) <= half_unit * (1 + Decimal("1e-9"))


def rows() -> list[Row]:
    """Compute all rows of the published table."""
    source = resources.files("noisync.paper").joinpath("published_table.csv")
    result = []
    for line in csv.DictReader(source.read_text(encoding="utf-8").splitlines()):
        sigma = float(line["sigma"])
        kernel = Kernel(line["activation"], int(line["dim"]), sigma, sigma)
        result.append(
            Row(
                line["activation"],
                kernel.dim,
                sigma,
                tuple(line[quantity] for quantity in QUANTITIES),
                tuple(getattr(kernel, quantity) for quantity in QUANTITIES),
            )
        )
    return result


def table(out: Path) -> Section:
    """Write ``table.csv`` and return the section that compares every number."""
    computed = rows()
    with text_file("out", out / "table.csv") as target:
        writer = csv.writer(target)
        writer.writerow(
            ["activation", "dim", "sigma"]
            + [f"{quantity}{suffix}" for quantity in QUANTITIES for suffix in
               ("", "_published", "_difference", "_agrees")]
        )  # fmt: skip
        for row in computed:
            cells: list[object] = [row.activation, row.dim, row.sigma]
            for column, (published, value) in enumerate(
                zip(row.published, row.computed, strict=True)
            ):
                cells += [repr(value), published, value - float(published), row.agrees(column)]
            writer.writerow(cells)
    return _section(computed)


def _section(computed: list[Row]) -> Section:
    lines = []
    wrong = 0
    for row in computed:
        cells: list[object] = [row.activation, row.dim, row.sigma]
        for column, (published, value) in enumerate(zip(row.published, row.computed, strict=True)):
            mark = "" if row.agrees(column) else " ✗"
            wrong += not row.agrees(column)
            difference = number(value - float(published), 1)
            cells.append(f"{value:.6e} ({published}, {difference}){mark}")
        lines.append(cells)
    total = len(computed) * len(QUANTITIES)
    verdict = (
        f"**All {total} numbers agree** with the published digits."
        if wrong == 0
        else f"**{wrong} of {total} numbers differ** from the published digits (marked ✗)."
    )
    body = f"""\
For a random MLP with activation φ, dimension d and bias deviations σ = σ_U = σ_W: the variance κ(1)
of the noise, its slope κ'(1), the top Lyapunov exponent λ₁ = ½[(d−3)κ'(1) − (d−1)κ(1)] and the
coercivity λ̄ = (d−1)κ'(1) − (d−3)κ(1). λ₁ < 0 means that near tokens approach each other almost
surely; λ̄ < 0 that the mean energy decays too. Each cell: our value (published, difference). The
formulas are evaluated by quadrature to 1e-10; all digits are in `table.csv`.

{verdict}

{markdown_table(["φ", "d", "σ", *SYMBOLS], lines)}
"""
    return Section("Table: variance, slope and rates of the noise", body, wrong == 0)
