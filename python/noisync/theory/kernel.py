"""The covariance kernel of the noise and the rates that follow from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.theory import generator
from noisync.theory.activations import Function
from noisync.theory.covariance import Covariance
from noisync.theory.layer_exponent import layer_exponent
from noisync.theory.pair import law
from noisync.theory.perceptron import Perceptron


class Kernel(Covariance):
    r"""Covariance of the noise field: :math:`E[G(x)G(y)^T] = \kappa(\langle x, y\rangle) I_d`.

    .. math::
        \kappa(u) = g_o^2 E[\varphi(Z)\varphi(Z')] + \sigma_W^2,\qquad
        \mathrm{Var} = q = g_i^2/d + \sigma_U^2,\quad \mathrm{Cov} = g_i^2 u/d + \sigma_U^2

    the same for an MLP of any width and for its infinite-width limit. All values are accurate to
    1e-10 relative to κ(1) (to κ'(1) for the derivative); where that is not reached a
    :class:`noisync.KernelAccuracyWarning` says how far it came. The sum of two kernels is the
    kernel of two independent fields that add.

    Parameters
    ----------
    activation : str or callable
        φ by name, or any function that maps a float64 array to one of the same shape.
    dim : int
        d, at least 2.
    sigma_u, sigma_w : float
        Standard deviations of the biases b_U and b_W.
    input_scale, output_scale : float
        g_i and g_o, positive; 1 in arXiv:2604.26898. g_i = √d is a network behind a LayerNorm,
        whose rows have norm √d.
    derivative : callable, optional
        φ' of a callable `activation`; finite differences by default.

    Raises
    ------
    ArgumentError
        For an unknown activation, dim below 2, a negative or non-finite sigma, a scale that is not
        positive, sigma_u above 30 or input_scale above 30√d.

    Examples
    --------
    >>> import noisync as ns
    >>> kernel = ns.Kernel("relu", dim=64, sigma_u=0.1, sigma_w=0.1)
    >>> print(f"{kernel.lyapunov_exponent:.4f}")
    -0.4803

    References
    ----------
    arXiv:2604.26898, §1.1, §1.3, §4.2; O. Raimond, Flots browniens isotropes sur la sphère (1999).
    The g_i²/d of κ' is the derivative of the covariance g_i² u/d + σ_U².
    """

    def __init__(
        self,
        activation: str | Function,
        dim: int,
        sigma_u: float = 0.0,
        sigma_w: float = 0.0,
        input_scale: float = 1.0,
        output_scale: float = 1.0,
        *,
        derivative: Function | None = None,
    ) -> None:
        term = Perceptron(
            activation, dim, sigma_u, sigma_w, input_scale, output_scale, derivative
        )  # fmt: skip
        super().__init__((term,))

    @classmethod
    def _of(cls, terms: tuple[Perceptron, ...]) -> Kernel:
        kernel = cls.__new__(cls)
        Covariance.__init__(kernel, terms)
        return kernel

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._of, (self._terms,)

    def __repr__(self) -> str:
        return " + ".join(
            f"{type(self).__name__}({term.phi.name!r}, dim={term.dim}, sigma_u={term.sigma_u}, "
            f"sigma_w={term.sigma_w}{_scales(term)})"
            for term in self._terms
        )

    def __add__(self, other: Kernel) -> Kernel:
        """Return the kernel of two independent fields that add: κ(u) is the sum of theirs."""
        if not isinstance(other, Kernel):
            return NotImplemented
        if other.dim != self.dim:
            raise ArgumentError(
                f"kernels that add must have one dim, got {self.dim} and {other.dim}"
            )
        return self._of(self._terms + other._terms)

    @property
    def terms(self) -> tuple[Kernel, ...]:
        """The kernels that it is the sum of; one, itself, where it is no sum."""
        return tuple(self._of((term,)) for term in self._terms)

    @property
    def activation(self) -> str:
        """Name of φ."""
        return self._single("activation").phi.name

    @property
    def phi(self) -> Function:
        """The activation φ, a function of float64 arrays."""
        return self._single("phi").phi.value

    @property
    def sigma_u(self) -> float:
        """Standard deviation of b_U."""
        return self._single("sigma_u").sigma_u

    @property
    def sigma_w(self) -> float:
        """Standard deviation of b_W."""
        return self._single("sigma_w").sigma_w

    @property
    def input_scale(self) -> float:
        """Factor g_i of the input."""
        return self._single("input_scale").input_scale

    @property
    def output_scale(self) -> float:
        """Factor g_o of the output, but for b_W."""
        return self._single("output_scale").output_scale

    @property
    def power_deviation(self) -> float:
        """Standard deviation of g_o² φ(√q ξ)², what one neuron adds to κ(1)."""
        return self._single("power_deviation").power_deviation

    def _single(self, name: str) -> Perceptron:
        if len(self._terms) > 1:
            raise ArgumentError(
                f"{name}: this kernel is a sum of {len(self._terms)}, and each of its `terms` has "
                "one of its own"
            )
        return self._terms[0]

    @property
    def lyapunov_exponent(self) -> float:
        """Top Lyapunov exponent λ_1 = ½[(d−3)κ'(1) − (d−1)κ(1)] of the noise alone, per time.

        Negative: two near tokens approach like e^{λ_1 t} almost surely.
        """
        return generator.lyapunov_exponent(self)

    def layer_exponent(self, step: float) -> float:
        """Top Lyapunov exponent per unit time of layers of thickness Δ = `step` = T/L.

        Without attention and in the limit of infinite width. It tends to
        :attr:`lyapunov_exponent` as Δ → 0; the difference, of order Δ, is what a run of finite
        depth shows. Derived in ``theory/layer_exponent.py``. While Δκ(1) and Δκ'(1) are below 0.05
        the exponent per layer (before division by Δ) is accurate to 1e-6 for d >= 4, 5e-6 for d = 3
        and 5e-5 for d = 2, where the logarithm's singularity is nearest.
        """
        step = validate.positive("step", step)
        return layer_exponent(self.dim, self.variance, self.slope, step)

    @property
    def lyapunov_spectrum(self) -> FloatArray:
        """All exponents λ_i = λ_1 − (i−1)κ'(1), i = 1..d−1, in decreasing order: shape (d−1,)."""
        return np.asarray(self.lyapunov_exponent - np.arange(self.dim - 1) * self.slope)

    @property
    def coercivity(self) -> float:
        """Constant λ̄ = (d−1)κ'(1) − (d−3)κ(1).

        Negative: the mean energy decays exponentially under the noise. It is the limit of
        :meth:`dissipation_rate` near one cluster, and λ_1 = λ̄/2 − κ(1) − κ'(1).
        """
        return generator.coercivity(self)

    def dissipation_rate(self, beta: float = 1.0) -> float:
        r"""Return the rate λ̄'(β) that bounds the growth of the mean energy under the noise alone.

        .. math:: \bar\lambda'(\beta) = -\inf_{u\in[-1,1)}
                  \frac{\beta e^{\beta u} G_\beta(u)}{e^\beta - e^{\beta u}},
                  \qquad E[E_\beta(\mu_t)] \le e^{\bar\lambda' t} E[E_\beta(\mu_0)]

        with G_β = G_0 + βG_1 the generator of a pair's cosine acting on e^{βu}. It is never below
        the coercivity, its limit u → 1.

        Parameters
        ----------
        beta : float
            Inverse temperature of the energy, positive.

        References
        ----------
        arXiv:2604.26898, §4 ; the mean energy decays where λ̄' < 0.
        """
        return generator.dissipation_rate(self, validate.positive("beta", beta))

    def pair_expectation(self, f: Function, u0: npt.ArrayLike, time: npt.ArrayLike) -> FloatArray:
        r"""Return :math:`E[f(u_t)]`, u the cosine of two tokens under the noise alone.

        .. math:: \partial_t F = G_0 F' + G_1 F'',\quad G_0 = \kappa(u)(d-2+u^2) - \kappa(1)(d-1)u,
                  \quad G_1 = (1-u^2)(\kappa(1) - u\kappa(u))

        in continuous time, whatever the number of tokens. Accurate to 1e-8 of max|f| for smooth f;
        where that is not reached a :class:`noisync.KernelAccuracyWarning` says how far it came.

        Parameters
        ----------
        f : callable
            Maps a float64 array of cosines in [−1, 1] to an array of the same shape.
        u0 : array_like
            Cosines at time 0, any shape.
        time : array_like
            Non-negative, any shape.

        Returns
        -------
        ndarray
            Of the shape of `time` followed by that of `u0`.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For cosines outside [−1, 1], a negative time, or an f that is no such function.

        References
        ----------
        arXiv:2604.26898, §4; the method is described in ``theory/pair/operator.py``.
        """
        return law.expectation(self, f, self._cosines(u0, "u0"), time)

    def mean_energy(
        self,
        beta: float,
        time: npt.ArrayLike,
        u0: npt.ArrayLike | None = None,
        weights: npt.ArrayLike | None = None,
    ) -> FloatArray:
        r"""Return the exact mean energy of the tokens under the noise alone.

        .. math:: E[E_\beta(\mu_t)] = \tfrac12 \sum_p w_p \bigl(e^\beta
                  - E[e^{\beta u_t} \mid u_0 = u_p]\bigr)

        the sum over all pairs p of tokens, each token with itself included; in continuous time.
        Its relative accuracy is 1e-8 down to 1e-30 e^β, or a
        :class:`noisync.KernelAccuracyWarning` says how far it came.

        Parameters
        ----------
        beta : float
            Inverse temperature, in (0, 700].
        time : array_like
            Non-negative, any shape.
        u0 : array_like, optional
            Cosines of the pairs at time 0, any shape: X Xᵀ for N tokens X. By default tokens
            independent and uniform on the sphere, in the limit of many.
        weights : array_like, optional
            Of the shape of `u0`, non-negative, sum 1: w wᵀ for weighted tokens. Uniform by default.

        Returns
        -------
        ndarray
            Of the shape of `time`.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For beta out of range, a negative time, cosines outside [−1, 1] or wrong weights.

        References
        ----------
        arXiv:2604.26898, eq. (1.14) and §4, whose bound is e^{λ̄'t} times the value at time 0
        (:meth:`dissipation_rate`).
        """
        cosines = None if u0 is None else self._cosines(u0, "u0")
        return law.mean_energy(self, beta, time, cosines, weights)

    def schoenberg(self, degree: int) -> FloatArray:
        r"""Return the coefficients c_0..c_degree of :math:`\kappa = \sum_n c_n P_{n,d}`.

        P_{n,d} is the Gegenbauer polynomial with P_{n,d}(1) = 1. All c_n are non-negative and sum
        to κ(1): c_n is the variance that the harmonics of degree n carry.

        Returns
        -------
        (degree+1,) ndarray
        """
        degree = validate.integer("degree", degree, minimum=0)
        return np.asarray(sum(term.schoenberg(degree) for term in self._terms))


def _scales(term: Perceptron) -> str:
    """Write the scales that are not 1."""
    scales = {"input_scale": term.input_scale, "output_scale": term.output_scale}
    return "".join(f", {name}={scale}" for name, scale in scales.items() if scale != 1)
