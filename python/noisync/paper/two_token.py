"""Two tokens under random value matrices (arXiv:2601.21942): how often they end as antipodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from noisync.figures.report import Section, markdown_table, save_panels
from noisync.paper.table import agrees
from noisync.storage.files import replace_text
from noisync.storage.netcdf import write_dataset
from noisync.studies.two_token_transition.plot import antipodal_groups, two_token_transition
from noisync.studies.two_token_transition.report import agreement, pairs_csv, pairs_table
from noisync.studies.two_token_transition.study import two_token_transition as run
from noisync.theory.two_token import antipodal_probability

#: P(antipodes | u_0 = 0) of (d, β), to the digits that are known.
PUBLISHED = {(3, 1.0): "2.224e-01", (4, 1.5): "1.811e-01", (2, 1.0): "5.000e-01"}

CONFIGURATION: Mapping[str, Any] = {
    "dims": (3, 4, 6), "betas": (0.5, 1.0, 1.5, 2.5), "replicates": 400, "horizon": 40.0,
    "tokens": (2, 8, 32), "group_dims": (3, 6), "group_betas": (1.0, 3.0), "group_replicates": 50,
    "seed": 1,
}  # fmt: skip


def two_token(out: Path, step: Callable[[], None]) -> Section:
    """Run the fixed configuration; write ``two-token.png``, ``.csv`` and ``.nc``."""
    data = run(**CONFIGURATION)
    write_dataset("out", out / "two-token.nc", data)
    replace_text("out", out / "two-token.csv", pairs_csv(data))
    alt = "probability of antipodes over (β, d)"
    picture = save_panels(two_token_transition(data), out, "two-token.png", alt)
    groups = save_panels(antipodal_groups(data), out, "two-token-groups.png", "how N tokens end")
    step()
    passed, words = agreement(data)
    rows, exact = [], True
    for (dim, beta), digits in PUBLISHED.items():
        value = antipodal_probability(dim, beta)
        exact &= agrees(digits, value)
        rows.append(
            (dim, f"{beta:g}", f"{float(digits):g}", f"{value:.6f}", f"{value - float(digits):.1g}")
        )
    body = f"""\
Two tokens of cosine 0 move by the noise of random value matrices alone (`ValueNoise`). They may end
as antipodes if and only if cosh 2β > d − 2, and how often they do is known exactly:

{markdown_table(("d", "β", "known", "ours", "difference"), rows)}

Simulated: {data.attrs["replicates"]} pairs a cell to T = {data.attrs["horizon"]:g}, each cell with
noise of its own; the bias of first order in Δ is taken out by halving the layers on the same noise.

{picture}

{"The pairs agree with theory:" if passed else "**The pairs do not agree with theory:**"}

{words}

{pairs_table(data)}

With more tokens, {data.attrs["group_replicates"]} runs each: two antipodal groups remain only if they
are equal, and unequal ones are undecided for long (`noisync study two-token-transition` says more).

{groups}
"""
    return Section("Two tokens: one point or antipodes", body, passed and exact)
