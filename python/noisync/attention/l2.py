"""Attention by distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from noisync import _core
from noisync.attention.exponential import Softmax
from noisync.attention.projected import Projected
from noisync.errors import ArgumentError


@dataclass(frozen=True, eq=False)
class L2(Projected):
    r"""Self-attention whose weights fall with the distance of queries and keys.

    .. math:: \mathrm{Attn}(x) = \sum_j \frac{w_j e^{-|Qx - Kx_j|^2}}
              {\sum_k w_k e^{-|Qx - Kx_k|^2}} V x_j

    Since :math:`|x - y|^2 = 2 - 2\langle x, y\rangle` on the sphere, ``L2(beta)``, which stands for
    :math:`Q = K = \sqrt\beta I`, is ``Softmax(2 * beta)``.

    Parameters
    ----------
    beta : float, optional
        :math:`Q = K = \sqrt\beta I`, at least 0. 1 unless `query` and `key` are given.
    value : float or (dim, dim) array_like
        V; a number a means V = aI: attractive for a > 0, repulsive for a < 0, off for 0.
    query, key : (h, dim) array_like, optional
        Q and K, instead of `beta`.
    mask : Causal, optional
        Which tokens a token attends to; all of them by default.

    Raises
    ------
    ArgumentError
        For a negative beta, matrices of the wrong shape, NaN, or `beta` together with `query` and
        `key`.

    References
    ----------
    Kim, Papamakarios, Mnih, arXiv:2006.04710.
    """

    kind: ClassVar[str] = "l2"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta is not None and self.beta < 0:
            raise ArgumentError(f"beta must be a non-negative number, got {self.beta:g}")

    def law(self) -> _core.AttentionLaw:
        """Return the core's description: a softmax of 2⟨Qx, Ky⟩ − |Ky|²."""
        penalty = 0.0 if self.query is None else 1.0
        return _core.exponential_attention(
            self.projections(2.0, penalty), normalized=True, mask=self.core_mask
        )

    @property
    def rotation_scale(self) -> float | None:
        """Return 2β where QᵀK is β times an orthogonal matrix and all keys are equally long."""
        scale = super().rotation_scale
        if scale is None or self.key is None:
            return None if scale is None else 2 * scale
        key = np.asarray(self.key)
        lengths = np.linalg.svd(key, compute_uv=False)
        even = lengths.size == key.shape[1] and np.ptp(lengths) <= 1e-14 * lengths[0]
        return 2 * scale if even else None

    def growth(self, beta: float) -> float | None:
        """Return ε with dE_β/dt ≤ ε E_β under this attention alone: that of the softmax it is."""
        if self.beta is None:
            return super().growth(beta)
        return Softmax(2 * self.beta, self.value, mask=self.mask).growth(beta)
