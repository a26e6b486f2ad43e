"""Results in files: saved whole, with a checksum, and loaded again."""

from __future__ import annotations

import os
from typing import Any, Protocol, runtime_checkable

import xarray as xr

from noisync.base import validate
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.run.reading import FORMAT
from noisync.run.trajectory import Trajectory
from noisync.storage import dataset
from noisync.storage.netcdf import unreadable


@runtime_checkable
class Result(Protocol):
    """Whatever describes itself as a Dataset."""

    def to_dataset(self) -> xr.Dataset:
        """Return it as a Dataset."""


def save(result: xr.Dataset | Result, path: str | os.PathLike[str]) -> None:
    """Write a result with a checksum, to a file that :func:`load` and xarray read.

    A netCDF-4 file, or, where the name ends in ``.zarr``, a zarr store.

    The file appears whole or not at all: until the new one is on disk an old one stands.

    Parameters
    ----------
    result : Trajectory or xarray.Dataset
        A run, an ensemble, or what a study returned.
    path : path-like
        A link to a file is followed; devices, pipes and other folders are refused.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the path cannot be written, or the Dataset holds what netCDF cannot. The result is
        still in hand.
    """
    if isinstance(result, Trajectory):
        result.save(path)
        return
    if isinstance(result, xr.Dataset):
        data = result
    elif isinstance(result, Result):
        data = result.to_dataset()
    else:
        raise ArgumentTypeError(
            f"result must be a Trajectory or a Dataset, got {validate.shown(result)}"
        )
    dataset.write("path", validate.path("path", path), data)


def load(path: str | os.PathLike[str]) -> Any:
    """Read what :func:`save` or :meth:`Trajectory.save` wrote: equal to what was saved.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Trajectory or xarray.Dataset
        A Trajectory where a run was saved.

    Raises
    ------
    ArgumentError
        If the file does not exist, is damaged, refers to other files, or was not written by
        noisync. Nothing outside the file is read.
    """
    source = validate.path("path", path)
    data = dataset.read("path", source)
    if data.attrs.get("format") != FORMAT:
        return data
    with unreadable("path", source):
        try:
            return Trajectory.from_dataset(data)
        except (ArgumentError, ArgumentTypeError) as error:
            raise ArgumentError(f"path: {str(source)!r} holds no run: {error}") from error
