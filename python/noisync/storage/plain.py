"""Objects of noisync as what JSON can hold, and back; arrays go by their hash.

A frozen dataclass of noisync becomes its type and its fields. What only the user's program has,
such as a function or an object of a class of its own, becomes its name and has to be given again.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync.errors import ArgumentError
from noisync.storage.records import array_bytes

Arrays = dict[str, npt.NDArray[Any]]


class NotGivenError(Exception):
    """What is named has to be given again."""


def array_hash(array: npt.NDArray[Any]) -> str:
    """Return the SHA-256 of an array's dtype, shape and values."""
    hashed = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    if array.size:
        hashed.update(array_bytes(np.ascontiguousarray(array)))
    return hashed.hexdigest()


def plain(value: Any, arrays: Arrays) -> Any:
    """Return a value as what JSON can hold; its arrays are added to `arrays`, by their hash."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, xr.DataArray):
        return {"series": plain(_parts(value), arrays)}
    if isinstance(value, np.ndarray) and value.dtype.kind not in "biuf":
        return {"texts": [str(each) for each in value]}
    if isinstance(value, np.ndarray):
        name = array_hash(value)
        arrays[name] = value
        return {"array": name}
    if isinstance(value, Mapping):
        return {"mapping": {str(key): plain(item, arrays) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return [plain(item, arrays) for item in value]
    kind = type(value)
    if is_dataclass(value) and kind.__module__.startswith("noisync."):
        content = {f.name: plain(getattr(value, f.name), arrays) for f in fields(value) if f.init}
        return {"type": f"{kind.__module__}:{kind.__name__}", **content}
    described = {"given": str(getattr(value, "__name__", kind.__name__))}
    return described | ({"name": value.name} if isinstance(getattr(value, "name", 0), str) else {})


def _parts(series: xr.DataArray) -> dict[str, Any]:
    coordinates = {
        str(name): (list(each.dims), each.to_numpy(), dict(each.attrs))
        for name, each in series.coords.items()
    }
    return {
        "data": series.to_numpy(), "coords": coordinates, "dims": list(series.dims),
        "name": series.name, "attrs": dict(series.attrs),
    }  # fmt: skip


def restored(value: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """Return what :func:`plain` described; raises NotGivenError where that says only a name."""
    if isinstance(value, list):
        return tuple(restored(item, arrays) for item in value)
    if not isinstance(value, Mapping):
        return value
    if "given" in value:
        raise NotGivenError(str(value["given"]))
    if "array" in value:
        return arrays[value["array"]]
    if "texts" in value:
        return np.array(value["texts"])
    if "series" in value:
        return xr.DataArray(**restored(value["series"], arrays))
    if "mapping" in value:
        return {key: restored(item, arrays) for key, item in value["mapping"].items()}
    module, _, name = str(value["type"]).partition(":")
    kind = getattr(sys.modules.get(module), name, None)
    if not module.startswith("noisync.") or not isinstance(kind, type) or not is_dataclass(kind):
        raise ArgumentError(f"there is no {value['type']!r} in this version of noisync")
    return kind(**{key: restored(item, arrays) for key, item in value.items() if key != "type"})
