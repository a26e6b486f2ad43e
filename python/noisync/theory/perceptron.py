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

    .. math:: \kappa(u) = g_o^2 E[\varphi(Z)\varphi(Z')] + \sigma_W^2,\qquad
              \kappa'(u) = \frac{g_o^2 g_i^2}{d} E[\varphi'(Z)\varphi'(Z')]

    See :class:`noisync.Kernel` for the parameters. Immutable; compares by its arguments.
    """

    def __init__(
        self,
        activation: str | Function,
        dim: int,
        sigma_u: float,
        sigma_w: float,
        input_scale: float,
        output_scale: float,
        derivative: Function | None,
    ) -> None:
        self.arguments = (
            activation, dim, sigma_u, sigma_w, input_scale, output_scale, derivative
        )  # fmt: skip
        self.dim = validate.integer("dim", dim, minimum=2, maximum=2**24)
        self.sigma_u = validate.non_negative("sigma_u", sigma_u)
        self.sigma_w = validate.non_negative("sigma_w", sigma_w)
        self.input_scale = validate.positive("input_scale", input_scale)
        self.output_scale = validate.positive("output_scale", output_scale)
        if self.sigma_u > 30:
            raise ArgumentError(f"sigma_u must be at most 30 for the theory, got {self.sigma_u:g}")
        if self.input_scale**2 > 900 * self.dim:
            raise ArgumentError(
                f"input_scale must be at most {30 * self.dim**0.5:g}, 30√d, for the theory, got "
                f"{self.input_scale:g}"
            )
        self._input_variance = self.input_scale**2 / self.dim
        self._variance = self._input_variance + self.sigma_u**2
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
        return np.asarray(result * self._slope_factor)

    def _pair_mean(self, u: FloatArray) -> FloatArray:
        mean = quadrature.gaussian_pair_mean(self.phi.value, self._variance, self._correlation(u))
        return np.asarray(self.output_scale**2 * mean)

    def _correlation(self, u: FloatArray) -> FloatArray:
        return (u * self._input_variance + self.sigma_u**2) / self._variance

    @property
    def _slope_factor(self) -> float:
        return self.output_scale**2 * self._input_variance

    @property
    def singularity(self) -> float:
        """How far beyond the angle π its singularity lies: √d σ_U/g_i; 0 for σ_U = 0."""
        return float(self.sigma_u / self._input_variance**0.5)

    @cached_property
    def variance(self) -> float:
        """κ(1) = g_o² E[φ(√q ξ)²] + σ_W²."""
        return self._power + self.sigma_w**2

    @cached_property
    def _power(self) -> float:
        square = quadrature.gaussian_mean(lambda z: self.phi.value(z) ** 2, self._variance)
        return float(self.output_scale**2 * square)

    @property
    def power_deviation(self) -> float:
        """Standard deviation of g_o² φ(√q ξ)², what one neuron adds to κ(1)."""
        fourth = quadrature.gaussian_mean(lambda z: self.phi.value(z) ** 4, self._variance)
        return float(np.sqrt(self.output_scale**4 * fourth - self._power**2))

    @cached_property
    def slope(self) -> float:
        """κ'(1) = g_o² g_i² E[φ'(√q ξ)²]/d."""
        square = quadrature.gaussian_mean(lambda z: self.phi.derivative(z) ** 2, self._variance)
        return square * self._slope_factor

    def schoenberg(self, degree: int) -> FloatArray:
        """Return c_0..c_degree of κ = Σ c_n P_{n,d}."""
        coefficients = schoenberg(
            degree,
            self.dim,
            lambda z: self.output_scale * self.phi.value(z),
            self._input_variance,
            self.sigma_u**2,
            self._pair_mean,
            self._power,
        )
        coefficients[0] += self.sigma_w**2
        return coefficients
