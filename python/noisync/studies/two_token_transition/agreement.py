"""Which cells can be compared with the exact probability, and how far they are from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from noisync.base.validate import FloatArray

#: A cell of z-score has at least so many runs of either end.
FEWEST = 10

#: Its runs that are undecided, and those that may yet change, move the mean by less than this share
#: of its standard error.
SHARE = 0.25

#: The probability with which the largest |z| exceeds its limit if all is well.
FALSE_ALARM = 1e-3


def z_scores(
    estimate: FloatArray,
    error: FloatArray,
    exact: FloatArray,
    counts: npt.NDArray[np.int64],
    leaving: FloatArray,
) -> FloatArray:
    """Return (estimate − exact)/error, NaN for cells that do not allow it.

    `counts` has the runs at one point, at antipodes and undecided, its last axis; antipodes still
    come to one point with the probability `leaving`.
    """
    runs = np.maximum(counts.sum(axis=-1), 1)
    changing = counts[..., 2] / runs + leaving * exact
    expected = np.sqrt(exact * (1 - exact) / runs)
    allowed = (
        (counts[..., :2].min(axis=-1) >= FEWEST)
        & (np.minimum(exact, 1 - exact) * runs >= FEWEST)
        & (changing <= SHARE * expected)
    )
    return np.where(allowed, (estimate - exact) / np.where(allowed, error, 1.0), np.nan)


def largest_allowed(count: int) -> float:
    """Return what the largest of so many |z| exceeds with probability at most 1e-3."""
    return float(stats.norm.isf(FALSE_ALARM / 2 / max(count, 1)))


def exact_bounds(
    counts: npt.NDArray[np.int64], level: float = 0.95, leaving: FloatArray | float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Return Clopper–Pearson bounds of the probability of antipodes.

    `counts` as in :func:`z_scores`; undecided runs may end in either way. Antipodes that leave with
    a probability of at most `leaving` scale the lower bound by 1 − leaving.
    """
    tail = (1 - level) / 2
    runs, least = counts.sum(axis=-1), counts[..., 1]
    most = runs - counts[..., 0]
    low = np.where(least > 0, stats.beta.ppf(tail, least, runs - least + 1), 0.0)
    high = np.where(most < runs, stats.beta.isf(tail, most + 1, runs - most), 1.0)
    return np.asarray(low * (1 - np.asarray(leaving))), np.asarray(high)
