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

from noisync import _validate
from noisync import energy as _energy
from noisync._validate import FloatArray
from noisync._version import __version__
from noisync.errors import ArgumentError
from noisync.model import Model

_FORMAT = "noisync-trajectory-1"


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
    observed : mapping of str to ndarray
        One array per observer; the first axis is the layer, from 0.
    path_layers : int
        Layers of the noise path; as many as `layers` unless asked for otherwise.
    scheme : str
    method : {"direct", "harmonic"}
        How the attention was summed.
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
    observed: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    path_layers: int = 0
    scheme: str = "layer"
    method: str = "direct"
    version: str = __version__

    def __post_init__(self) -> None:
        arrays = (self.layer, self.tokens, self.weights, *self.observed.values())
        for array in arrays:
            array.setflags(write=False)
        object.__setattr__(self, "path_layers", self.path_layers or self.layers)
        object.__setattr__(self, "observed", MappingProxyType(dict(self.observed)))

    def __reduce__(self) -> tuple[Any, ...]:
        values = [getattr(self, item.name) for item in fields(self)]
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in values)

    @property
    def time(self) -> FloatArray:
        """Times of the saved states, (K,)."""
        return self._time_of(self.layer)

    @property
    def observed_time(self) -> FloatArray:
        """Times of the observed values: every layer from 0."""
        count = max((len(values) for values in self.observed.values()), default=0)
        return self._time_of(np.arange(count))

    def _time_of(self, layer: npt.NDArray[np.int64]) -> FloatArray:
        return np.asarray(layer * self.horizon / self.layers, dtype=np.float64)

    def __repr__(self) -> str:
        count, n, dim = self.tokens.shape
        return (
            f"Trajectory({n} tokens in dimension {dim}, {count} of {self.layers + 1} states saved, "
            f"horizon {self.horizon:g}, seed {self.seed})"
        )

    def energy(self, beta: float = 1.0) -> FloatArray:
        """Interaction energy of every saved state, (K,); see :func:`noisync.energy.interaction`."""
        if self.tokens.shape[0] == 0:
            raise ArgumentError("energy: no state was saved in this run (save=...)")
        return np.asarray(_energy.interaction(self.tokens, beta, self.weights))

    def cosines(self) -> FloatArray:
        """Cosines of all pairs i < j at every saved state, (K, N(N−1)/2), in pdist's order."""
        n = self.tokens.shape[1]
        if not self.tokens.shape[0]:
            return np.empty((0, n * (n - 1) // 2))
        return np.array([_energy.pair_cosines(state) for state in self.tokens])

    def to_dataset(self) -> xr.Dataset:
        """Return the run as an xarray Dataset: tokens (time, token, component), attributes."""
        variables: dict[str, Any] = {
            "tokens": (("time", "token", "component"), self.tokens),
            "weights": (("token",), self.weights),
        }
        coordinates: dict[str, Any] = {
            "time": ("time", self.time),
            "layer": ("time", self.layer),
        }
        if self.observed:
            coordinates["observed_time"] = ("observed_time", self.observed_time)
        for name, values in self.observed.items():
            extra = tuple(f"{name}_{axis}" for axis in range(1, values.ndim))
            variables[f"observed_{name}"] = (("observed_time", *extra), values)
        return xr.Dataset(
            variables,
            coordinates,
            attrs={
                "format": _FORMAT,
                "version": self.version,
                "model": self.model.to_toml(),
                "horizon": self.horizon,
                "layers": self.layers,
                "path_layers": self.path_layers,
                "scheme": self.scheme,
                "method": self.method,
                "seed": str(self.seed),  # netCDF has no unsigned 64-bit attributes
                "replicate": str(self.replicate),
            },
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a netCDF-4 file that :func:`noisync.load` and xarray read."""
        target = _validate.path("path", path)
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
    source = _validate.path("path", path)
    try:
        with xr.open_dataset(source, engine="netcdf4") as opened:
            data = opened.load()
    except (OSError, ValueError) as error:
        raise ArgumentError(f"path: cannot read {str(source)!r}: {error}") from error
    if data.attrs.get("format") != _FORMAT:
        raise ArgumentError(f"path: {str(source)!r} is not a trajectory written by noisync")
    prefix = "observed_"
    return Trajectory(
        layer=data["layer"].to_numpy().astype(np.int64),
        tokens=data["tokens"].to_numpy(),
        weights=data["weights"].to_numpy(),
        model=Model.from_toml(data.attrs["model"]),
        horizon=float(data.attrs["horizon"]),
        layers=int(data.attrs["layers"]),
        seed=int(data.attrs["seed"]),
        replicate=int(data.attrs["replicate"]),
        observed={
            str(name).removeprefix(prefix): values.to_numpy()
            for name, values in data.data_vars.items()
            if str(name).startswith(prefix)
        },
        path_layers=int(data.attrs["path_layers"]),
        scheme=data.attrs["scheme"],
        method=data.attrs["method"],
        version=data.attrs["version"],
    )
