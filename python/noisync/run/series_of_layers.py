"""Series of different layers as variables of one Dataset, and each on its own again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr


def joined(
    variables: Mapping[str, xr.DataArray], layers: npt.NDArray[np.int64]
) -> dict[str, xr.DataArray]:
    """Return the variables as those of one Dataset whose dimension ``time`` has these layers.

    A variable of other layers has dimension ``time_NAME`` and the coordinate ``layer_NAME``.
    """
    result = {}
    for name, variable in variables.items():
        own = not np.array_equal(variable["layer"], layers)
        renamed = {"time": f"time_{name}", "layer": f"layer_{name}"} if own else {}
        result[name] = variable.rename(renamed)
    return result


def separated(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return a variable of such a Dataset on its own: with dimension ``time`` again."""
    variable = data[name]
    renamed = {f"time_{name}": "time", f"layer_{name}": "layer"}
    present = {old: new for old, new in renamed.items() if old in variable.coords}
    result: xr.DataArray = variable.rename(present)
    return result
