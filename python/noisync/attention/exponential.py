"""Attention with weights proportional to e^{⟨Qx, Ky⟩}: softmax and unnormalised."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.attention.law import Attention
from noisync.base import validate
from noisync.errors import ArgumentError


@dataclass(frozen=True, eq=False)
class Exponential(Attention):
    """What softmax and unnormalised attention share."""

    beta: float | None = None
    value: float | npt.ArrayLike = 1.0
    query: npt.ArrayLike | None = None
    key: npt.ArrayLike | None = None

    normalized: ClassVar[bool]

    def __post_init__(self) -> None:
        if (self.query is None) != (self.key is None):
            given, missing = ("query", "key") if self.key is None else ("key", "query")
            raise ArgumentError(f"{missing} must be given where {given} is, got None")
        if self.query is not None and self.key is not None:
            if self.beta is not None:
                raise ArgumentError(
                    f"beta must be left out where query and key are given, got {self.beta!r}"
                )
            query = validate.matrix("query", self.query)
            key = validate.matrix("key", self.key)
            if query.shape != key.shape:
                raise ArgumentError(
                    f"query and key must have the same shape, got {query.shape} and {key.shape}"
                )
            object.__setattr__(self, "query", query)
            object.__setattr__(self, "key", key)
        else:
            beta = 1.0 if self.beta is None else self.beta
            object.__setattr__(self, "beta", validate.real("beta", beta))
        if np.ndim(self.value) == 0:
            object.__setattr__(self, "value", validate.real("value", self.value))
        else:
            value = validate.matrix("value", self.value)
            if value.shape[0] != value.shape[1]:
                raise ArgumentError(f"value must be a number or square, got shape {value.shape}")
            object.__setattr__(self, "value", value)

    def check_dim(self, dim: int) -> None:
        """Refuse matrices that do not act on tokens of dimension `dim`."""
        for name in ("query", "key", "value"):
            matrix = getattr(self, name)
            if isinstance(matrix, np.ndarray) and matrix.shape[1] != dim:
                raise ArgumentError(
                    f"{name} must have {dim} columns like the tokens, got shape {matrix.shape}"
                )

    @cached_property
    def rotation_scale(self) -> float | None:
        """Return β where QᵀK is β times an orthogonal matrix (to rounding), or None."""
        if self.query is None or self.key is None:
            return self.beta
        product = np.asarray(self.query).T @ np.asarray(self.key)
        sizes = np.linalg.svd(product, compute_uv=False)
        even = sizes[-1] > 0 and sizes[0] - sizes[-1] <= 1e-14 * sizes[0]
        return float(sizes.mean()) if even else None

    def law(self) -> _core.AttentionLaw:
        """Return the core's description."""
        is_matrix = isinstance(self.value, np.ndarray)
        return _core.exponential_attention(
            normalized=self.normalized,
            beta=self.beta or 0.0,
            value_scale=1.0 if is_matrix else self.value,  # type: ignore[arg-type]
            query=self.query,  # type: ignore[arg-type]
            key=self.key,  # type: ignore[arg-type]
            value=self.value if is_matrix else None,  # type: ignore[arg-type]
        )

    def growth(self, beta: float) -> float | None:
        """Return ε with dE_β/dt ≤ ε E_β under this attention alone, or None where none is known."""
        return 0.0 if self.value_scale == 0 else None

    @property
    def value_scale(self) -> float | None:
        """The number a where V = aI, None where V is a matrix."""
        return self.value if isinstance(self.value, float) else None


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
        if scale is None or (self.beta != beta and scale != 0):
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
