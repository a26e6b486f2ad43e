"""Sobolev distances of negative order between measures on the sphere."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.base.threads import thread_count
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.sphere.harmonics import gegenbauer, harmonic_dimension
from noisync.sphere.law import Law, checked_law, density_of
from noisync.sphere.quadrature import DIMENSIONS, node_count, quadrature
from noisync.sphere.uniform import Uniform
from noisync.sphere.wasserstein import check_same_dim, weighted_points

#: The largest degree: on the circle by memory, else by the range of the numbers that harmonics are
#: made of. And how many harmonics fit the memory.
_LARGEST_DEGREE, _ON_CIRCLE, _HARMONICS = 1000, 2**16, 2**20

#: How far harmonic coefficients of a law may be from those on coarser nodes, and its mass from 1,
#: where nodes are refined no more, and where the law is refused.
_SETTLED, _ROUGH = 1e-11, 1e-6

#: Harmonics times tokens from which more than one thread is faster.
_WORTH_THREADS = 10**6

#: The largest number of nodes on which a law's density is evaluated.
_NODES = 2**21


def sobolev(
    x: npt.ArrayLike,
    y: npt.ArrayLike | Law,
    order: float,
    degree: int,
    wx: npt.ArrayLike | None = None,
    wy: npt.ArrayLike | None = None,
) -> float:
    r"""Return the Sobolev norm of order −s of the difference of two measures, cut at a degree.

    .. math:: \|\mu - \nu\|_{-s}^2 = \sum_{n=1}^{p} (1 + n(n+d-2))^{-s}
              \sum_k \Big|\int Y_{nk}\,d\mu - \int Y_{nk}\,d\nu\Big|^2,

    :math:`Y_{nk}` the harmonics of degree n, with :math:`\int Y_{nk}^2 = 1` under the uniform law:
    the norm, not its square. Either the harmonics of all tokens, in O((N + M) H) for the H of them,
    or a sum over all pairs of tokens in O((N + M)² p), whichever is less; for millions of tokens in
    low dimensions and at low degrees, and for any dimension. Errors are about 1e-16 times the
    square root of H by the first way, and by the second half the digits are lost where the measures
    are all but the same.

    For independent tokens of any law μ, N of them, the squared distance from μ has the mean
    :math:`\frac1N \sum_n (1 + n(n+d-2))^{-s} (N_{n,d} - \sum_k (\int Y_{nk} d\mu)^2)`.

    Parameters
    ----------
    x : (N, dim) array_like
        Unit rows.
    y : (M, dim) array_like, or a law
        Unit rows; or a law with a density, such as :class:`noisync.sphere.VonMisesFisher`, whose
        coefficients come from quadrature, to 1e-11 for smooth ones, for dim 2 to 5. For
        :class:`noisync.sphere.Uniform`, of any dim, they are exactly 0.
    order : float
        s ≥ 0; for near measures with densities, s = 1 is W_2 up to constants.
    degree : int
        p, from 1 to 1000; on the circle to 65536.
    wx, wy : (N,), (M,) array_like, optional
        Masses, non-negative with sum 1; uniform by default. Some may be zero.

    Returns
    -------
    float

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For tokens or a law of different dim, rows off the sphere, weights that break a rule, or a
        law whose density is too rough for quadrature.
    """
    order = validate.non_negative("order", order)
    points, masses = weighted_points("x", x, "wx", wx)
    dim = points.shape[1]
    largest = _ON_CIRCLE if dim == 2 else _LARGEST_DEGREE
    degree = validate.integer("degree", degree, minimum=1, maximum=largest)
    n = np.arange(degree + 1.0)
    factors = (1 + n * (n + dim - 2)) ** -order
    factors[0] = 0
    if hasattr(y, "density") or hasattr(y, "samples"):
        if wy is not None:
            raise ArgumentError(f"wy must be left out where y is a law, got {validate.shown(wy)}")
        law = checked_law("y", y)
        if law.dim != dim:
            raise ArgumentError(f"y must have dim {dim} like x, got {law!r}")
        if not isinstance(law, Uniform):
            expected = _law_coefficients(law, degree)
            return _norm(_coefficients(points, masses, degree) - expected, factors, dim)
    else:
        others, their_masses = weighted_points("y", y, "wy", wy)
        check_same_dim(points, others)
        points = np.concatenate([points, others])
        masses = np.concatenate([masses, -their_masses])
    if _harmonics_serve(len(points), degree, dim):
        return _norm(_coefficients(points, masses, degree), factors, dim)
    return _zonal_norm(points, masses, factors)


def _harmonics_serve(count: int, degree: int, dim: int) -> bool:
    """Whether harmonics of all tokens are less work than all pairs of tokens."""
    return dim == 2 or _core.harmonics_up_to(degree, dim) <= min(_HARMONICS, count * degree)


def _coefficients(points: FloatArray, masses: FloatArray, degree: int) -> FloatArray:
    """Return Σ_j w_j Y_k(x_j) for the harmonics of degrees 0..degree, low degrees first."""
    nothing = np.empty((len(points), 0))
    large = len(points) * _core.harmonics_up_to(degree, points.shape[1]) > _WORTH_THREADS
    threads = thread_count(None) if large else 1
    return _core.analyse(points, masses, nothing, degree, threads)[:, 0]


def _norm(coefficients: FloatArray, factors: FloatArray, dim: int) -> float:
    begins = [0, *(int(_core.harmonics_up_to(n, dim)) for n in range(len(factors) - 1))]
    return math.sqrt(factors @ np.add.reduceat(coefficients**2, begins))


def _zonal_norm(points: FloatArray, masses: FloatArray, factors: FloatArray) -> float:
    r"""Return the norm by K(u) = Σ_n (1 + n(n+d−2))^{−s} N_{n,d} P_{n,d}(u) over all pairs."""
    degree, dim = len(factors) - 1, points.shape[1]
    counts = np.array([harmonic_dimension(n, dim) for n in range(degree + 1)])
    if not np.all(np.isfinite(counts)):
        raise ArgumentError(
            f"degree must be lower in dim {dim}, where the harmonics of a degree {degree} are more "
            "than floating-point numbers can count"
        )
    kernel = lambda u: (factors * counts) @ gegenbauer(degree, dim, u)  # noqa: E731
    series = np.polynomial.chebyshev.chebinterpolate(kernel, degree)
    square = _core.zonal_sum(points, masses, series.tolist(), thread_count(None))
    return math.sqrt(max(square, 0.0))


def _law_coefficients(law: Law, degree: int) -> FloatArray:
    """Return ∫ Y_k dμ by quadrature, on nodes that are refined until two results agree."""
    if law.dim not in DIMENSIONS:
        raise ArgumentError(
            f"y must be ns.sphere.Uniform, or a law of dim 2 to 5, where there is a quadrature, "
            f"got {law!r}"
        )
    size = _core.harmonics_up_to(degree, law.dim)
    if size > _HARMONICS:
        raise ArgumentError(
            f"degree must be lower where y is a law of dim {law.dim}: up to {degree} there are "
            f"{size:.1e} harmonics, at most {_HARMONICS} are computed"
        )
    exact_to = degree + 16
    result, count = _on_nodes(law, exact_to, degree)
    change = math.inf
    while change > _SETTLED:
        exact_to = exact_to * 3 // 2
        if change < math.inf and node_count(law.dim, exact_to) > _NODES:
            break
        last, (result, count) = result, _on_nodes(law, exact_to, degree)
        change = max(float(np.abs(result - last).max()), abs(float(result[0]) - 1))
    if change > _ROUGH:
        raise ArgumentError(
            f"y must have a density of mean 1, smooth enough for quadrature: its harmonic "
            f"coefficients are off by {change:.1e} on {count} nodes, got {law!r}"
        )
    return result


def _on_nodes(law: Law, exact_to: int, degree: int) -> tuple[FloatArray, int]:
    """Return the coefficients by a quadrature, and its number of nodes."""
    nodes, weights = quadrature(law.dim, exact_to)
    return _coefficients(nodes, weights * density_of("y", law, nodes), degree), len(nodes)
