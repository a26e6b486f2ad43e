"""Masks: which tokens a token attends to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from noisync import _core
from noisync.base import validate
from noisync.base.part import Part
from noisync.errors import ArgumentTypeError


class Mask(Part):
    """What a token sees of the others, by their order."""


@dataclass(frozen=True, eq=False)
class Causal(Mask):
    r"""A causal mask: each token attends to those before it, and itself perhaps.

    Token i sees the tokens j ≤ i, or j < i, and the weight of token j fades with its distance,

    .. math:: w_j \to w_j\, e^{-\lambda (i - j) / N}.

    Softmax normalises as always; unnormalised attention is divided by the sum of the faded weights
    that a token sees, which is 1 without a mask. A token that sees no weight receives nothing and
    does not move.

    Parameters
    ----------
    include_self : bool
        Whether a token sees itself; if not, the first one has no drift.
    decay : float
        λ ≥ 0, over the whole sequence of N tokens.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a decay below 0, or an `include_self` that is no truth value.

    References
    ----------
    arXiv:2411.04990; arXiv:2605.09213, where tokens do not see themselves; the decay is that of
    ALiBi, arXiv:2108.12409.

    Examples
    --------
    >>> import noisync as ns
    >>> attention = ns.Softmax(beta=1.0, mask=ns.Causal())
    >>> x = ns.sphere.uniform(8, 3)
    >>> drift = ns.attention_drift(attention, x)
    >>> bool(abs(drift[0] - x[0]).max() < 1e-15)  # the first token sees itself alone
    True
    """

    include_self: bool = True
    decay: float = 0.0

    kind: ClassVar[str] = "causal"

    def __post_init__(self) -> None:
        if not isinstance(self.include_self, bool | np.bool_):
            raise ArgumentTypeError(
                f"include_self must be True or False, got {validate.shown(self.include_self)}"
            )
        object.__setattr__(self, "include_self", bool(self.include_self))
        object.__setattr__(self, "decay", validate.non_negative("decay", self.decay))

    def core(self) -> _core.Causal:
        """Return the core's description."""
        return _core.Causal(include_self=self.include_self, decay=self.decay)
