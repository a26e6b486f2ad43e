"""Where the tokens of a run end, and when: at one point, in two antipodal groups, or undecided."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from noisync.base.validate import FloatArray
from noisync.measure.clusters import clusters

#: Tokens have come to one line where all are so near to ± the first: 1 − |u| below this. Under the
#: noise that is for good but for a small probability, which the study computes.
ON_A_LINE = 1e-10


#: Tokens within this angle, in radians and through others, are one group.
GROUP_ANGLE = 0.1

#: Where tokens end, in this order.
ENDS = ("one point", "two antipodes", "undecided")


class Ends(NamedTuple):
    """How runs end.

    Attributes
    ----------
    settled : (R,) ndarray of bool
        Whether all tokens are on one line at the end.
    antipodal : (R,) ndarray of bool
        Whether they are at both ends of it.
    groups : (R,) ndarray of int
        Groups of tokens within 0.1 rad of one another at the end, wherever they are.
    smaller : (R,) ndarray of int
        Tokens in the smaller of two such groups; 0 where there are not two.
    arrival : (R,) ndarray
        The first time from which on they are on one line; infinite where they are not at the end.
    """

    settled: npt.NDArray[np.bool_]
    antipodal: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]
    smaller: npt.NDArray[np.int64]
    arrival: FloatArray

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many runs end in each of the ways of ENDS."""
        antipodal, settled = self.antipodal.sum(), self.settled.sum()
        return np.array([settled - antipodal, antipodal, self.settled.size - settled])


def ends(time: FloatArray, tokens: FloatArray) -> Ends:
    """Return how runs end, from their tokens (R, K, N, d) at the times (K,).

    1 − |u| is |x ∓ y|²/2, which keeps its digits as u → ±1.
    """
    first = tokens[:, :, :1]
    apart = np.sum((tokens - first) ** 2, axis=3) / 2
    opposite = np.sum((tokens + first) ** 2, axis=3) / 2
    on_line = np.minimum(apart, opposite).max(axis=2) < ON_A_LINE
    last_off = np.where(on_line, -1, np.arange(time.size)).max(axis=1)
    arrival = np.append(time, np.inf)[last_off + 1]
    settled = on_line[:, -1]
    antipodal = settled & np.any(apart[:, -1] > opposite[:, -1], axis=1)
    labels = clusters(tokens[:, -1], GROUP_ANGLE)  # label 1: the smaller of two
    groups = labels.max(axis=1) + 1
    smaller = np.where(groups == 2, np.sum(labels == 1, axis=1), 0)
    return Ends(settled, antipodal, groups, smaller, arrival)
