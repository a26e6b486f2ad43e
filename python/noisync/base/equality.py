"""When two results are equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr


def equal(first: Any, second: Any) -> bool:
    """Whether two values are the same: arrays by dtype, shape and entries, NaN equal to NaN."""
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        real = first.dtype.kind == "f"
        return first.dtype == second.dtype and np.array_equal(first, second, equal_nan=real)
    if isinstance(first, xr.DataArray) and isinstance(second, xr.DataArray):
        return first.dtype == second.dtype and first.identical(second)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(equal(first[k], second[k]) for k in first)
    return type(first) is type(second) and bool(first == second)
