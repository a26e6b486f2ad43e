"""Random value matrices: noise that tokens meet through what attention gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from noisync import _core
from noisync.attention.exponential import Softmax
from noisync.attention.summation import summed
from noisync.base import validate
from noisync.base.memory import check_memory
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

    With `head_dim` it has H heads whose queries and keys are random too, fresh in every layer:

    .. math:: G(x_i) = H^{-1/2} \sum_h V_h m_h(x_i),\qquad
              m_h(x_i) = \sum_j p^h_{ij} x_j,\qquad
              p^h_{ij} \propto w_j e^{\beta\langle A_h x_i, x_j\rangle},\qquad A_h = W_h W_h'^T

    with entries of the (d, r) matrices W and W' normal of standard deviation `head_scale`. Given
    the A_h the covariance is :math:`\frac{s^2}{H} \sum_h \langle m_h(x_i), m_h(x_j)\rangle I`; the
    limit of infinite depth has its mean over A, whatever H is.

    Parameters
    ----------
    beta : float
        Inverse temperature of the softmax weights.
    scale : float
        s, standard deviation of the entries of V, at least 0.
    heads : int
        H. Without `head_dim` all heads have A = I, and their sum is one head in law, which is
        drawn.
    head_dim : int, optional
        r, the rank of the random A_h; None: A = I.
    head_scale : float
        Standard deviation of the entries of W and W', at least 0.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN, infinity, a negative scale, or heads or head_dim below 1.

    References
    ----------
    arXiv:2601.21942; with random heads arXiv:2604.01978, where s² = 1/d and r = d.
    """

    beta: float = 1.0
    scale: float = 1.0
    heads: int = 1
    head_dim: int | None = None
    head_scale: float = 1.0

    kind: ClassVar[str] = "value_noise"

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", validate.real("beta", self.beta))
        for name in ("scale", "head_scale"):
            object.__setattr__(self, name, validate.non_negative(name, getattr(self, name)))
        for name in ("heads", "head_dim"):
            count = getattr(self, name)
            if name == "heads" or count is not None:
                count = validate.integer(name, count, minimum=1, maximum=2**24)
                object.__setattr__(self, name, count)

    def check_dim(self, dim: int) -> None:
        """Refuse more weights than a random stream of one part has numbers."""
        largest = 2**50 // (dim * max(dim, self.head_dim or 0))
        if self.heads > largest:
            raise ArgumentError(
                f"heads must be at most {largest} in dimension {dim}, got {self.heads}"
            )

    def resolved(self, dim: int, n: int) -> ValueNoise:
        """Return the law, if there is memory for the matrices of a head."""
        if self.head_dim is not None:
            needed = 8 * dim * (dim + 5 * self.head_dim)
            check_memory(needed, "head_dim: a head", f"reduce head_dim = {self.head_dim}")
        return self

    def kernel(self, dim: int) -> Kernel:
        """Refuse: the covariance of two tokens depends on the others."""
        raise ArgumentError(
            "kernel: ValueNoise has none, since the covariance of its noise at two tokens depends "
            "on all the others"
        )

    def law(self, dim: int, n: int, method: str, tol: float) -> _core.NoiseLaw:
        """Return the core's description, with averages summed as `method` says."""
        if self.head_dim is not None:
            return _core.random_head_noise(
                beta=self.beta,
                scale=self.scale,
                heads=self.heads,
                head_dim=self.head_dim,
                head_scale=self.head_scale,
            )
        averages = summed(Softmax(self.beta), dim, n, method, tol)
        return _core.value_noise(attention=averages, scale=self.scale)

    def pair_noise(self, dim: int, beta: float) -> _core.PairNoise:
        """Return G_β, made of the averages of all tokens."""
        if self.head_dim is not None:
            raise ArgumentError(
                "budget: ValueNoise with head_dim has none, since the mean of its covariance over "
                "random heads is not known in closed form"
            )
        averages = _core.SummedAttention(Softmax(self.beta).law(), _core.Summation())
        return _core.value_pair_noise(attention=averages, scale=self.scale)
