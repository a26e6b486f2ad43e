"""Datasets in netCDF-4 files: sealed when written, and read as files of strangers are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from noisync.base.memory import check_memory
from noisync.errors import ArgumentError
from noisync.storage.files import reason, replace_file, signals_deferred
from noisync.storage.seal import Seal, check_seal, seal

#: Kinds of data that a result can hold: numbers, truth values and text.
_KINDS = "biufSUO"

#: HDF5's own ways to compress: deflate, shuffle, fletcher32.
_FILTERS = {1, 2, 3}

#: What a file needs beside its data, at most about so many bytes.
_OVERHEAD = 2**18

#: What damaged or foreign content raises in the libraries that read it.
_UNREADABLE = (
    OSError, RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError, MemoryError, NotImplementedError, RecursionError,
)  # fmt: skip


def write_dataset(name: str, path: Path, dataset: xr.Dataset) -> None:
    """Write a Dataset to a netCDF-4 file that appears whole or not at all."""
    plain = dataset.drop_encoding()
    exact = {variable: {"_FillValue": None} for variable in dataset.variables}

    def write(partial: Path) -> None:
        try:
            plain.to_netcdf(partial, engine="netcdf4", encoding=exact)
        except RuntimeError as error:  # HDF5 does not say why
            _explain(partial, dataset.nbytes)
            raise OSError(str(error)) from error
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"result: cannot be written to {str(path)!r}: {error}") from error
        seal(partial)

    replace_file(name, path, write)


def _explain(partial: Path, size: int) -> None:
    """Raise what the operating system has against a file of so many bytes, if it has anything."""
    descriptor = os.open(partial, os.O_RDWR)
    try:
        os.posix_fallocate(descriptor, 0, size + _OVERHEAD)
    finally:
        os.close(descriptor)


def read_dataset(name: str, path: Path) -> xr.Dataset:
    """Read a Dataset, or refuse the file with a sentence.

    The libraries that read netCDF trust what they read; so bytes that are not as they were written
    never get there, nor do parts in other files, sizes that the file does not hold and kinds of
    data that no result has.
    """
    with unreadable(name, path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise ArgumentError(f"{name}: cannot read {str(path)!r}: it is no regular file")
        found = check_seal(path)
        if found is Seal.DAMAGED:
            raise ArgumentError(f"{name}: {str(path)!r} is damaged: its checksum does not fit")
        if found is Seal.NONE:
            raise ArgumentError(
                f"{name}: {str(path)!r} was not written by noisync, or is damaged: it has no "
                "checksum at its end (xarray.open_dataset may read it)"
            )
        _check_contents(name, path)
        with (
            signals_deferred(),
            xr.open_dataset(
                path.resolve(), engine="netcdf4", decode_times=False, mask_and_scale=False
            ) as opened,
        ):
            data = opened.load()
        return plain_dataset(data)


@contextmanager
def unreadable(name: str, path: Path) -> Iterator[None]:
    """Turn whatever foreign or damaged content raises into a sentence."""
    try:
        yield
    except ArgumentError:
        raise
    except _UNREADABLE as error:
        text = reason(error) if isinstance(error, OSError) else str(error)
        first = text.splitlines()[0] if text else type(error).__name__
        raise ArgumentError(f"{name}: cannot read {str(path)!r}: {first}") from error


def _check_contents(name: str, path: Path) -> None:
    total = 0
    with h5py.File(path, "r", locking=False) as file:
        for key in file:
            if not isinstance(file.get(key, getlink=True), h5py.HardLink):
                raise ArgumentError(f"{name}: {str(path)!r}: {key!r} is a link out of the file")
            item = file[key]
            if not isinstance(item, h5py.Dataset):
                raise ArgumentError(f"{name}: {str(path)!r}: {key!r} is no variable")
            if item.is_virtual or item.external:
                raise ArgumentError(f"{name}: {str(path)!r}: {key!r} lies in another file")
            if item.dtype.kind not in _KINDS:
                raise ArgumentError(f"{name}: {str(path)!r}: {key!r} has dtype {item.dtype}")
            total += _size(name, path, key, item)
    check_memory(total, f"{name}: reading {str(path)!r}", "read a part of it with xarray")


def _size(name: str, path: Path, key: str, item: Any) -> int:
    """Return the bytes of a variable, which the file must hold unless it is compressed."""
    itemsize = int(item.dtype.itemsize)
    size = int(np.prod(item.shape, dtype=object)) * itemsize
    dimension = b"This is a netCDF dimension but not a netCDF variable"
    if bytes(item.attrs.get("NAME", b"")).startswith(dimension):
        return 0  # netCDF keeps the length of a dimension as a variable without data
    layout = item.id.get_create_plist()
    filters = {layout.get_filter(place)[0] for place in range(layout.get_nfilters())}
    if not filters <= _FILTERS:  # others would be looked for in libraries
        raise ArgumentError(f"{name}: {str(path)!r}: {key!r} has a filter of its own")
    if not filters and item.id.get_storage_size() < size:
        raise ArgumentError(f"{name}: {str(path)!r}: {key!r} holds less than its shape says")
    chunk = int(np.prod(item.chunks or (0,), dtype=object)) * itemsize
    return max(size, chunk)


def plain_dataset(data: xr.Dataset) -> xr.Dataset:
    """Return the Dataset as it was before it was written: without traces of the file."""
    data = data.drop_encoding()
    data.attrs = {key: _item(value) for key, value in data.attrs.items()}
    for variable in data.variables.values():
        variable.attrs = {key: _item(value) for key, value in variable.attrs.items()}
    texts = [key for key, variable in data.variables.items() if variable.dtype == object]
    result: xr.Dataset = data.assign({key: data[key].astype(str) for key in texts})
    return result


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
