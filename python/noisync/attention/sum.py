"""Attentions that add: the heads of a list, as one law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from noisync import _core
from noisync.attention.law import Attention
from noisync.errors import ArgumentError


@dataclass(frozen=True)
class AttentionSum(Attention):
    """Several attentions, the sum of which moves the tokens: multi-head attention."""

    parts: tuple[Attention, ...]

    def check_dim(self, dim: int) -> None:
        """Refuse a head whose matrices do not act on tokens of dimension `dim`."""
        for i, part in enumerate(self.parts):
            try:
                part.check_dim(dim)
            except ArgumentError as error:
                raise ArgumentError(f"attention[{i}].{error}") from None

    @property
    def depends_on_order(self) -> bool:
        """Whether a part does."""
        return any(part.depends_on_order for part in self.parts)

    def law(self) -> _core.AttentionLaw:
        """Return the core's description, summed directly."""
        direct = [_core.SummedAttention(part.law(), _core.Summation()) for part in self.parts]
        return _core.attention_sum(direct)

    def growth(self, beta: float) -> float | None:
        """Return ε with dE_β/dt ≤ ε E_β, the sum of those of the parts, or None: one has none."""
        rates = [part.growth(beta) for part in self.parts]
        known = [rate for rate in rates if rate is not None]
        return sum(known) if len(known) == len(rates) else None


#: As a model takes it: one, several that add, or none.
Heads: TypeAlias = Attention | Sequence[Attention] | None


def total(attention: Heads) -> Attention | None:
    """Return one attention, or several that add, as one law."""
    if attention is None or isinstance(attention, Attention):
        return attention
    return AttentionSum(tuple(attention))


def one_law(attention: object) -> Attention:
    """Return one attention, or those of a list as one law; anything else is refused."""
    if not isinstance(attention, list | tuple):
        Attention.check("attention", attention)
        return attention  # type: ignore[return-value]
    Attention.check_parts("attention", attention)
    return AttentionSum(tuple(attention))
