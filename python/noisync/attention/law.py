"""Self-attention: the deterministic part of a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from noisync import _core
from noisync.base.part import Part


class Attention(Part, ABC):
    """A law of attention: logits, normalisation, values. How it is summed is no part of it."""

    @abstractmethod
    def check_dim(self, dim: int) -> None:
        """Refuse matrices that do not act on tokens of dimension `dim`."""

    @abstractmethod
    def law(self) -> _core.AttentionLaw:
        """Return the core's description."""

    @property
    def rotation_scale(self) -> float | None:
        """β where the logits are β⟨x, Ry⟩ with R orthogonal, for sums in linear time, or None."""
        return None

    @property
    def linear_time_rule(self) -> str:
        """What it would take to be summed in linear time, where `rotation_scale` is None."""
        return "needs QᵀK = β times an orthogonal matrix, got another"

    @property
    def depends_on_order(self) -> bool:
        """Whether it sees more of the tokens than their empirical measure: their order."""
        return False

    def least_mass(self, beta: float) -> float:
        """Return a bound from below on the masses Σ_j w_j e^{l_ij − |β|}, for logits of size β.

        Of every token i, as the attention divides by them; if it does not, of the largest.
        """
        return float(np.exp(-2 * abs(beta)))

    def growth(self, beta: float) -> float | None:
        """Return ε with dE_β/dt ≤ ε E_β under this attention alone, or None where none is known."""
        return None
