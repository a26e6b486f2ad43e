"""Queries, keys and values: the matrices that attentions are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.attention.law import Attention
from noisync.attention.mask import Causal, Mask
from noisync.base import validate
from noisync.base.part import Part
from noisync.errors import ArgumentError


@dataclass(frozen=True, eq=False)
class Projected(Attention):
    """An attention with logits ⟨Qx, Ky⟩, or β⟨x, y⟩, and values Vy, V a number or a matrix."""

    beta: float | None = None
    value: float | npt.ArrayLike = 1.0
    query: npt.ArrayLike | None = None
    key: npt.ArrayLike | None = None
    mask: Causal | None = None

    inner: ClassVar[Mapping[str, type[Part]]] = {"mask": Mask}

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
        Mask.check("mask", self.mask, optional=True)

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
        """Return β where QᵀK is β times an orthogonal matrix (to rounding) and no mask, or None."""
        if self.mask is not None:
            return None
        if self.query is None or self.key is None:
            return self.beta
        product = np.asarray(self.query).T @ np.asarray(self.key)
        sizes = np.linalg.svd(product, compute_uv=False)
        even = sizes[-1] > 0 and sizes[0] - sizes[-1] <= 1e-14 * sizes[0]
        return float(sizes.mean()) if even else None

    @property
    def linear_time_rule(self) -> str:
        """What it would take to be summed in linear time, where `rotation_scale` is None."""
        if self.mask is not None:
            return f"sums over all tokens and serves no mask, got mask={self.mask}"
        return super().linear_time_rule

    @property
    def depends_on_order(self) -> bool:
        """Whether it sees more of the tokens than their empirical measure: under a mask."""
        return self.mask is not None

    @property
    def core_mask(self) -> _core.Causal | None:
        """The mask, for the core."""
        return None if self.mask is None else self.mask.core()

    def projections(self, logit_scale: float = 1.0, penalty: float = 0.0) -> _core.Projections:
        """Return Q, K and V for the core: logits scale · ⟨Qx, Ky⟩ − penalty · |Ky|²."""
        query = None if self.query is None else logit_scale * np.asarray(self.query)
        is_matrix = isinstance(self.value, np.ndarray)
        return _core.Projections(
            beta=logit_scale * (self.beta or 0.0),
            value_scale=1.0 if is_matrix else self.value,  # type: ignore[arg-type]
            query=query,
            key=self.key,  # type: ignore[arg-type]
            value=self.value if is_matrix else None,  # type: ignore[arg-type]
            penalty=penalty,
        )

    def growth(self, beta: float) -> float | None:
        """Return ε with dE_β/dt ≤ ε E_β under this attention alone, or None where none is known."""
        return 0.0 if self.value_scale == 0 else None

    @property
    def value_scale(self) -> float | None:
        """The number a where V = aI, None where V is a matrix."""
        return self.value if isinstance(self.value, float) else None
