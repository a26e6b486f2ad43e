"""Two tokens and more under random value matrices: one point or two antipodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from noisync.base import validate
from noisync.base.progress import Bar
from noisync.base.validate import FloatArray
from noisync.base.version import __version__
from noisync.errors import ArgumentError
from noisync.run.checkpoint import Checkpoint
from noisync.studies.cells import Cells, Values
from noisync.studies.sizes import increasing
from noisync.studies.two_token_transition.agreement import exact_bounds, z_scores
from noisync.studies.two_token_transition.cells import MANY, Conditions, group, leaving, pair
from noisync.studies.two_token_transition.ends import ENDS
from noisync.theory.two_token import antipodal_probability, critical_beta

if TYPE_CHECKING:
    from distributed import Client

#: What ``--quick`` runs instead of the defaults.
QUICK = {
    "dims": (3, 4, 6), "betas": (0.5, 1.0, 1.5, 2.5), "replicates": 250, "horizon": 40.0,
    "tokens": (2, 8, 32), "group_dims": (3, 6), "group_betas": (1.0, 3.0), "group_replicates": 60,
}  # fmt: skip


def two_token_transition(
    dims: Sequence[int] = (3, 4, 5, 6, 8, 10),
    betas: Sequence[float] = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0),
    *,
    cosine: float = 0.0,
    replicates: int = 1000,
    tokens: Sequence[int] = (2, 4, 8, 16, 32, 64),
    group_dims: Sequence[int] = (3, 4, 8),
    group_betas: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
    group_replicates: int = 200,
    horizon: float = 50.0,
    thickness: float = 0.1,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    stop_after: float | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    r"""Measure whether tokens end at one point or as antipodes, over (β, d).

    Tokens move by ``ValueNoise(beta)`` alone, of scale 1. The antipodes attract a pair with
    positive probability if and only if

    .. math:: \cosh 2\beta > d - 2,

    and :func:`noisync.two_token.antipodal_probability` is that probability. Every cell runs in
    layers and in halves of them on the same noise; 2P(Δ/2) − P(Δ) is free of the bias of first
    order in Δ. Then N uniform tokens: how many runs end at one point, how many in two antipodal
    groups, of which sizes and when.

    Parameters
    ----------
    dims, betas
        The grid of pairs, increasing: d of at least 3, below which there is no line, and β > 0.
    cosine : float
        u_0 of the pairs, in (−1, 1).
    replicates : int
        Pairs of every cell, at least 2.
    tokens, group_dims, group_betas, group_replicates
        N, d, β and runs of the N uniform tokens.
    horizon : float
        T. The time to settle diverges at the line: what is undecided at T is counted apart.
    thickness : float
        The largest Δ(d − 1) of the coarser layers.
    seed, threads, progress, checkpoint, stop_after
        As in :func:`noisync.simulate`; a checkpoint is written after whole ensembles.
    client : dask.distributed.Client, optional
        Compute on its workers, as in :func:`noisync.ensemble`, cell by cell.

    Returns
    -------
    xarray.Dataset
        Over (dim, beta): ``ended`` (end), the pairs by where they end; ``estimate`` of the
        probability of antipodes and its standard ``error``, by Richardson; ``exact``; ``low`` and
        ``high``, exact 95 % bounds from the counts, the undecided taken either way; ``leaving``,
        the probability that antipodes, once counted, still meet; ``z``, NaN where the line is near
        or few runs end in one of the two ways; ``time_to_settle``, the median; ``layers``. Over
        dim: ``critical_beta``. Over (group_dim, group_beta, tokens): ``group_ended`` (end),
        ``group_time_to_settle``; ``groups``, the runs with 1, 2, 3 or more groups at T, tokens
        within 0.1 rad; and ``group_size`` (size), how often the smaller of two groups had that many
        tokens.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, before anything is run.
    KeyboardInterrupt
        With the ensembles until then in its ``dataset``, NaN and counts of 0 for the others.

    References
    ----------
    arXiv:2601.21942.
    """
    grid = _Grid(
        dims=increasing("dims", dims, minimum=3, least=1),
        betas=_betas("betas", betas),
        cosine=_cosine(cosine),
        replicates=validate.integer("replicates", replicates, minimum=2),
        tokens=increasing("tokens", tokens, minimum=2, least=1),
        group_dims=increasing("group_dims", group_dims, minimum=3, least=1),
        group_betas=_betas("group_betas", group_betas),
        group_replicates=validate.integer("group_replicates", group_replicates, minimum=2),
        conditions=Conditions(
            horizon=validate.positive("horizon", horizon),
            thickness=validate.positive("thickness", thickness),
            seed=validate.integer("seed", seed, minimum=0, maximum=2**64 - 1),
            threads=threads,
        ),
    )
    asked = {
        "dims": grid.dims, "betas": grid.betas, "cosine": grid.cosine,
        "replicates": grid.replicates, "tokens": grid.tokens, "group_dims": grid.group_dims,
        "group_betas": grid.group_betas, "group_replicates": grid.group_replicates,
        "horizon": grid.conditions.horizon, "thickness": grid.conditions.thickness,
        "seed": grid.conditions.seed,
    }  # fmt: skip
    cells = Cells("two_token_transition", asked, checkpoint, stop_after)
    planned = list(grid.cells())
    with (
        Bar(len(planned), "cell", shown=progress) as bar,
        cells.running(grid.dataset),
    ):
        for key, values in cells.each(planned, client):
            grid.found[key] = values
            bar.update()
    return grid.dataset()


@dataclass(frozen=True)
class _Grid:
    """The cells of the study, and what they have come to."""

    dims: tuple[int, ...]
    betas: tuple[float, ...]
    cosine: float
    replicates: int
    tokens: tuple[int, ...]
    group_dims: tuple[int, ...]
    group_betas: tuple[float, ...]
    group_replicates: int
    conditions: Conditions
    found: dict[str, Values] = field(default_factory=dict)

    def cells(self) -> Iterator[tuple[str, Callable[[], Values]]]:
        """Return the cells in their order: a key, and what computes it.

        Every cell has replicates, hence noise, of its own: cells are independent.
        """
        first = 0
        for d, beta in product(self.dims, self.betas):
            own = range(first, first + self.replicates)
            yield f"pair {d} {beta}", partial(pair, self.conditions, d, beta, self.cosine, own)
            first = own.stop
        for d, beta, n in product(self.group_dims, self.group_betas, self.tokens):
            own = range(first, first + self.group_replicates)
            yield f"group {d} {beta} {n}", partial(group, self.conditions, d, beta, n, own)
            first = own.stop

    def dataset(self) -> xr.Dataset:
        """Label what was found."""
        finished = len(self.found) == sum(1 for _ in self.cells())
        return xr.Dataset(
            self._pairs() | self._groups(),
            {
                "dim": list(self.dims), "beta": list(self.betas), "end": list(ENDS),
                "tokens": list(self.tokens), "group_dim": list(self.group_dims),
                "group_beta": list(self.group_betas),
                "count": np.arange(1, MANY + 1), "size": np.arange(self.tokens[-1] // 2 + 1),
            },
            {
                "study": "two-token-transition", "version": __version__,
                "finished": int(finished), "cosine": self.cosine, "replicates": self.replicates,
                "group_replicates": self.group_replicates, "horizon": self.conditions.horizon,
                "thickness": self.conditions.thickness, "seed": str(self.conditions.seed),
            },
        )  # fmt: skip

    def _pairs(self) -> dict[str, Any]:
        shape = len(self.dims), len(self.betas)

        cells = [self.found.get(f"pair {d} {b}", {}) for d, b in product(self.dims, self.betas)]

        def values(name: str) -> FloatArray:
            return np.reshape([cell.get(name, np.nan) for cell in cells], shape)

        none = np.zeros(len(ENDS), dtype=int)
        counts = np.reshape([cell.get("count", none) for cell in cells], (*shape, len(ENDS)))
        exact = np.array(
            [[antipodal_probability(d, b, self.cosine) for b in self.betas] for d in self.dims]
        )
        leave = np.array([[leaving(d, b) for b in self.betas] for d in self.dims])
        estimate, error = values("estimate"), values("error")
        low, high = exact_bounds(counts, leaving=leave)
        score = z_scores(estimate, error, exact, counts, leave)
        return {
            "ended": (("dim", "beta", "end"), counts),
            **{
                name: (("dim", "beta"), array)
                for name, array in {
                    "estimate": estimate, "error": error, "exact": exact, "low": low,
                    "high": high, "leaving": leave, "z": score,
                    "time_to_settle": values("time_to_settle"), "layers": values("layers"),
                }.items()
            },
            "critical_beta": ("dim", np.array([critical_beta(d) for d in self.dims])),
        }  # fmt: skip

    def _groups(self) -> dict[str, Any]:
        shape = len(self.group_dims), len(self.group_betas), len(self.tokens)
        counts = np.zeros((*shape, len(ENDS)), dtype=int)
        times = np.full(shape, np.nan)
        groups = np.zeros((*shape, MANY), dtype=int)
        sizes = np.zeros((*shape, self.tokens[-1] // 2 + 1), dtype=int)
        for place in np.ndindex(shape):
            d, beta, n = (
                axis[k]
                for axis, k in zip(
                    (self.group_dims, self.group_betas, self.tokens), place, strict=True
                )
            )
            cell = self.found.get(f"group {d} {beta} {n}")
            if cell is not None:
                counts[place] = cell["count"]
                times[place] = cell["time_to_settle"]
                groups[place] = cell["groups"]
                sizes[place][: n // 2 + 1] = cell["sizes"]
        axes = ("group_dim", "group_beta", "tokens")
        return {
            "group_ended": ((*axes, "end"), counts),
            "group_time_to_settle": (axes, times),
            "groups": ((*axes, "count"), groups),
            "group_size": ((*axes, "size"), sizes),
        }


def _betas(name: str, betas: Sequence[float]) -> tuple[float, ...]:
    result = tuple(validate.positive(name, beta) for beta in betas)
    if not result or any(a >= b for a, b in pairwise(result)):
        raise ArgumentError(f"{name} must be one or more increasing numbers, got {result}")
    return result


def _cosine(cosine: float) -> float:
    value = validate.real("cosine", cosine)
    if not -1 < value < 1:
        raise ArgumentError(f"cosine must lie between -1 and 1, got {value:g}")
    return value
