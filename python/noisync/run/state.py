"""The state of a run: all that its next layer depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base.validate import FloatArray


@dataclass(frozen=True, eq=False)
class State:
    """The last state that a run reached. Immutable: the arrays are read-only.

    Attributes
    ----------
    layer : int
        The number of layers that the tokens went through.
    tokens : (N, d) ndarray
        In the dtype of the run.
    tangents : (k, d) ndarray or None
        The orthonormal tangent vectors that the run carries for :class:`noisync.Lyapunov`.
    growth : (k,) ndarray or None
        The logarithms by which they have grown.
    """

    layer: int
    tokens: npt.NDArray[Any]
    tangents: npt.NDArray[Any] | None = None
    growth: FloatArray | None = None

    def __post_init__(self) -> None:
        for array in (self.tokens, self.tangents, self.growth):
            if array is not None:
                array.setflags(write=False)


class States:
    """The states of several runs, in arrays that the core reads and writes."""

    def __init__(self, tokens: npt.NDArray[Any], dtype: np.dtype[Any], tangents: int) -> None:
        runs, _, dim = tokens.shape
        self.tokens = np.array(tokens, dtype, order="C")
        self.tangents = np.zeros((runs, tangents, dim), dtype)
        self.growth = np.zeros((runs, tangents))
        self.layers = np.zeros(runs, np.int64)
        self.layers_summed_directly = np.zeros(runs, np.int64)
        #: The last layer that was recorded.
        self.seen = np.full(runs, -1, np.int64)

    def core(self) -> _core.States:
        """Return the core's view of the arrays."""
        return _core.States(
            tokens=self.tokens,
            vectors=self.tangents,
            growth=self.growth,
            layers=self.layers,
            layers_summed_directly=self.layers_summed_directly,
            seen=self.seen,
        )

    def __getitem__(self, run: int) -> State:
        follows = self.tangents.shape[1] > 0
        return State(
            layer=int(self.layers[run]),
            tokens=self.tokens[run].copy(),
            tangents=self.tangents[run].copy() if follows else None,
            growth=self.growth[run].copy() if follows else None,
        )
