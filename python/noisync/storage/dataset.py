"""Datasets on disk: netCDF-4 files, and zarr stores where the name ends in ``.zarr``."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from noisync.storage.netcdf import read_dataset, write_dataset
from noisync.storage.store import read_store, write_store


def write(name: str, path: Path, data: xr.Dataset) -> None:
    """Write a Dataset so that it appears whole or not at all."""
    (write_store if path.suffix == ".zarr" else write_dataset)(name, path, data)


def read(name: str, path: Path) -> xr.Dataset:
    """Read a Dataset, or refuse it with a sentence."""
    return (read_store if path.suffix == ".zarr" else read_dataset)(name, path)
