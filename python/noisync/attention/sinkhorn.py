"""Attention with doubly stochastic weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from noisync import _core
from noisync.attention.projected import Projected
from noisync.base import validate
from noisync.errors import ArgumentError


@dataclass(frozen=True, eq=False)
class Sinkhorn(Projected):
    r"""Self-attention with doubly stochastic weights: tokens are attended to by their weight alone.

    .. math:: \mathrm{Attn}(x_i) = \sum_j p_{ij} V x_j,\qquad
              p_{ij} = a_i w_j b_j e^{\langle Qx_i, Kx_j\rangle / \varepsilon},\qquad
              \sum_j p_{ij} = 1,\quad \sum_i w_i p_{ij} = w_j,

    by Sinkhorn and Knopp's iteration on the logarithms of a and b, in float64 in runs of either
    dtype. Where :math:`Q^T K` is symmetric and positive semidefinite, as :math:`\beta I` is for
    β ≥ 0, a = b, and a symmetric iteration takes about 35 sums over all pairs, however small ε is.
    In general the number grows as ε falls. A test token, as that of a Lyapunov exponent, meets b as
    it is.

    Parameters
    ----------
    beta : float, optional
        :math:`Q^T K = \beta I`. 1 unless `query` and `key` are given.
    value : float or (dim, dim) array_like
        V; a number a means V = aI: attractive for a > 0, repulsive for a < 0, off for 0.
    query, key : (h, dim) array_like, optional
        Q and K, instead of `beta`.
    mask : None
        There is none: the only doubly stochastic weights under a causal mask are the identity.
    epsilon : float
        ε > 0: as ε → ∞ all tokens receive the mean.
    tolerance : float
        Largest :math:`|\sum_i w_i p_{ij} / w_j - 1|` with which the iteration ends; the other
        marginal is exact.
    max_iterations : int
        If that is not reached in so many iterations, a ``SimulationError`` says the ``residual``.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For what other attentions refuse, a mask, or a parameter that is not positive.

    References
    ----------
    Sander, Ablin, Blondel, Peyré, arXiv:2110.11773. The symmetric iteration: Knight, Ruiz, Uçar,
    SIAM J. Matrix Anal. Appl. 35 (2014).
    """

    epsilon: float = 1.0
    tolerance: float = 1e-10
    max_iterations: int = 1000

    kind: ClassVar[str] = "sinkhorn"

    def __post_init__(self) -> None:
        if self.mask is not None:
            raise ArgumentError(
                "mask must be None for Sinkhorn, since the only doubly stochastic weights under a "
                f"causal mask are the identity, got {validate.shown(self.mask)}"
            )
        super().__post_init__()
        for name in ("epsilon", "tolerance"):
            object.__setattr__(self, name, validate.positive(name, getattr(self, name)))
        iterations = validate.integer(
            "max_iterations", self.max_iterations, minimum=1, maximum=2**31 - 1
        )
        object.__setattr__(self, "max_iterations", iterations)

    def law(self) -> _core.AttentionLaw:
        """Return the core's description."""
        return _core.sinkhorn_attention(
            self.projections(1 / self.epsilon),
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )

    @property
    def rotation_scale(self) -> float | None:
        """None: the weights of its sums are too uneven for linear time."""
        return None

    @property
    def linear_time_rule(self) -> str:
        """What it would take to be summed in linear time."""
        return "does not serve Sinkhorn attention, which is summed directly"
