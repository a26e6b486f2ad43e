r"""The covariance of one random perceptron: what kernels are made of."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.theory import quadrature
from noisync.theory.activations import Function, resolve
from noisync.theory.schoenberg import schoenberg


class Perceptron:
    r"""κ with :math:`E[G(x)G(y)^T] = \kappa(\langle x, y\rangle) I_d` for one random perceptron.

    .. math:: \kappa(u) = E[\varphi(Z)\varphi(Z')] + \sigma_W^2,\qquad
              \kappa'(u) = E[\varphi'(Z)\varphi'(Z')]/d

    See :class:`noisync.Kernel` for the parameters. Immutable; compares by its arguments.
    """

    def __init__(
        self,
        activation: str | Function,
        dim: int,
        sigma_u: float,
        sigma_w: float,
        derivative: Function | None,
    ) -> None:
        self.arguments = (activation, dim, sigma_u, sigma_w, derivative)
        self.dim = validate.integer("dim", dim, minimum=2, maximum=2**24)
        self.sigma_u = validate.non_negative("sigma_u", sigma_u)
        self.sigma_w = validate.non_negative("sigma_w", sigma_w)
        if self.sigma_u > 30:
            raise ArgumentError(f"sigma_u must be at most 30 for the theory, got {self.sigma_u:g}")
        self._variance = 1 / self.dim + self.sigma_u**2
        self.phi = resolve(activation, derivative, quadrature.RADIUS * self._variance**0.5)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Perceptron) and self.arguments == other.arguments

    def __hash__(self) -> int:
        return hash(self.arguments)

    def __reduce__(self) -> tuple[type[Perceptron], tuple[object, ...]]:
        return type(self), self.arguments

    def __call__(self, u: FloatArray) -> FloatArray:
        """Return κ(u) for cosines u in [−1, 1]."""
        return self._pair_mean(u) + self.sigma_w**2

    def derivative(self, u: FloatArray) -> FloatArray:
        """Return κ'(u) for cosines u in [−1, 1]."""
        result = quadrature.gaussian_pair_mean(
            self.phi.derivative,
            self._variance,
            self._correlation(u),
            self.phi.derivative_accuracy,
        )
        return np.asarray(result / self.dim)

    def _pair_mean(self, u: FloatArray) -> FloatArray:
        return quadrature.gaussian_pair_mean(self.phi.value, self._variance, self._correlation(u))

    def _correlation(self, u: FloatArray) -> FloatArray:
        return (u / self.dim + self.sigma_u**2) / self._variance

    @cached_property
    def variance(self) -> float:
        """κ(1) = E[φ(√q ξ)²] + σ_W²."""
        square = quadrature.gaussian_mean(lambda z: self.phi.value(z) ** 2, self._variance)
        return square + self.sigma_w**2

    @cached_property
    def slope(self) -> float:
        """κ'(1) = E[φ'(√q ξ)²]/d."""
        square = quadrature.gaussian_mean(lambda z: self.phi.derivative(z) ** 2, self._variance)
        return square / self.dim

    def schoenberg(self, degree: int) -> FloatArray:
        """Return c_0..c_degree of κ = Σ c_n P_{n,d}."""
        bias = self.sigma_w**2
        coefficients = schoenberg(
            degree,
            self.dim,
            self.phi.value,
            self.sigma_u**2,
            self._pair_mean,
            self.variance - bias,
        )
        coefficients[0] += bias
        return coefficients
