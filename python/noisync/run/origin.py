"""What a result says of itself: how it was asked for, and what computed it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from noisync.base import validate
from noisync.base.version import __version__
from noisync.errors import ArgumentError
from noisync.measure.observer import Observer
from noisync.model import Model
from noisync.run.plan import Plan
from noisync.run.start import Start, given
from noisync.storage.plain import Arrays, array_hash, plain

#: How the variables are called that hold the matrices of a model.
MODEL = "model."


@dataclass(frozen=True)
class Origin:
    """How a result came about, apart from its model and its noise.

    Attributes
    ----------
    start : str
        The law that the initial tokens were drawn from, or the SHA-256 of those that were given.
    save : str
        The argument `save`: every how many layers, or a list of them, in JSON.
    observers : str
        The observers with their parameters, in JSON.
    method_asked : str
        The argument `method`.
    tol : float
    level : str
        The SIMD level at which it was computed; several where a checkpoint was resumed at another.
    versions : str
        Of noisync, Python, NumPy and xarray.
    """

    start: str = ""
    save: str = "1"
    observers: str = "[]"
    method_asked: str = "auto"
    tol: float = 1e-12
    level: str = ""
    versions: str = ""

    @classmethod
    def of(
        cls, plan: Plan, start: str, observers: Sequence[Observer], levels: Sequence[str]
    ) -> Origin:
        """Return the origin of what a plan's runs come to."""
        return cls(
            start=start,
            save=json.dumps(plan.save.chosen),
            observers=json.dumps(described(observers)),
            method_asked=plan.method,
            tol=plan.tol,
            level="; then ".join(levels),
            versions=f"noisync {__version__}, Python {platform.python_version()}, "
            f"NumPy {np.__version__}, xarray {xr.__version__}",
        )

    def attributes(self) -> dict[str, Any]:
        """Return it as attributes of a Dataset."""
        return asdict(self)

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> Origin:
        """Return the origin that the attributes of a Dataset tell."""
        texts = {name: str(attributes[name]) for name in cls.__annotations__ if name != "tol"}
        return cls(**texts, tol=validate.positive("tol", attributes["tol"]))


def described(observers: Sequence[Observer]) -> list[Any]:
    """Return observers as what JSON can hold; functions of the user by their names."""
    arrays: Arrays = {}
    return [plain(observer, arrays) for observer in observers]


def start_text(start: Start) -> str:
    """Return the law of initial tokens, or the hash of those that were given."""
    tokens = given(start)
    if isinstance(tokens, np.ndarray):
        return f"sha256 {array_hash(tokens)} of {tokens.dtype} {tokens.shape}"
    own = type(tokens).__module__.startswith("noisync.")
    return repr(tokens) if own else type(tokens).__qualname__


def kernel_error(model: Model) -> dict[str, float]:
    """Return the attribute that says what the noise of a model leaves out of its kernel, if any."""
    error = model.kernel_error
    return {} if error is None else {"kernel_error": error}


def with_matrices(model: Model) -> tuple[str, dict[str, Any]]:
    """Return a model as TOML without its matrices, and these as variables of a Dataset."""
    variables: dict[str, Any] = {}

    def outside(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: outside(item, f"{name}{key}.") for key, item in value.items()}
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return [outside(item, f"{name}{place}.") for place, item in enumerate(value)]
        if isinstance(value, list) and value and isinstance(value[0], list):
            name = name.rstrip(".")
            description = {"long_name": f"{name.removeprefix(MODEL)} of the model", "units": "1"}
            dimensions = (f"{name}_row", f"{name}_column")
            variables[name] = (dimensions, np.array(value), description)
            return f"variable {name}"
        return value

    return Model.toml(outside(model.to_dict(), MODEL)), variables


def model_of(data: xr.Dataset) -> Model:
    """Return the model that the attribute of a Dataset and its variables tell."""

    def inside(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: inside(item) for key, item in value.items()}
        if isinstance(value, list):
            return [inside(item) for item in value]
        if isinstance(value, str) and value.startswith(f"variable {MODEL}"):
            name = value.removeprefix("variable ")
            if name not in data:
                raise ArgumentError(f"model: the variable {name!r} is missing")
            return data[name].to_numpy().tolist()
        return value

    return Model.from_dict(inside(Model.table(data.attrs["model"])))
