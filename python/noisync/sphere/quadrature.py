"""Quadrature on the sphere: product rules of a given degree."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from scipy import special

from noisync.base import validate
from noisync.base.memory import check_memory
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError

#: The dimensions that product rules serve.
DIMENSIONS = range(2, 6)


def quadrature(dim: int, degree: int) -> tuple[FloatArray, FloatArray]:
    r"""Return nodes and weights that integrate polynomials exactly under the uniform law.

    .. math:: \int f(x)\, d\sigma(x) = \sum_j w_j f(x_j)

    for every polynomial f of degree up to `degree`, σ the uniform probability law on S^{dim−1}. A
    product rule: equal angles on the circle of the first two coordinates, and for each further
    coordinate, as the cosine of a polar angle, a Gauss rule with the weight function
    :math:`(1-u^2)^{(j-3)/2}` of coordinate j. The nodes come in exact mirror images: −x_j is one of
    them, bit for bit, with the same weight.

    Parameters
    ----------
    dim : int
        2 to 5.
    degree : int
        At least 0. The rule has 2h angles, h = ⌊degree/2⌋ + 1, and h nodes for each further
        coordinate.

    Returns
    -------
    nodes : (M, dim) ndarray
        Unit vectors.
    weights : (M,) ndarray
        Positive, sum 1.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dim without product rule, a negative degree, or more nodes than fit the memory.
    """
    dim = validate.integer("dim", dim, minimum=2)
    degree = validate.integer("degree", degree, minimum=0, maximum=10**9)
    count = node_count(dim, degree)
    if dim not in DIMENSIONS:
        raise ArgumentError(
            f"dim must be 2 to 5 for a quadrature, got {dim}: a product rule of degree {degree} "
            f"would take {_shown(count)} nodes"
        )
    check_memory(
        3 * 8 * count * (dim + 1),
        f"degree: a rule of degree {degree} in dim {dim} has {_shown(count)} nodes, which",
        "use a lower degree",
    )
    nodes, weights = _circle(degree)
    for coordinates in range(3, dim + 1):
        cosine, mass = _polar(coordinates, degree // 2 + 1)
        sine = np.sqrt((1 - cosine) * (1 + cosine))
        lower = sine[:, None, None] * nodes
        last = np.broadcast_to(cosine[:, None, None], (*lower.shape[:2], 1))
        nodes = np.concatenate([lower, last], axis=2).reshape(-1, coordinates)
        weights = np.outer(mass, weights).ravel()
    return nodes, weights / math.fsum(weights)


def node_count(dim: int, degree: int) -> int:
    """Return the number of nodes of a product rule."""
    angles: int = 2 * (degree // 2 + 1)
    return angles * (degree // 2 + 1) ** (dim - 2) if dim < 100 else 10**100


def _shown(count: int) -> str:
    if count >= 10**100:
        return "more than 1e+100"
    return str(count) if count < 10**9 else f"{float(count):.1e}"


def _circle(degree: int) -> tuple[FloatArray, FloatArray]:
    """Return equal angles on the circle, an even number, and their weights."""
    half = degree // 2 + 1
    angle = np.pi * np.arange(half) / half
    nodes = np.column_stack([np.cos(angle), np.sin(angle)])
    return np.concatenate([nodes, -nodes]), np.full(2 * half, 0.5 / half)


def _polar(coordinates: int, size: int) -> tuple[FloatArray, FloatArray]:
    r"""Return the Gauss rule of the last of j coordinates of a uniform point, and its weights.

    With the polynomials p_k orthonormal for the density ~ (1 − u²)^{(j−3)/2},

    .. math:: b_{k+1} p_{k+1} = u p_k - b_k p_{k-1},\qquad
              b_k^2 = \frac{k(k+2a-1)}{4(k+a)(k+a-1)},\quad a = \tfrac j2 - 1,

    the nodes are the zeros of p_size, polished by Newton's method, and the weights
    :math:`1/\sum_{k<size} p_k(u)^2`, a sum without cancellation.
    """
    a = coordinates / 2 - 1
    k = np.arange(1.0, size + 1)
    step = np.append(0.0, 0.5 * np.sqrt(k * (k + 2 * a - 1) / ((k + a) * (k + a - 1))))
    node = special.roots_gegenbauer(size, a)[0]
    for _ in range(2):
        value, slope, squares = _orthonormal(node, step)
        node = node - value / slope
        node = 0.5 * (node - node[::-1])  # mirror images to the last bit
    squares = _orthonormal(node, step)[2]
    return node, 2 / (squares + squares[::-1])


def _orthonormal(u: FloatArray, step: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return p_size, its derivative, and Σ_{k<size} p_k², at points u."""
    last, value = np.zeros_like(u), np.ones_like(u)
    last_slope, slope = np.zeros_like(u), np.zeros_like(u)
    squares = np.zeros_like(u)
    for below, above in pairwise(step):
        squares += value**2
        following = (u * slope + value - below * last_slope) / above
        last_slope, slope = slope, following
        last, value = value, (u * value - below * last) / above
    return value, slope, squares
