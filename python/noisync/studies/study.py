"""What a study is to those who run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr


@dataclass(frozen=True)
class Study:
    """How a study is run, and quickly too; what reports it; and what draws it, by name."""

    run: Callable[..., xr.Dataset]
    quick: Mapping[str, Any]
    report: Callable[[xr.Dataset, Path], str]
    pictures: Mapping[str, Callable[..., Any]]
