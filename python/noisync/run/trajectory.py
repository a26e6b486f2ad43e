"""The result of a run, in memory and on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync.base import validate
from noisync.base.equality import equal
from noisync.base.validate import FloatArray
from noisync.base.version import __version__
from noisync.errors import ArgumentError
from noisync.measure.cosines import pair_cosines
from noisync.measure.energy import energy
from noisync.measure.norms import Norms
from noisync.measure.tokens import Tokens
from noisync.model import Model
from noisync.run.origin import Origin, kernel_error, with_matrices
from noisync.run.plan import Plan
from noisync.run.ranks import Share
from noisync.run.reading import FORMAT, OWN, PREFIX, run_fields
from noisync.run.recording import COORDINATES, WEIGHTS, Recording, Series
from noisync.run.series_of_layers import joined
from noisync.run.state import State, States
from noisync.storage import dataset


@dataclass(frozen=True, eq=False)
class Trajectory:
    """States of one run. Immutable: the arrays are read-only.

    Two are equal where all they have computed is, NaN equal to NaN, whatever their origin.

    Attributes
    ----------
    layer : (K,) ndarray of int
        Saved layers; 0 is the initial state.
    time : (K,) ndarray
        Their times layer · horizon / layers.
    tokens : (K, N, d) ndarray
        The states, in the dtype of the run.
    norms : (K, N) ndarray or None
        The norms of the tokens, where the :class:`noisync.Normalization` keeps them.
    weights : (N,) ndarray
    model : Model
    horizon : float
    layers : int
        T and L of the run as asked for; an interrupted run has fewer states.
    seed, replicate : int
    observed : mapping of str to xarray.DataArray
        A series per observer: first dimension ``time`` with the coordinate ``layer``, then the
        named dimensions of the observer; its parameters in the attributes.
    state : State
        The last state that was reached, whether it was saved or not: from it the run can go on.
    finished : bool
        Whether that is the last layer.
    noise_replicate : int
        The replicate whose noise the run met; `replicate` unless asked for otherwise.
    path_layers : int
        Layers of the noise path; as many as `layers` unless asked for otherwise.
    scheme : str
    method : {"direct", "harmonic"}
        How the attention was summed.
    layers_summed_directly : int
        In how many layers linear-time sums would have missed the tolerance, so that the direct sum
        was taken.
    thickness : float
        Δ, the thickness of a layer: horizon / layers, unless the run was extended.
    origin : Origin
        How the run was asked for, and what computed it.
    version : str
        The version of noisync that computed it.
    """

    layer: npt.NDArray[np.int64]
    tokens: npt.NDArray[Any]
    weights: FloatArray
    model: Model
    horizon: float
    layers: int
    seed: int
    replicate: int
    state: State
    norms: npt.NDArray[Any] | None = None
    observed: Mapping[str, xr.DataArray] = field(default_factory=dict)
    noise_replicate: int = -1
    path_layers: int = 0
    scheme: str = "layer"
    method: str = "direct"
    layers_summed_directly: int = 0
    thickness: float = 0.0
    origin: Origin = field(default_factory=Origin)
    version: str = __version__
    share: Share | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for array in (self.layer, self.tokens, self.norms, self.weights):
            if array is not None:
                array.setflags(write=False)
        for series in self.observed.values():
            series.to_numpy().setflags(write=False)
        object.__setattr__(self, "path_layers", self.path_layers or self.layers)
        if self.noise_replicate < 0:
            object.__setattr__(self, "noise_replicate", self.replicate)
        object.__setattr__(self, "thickness", self.thickness or self.horizon / self.layers)
        object.__setattr__(self, "observed", MappingProxyType(dict(self.observed)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trajectory):
            return NotImplemented
        names = [f.name for f in fields(self) if f.name not in ("origin", "version", "share")]
        return all(equal(getattr(self, name), getattr(other, name)) for name in names)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of(
        cls,
        plan: Plan,
        replicate: int,
        states: States,
        saved: Series,
        norms: Series | None,
        recording: Recording,
        origin: Origin,
    ) -> Trajectory:
        """Return what a run has come to, finished or not."""
        state = states[0]
        # A run that was stopped may not have recorded its last state.
        saved.put(state.layer, state.tokens)
        if norms is not None and state.norms is not None:
            norms.put(state.layer, state.norms)
        kept = saved.variable(state.layer)
        observed = recording.variables(int(states.seen[0]))
        directly = int(states.layers_summed_directly[0])
        return cls(
            layer=kept["layer"].to_numpy(),
            tokens=kept.to_numpy()[0],
            norms=None if norms is None else norms.variable(state.layer).to_numpy()[0],
            weights=plan.weights,
            model=plan.model,
            horizon=plan.horizon,
            layers=plan.layers,
            seed=plan.seed,
            replicate=replicate,
            state=state,
            observed={name: series[0] for name, series in observed.items()},
            noise_replicate=replicate if plan.noise_replicate is None else plan.noise_replicate,
            path_layers=plan.path_layers,
            scheme=plan.scheme,
            method=plan.method_taken(state.layer, directly),
            layers_summed_directly=directly,
            thickness=plan.thickness,
            origin=origin,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        names = [item.name for item in fields(self) if item.name != "share"]
        values = [getattr(self, name) for name in names]
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in values)

    @property
    def time(self) -> FloatArray:
        """Times of the saved states, (K,)."""
        return np.asarray(self.layer * self.horizon / self.layers, dtype=np.float64)

    @property
    def rows(self) -> slice:
        """Which of all tokens these are: all, unless several ranks of a communicator have them."""
        return slice(0, len(self.weights)) if self.share is None else self.share.rows

    def gathered(self) -> Trajectory:
        """Return the run with the tokens of all ranks, at each of them; all have to call it."""
        return self if self.share is None else self._with_rows_of_all(self.share, everywhere=True)

    def _with_rows_of_all(self, share: Share, *, everywhere: bool) -> Trajectory:
        """Return the run with the tokens of all ranks; if not everywhere, at the first alone."""
        state = share.whole_state(self.state, everywhere=everywhere)
        saved = np.empty((len(self.tokens), *state.tokens.shape), self.tokens.dtype)
        for whole, own in zip(saved, self.tokens, strict=True):
            whole[:] = share.whole(own, everywhere=everywhere)
        return replace(self, tokens=saved, state=state, share=None)

    def _whole(self, name: str) -> None:
        if self.share is not None:
            raise ArgumentError(
                f"{name} needs all tokens, and this rank has those of {self.rows}: observe it on "
                "the way, or take run.gathered()"
            )

    @property
    def finished(self) -> bool:
        """Whether the run reached its last layer."""
        return self.state.layer == self.layers

    def saved(self, name: str) -> xr.DataArray:
        """Return the saved ``tokens`` or ``norms`` as a series with the coordinate ``layer``."""
        values = getattr(self, name)
        dimensions = ("time", "token", "component")[: values.ndim]
        return xr.DataArray(values, {"layer": ("time", self.layer)}, dimensions)

    @property
    def seen(self) -> int:
        """A layer up to which all is recorded: the last one, or that before where it was stopped.

        A run that was stopped may have been so before or after it recorded its last layer.
        """
        return self.state.layer - (not self.finished)

    def __repr__(self) -> str:
        count, n, dim = self.tokens.shape
        return (
            f"Trajectory({n} tokens in dimension {dim}, {count} of {self.layers + 1} states saved, "
            f"horizon {self.horizon:g}, seed {self.seed})"
        )

    def energy(self, beta: float = 1.0) -> FloatArray:
        """Interaction energy of every saved state, (K,); see :func:`noisync.measure.energy`."""
        self._whole("energy")
        if self.tokens.shape[0] == 0:
            raise ArgumentError("energy: no state was saved in this run (save=...)")
        return np.asarray(energy(self.tokens, beta, self.weights))

    def pair_cosines(self) -> FloatArray:
        """Cosines of all pairs i < j at every saved state, (K, N(N−1)/2), in pdist's order."""
        self._whole("pair_cosines")
        n = self.tokens.shape[1]
        if not self.tokens.shape[0]:
            return np.empty((0, n * (n - 1) // 2))
        return pair_cosines(self.tokens)

    def to_dataset(self) -> xr.Dataset:
        """Return the run as an xarray Dataset.

        The saved states are ``tokens`` (time, token, component) and, where the normalisation keeps
        them, ``norms`` (time, token); every observer has a variable of its own name, with
        dimensions ``time_NAME`` where it looked at other layers than were saved. The last state is
        in ``state_tokens``, where it was not saved anyway, ``state_norms``, and ``state_tangents``
        and ``state_growth``, where the run carries tangent vectors.
        """
        self._whole("to_dataset")
        text, matrices = with_matrices(self.model)
        variables: dict[str, Any] = {
            "tokens": (("time", "token", "component"), self.tokens, Tokens().attributes),
            "weights": (("token",), self.weights, WEIGHTS),
            **self._state_variables(),
            **matrices,
        }
        if self.norms is not None:
            variables["norms"] = (("time", "token"), self.norms, Norms().attributes)
        observed = {
            PREFIX + name if name in OWN else name: series for name, series in self.observed.items()
        }
        return xr.Dataset(
            variables | joined(observed, self.layer),
            {
                "time": ("time", self.time, COORDINATES["time"]),
                "layer": ("time", self.layer, COORDINATES["layer"]),
            },
            {
                "format": FORMAT,
                "version": self.version,
                "finished": int(self.finished),
                "model": text,
                "horizon": self.horizon,
                "layers": self.layers,
                "thickness": self.thickness,
                "path_layers": self.path_layers,
                "scheme": self.scheme,
                "method": self.method,
                "layers_summed_directly": self.layers_summed_directly,
                "seed": str(self.seed),  # netCDF has no unsigned 64-bit attributes
                "replicate": str(self.replicate),
                "noise_replicate": str(self.noise_replicate),
                "dtype": self.state.tokens.dtype.name,
                **kernel_error(self.model),
                "state_layer": self.state.layer,
                **self.origin.attributes(),
            },
        )

    def _state_variables(self) -> dict[str, Any]:
        variables: dict[str, Any] = {}
        if self.layer.size == 0 or self.layer[-1] != self.state.layer:
            description = {"long_name": "tokens at the last layer that was reached", "units": "1"}
            variables["state_tokens"] = (("token", "component"), self.state.tokens, description)
        for name, (dimensions, long_name) in State.CARRIED.items():
            value = getattr(self.state, name)
            if value is not None:
                description = {"long_name": long_name, "units": "1"}
                variables[f"state_{name}"] = (dimensions, value, description)
        return variables

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> Trajectory:
        """Return the run that :meth:`to_dataset` described; anything else is refused."""
        return cls(**run_fields(data))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a file that :func:`noisync.load` and xarray read.

        A netCDF-4 file, or, where the name ends in ``.zarr``, a zarr store. It appears whole or not
        at all: until the new one is on disk an old one stands. Where ranks share the tokens all of
        them call it, and one file is written.

        Raises
        ------
        ArgumentError
            If the path cannot be written; the run is still in hand.
        """
        target = validate.path("path", path)
        if self.share is None:
            dataset.write("path", target, self.to_dataset())
        else:
            whole = self._with_rows_of_all(self.share, everywhere=False)
            self.share.by_first(lambda: dataset.write("path", target, whole.to_dataset()))
