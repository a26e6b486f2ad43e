"""Random value matrices: noise that tokens meet through what attention gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from noisync import _core
from noisync.attention.exponential import Softmax
from noisync.attention.summation import summed
from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.noise.law import NoiseLaw
from noisync.theory.kernel import Kernel


@dataclass(frozen=True, eq=False)
class ValueNoise(NoiseLaw):
    r"""A fresh random value matrix in every layer, the same for all tokens.

    .. math:: G(x_i) = V A_i,\qquad A_i = \sum_j p_{ij} x_j,\qquad
              p_{ij} \propto w_j e^{\beta\langle x_i, x_j\rangle}

    with independent entries of V, normal of standard deviation `scale`. In the limit of infinite
    depth :math:`dX_i = P_{X_i} dB\, A_i - \tfrac{s^2}{2}(d-1)|A_i|^2 X_i\,dt` with one Brownian
    matrix B. The noise of two tokens has the covariance :math:`s^2\langle A_i, A_j\rangle I`, which
    depends on all tokens: there is no kernel κ(⟨x, y⟩).

    Parameters
    ----------
    beta : float
        Inverse temperature of the softmax weights.
    scale : float
        s, standard deviation of the entries of V, at least 0.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN, infinity, or a negative scale.

    References
    ----------
    arXiv:2601.21942.
    """

    beta: float = 1.0
    scale: float = 1.0

    kind: ClassVar[str] = "value_noise"

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", validate.real("beta", self.beta))
        object.__setattr__(self, "scale", validate.non_negative("scale", self.scale))

    def kernel(self, dim: int) -> Kernel:
        """Refuse: the covariance of two tokens depends on the others."""
        raise ArgumentError(
            "kernel: ValueNoise has none, since the covariance of its noise at two tokens depends "
            "on all the others"
        )

    def law(self, dim: int, n: int, method: str, tol: float) -> _core.NoiseLaw:
        """Return the core's description, with averages summed as `method` says."""
        averages = summed(Softmax(self.beta), dim, n, method, tol)
        return _core.value_noise(attention=averages, scale=self.scale)

    def pair_noise(self, dim: int, beta: float) -> _core.PairNoise:
        """Return G_β, made of the averages of all tokens."""
        averages = _core.SummedAttention(Softmax(self.beta).law(), _core.Summation())
        return _core.value_pair_noise(attention=averages, scale=self.scale)
