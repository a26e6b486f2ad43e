"""The state of a run: all that its next layer depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base.equality import equal
from noisync.base.validate import FloatArray
from noisync.measure.observer import Follow


class Carried(NamedTuple):
    """What a state may hold beside its tokens, as a variable of a Dataset."""

    dimensions: tuple[str, ...]
    long_name: str


@dataclass(frozen=True, eq=False)
class State:
    """The last state that a run reached. Immutable: the arrays are read-only.

    Attributes
    ----------
    layer : int
        The number of layers that the tokens went through.
    tokens : (N, d) ndarray
        In the dtype of the run.
    norms : (N,) ndarray or None
        The norms of the tokens, where the :class:`noisync.Normalization` keeps them.
    tangents : (k, d) ndarray or None
        The orthonormal tangent vectors that the run carries for :class:`noisync.Lyapunov`; for
        ``noisync.spde.solve`` those of all nodes, dim − 1 each, one after the other.
    growth : (k,) ndarray or None
        The logarithms by which they have grown.
    least_jacobian : float or None
        The least Jacobian of a layer so far, at any node of ``noisync.spde.solve``.
    """

    #: The attributes that a run may carry or not, beside layer and tokens.
    CARRIED: ClassVar[Mapping[str, Carried]] = {
        "norms": Carried(("token",), "norms of the tokens at the last layer that was reached"),
        "tangents": Carried(("tangent", "component"), "orthonormal tangent vectors carried along"),
        "growth": Carried(("tangent",), "logarithms by which the tangent vectors have grown"),
        "least_jacobian": Carried((), "least Jacobian of a layer so far"),
    }

    layer: int
    tokens: npt.NDArray[Any]
    norms: npt.NDArray[Any] | None = None
    tangents: npt.NDArray[Any] | None = None
    growth: FloatArray | None = None
    least_jacobian: float | None = None

    def __post_init__(self) -> None:
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        return all(equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]


class States:
    """The states of several runs, in arrays that the core reads and writes."""

    def __init__(
        self,
        tokens: npt.NDArray[Any],
        dtype: np.dtype[Any],
        follow: Follow,
        norm: float | None,
    ) -> None:
        runs, n, dim = tokens.shape
        tangents = follow.k * follow.tokens
        self.tokens = np.array(tokens, dtype, order="C")
        self.norms = None if norm is None else np.full((runs, n), norm, dtype)
        self.tangents = np.zeros((runs, tangents, dim), dtype)
        self.growth = np.zeros((runs, tangents))
        self.least_jacobian = np.ones(runs) if follow.jacobian else None
        self.layers = np.zeros(runs, np.int64)
        self.layers_summed_directly = np.zeros(runs, np.int64)
        #: The last layer that was recorded.
        self.seen = np.full(runs, -1, np.int64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name: all that the runs go on from."""
        return {name: array for name, array in vars(self).items() if array is not None}

    def core(self) -> _core.States:
        """Return the core's view of the arrays."""
        return _core.States(
            tokens=self.tokens,
            norms=self.norms,
            vectors=self.tangents,
            growth=self.growth,
            least_jacobian=self.least_jacobian,
            layers=self.layers,
            layers_summed_directly=self.layers_summed_directly,
            seen=self.seen,
        )

    def __getitem__(self, run: int) -> State:
        follows = self.tangents.shape[1] > 0
        return State(
            layer=int(self.layers[run]),
            tokens=self.tokens[run].copy(),
            norms=None if self.norms is None else self.norms[run].copy(),
            tangents=self.tangents[run].copy() if follows else None,
            growth=self.growth[run].copy() if follows else None,
            least_jacobian=None if self.least_jacobian is None else float(self.least_jacobian[run]),
        )
