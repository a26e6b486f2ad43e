"""What a study is to those who run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr


@dataclass(frozen=True)
class Study:
    """How a study is run, and quickly too; what reports it; and what draws it, by name.

    Where there is a larger design, `large` has its arguments, and `cost` says of any arguments what
    they take, before anything is computed.
    """

    run: Callable[..., xr.Dataset]
    quick: Mapping[str, Any]
    report: Callable[[xr.Dataset, Path], str]
    pictures: Mapping[str, Callable[..., Any]]
    large: Mapping[str, Any] = field(default_factory=dict)
    cost: Callable[..., str] | None = None
