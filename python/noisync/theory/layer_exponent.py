"""The top Lyapunov exponent of layers of finite thickness, in the limit of infinite width."""

from __future__ import annotations

import numpy as np
from scipy import special

from noisync.base.validate import FloatArray

_NODES = 16


def layer_exponent(dim: int, variance: float, slope: float, step: float) -> float:
    r"""Return E log|dX'|/|dX| per unit time for X' = (X + √Δ G(X)) / |·|, G Gaussian.

    At a point x with unit tangent vector e, G(x) and its derivative along e are independent
    centred Gaussian vectors of variances κ(1) and κ'(1). With w = x + √(Δκ(1)) ξ and
    v = e + √(Δκ'(1)) η, a small displacement along e becomes P_{w/|w|} v / |w|, so

    .. math:: \lambda_\Delta = \frac1\Delta E\left[\log|P_{w^\perp} v| - \log|w|\right].

    Only ξ's components along x and e, their rest, v's component along the rest of e and its rest
    matter: two normals and a χ² of d − 2 degrees for w, a normal and another such χ² for v; each
    by Gauss quadrature. The limit Δ → 0 is λ_1 = ½[(d−3)κ'(1) − (d−1)κ(1)].

    The logarithms have terms of order √Δ, which cancel between a normal and its negative. Averages
    over both signs leave the logarithm of a product that is 1 plus terms of order Δ, so the
    quotient keeps its digits however small Δ is: with a = s², s the size of a normal, and c ≥ 0,

    .. math:: ((r+s)^2 + c)((r-s)^2 + c) = (r^2-a)^2 + 2c(r^2+a) + c^2.
    """
    normal, normal_weight = _normal()
    chi, chi_weight = _chi_square(dim - 2)
    along_x, along_e, rest = np.meshgrid(normal, normal, chi, indexing="ij")
    weight = np.einsum("i,j,k->ijk", normal_weight, normal_weight, chi_weight)
    noise, spread = step * variance, step * slope
    length = _mean_log(0.0, noise * along_x**2, noise * (along_e**2 + rest))
    # |P_{w⊥} e|² = 1 − ⟨w, e⟩²/|w|²; then v adds normals in the d − 1 directions orthogonal to w.
    square = (1 + np.sqrt(noise) * along_x) ** 2 + noise * (along_e**2 + rest)
    lost = noise * along_e**2 / square
    grown = _mean_log(lost[..., None, None], spread * normal[:, None] ** 2, spread * chi)
    grown = np.einsum("...ab,a,b->...", grown, normal_weight, chi_weight)
    return float(np.sum(weight * 0.5 * (grown - length))) / step


def attention_exponent(value: float, step: float) -> float:
    """Return −log(1 + aΔ)/Δ, the exponent of one cluster under attention with V = aI alone.

    A layer shrinks differences from the cluster by 1 + aΔ; NaN where that is not positive.
    """
    return -float(np.log1p(value * step)) / step if value * step > -1 else float("nan")


def _mean_log(lost: FloatArray | float, a: FloatArray, c: FloatArray) -> FloatArray:
    """Return the mean of log((r ± s)² + c) over both signs, r² = 1 − `lost` and s² = `a`."""
    gone = lost + a
    return np.asarray(0.5 * np.log1p(gone**2 - 2 * gone + 2 * c * (1 - lost + a) + c**2))


def _normal() -> tuple[FloatArray, FloatArray]:
    node, weight = special.roots_hermitenorm(_NODES)
    return node, weight / weight.sum()


def _chi_square(degrees: int) -> tuple[FloatArray, FloatArray]:
    if degrees == 0:
        return np.zeros(1), np.ones(1)
    node, weight = special.roots_genlaguerre(_NODES, degrees / 2 - 1)
    return 2 * node, weight / weight.sum()
