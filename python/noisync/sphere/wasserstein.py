"""The Wasserstein distance of two weighted sets of tokens."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import distance

from noisync import _core
from noisync.base import validate
from noisync.base.memory import check_memory
from noisync.base.threads import thread_count
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError, SimulationError

METRICS = ("geodesic", "chordal")

#: What a pair of tokens takes in bytes: its cost, and in the network simplex of POT the cost again,
#: a flow and a state.
_PAIR_BYTES = 40

#: Masses on the circle are whole multiples of 2^{-60}: sums of them have no rounding errors.
_MASS_UNITS = 2**60

#: Tokens on the circle from which more than one thread is faster.
_WORTH_THREADS = 2**16

#: Pivots of the network simplex, far more than it takes.
_PIVOTS = 10**9


def wasserstein2(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    wx: npt.ArrayLike | None = None,
    wy: npt.ArrayLike | None = None,
    metric: str = "geodesic",
) -> float:
    r"""Return the Wasserstein distance W_2 of two weighted sets of tokens: not its square.

    .. math:: W_2^2 = \min_{\pi} \sum_{ij} \pi_{ij}\, d(x_i, y_j)^2,\qquad
              \sum_j \pi_{ij} = w^x_i,\quad \sum_i \pi_{ij} = w^y_j,\quad \pi_{ij} \ge 0

    On the circle with the geodesic metric it is exact in O(N log N), for millions of tokens: the
    optimal plan matches quantiles shifted by some mass, and the cost is convex in the shift. Else
    it is the network simplex of POT (``pip install "noisync[study]"``), with O(NM) memory and a
    time that grows faster than NM: minutes for 10⁴ tokens. :func:`noisync.sphere.sobolev` takes
    linear time.

    Parameters
    ----------
    x, y : (N, dim), (M, dim) array_like
        Unit rows.
    wx, wy : (N,), (M,) array_like, optional
        Their masses, non-negative with sum 1; uniform by default. Some may be zero.
    metric : {"geodesic", "chordal"}
        d: the angle, in radians, or |x − y|.

    Returns
    -------
    float

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For tokens of different dim, rows off the sphere, weights that break a rule (all zero, or
        of another sum than 1), or more pairs than fit the memory.
    SimulationError
        If the network simplex ends without an optimal plan.

    References
    ----------
    The circle: J. Delon, J. Salomon, A. Sobolevski, SIAM J. Appl. Math. 70 (2010) 2239–2258. POT:
    R. Flamary et al., J. Mach. Learn. Res. 22 (2021), no. 78.
    """
    validate.choice("metric", metric, METRICS)
    x, wx = weighted_points("x", x, "wx", wx)
    y, wy = weighted_points("y", y, "wy", wy)
    check_same_dim(x, y)
    if metric == "geodesic" and x.shape[1] == 2:
        return math.sqrt(_on_circle(x, wx, y, wy))
    return math.sqrt(_network_simplex(x, wx, y, wy, metric))


def weighted_points(
    name: str, points: npt.ArrayLike, weights_name: str, weights: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray]:
    """Return tokens and their masses, which sum to 1; those of mass 0 are left out."""
    array = validate.tokens(name, points).astype(np.float64)
    masses = validate.weights(weights, len(array), name=weights_name)
    seen = masses > 0
    return array[seen], masses[seen] / math.fsum(masses[seen])


def check_same_dim(x: FloatArray, y: FloatArray) -> None:
    """Refuse tokens of two dimensions."""
    if x.shape[1] != y.shape[1]:
        raise ArgumentError(f"y must have dim {x.shape[1]} like x, got shape {y.shape}")


def _on_circle(x: FloatArray, wx: FloatArray, y: FloatArray, wy: FloatArray) -> float:
    x_angles, x_masses = _atoms(x, wx)
    y_angles, y_masses = _atoms(y, wy)
    # Rounding leaves totals that differ by some 2^{-60} an atom.
    y_masses[np.argmax(y_masses)] += x_masses.sum() - y_masses.sum()
    threads = thread_count(None) if len(x) + len(y) > _WORTH_THREADS else 1
    return _core.circle_transport(x_angles, x_masses, y_angles, y_masses, threads)


def _atoms(points: FloatArray, masses: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return ascending angles in [0, 2π] and whole masses, one for all tokens at a place."""
    angles = np.arctan2(points[:, 1], points[:, 0])
    angles = np.where(angles < 0, angles + 2 * np.pi, angles)
    order = np.argsort(angles, kind="stable")
    angles, masses = angles[order], masses[order]
    places = np.flatnonzero(np.diff(angles, prepend=-1.0))
    masses = np.add.reduceat(masses, places)
    return angles[places], np.rint(masses * _MASS_UNITS).astype(np.int64)


def _network_simplex(
    x: FloatArray, wx: FloatArray, y: FloatArray, wy: FloatArray, metric: str
) -> float:
    ot = _pot(metric, x.shape[1])
    check_memory(
        _PAIR_BYTES * len(x) * len(y),
        f"x, y: the exact distance of {len(x)} and {len(y)} tokens",
        "take fewer tokens, or sobolev, whose time and memory are linear",
    )
    with warnings.catch_warnings():  # what it warns of is in its log, and raised
        warnings.simplefilter("ignore")
        _, log = ot.emd2(wx, wy, _squares(x, y, metric), numItermax=_PIVOTS, log=True)
    if log["warning"] is not None or log["result_code"] != 1:
        raise SimulationError(
            f"the network simplex found no optimal plan: {log['warning'] or log['result_code']}"
        )
    return max(float(log["cost"]), 0.0)


def _pot(metric: str, dim: int) -> Any:
    try:
        import ot
    except ImportError:
        raise ArgumentError(
            f"metric: {metric!r} in dim {dim} needs POT (pip install 'noisync[study]'); "
            "'geodesic' on the circle, and sobolev, do without"
        ) from None
    return ot


def _squares(x: FloatArray, y: FloatArray, metric: str) -> FloatArray:
    """Return the squared distances of all pairs, from differences: small ones keep their digits."""
    squares = np.empty((len(x), len(y)))
    for start in range(0, len(x), 256):
        rows = slice(start, start + 256)
        if metric == "chordal":
            squares[rows] = distance.cdist(x[rows], y, "sqeuclidean")
        else:
            near, far = distance.cdist(x[rows], y), distance.cdist(x[rows], -y)
            squares[rows] = (2 * np.arctan2(near, far)) ** 2
    return squares
