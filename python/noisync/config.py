"""The TOML file of ``noisync simulate`` and ``noisync ensemble``: a model, its tokens, a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync import sphere
from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.measure.observer import Observer
from noisync.model import Model
from noisync.run.arguments import NAMES
from noisync.run.ensemble import ensemble
from noisync.run.schedule import Schedule
from noisync.run.simulation import simulate
from noisync.run.trajectory import Trajectory

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_RUN_KEYS = ("replicate", *(name for name in NAMES if name not in ("observe", "progress")))
_TOKEN_KEYS = ("file", "normalize", "uniform", "seed")


@dataclass(frozen=True)
class RunConfig:
    """What a configuration file asks for."""

    model: Model
    tokens: npt.NDArray[Any]
    law: sphere.Uniform | None  # what every replicate of an ensemble draws, if not `tokens`
    run: Mapping[str, Any]
    observe: tuple[Observer, ...]

    @property
    def saved(self) -> int:
        """The number of states that will be saved."""
        layers = validate.integer("layers", self.run["layers"], minimum=1)
        return len(Schedule.checked("save", self.run.get("save"), layers))

    def simulate(self, *, progress: bool = False, **given: Any) -> Trajectory:
        """Run it; what is given stands in place of what the file says of the run."""
        run = {**self.run, **given}
        return simulate(self.model, self.tokens, observe=self.observe, progress=progress, **run)

    def ensemble(self, replicates: range, *, progress: bool = False, **given: Any) -> xr.Dataset:
        """Run these replicates; what is given stands in place of what the file says of the run."""
        if not self.observe:
            raise ArgumentError("observe must name what an ensemble is to keep, got none")
        run = {**self.run, **given}
        if "replicate" in run:
            raise ArgumentError("run.replicate goes without --replicates, got both")
        return ensemble(
            self.model, self.tokens if self.law is None else self.law,
            replicates=len(replicates), first_replicate=replicates.start,
            observe=self.observe, progress=progress, **run,
        )  # fmt: skip


def read(
    path: str | os.PathLike[str],
    tokens: str | os.PathLike[str] | None = None,
    changes: Sequence[str] = (),
) -> RunConfig:
    """Read and check a configuration file.

    Parameters
    ----------
    path : path-like
        A TOML file with the tables ``model`` (see :class:`noisync.Model`), ``tokens`` (``file`` and
        ``normalize``, or ``uniform`` and ``seed``; in an ensemble every replicate draws uniform
        tokens of its own if there is no seed), ``run`` (the arguments of
        :func:`noisync.simulate`) and, if wanted, ``observe``: ``energy`` and ``budget``, lists of
        β; ``cosines``, a number of bins; ``order``, true or false; ``clusters``, an angle;
        ``lyapunov``, a number of exponents.
    tokens : path-like, optional
        An .npy file that replaces the one of the configuration.
    changes : sequence of str
        ``key=value`` in place of what the file says, such as ``run.layers=200``.

    Raises
    ------
    ArgumentError
        For an unreadable file, an unknown or missing key, or a value that breaks a rule.
    """
    table = changed(read_toml(Path(path)), changes)
    validate.keys(str(path), table, ("model", "tokens", "run", "observe"))
    for name in ("model", "run"):
        if not isinstance(table.get(name), Mapping):
            raise ArgumentError(f"{path}: the table [{name}] is missing")
    model = Model.from_dict(table["model"])
    run = table["run"]
    validate.keys("run", run, _RUN_KEYS)
    for name in ("horizon", "layers"):
        if name not in run:
            raise ArgumentError(f"run: the key {name!r} is missing")
    for name in ("tokens", "observe"):
        if not isinstance(table.get(name, {}), Mapping):
            raise ArgumentError(f"{name} must be a table, got {table[name]!r}")
    observe = table.get("observe", {})
    chosen = table.get("tokens", {})
    start = _tokens(chosen, Path(path).parent, tokens, model.dim)
    each = tokens is None and "uniform" in chosen and "seed" not in chosen
    law = sphere.Uniform(chosen["uniform"], model.dim) if each else None
    return RunConfig(model, start, law, run, _observers(observe))


def _observers(table: Mapping[str, Any]) -> tuple[Observer, ...]:
    """Return the observers that the table [observe] asks for."""
    validate.keys("observe", table, Observer.kinds)
    observers: list[Observer] = []
    for key, kind in Observer.kinds.items():
        if key in table:
            observers += kind.from_setting(table[key])
    return tuple(observers)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; an error says what is wrong with it."""
    try:
        with path.open("rb") as lines:
            table: dict[str, Any] = tomllib.load(lines)
            return table
    except OSError as error:
        raise ArgumentError(f"config: cannot read {str(path)!r}: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(f"config: {str(path)!r} is not valid TOML: {error}") from error


def changed(table: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Return a table with values set: ``key=value``, the key with dots, the value as in TOML.

    What is no TOML value is taken as text.
    """
    for change in changes:
        key, equals, text = change.partition("=")
        if not (key and equals):
            raise ArgumentError(f"set must be key=value, got {change!r}")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        *places, last = key.strip().split(".")
        inner = table
        for place in places:
            inner = inner.setdefault(place, {})
            if not isinstance(inner, dict):
                raise ArgumentError(f"set: {place!r} is no table in {change!r}")
        inner[last] = value
    return table


def _tokens(
    table: Mapping[str, Any], folder: Path, override: str | os.PathLike[str] | None, dim: int
) -> npt.NDArray[Any]:
    validate.keys("tokens", table, _TOKEN_KEYS)
    if "file" in table and "uniform" in table:
        raise ArgumentError("tokens: give either 'file' or 'uniform', not both")
    normalize = table.get("normalize", False)
    if not isinstance(normalize, bool):
        raise ArgumentError(f"tokens.normalize must be true or false, got {normalize!r}")
    if not isinstance(table.get("file", ""), str):
        raise ArgumentError(f"tokens.file must be the name of a file, got {table['file']!r}")
    if override is not None or "file" in table:
        source = Path(override) if override is not None else folder / table["file"]
        array = load_tokens(source)
        return sphere.normalize(array) if normalize else array
    if "uniform" in table:
        return sphere.uniform(table["uniform"], dim, table.get("seed", 0))
    raise ArgumentError("tokens: give 'file' or 'uniform' in [tokens], or --tokens X.npy")


def load_tokens(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read an .npy file of tokens (n, dim)."""
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ArgumentError(
            f"tokens: cannot read {os.fspath(path)!r} as an .npy array: {error}"
        ) from error
