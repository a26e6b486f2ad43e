"""`noisync reproduce`: runs the chosen items and writes a report that can be read on its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl

from noisync import _core
from noisync.base.progress import Bar
from noisync.base.version import __version__
from noisync.figures.report import Section
from noisync.paper import figure1, grids
from noisync.paper.table import table
from noisync.paper.two_token import two_token
from noisync.storage.files import make_folder, replace_text

Step = Callable[[], None]
Builder = Callable[[Path, Step], Section]

_BUILDERS: dict[str, tuple[Builder, int]] = {
    "table": (lambda out, step: table(out), 0),
    "figure1": (figure1.figure1, len(figure1.ACTIVATIONS)),
    **{
        activation or "no-mlp": (partial(grids.grid, activation), len(grids.panels(activation)))
        for activation in ("relu", "silu", "sigmoid", "tanh", None)
    },
    "two-token": (two_token, 1),
}

#: What can be reproduced, by name.
TARGETS: tuple[str, ...] = tuple(_BUILDERS)

_INTRODUCTION = """\
A transformer's tokens are particles on the unit sphere S^(d−1) and its layers are time. In one layer of
thickness Δ = T/L every token x moves by self-attention and by a random MLP G, the same for all tokens,
and is put back on the sphere:

    y = (x + Δ Attn(x)) / |·|,    x' = (y + √Δ G(y)) / |·|

The noise has covariance E[G(x)G(y)ᵀ] = κ(⟨x, y⟩) I. What it does to two near tokens is decided by κ(1)
and κ'(1): their distance changes like e^(λ₁ t), λ₁ the top Lyapunov exponent, and with attention V = aI
one cluster has the exponent λ₁ − a. The spread of the tokens is measured by the interaction energy

    E_β = ½ Σ_ij w_i w_j (e^β − e^(β⟨x_i, x_j⟩)),

zero exactly when all tokens agree; near one cluster it is quadratic in the distances, hence falls with
log-slope 2(λ₁ − a) along a path, in the limit of infinite depth. Layers of thickness Δ are not that limit
where Δ|λ₁| is not small (sigmoid in high dimension: a single layer divides by |y + √Δ G| ≈
√(1 + Δ d κ(1))), so log-slopes are set beside the exponent of layers of this very thickness, computed
exactly for infinite width (`Kernel.layer_exponent`), ± its standard deviation over noise paths.
The theorem on synchronisation by noise bounds its *mean* in the limit of infinite depth: if λ̄ < 0 and
attention alone makes the energy grow at most at the rate ε, then E[E_β(t)] ≤ e^((ε + λ̄')t) E_β(0). Here
ε = 0 for a ≥ 0; for a < 0 we use ε = 4|a|, an elementary estimate of ours (docs/theory.md), so the bound
is safe but not sharp.

Sources: arXiv:2604.26898, and for two tokens arXiv:2601.21942. For ReLU λ₁ = −1/(2d) − (d−1)(σ_U² + 2σ_W²)/4 and κ'(1) = 1/(2d); the
mean energy decays where ε + λ̄' < 0 (derived in docs/theory.md).
"""


def reproduce(targets: Sequence[str], out: Path, *, progress: bool = False) -> bool:
    """Reproduce the targets into the folder `out` and write a report there.

    The report of all targets is ``report.md``, that of a single one ``report-<target>.md``.

    Returns
    -------
    bool
        Whether every published number that was recomputed agrees.

    Raises
    ------
    ArgumentError
        If `out` cannot be written.
    """
    make_folder("out", out)
    report = report_path(targets, out)
    sections = []
    total = sum(_BUILDERS[target][1] for target in targets)
    backend = mpl.get_backend()
    mpl.use("agg")  # pictures go to files: no window, no display needed
    try:
        with Bar(total, "panel", shown=progress and sys.stderr.isatty()) as bar:
            for target in targets:
                bar.describe(target)
                build = _BUILDERS[target][0]
                sections.append(build(out, bar.update))
                # Written after every section: nothing that was computed is lost.
                _write(report, sections)
    finally:
        mpl.use(backend)
    return all(section.passed for section in sections)


def report_path(targets: Sequence[str], out: Path) -> Path:
    """Return the file that the report of these targets goes to."""
    return out / (f"report-{targets[0]}.md" if len(targets) == 1 else "report.md")


def _write(path: Path, sections: Sequence[Section]) -> None:
    parts = ["# Synchronisation by noise: the published figures, recomputed", _INTRODUCTION]
    for section in sections:
        parts.append(f"## {section.title}\n\n{section.body}")
    parts.append(
        f"---\nnoisync {__version__} ({_core.level}); tokens from seed 0, noise from seed 1, "
        "float64. The numbers are the same for any number of threads.\n"
    )
    replace_text("out", path, "\n\n".join(parts))
