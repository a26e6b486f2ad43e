"""Attention with weights proportional to e^{⟨Qx, Ky⟩}: softmax and unnormalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from noisync import _core
from noisync.attention.projected import Projected


@dataclass(frozen=True, eq=False)
class Exponential(Projected):
    """What softmax and unnormalised attention share."""

    normalized: ClassVar[bool]

    def law(self) -> _core.AttentionLaw:
        """Return the core's description."""
        return _core.exponential_attention(
            self.projections(), normalized=self.normalized, mask=self.core_mask
        )


@dataclass(frozen=True, eq=False)
class Softmax(Exponential):
    r"""Softmax self-attention.

    .. math:: \mathrm{Attn}(x) = \sum_j \frac{w_j e^{\langle Qx, Kx_j\rangle}}
              {\sum_k w_k e^{\langle Qx, Kx_k\rangle}} V x_j

    Parameters
    ----------
    beta : float, optional
        Inverse temperature: :math:`Q^T K = \beta I`. 1 unless `query` and `key` are given.
    value : float or (dim, dim) array_like
        V; a number a means V = aI: attractive for a > 0, repulsive for a < 0, off for 0.
    query, key : (h, dim) array_like, optional
        Q and K, instead of `beta`.
    mask : Causal, optional
        Which tokens a token attends to; all of them by default.

    Raises
    ------
    ArgumentError
        For matrices of the wrong shape, NaN, or `beta` together with `query` and `key`.

    References
    ----------
    arXiv:2312.10794; arXiv:2604.26898, eq. (1.1).
    """

    kind: ClassVar[str] = "softmax"
    normalized: ClassVar[bool] = True

    def growth(self, beta: float) -> float | None:
        r"""Return ε with dE_β/dt ≤ ε E_β under this attention alone, or None where none is known.

        With QᵀK = βI, V = aI, and the energy at the same β,

        .. math:: \frac{dE_\beta}{dt} = -a\beta \int Z(x)\,|P_x A(x)|^2\,d\mu(x),\quad
                  Z(x) = \int e^{\beta\langle x,y\rangle} d\mu(y),\quad A = \mathrm{Attn}/a.

        For a ≥ 0 that is never positive: ε = 0. For a < 0, Jensen's inequality gives
        :math:`Z |P_x A|^2 \le \int e^{\beta u}(1-u^2) d\mu(y)`, and
        :math:`e^\beta - e^{\beta u} \ge \beta e^{\beta u}(1-u)` then gives ε = 4|a|. (Near one
        cluster the true growth is 2|a|: the bound is safe, not sharp.)
        """
        scale = self.value_scale
        if scale is None or (scale != 0 and (self.beta != beta or self.mask is not None)):
            return None
        return 0.0 if scale >= 0 else 4.0 * -scale


@dataclass(frozen=True, eq=False)
class Unnormalized(Exponential):
    r"""Self-attention without the softmax denominator.

    .. math:: \mathrm{Attn}(x) = \sum_j w_j e^{\langle Qx, Kx_j\rangle} V x_j

    Parameters and errors are those of :class:`Softmax`.

    References
    ----------
    arXiv:2312.10794, where it is called USA.
    """

    kind: ClassVar[str] = "unnormalized"
    normalized: ClassVar[bool] = False

    def least_mass(self, beta: float) -> float:
        """Return a bound from below on the largest Σ_j w_j e^{l_ij − |β|}.

        With QᵀK = βI and β > 0 it is e^{−β} by Jensen's inequality.
        """
        positive = self.query is None and beta > 0
        return float(np.exp(-(1 if positive else 2) * abs(beta)))
