r"""The covariance of the noise field: what all of the theory stands on."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.theory import chebyshev, quadrature
from noisync.theory.perceptron import Perceptron

#: κ(1) + κ(−1) below this, relative to κ(1), is zero.
_ODD = 1e-12


class Covariance:
    r"""κ with :math:`E[G(x)G(y)^T] = \kappa(\langle x, y\rangle) I_d`, and κ'.

    Those of independent terms add. As functions of the cosine, and of the angle, in which they are
    smooth for kinked activations too.
    """

    def __init__(self, terms: tuple[Perceptron, ...]) -> None:
        self._terms = terms

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Covariance) and self._terms == other._terms

    def __hash__(self) -> int:
        return hash(self._terms)

    @property
    def dim(self) -> int:
        """The dimension d."""
        return self._terms[0].dim

    def __call__(self, u: npt.ArrayLike) -> FloatArray:
        """Return κ(u) for cosines u in [−1, 1], any shape."""
        cosines = self._cosines(u)
        return np.asarray(sum(term(cosines) for term in self._terms))

    def derivative(self, u: npt.ArrayLike) -> FloatArray:
        """Return κ'(u) = g_o² g_i² E[φ'(Z)φ'(Z')]/d for cosines u in [−1, 1], any shape."""
        cosines = self._cosines(u)
        return np.asarray(sum(term.derivative(cosines) for term in self._terms))

    def _cosines(self, u: npt.ArrayLike, name: str = "u") -> FloatArray:
        cosines = np.asarray(validate.finite_array(name, u), dtype=np.float64)
        if np.any(np.abs(cosines) > 1 + 1e-12):
            worst = float(cosines.flat[int(np.argmax(np.abs(cosines)))])
            raise ArgumentError(f"{name} must lie in [-1, 1], got {worst:.6g}")
        return np.clip(cosines, -1.0, 1.0)

    @property
    def variance(self) -> float:
        """κ(1) = g_o² E[φ(√q ξ)²] + σ_W²: the variance of each component of the field."""
        return sum(term.variance for term in self._terms)

    @property
    def slope(self) -> float:
        """κ'(1) = g_o² g_i² E[φ'(√q ξ)²]/d: how fast the field varies between near tokens."""
        return sum(term.slope for term in self._terms)

    @property
    def singularities(self) -> tuple[float, ...]:
        """How far beyond the angle π its singularities lie: √d σ_U/g_i, where σ_U > 0."""
        return tuple(term.singularity for term in self._terms if term.sigma_u > 0)

    @cached_property
    def odd(self) -> bool:
        """Whether G(−x) = −G(x): then two tokens that are antipodes stay so."""
        return bool(self.variance + float(self(-1.0)) < _ODD * self.variance)

    @cached_property
    def angular_series(self) -> FloatArray:
        r"""Chebyshev coefficients of :math:`\theta \mapsto \kappa(\cos\theta)` on [0, π].

        .. math:: \kappa(\cos\theta) = \sum_n a_n T_n(2\theta/\pi - 1)

        In u = cos θ a kinked activation gives κ a term :math:`(1-u)^{3/2}`, which is smooth in
        θ. What is left are singularities beyond θ = π, where the correlation would reach −1:
        sin(θ/2) = √(1 + dσ_U²/g_i²); a small σ_U > 0 brings them near, and needs a few hundred
        coefficients. Read-only; accurate to about 1e-14 κ(1), or a
        :class:`noisync.KernelAccuracyWarning` says that 1025 coefficients do not suffice.
        """
        return chebyshev.chebyshev_series(lambda theta: self(np.cos(theta)), np.pi)

    @cached_property
    def angular_slope_series(self) -> FloatArray:
        r"""Chebyshev coefficients of :math:`\theta \mapsto \kappa'(\cos\theta)` on [0, π/2].

        .. math:: \kappa'(\cos\theta) = \sum_n b_n T_n(4\theta/\pi - 1)

        Its integral gives κ(1) − κ(cos θ) near θ = 0 with small relative error. Read-only; accurate
        to about 1e-13 κ'(1).
        """
        accuracy = max(term.phi.derivative_accuracy for term in self._terms)
        fine = accuracy <= quadrature.TARGET
        rounding = 5 * chebyshev.ROUNDING if fine else 10 * accuracy
        return chebyshev.chebyshev_series(
            lambda theta: self.derivative(np.cos(theta)), np.pi / 2, rounding
        )

    def at_angle(self, theta: FloatArray) -> FloatArray:
        """Return κ(cos θ) for angles in [0, π], any shape, from its series."""
        return chebyshev.evaluate(self.angular_series, theta, np.pi)

    def gap_quotient(self, theta: FloatArray) -> FloatArray:
        """Return D = (κ(1) − κ(cos θ))/(1 − cos θ) for angles in [0, π/2], of any shape.

        As ∫ κ'(cos s) sin s ds/(1 − cos θ): it keeps its digits as θ → 0, where it tends to κ'(1).
        """
        node, weight = quadrature.legendre(32)
        fraction = 0.5 * (node + 1)
        points = theta[..., None] * fraction
        values = chebyshev.evaluate(self.angular_slope_series, points, np.pi / 2)
        # sin(θx)/θ and (1 − cos θ)/θ², finite at θ = 0
        sines = fraction * np.sinc(points / np.pi)
        return np.asarray(
            (values * sines) @ (0.5 * weight) / (0.5 * np.sinc(theta / 2 / np.pi) ** 2)
        )
