"""Points between the nodes of a pair's mesh: values there, and averages over many of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from noisync.base.validate import FloatArray
from noisync.theory import quadrature
from noisync.theory.pair.mesh import Mesh

#: Cosines handled at once, to bound the memory.
_CHUNK = 2**18


def evaluate(mesh: Mesh, nodal: FloatArray, cosines: FloatArray) -> FloatArray:
    """Return functions given at the nodes, (k, n), at `cosines`, (m,): shape (k, m)."""
    element, x = _locate(mesh, cosines)
    transform, degree = _transform(mesh.degree), mesh.degree
    result = np.empty((nodal.shape[0], cosines.size))
    for e in np.unique(element):
        here = element == e
        coefficients = nodal[:, e * degree : (e + 1) * degree + 1] @ transform.T
        result[:, here] = coefficients @ chebyshev.chebvander(x[here], degree).T
    return result


def moments(mesh: Mesh, cosines: FloatArray, weights: FloatArray, power: float) -> FloatArray:
    r"""Return :math:`\sum_i w_i (1-u_i)^\alpha T_k(x_i)` for every element: (elements, degree+1).

    x in [−1, 1] is the place of u_i in its element; α = `power`.
    """
    count = mesh.lengths().size
    result = np.zeros((mesh.degree + 1, count))
    for start in range(0, cosines.size, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        element, x = _locate(mesh, cosines[chunk])
        mass = weights[chunk] * (1 - cosines[chunk]) ** power
        before, current = mass * x, mass  # T_{−1} = T_1
        for k in range(mesh.degree + 1):
            result[k] += np.bincount(element, weights=current, minlength=count)
            before, current = current, (2 * x * current - before)
    return np.asarray(result.T)


def functional(mesh: Mesh, moments: FloatArray) -> FloatArray:
    """Return the weights of the nodes, (n,), that average as the points of `moments` do."""
    degree = mesh.degree
    local = moments[:, : degree + 1] @ _transform(degree)
    result = np.zeros(local.shape[0] * degree + 1)
    for e, row in enumerate(local):
        result[e * degree : (e + 1) * degree + 1] += row
    return result


def independent(mesh: Mesh, dim: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights for the cosine of two uniform tokens, of density ∝ sin^{d−2} θ dθ.

    Gauss–Legendre on panels that shrink towards θ = 0 and, as 1/√d, towards π/2.
    """
    inner = 0.5 * np.pi - np.arange(1, 13) / dim**0.5
    edges = np.unique(np.concatenate([mesh.near, inner[inner > 0]]))
    node, weight = quadrature.legendre(32)
    half = 0.5 * np.diff(edges)[:, None]
    theta = (edges[:-1, None] + half * (node + 1)).ravel()
    mass = quadrature.angle_density(theta, dim, (half * weight).ravel())
    return (
        np.concatenate([np.cos(theta), -np.cos(theta)]),
        np.concatenate([mass, mass]) / (2 * mass.sum()),
    )


def _locate(mesh: Mesh, cosines: FloatArray) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Return the element of each cosine and its place in [−1, 1] there, both with θ rising."""
    last = mesh.lengths().size - 1
    positive = cosines > 0
    # The distance to the nearer of 0 and π: 1 − |u| = 2 sin²(·/2)
    distance = np.minimum(2 * np.arcsin(np.sqrt(0.5 * (1 - np.abs(cosines)))), 0.5 * np.pi)
    near = np.searchsorted(mesh.near[1:-1], distance)
    far = np.searchsorted(mesh.far[1:-1], distance)
    low = np.where(positive, mesh.near[near], mesh.far[far])
    high = np.where(positive, mesh.near[near + 1], mesh.far[far + 1])
    x = 2 * (distance - low) / (high - low) - 1
    element = np.where(positive, near, last - far)
    return element, np.where(positive, x, -x)


def _transform(degree: int) -> FloatArray:
    """Return the matrix from values at the nodes to Chebyshev coefficients."""
    x = -np.cos(np.pi * np.arange(degree + 1) / degree)
    return np.asarray(np.linalg.inv(chebyshev.chebvander(x, degree)))
