"""The report of where tokens end under random value matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from noisync.figures.report import markdown_table, number, save_panels
from noisync.storage.files import replace_text
from noisync.studies.two_token_transition.agreement import (
    FALSE_ALARM,
    FEWEST,
    SHARE,
    exact_bounds,
    largest_allowed,
)
from noisync.studies.two_token_transition.ends import GROUP_ANGLE, ON_A_LINE
from noisync.studies.two_token_transition.plot import antipodal_groups, two_token_transition

_INTRODUCTION = """\
# One point or two antipodes

Tokens move under random value matrices alone (`ValueNoise(beta)`, arXiv:2601.21942): in every layer
each moves by the same random matrix, applied to its softmax average of the tokens. Two tokens
always may meet; they may end as antipodes, too, if and only if cosh 2β > d − 2. How often they do
from the cosine {cosine:g} is known exactly.

{replicates} pairs a cell, each cell with noise of its own, up to T = {horizon:g}, in layers of
Δ(d − 1) ≤ {thickness:g} and in halves of them on the same noise; the estimate 2P(Δ/2) − P(Δ) is
free of the bias of first order in Δ. A run has settled when 1 − |u| < {on_line:g}.
"""

_GROUPS = """\
## More tokens

{group_replicates} runs of N uniform tokens each. The time to settle is the median over runs, ∞
where fewer than half did by T = {horizon:g}. Groups are of tokens within {angle:g} rad.

Two antipodal groups stay so only if they are equal: the averages A of groups with shares p and
1 − p are multiples of the same line, p e^β − (1 − p) e^(−β) over p e^β + (1 − p) e^(−β) and the
like with 1 − p, and the same matrix turns both at the same rate only for p = 1/2. Unequal ones part
again, at a rate that falls with β, and are undecided for long.
"""


def agreement(data: xr.Dataset) -> tuple[bool, str]:
    """Say whether the pairs agree with theory, and what says so.

    Two tests, each failing by chance in one of 1000 studies at most: the largest |z|, and exact
    bounds in the cells that have no z.
    """
    z = np.abs(data.z.to_numpy())
    scored = np.isfinite(z)
    limit = largest_allowed(int(scored.sum()))
    other = ~scored & (data.ended.sum("end").to_numpy() > 0)
    level = 1 - FALSE_ALARM / max(int(other.sum()), 1)
    low, high = exact_bounds(data.ended.to_numpy(), level, data.leaving.to_numpy())
    exact = data.exact.to_numpy()
    outside = other & ((exact < low) | (exact > high))
    lines = []
    if scored.any():
        lines.append(
            f"- {scored.sum()} cells have a z-score. The largest |z| is "
            f"{number(z[scored].max(), 3)}, which should be below {number(limit, 3)} (exceeded by "
            f"chance in one of {1 / FALSE_ALARM:g} studies at most); the mean of z² is "
            f"{number(float(np.mean(z[scored] ** 2)), 3)}."
        )
    lines.append(
        f"- {other.sum()} cells have none: fewer than {FEWEST} runs end, or are to be expected, in "
        "one of the two ways, or what is undecided or may yet change would move the mean by more "
        f"than {SHARE:g} of its standard error. In {outside.sum()} of them the exact probability "
        f"is outside of exact bounds that all hold in {1 / FALSE_ALARM - 1:g} of "
        f"{1 / FALSE_ALARM:g} studies, the undecided taken either way. Near the line antipodes at "
        f"1 + u < {ON_A_LINE:g} may still part, with a known probability: the lower bounds allow "
        "for it."
    )
    passed = not outside.any() and not (scored.any() and z[scored].max() > limit)
    return bool(passed), "\n".join(lines)


def report(data: xr.Dataset, out: Path) -> str:
    """Write the pictures and the numbers into `out` and return the report in Markdown."""
    passed, words = agreement(data)
    alt = "probability of antipodes over (β, d)"
    picture = save_panels(two_token_transition(data), out, "two-token-transition.png", alt)
    groups = save_panels(antipodal_groups(data), out, "antipodal-groups.png", "how N tokens end")
    replace_text("out", out / "two-token-transition.csv", pairs_csv(data))
    values = {**data.attrs, "on_line": ON_A_LINE, "angle": GROUP_ANGLE}
    return "\n".join(
        [
            _INTRODUCTION.format(**values),
            picture, "",
            f"The pairs {'agree' if passed else '**do not agree**'} with theory:", "", words, "",
            pairs_table(data), "",
            _GROUPS.format(**values),
            groups, "",
            "*Full: two antipodes by T, with exact 95 % bounds; open: undecided.*", "",
            _groups_table(data), "",
        ]
    )  # fmt: skip


def pairs_table(data: xr.Dataset) -> str:
    """Return the pairs, cell by cell, as a table."""
    rows = []
    for d in data.dim.to_numpy().tolist():
        for beta in data.beta.to_numpy():
            cell = data.sel(dim=d, beta=beta)
            z = cell.z.item()
            rows.append(
                (
                    d, number(beta, 3), number(cell.critical_beta.item(), 3),
                    " / ".join(map(str, cell.ended.to_numpy())),
                    f"{number(cell.estimate.item(), 3)} ± {number(cell.error.item())}",
                    f"{number(cell.low.item())} … {number(cell.high.item())}",
                    number(cell.exact.item(), 4), number(z) if np.isfinite(z) else "—",
                    _time(cell.time_to_settle.item()),
                )
            )  # fmt: skip
    header = (
        "d", "β", "β_c", "one point / antipodes / undecided", "estimate", "95 % from counts",
        "exact", "z", "time to settle",
    )  # fmt: skip
    return markdown_table(header, rows)


def pairs_csv(data: xr.Dataset) -> str:
    """Return the pairs as CSV, a line a cell."""
    table = data[["estimate", "error", "exact", "low", "high", "z", "time_to_settle", "layers"]]
    counts = data.ended.to_dataset("end")
    return str(xr.merge([table, counts]).to_dataframe().to_csv(float_format="%.6g"))


def _time(value: float) -> str:
    return number(value, 3) if np.isfinite(value) else "∞"


def _groups_table(data: xr.Dataset) -> str:
    rows = []
    for d in data.group_dim.to_numpy().tolist():
        for beta in data.group_beta.to_numpy():
            cells = data.sel(group_dim=d, group_beta=beta)
            for n in data.tokens.to_numpy().tolist():
                cell = cells.sel(tokens=n)
                sizes = cell.group_size.to_numpy()
                seen = [f"{size}: {sizes[size]}" for size in np.flatnonzero(sizes) if size]
                rows.append(
                    (
                        d, number(beta, 3), n, " / ".join(map(str, cell.group_ended.to_numpy())),
                        " / ".join(map(str, cell.groups.to_numpy())),
                        ", ".join(seen[:8]) + (" …" if len(seen) > 8 else "") or "—",
                        _time(cell.group_time_to_settle.item()),
                    )
                )  # fmt: skip
    header = (
        "d", "β", "N", "one point / two antipodes / undecided", "1 / 2 / more groups",
        "tokens in the smaller of two: runs", "time to settle",
    )  # fmt: skip
    return markdown_table(header, rows)
