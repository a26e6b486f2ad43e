"""The generator of a pair of tokens, discretised in the angle between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from noisync.base.validate import FloatArray
from noisync.theory.covariance import Covariance
from noisync.theory.generator import from_quotient
from noisync.theory.pair.mesh import Mesh


class Generator(NamedTuple):
    """E F' = M F at the nodes: diagonal of E, bands of M (see ``radau.evolve``)."""

    mass: FloatArray
    bands: FloatArray


def generator(kernel: Covariance, mesh: Mesh, power: float) -> Generator:
    r"""Return the generator on K = F/(1−u)^α, α = `power`, by collocation.

    With θ = arccos u, 𝓛F = G_0 F' + G_1 F'' is

    .. math:: \mathcal L = A\,\partial_\theta^2
              - (d-2)\frac{\kappa - \kappa(1)\cos\theta}{\sin\theta}\,\partial_\theta,
              \qquad A = \kappa(1) - \cos\theta\,\kappa(\cos\theta)

    and (1−u)^{−α} 𝓛 (1−u)^α adds 2αA cot(θ/2) ∂_θ + C. K is a polynomial on each element; nodes
    inside satisfy the equation, those between two elements carry continuity of K and K_θ. At θ = 0
    the equation is K' = C K; at θ = π the same if the field is odd, else K_θ = 0.
    """
    near, far = mesh.nodes()
    coefficients = [
        np.concatenate(pair)
        for pair in zip(_near_zero(kernel, near, power), _near_pi(kernel, far, power), strict=True)
    ]
    degree, lengths = mesh.degree, mesh.lengths()
    first = _differentiation(degree)
    # (elements, nodes, nodes): rows of the equation in every element
    slope = 2 * first / lengths[:, None, None]
    rows = coefficients[0][..., None] * (4 * (first @ first) / lengths[:, None, None] ** 2)
    rows += coefficients[1][..., None] * slope + coefficients[2][..., None] * np.eye(degree + 1)
    # Between elements and at π: K_θ is continuous, K_θ(π) = 0; scaled by the length.
    rows[1:, 0] = -2 * first[0] * (lengths[:-1] / lengths[1:])[:, None]
    rows[:-1, -1] = 2 * first[-1]
    mass = np.ones(lengths.size * degree + 1)
    mass[degree:-1:degree] = 0.0
    if not kernel.odd:
        rows[-1, -1] = 2 * first[-1]
        mass[-1] = 0.0
    return Generator(mass, _banded(rows))


def _banded(rows: FloatArray) -> FloatArray:
    """Add up the elements' matrices, neighbours sharing a node, in LAPACK's band storage."""
    count, degree = rows.shape[0], rows.shape[1] - 1
    bands = np.zeros((2 * degree + 1, count * degree + 1))
    i, j = np.indices((degree + 1, degree + 1))
    for e in range(count):
        bands[degree + i - j, e * degree + j] += rows[e]
    return bands


def _differentiation(degree: int) -> FloatArray:
    """Return the derivative at Chebyshev–Lobatto points, rising in [−1, 1]."""
    weight = np.ones(degree + 1)
    weight[[0, -1]] = 2.0
    weight *= (-1.0) ** np.arange(degree + 1)
    # x_i − x_j by sines, without cancellation
    angle = 0.5 * np.pi * np.arange(degree + 1) / degree
    gap = 2 * np.sin(angle[:, None] + angle) * np.sin(angle[:, None] - angle)
    matrix = np.outer(weight, 1 / weight) / (gap + np.eye(degree + 1))
    matrix -= np.diag(matrix.sum(axis=1))
    return matrix


Coefficients = tuple[FloatArray, FloatArray, FloatArray]


def _near_zero(kernel: Covariance, theta: FloatArray, power: float) -> Coefficients:
    """Return A, the factor of ∂_θ and C, everything written with 1 − u and D."""
    d, one, quotient = kernel.dim, kernel.variance, kernel.gap_quotient(theta)
    gap = 2 * np.sin(0.5 * theta) ** 2
    at = from_quotient(kernel, gap, quotient)
    part = one + (1 - gap) * quotient  # A/(1 − u)
    drift = -(d - 2) * (one - quotient) * np.tan(0.5 * theta) + 2 * power * part * np.sin(theta)
    potential = -power * at.drift + power * (power - 1) * at.diffusion
    return gap * part, drift, potential


def _near_pi(kernel: Covariance, distance: FloatArray, power: float) -> Coefficients:
    """Return the same from the distance π − θ, in [0, π/2]."""
    d, one = kernel.dim, kernel.variance
    rise = 2 * np.sin(0.5 * distance) ** 2
    u = rise - 1
    if kernel.odd:
        quotient = kernel.gap_quotient(distance)
        value = rise * quotient - one
        diffusion = rise * (one - u * quotient)
        drift = (d - 2) * (one - quotient) * np.tan(0.5 * distance)
    else:
        value = kernel.at_angle(np.pi - distance)
        diffusion = one - u * value
        safe = np.where(distance > 0, np.sin(distance), 1.0)  # at π the row is K_θ = 0
        drift = -(d - 2) * (value - one * u) / safe
    drift = drift + 2 * power * diffusion * np.tan(0.5 * distance)
    potential = -power * (value * (d - 2 + u**2) - one * (d - 1) * u) / (1 - u)
    potential += power * (power - 1) * (1 + u) * diffusion / (1 - u)
    return diffusion, drift, potential
