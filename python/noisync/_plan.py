"""What one run and an ensemble of runs share: checked arguments, and the call of the core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core, _validate
from noisync._linear_time import summation, summed
from noisync._threads import thread_count
from noisync._validate import FloatArray
from noisync.errors import ArgumentError
from noisync.model import Model
from noisync.schemes import SCHEMES

Request = _core.SaveRequest | _core.MeasureRequest | _core.LyapunovRequest | _core.CallRequest

_DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Plan:
    """A run that is checked and ready: everything but its initial states."""

    model: Model
    weights: FloatArray
    horizon: float
    layers: int
    path_layers: int
    scheme: str
    seed: int
    dtype: np.dtype[Any]
    threads: int
    method: str  # how the attention is summed: "direct" or "harmonic"
    energy_method: str  # how energies and noise are: "direct" or "auto"
    tol: float

    @classmethod
    def checked(
        cls,
        model: Model,
        n: int,
        *,
        horizon: float,
        layers: int,
        seed: int,
        weights: npt.ArrayLike | None,
        dtype: npt.DTypeLike,
        threads: int | None,
        path_layers: int | None,
        scheme: str,
        method: str,
        tol: float,
    ) -> Plan:
        """Check the arguments that :func:`simulate` and :func:`ensemble` share."""
        layers = _validate.integer("layers", layers, minimum=1, maximum=2**32 - 1)
        _validate.choice("scheme", scheme, SCHEMES)
        if SCHEMES[scheme].strong_order is None and model.noise is not None:
            raise ArgumentError(f"scheme: {scheme!r} is for models without noise")
        sums = summation(model.attention, model.dim, n, method, tol)
        return cls(
            model=model.resolved(n),
            weights=_validate.weights(weights, n),
            horizon=_validate.positive("horizon", horizon),
            layers=layers,
            path_layers=_path_layers(path_layers, layers),
            scheme=scheme,
            seed=_validate.integer("seed", seed, minimum=0, maximum=2**64 - 1),
            dtype=_dtype(dtype),
            threads=thread_count(threads),
            method=sums.method,
            energy_method="direct" if method == "direct" else "auto",
            tol=tol,
        )

    def times(self, layers: npt.NDArray[np.int64]) -> FloatArray:
        """Return the times of layers."""
        return np.asarray(layers * self.horizon / self.layers, dtype=np.float64)

    def run(
        self,
        states: npt.NDArray[Any],
        first_replicate: int,
        requests: Sequence[Request],
        progress: Callable[[int], None] | None,
        *,
        side_by_side: bool = False,
    ) -> _core.Outcome:
        """Run replicates first, first + 1, ... from `states` (replicates, n, dim)."""
        model, n, attention, noise = self.model, self.weights.size, None, None
        if model.attention is not None:
            attention = summed(model.attention, model.dim, n, self.method, self.tol)
        if model.noise is not None:
            noise = model.noise.law(model.dim, n, self.energy_method, self.tol)
        return _core.run_layers(
            np.ascontiguousarray(states, dtype=self.dtype),
            self.weights,
            attention=attention,
            noise=noise,
            scheme=self.scheme,
            horizon=self.horizon,
            layers=self.layers,
            path_layers=self.path_layers,
            seed=self.seed,
            first_replicate=first_replicate,
            requests=requests,
            threads=self.threads,
            side_by_side=side_by_side,
            progress=progress,
        )


def _path_layers(path_layers: int | None, layers: int) -> int:
    if path_layers is None:
        return layers
    count = _validate.integer("path_layers", path_layers, minimum=1, maximum=2**32 - 1)
    if count % layers:
        raise ArgumentError(f"path_layers must be a multiple of layers = {layers}, got {count}")
    return count


def _dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in _DTYPES:
        raise ArgumentError(f"dtype must be one of {', '.join(_DTYPES)}, got {name!r}")
    result: np.dtype[Any] = np.dtype(name)
    return result
