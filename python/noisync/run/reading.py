"""A run out of a Dataset; what is no run is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.model import Model
from noisync.run.origin import MODEL, Origin, model_of
from noisync.run.schemes import SCHEMES
from noisync.run.series_of_layers import separated
from noisync.run.state import State

#: The attribute `format` of the Dataset of a run.
FORMAT = "noisync-trajectory-3"

#: The run's own variables in a file; an observer that is called like one of them gets a prefix.
OWN = ("tokens", "norms", "weights", "state_tokens", *(f"state_{name}" for name in State.CARRIED))
#: What is put before it.
PREFIX = "observed_"


def run_fields(data: xr.Dataset) -> dict[str, Any]:
    """Return the attributes of the run that a Dataset describes, all of them checked."""
    attributes = data.attrs
    model = model_of(data)
    layers = validate.integer("layers", attributes["layers"], minimum=1, maximum=2**32 - 1)
    reached = validate.integer("state_layer", attributes["state_layer"], minimum=0)
    layer = _layers(data["layer"].to_numpy(), min(reached, layers))
    tokens = data["tokens"].to_numpy()
    n = data.sizes["token"]
    last = data["state_tokens"].to_numpy() if "state_tokens" in data else tokens[-1].copy()
    validate.tokens("state_tokens", last, model.dim)
    if tokens.shape != (layer.size, n, model.dim) or tokens.dtype != last.dtype:
        raise ArgumentError(
            f"tokens must have shape {(layer.size, n, model.dim)} and dtype {last.dtype}, "
            f"got {tokens.dtype} {tokens.shape}"
        )
    if tokens.size:
        validate.tokens("tokens", tokens.reshape(-1, model.dim))
    names = [name for name in map(str, data.data_vars) if name not in OWN]
    return {
        "layer": layer,
        "tokens": tokens,
        "norms": _norms(data, model, layer.size, n),
        "weights": validate.weights(data["weights"].to_numpy(), n),
        "model": model,
        "horizon": validate.positive("horizon", attributes["horizon"]),
        "layers": layers,
        "seed": validate.integer("seed", int(attributes["seed"]), minimum=0, maximum=2**64 - 1),
        "replicate": validate.integer("replicate", int(attributes["replicate"]), minimum=0),
        "state": State(layer=reached, tokens=last, **_carried(data)),
        "observed": {
            name.removeprefix(PREFIX): separated(data, name).rename(name.removeprefix(PREFIX))
            for name in names
            if not name.startswith(MODEL)
        },
        "noise_replicate": validate.integer(
            "noise_replicate", int(attributes["noise_replicate"]), minimum=0
        ),
        "path_layers": validate.integer("path_layers", attributes["path_layers"], minimum=1),
        "scheme": validate.choice("scheme", attributes["scheme"], SCHEMES),
        "method": str(attributes["method"]),
        "layers_summed_directly": validate.integer(
            "layers_summed_directly", attributes["layers_summed_directly"], minimum=0
        ),
        "thickness": validate.positive("thickness", attributes["thickness"]),
        "origin": Origin.from_attributes(attributes),
        "version": str(attributes["version"]),
    }


def _norms(data: xr.Dataset, model: Model, saved: int, n: int) -> npt.NDArray[Any] | None:
    """Return the saved norms of the tokens, where the model keeps them."""
    if not model.placement.keeps_norms:
        return None
    norms = validate.finite_array("norms", data["norms"].to_numpy())
    if norms.shape != (saved, n) or np.any(norms <= 0):
        raise ArgumentError(
            f"norms must be positive and of shape {(saved, n)}, got shape {norms.shape}"
        )
    return norms


def _layers(layer: npt.NDArray[Any], last: int) -> npt.NDArray[np.int64]:
    """Return the saved layers, which increase from 0 or more to `last` at most."""
    steps = np.diff(layer, prepend=-1)
    if layer.dtype.kind != "i" or np.any(steps <= 0) or (layer.size and layer[-1] > last):
        raise ArgumentError(f"layer must increase from 0 to {last} at most")
    return layer.astype(np.int64)


def _carried(data: xr.Dataset) -> dict[str, Any]:
    """Return what a state carries beside its tokens."""
    carried = {}
    for name, (dimensions, _) in State.CARRIED.items():
        variable = data.get(f"state_{name}")
        if variable is not None:
            value = validate.finite_array(f"state_{name}", variable.to_numpy())
            carried[name] = value if dimensions else value.item()
    return carried
