"""The result of a run, in memory and on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.base.version import __version__
from noisync.errors import ArgumentError
from noisync.measure.cosines import pair_cosines
from noisync.measure.energy import energy
from noisync.model import Model
from noisync.run.plan import Plan
from noisync.run.recording import Recording, Series, joined, separated
from noisync.run.state import State, States

_FORMAT = "noisync-trajectory-2"

#: The run's own variables in a file; an observer that is called like one of them gets a prefix.
_OWN = ("tokens", "weights", "state_tokens", "state_tangents", "state_growth")
_PREFIX = "observed_"


@dataclass(frozen=True, eq=False)
class Trajectory:
    """States of one run. Immutable: the arrays are read-only.

    Attributes
    ----------
    layer : (K,) ndarray of int
        Saved layers; 0 is the initial state.
    time : (K,) ndarray
        Their times layer · horizon / layers.
    tokens : (K, N, d) ndarray
        The states, in the dtype of the run.
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
    observed: Mapping[str, xr.DataArray] = field(default_factory=dict)
    noise_replicate: int = -1
    path_layers: int = 0
    scheme: str = "layer"
    method: str = "direct"
    layers_summed_directly: int = 0
    version: str = __version__

    def __post_init__(self) -> None:
        for array in (self.layer, self.tokens, self.weights):
            array.setflags(write=False)
        for series in self.observed.values():
            series.to_numpy().setflags(write=False)
        object.__setattr__(self, "path_layers", self.path_layers or self.layers)
        if self.noise_replicate < 0:
            object.__setattr__(self, "noise_replicate", self.replicate)
        object.__setattr__(self, "observed", MappingProxyType(dict(self.observed)))

    @classmethod
    def of(
        cls, plan: Plan, replicate: int, states: States, saved: Series, recording: Recording
    ) -> Trajectory:
        """Return what a run has come to, finished or not."""
        state = states[0]
        kept = saved.variable(state.layer)
        observed = recording.variables(int(states.seen[0]))
        directly = int(states.layers_summed_directly[0])
        return cls(
            layer=kept["layer"].to_numpy(),
            tokens=kept.to_numpy()[0],
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
        )

    def __reduce__(self) -> tuple[Any, ...]:
        values = [getattr(self, item.name) for item in fields(self)]
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in values)

    @property
    def time(self) -> FloatArray:
        """Times of the saved states, (K,)."""
        return np.asarray(self.layer * self.horizon / self.layers, dtype=np.float64)

    @property
    def finished(self) -> bool:
        """Whether the run reached its last layer."""
        return self.state.layer == self.layers

    def __repr__(self) -> str:
        count, n, dim = self.tokens.shape
        return (
            f"Trajectory({n} tokens in dimension {dim}, {count} of {self.layers + 1} states saved, "
            f"horizon {self.horizon:g}, seed {self.seed})"
        )

    def energy(self, beta: float = 1.0) -> FloatArray:
        """Interaction energy of every saved state, (K,); see :func:`noisync.measure.energy`."""
        if self.tokens.shape[0] == 0:
            raise ArgumentError("energy: no state was saved in this run (save=...)")
        return np.asarray(energy(self.tokens, beta, self.weights))

    def pair_cosines(self) -> FloatArray:
        """Cosines of all pairs i < j at every saved state, (K, N(N−1)/2), in pdist's order."""
        n = self.tokens.shape[1]
        if not self.tokens.shape[0]:
            return np.empty((0, n * (n - 1) // 2))
        return pair_cosines(self.tokens)

    def to_dataset(self) -> xr.Dataset:
        """Return the run as an xarray Dataset.

        The saved states are ``tokens`` (time, token, component); every observer has a variable of
        its own name, with dimensions ``time_NAME`` where it looked at other layers than were saved.
        The last state is in ``state_tokens``, where it was not saved anyway, and ``state_tangents``
        and ``state_growth``, where the run carries tangent vectors.
        """
        variables: dict[str, Any] = {
            "tokens": (("time", "token", "component"), self.tokens),
            "weights": (("token",), self.weights),
        }
        if self.layer.size == 0 or self.layer[-1] != self.state.layer:
            variables["state_tokens"] = (("token", "component"), self.state.tokens)
        if self.state.tangents is not None:
            variables["state_tangents"] = (("tangent", "component"), self.state.tangents)
            variables["state_growth"] = (("tangent",), self.state.growth)
        observed = {
            _PREFIX + name if name in _OWN else name: series
            for name, series in self.observed.items()
        }
        return xr.Dataset(
            variables | joined(observed, self.layer),
            {"time": ("time", self.time), "layer": ("time", self.layer)},
            {
                "format": _FORMAT,
                "version": self.version,
                "model": self.model.to_toml(),
                "horizon": self.horizon,
                "layers": self.layers,
                "path_layers": self.path_layers,
                "scheme": self.scheme,
                "method": self.method,
                "layers_summed_directly": self.layers_summed_directly,
                "seed": str(self.seed),  # netCDF has no unsigned 64-bit attributes
                "replicate": str(self.replicate),
                "noise_replicate": str(self.noise_replicate),
                "state_layer": self.state.layer,
            },
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a netCDF-4 file that :func:`noisync.load` and xarray read."""
        target = validate.path("path", path)
        # A file appears whole or not at all, and an old one is lost only when the new one is there.
        partial = target.with_name(target.name + ".part")
        try:
            self.to_dataset().to_netcdf(partial, engine="netcdf4")
            partial.replace(target)
        except OSError as error:
            raise ArgumentError(f"path: cannot write {str(target)!r}: {error}") from error
        finally:
            if target.parent.is_dir():
                partial.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Trajectory:
    """Read a run that :meth:`Trajectory.save` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Trajectory

    Raises
    ------
    ArgumentError
        If the file does not exist, is no netCDF file, or holds something else.
    """
    source = validate.path("path", path)
    try:
        with xr.open_dataset(source, engine="netcdf4") as opened:
            data = opened.load()
    except (OSError, ValueError) as error:
        raise ArgumentError(f"path: cannot read {str(source)!r}: {error}") from error
    if data.attrs.get("format") != _FORMAT:
        raise ArgumentError(f"path: {str(source)!r} is not a trajectory written by noisync")
    tokens = data["tokens"].to_numpy()
    last = data["state_tokens"].to_numpy() if "state_tokens" in data else tokens[-1].copy()
    follows = "state_tangents" in data
    return Trajectory(
        layer=data["layer"].to_numpy().astype(np.int64),
        tokens=tokens,
        weights=data["weights"].to_numpy(),
        model=Model.from_toml(data.attrs["model"]),
        horizon=float(data.attrs["horizon"]),
        layers=int(data.attrs["layers"]),
        seed=int(data.attrs["seed"]),
        replicate=int(data.attrs["replicate"]),
        state=State(
            layer=int(data.attrs["state_layer"]),
            tokens=last,
            tangents=data["state_tangents"].to_numpy() if follows else None,
            growth=data["state_growth"].to_numpy() if follows else None,
        ),
        observed={
            name.removeprefix(_PREFIX): separated(data, name).rename(name.removeprefix(_PREFIX))
            for name in map(str, data.data_vars)
            if name not in _OWN
        },
        noise_replicate=int(data.attrs["noise_replicate"]),
        path_layers=int(data.attrs["path_layers"]),
        scheme=data.attrs["scheme"],
        method=data.attrs["method"],
        layers_summed_directly=int(data.attrs["layers_summed_directly"]),
        version=data.attrs["version"],
    )
