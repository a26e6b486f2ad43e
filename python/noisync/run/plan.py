"""A run that is checked and ready: everything but its initial states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.attention.summation import METHODS, summed
from noisync.base import validate
from noisync.base.threads import thread_count
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.measure.observer import Follow
from noisync.model import Model
from noisync.run.arguments import NAMES, WITHOUT_EFFECT, RunArguments
from noisync.run.schedule import Schedule
from noisync.run.schemes import SCHEMES
from noisync.run.state import States
from noisync.run.work import layer_threads

Request = _core.MeasureRequest | _core.CallRequest

_DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Plan:
    """What runs of one model share, all choices made: from here on nothing is decided anew."""

    model: Model
    weights: FloatArray
    horizon: float
    layers: int
    thickness: float  # Δ
    path_layers: int
    scheme: str
    seed: int
    noise_replicate: int | None  # the replicate whose noise all meet; None: each its own
    dtype: np.dtype[Any]
    threads: int
    layer_threads: int  # those that share a layer, where runs are not side by side
    attention: _core.SummedAttention | None
    method: str  # as asked for
    sum_method: str  # how energies and the noise are: "direct" or "auto"
    tol: float
    save: Schedule
    ranks: _core.Ranks | None = None  # where these are the tokens of one of several

    @classmethod
    def checked(cls, model: Model, n: int, arguments: RunArguments) -> Plan:
        """Check the arguments that all runs share, for n tokens."""
        layers = validate.integer("layers", arguments["layers"], minimum=1, maximum=2**32 - 1)
        scheme = validate.choice("scheme", arguments["scheme"], SCHEMES)
        if SCHEMES[scheme].strong_order is None and model.noise is not None:
            raise ArgumentError(f"scheme: {scheme!r} is for models without noise")
        method = validate.choice("method", arguments["method"], METHODS)
        tol = validate.positive("tol", arguments["tol"])
        law = model.total_attention
        horizon = validate.positive("horizon", arguments["horizon"])
        threads = thread_count(arguments["threads"])
        chosen = arguments["threads"] is not None
        return cls(
            model=model.resolved(n),
            weights=_weights(arguments["weights"], n),
            horizon=horizon,
            layers=layers,
            thickness=horizon / layers,
            path_layers=_path_layers(arguments["path_layers"], layers),
            scheme=scheme,
            seed=validate.integer("seed", arguments["seed"], minimum=0, maximum=2**64 - 1),
            noise_replicate=_noise_replicate(arguments["noise_replicate"]),
            dtype=_dtype(arguments["dtype"]),
            threads=threads,
            layer_threads=threads if chosen else layer_threads(model, n, threads),
            attention=None if law is None else summed(law, model.dim, n, method, tol),
            method=method,
            sum_method="direct" if method == "direct" else "auto",
            tol=tol,
            save=Schedule.checked("save", arguments["save"], layers),
        )

    @property
    def n(self) -> int:
        """The number of tokens."""
        return int(self.weights.size)

    def asked(self, without: Sequence[str] = ()) -> dict[str, Any]:
        """Return the arguments that all runs share and that matter to their results."""
        values = {name: getattr(self, name) for name in NAMES if name not in WITHOUT_EFFECT}
        values |= {"save": self.save.chosen, "dtype": self.dtype.name}
        if not self.weights.strides[0] and self.weights[0] == 1 / self.n:
            values["weights"] = None  # the default
        return {name: value for name, value in values.items() if name not in without}

    @property
    def initial_norm(self) -> float | None:
        """The norm of every token at the start; None where norms are no part of the state."""
        placement = self.model.placement
        return placement.initial_norm if placement.keeps_norms else None

    def times(self, layers: npt.NDArray[np.int64]) -> FloatArray:
        """Return the times of layers."""
        return np.asarray(layers * self.horizon / self.layers, dtype=np.float64)

    def method_taken(self, layers: int, summed_directly: int) -> str:
        """Return how the attention was summed in so many layers, not only how it was meant to."""
        if self.attention is None or 0 < layers == summed_directly:
            return "direct"
        return self.attention.method

    def advance(
        self,
        states: States,
        first_replicate: int,
        requests: Sequence[Request],
        follow: Follow,
        watch: Callable[[int], None] | None,
        *,
        last: int | None = None,
        side_by_side: bool = False,
    ) -> tuple[int, int, str, float | None] | None:
        """Carry replicates first, first + 1, ... to a layer, the last by default.

        See the core's ``advance``.

        `watch` is told now and then how many layers this call has completed; what it raises comes
        out of here, when every state is that of a whole layer.
        """
        model, noise, shared = self.model, None, self.noise_replicate
        if model.total_noise is not None:
            noise = model.total_noise.law(model.dim, self.n, self.sum_method, self.tol)
        dynamics = _core.Dynamics(
            attention=self.attention,
            noise=noise,
            scheme=self.scheme,
            layer_norm=model.placement.core(self.thickness, self.layers),
            thickness=self.thickness,
            span=self.path_layers // self.layers,
            seed=self.seed,
            first_replicate=first_replicate if shared is None else shared,
            shares_path=shared is not None,
            tangent_token=follow.token,
            tangent_tokens=follow.tokens,
            weights=self.weights,
        )
        return _core.advance(
            dynamics,
            states.core(),
            last=self.layers if last is None else last,
            requests=requests,
            threads=self.threads if side_by_side else self.layer_threads,
            side_by_side=side_by_side,
            progress=watch,
            ranks=self.ranks,
        )


def _weights(weights: npt.ArrayLike | None, n: int) -> FloatArray:
    """Return the masses of n tokens; equal ones as a view of one number, however many they are."""
    given = np.full(1, 1 / n) if weights is None else validate.weights(weights, n)
    equal = weights is None or given.min() == given.max()
    return np.broadcast_to(given[0], n) if equal else given


def _path_layers(path_layers: int | None, layers: int) -> int:
    if path_layers is None:
        return layers
    count = validate.integer("path_layers", path_layers, minimum=1, maximum=2**32 - 1)
    if count % layers:
        raise ArgumentError(f"path_layers must be a multiple of layers = {layers}, got {count}")
    return count


def _noise_replicate(replicate: int | None) -> int | None:
    if replicate is None:
        return None
    return validate.integer("noise_replicate", replicate, minimum=0, maximum=2**32 - 1)


def _dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in _DTYPES:
        raise ArgumentError(f"dtype must be one of {', '.join(_DTYPES)}, got {name!r}")
    result: np.dtype[Any] = np.dtype(name)
    return result
