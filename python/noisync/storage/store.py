"""Datasets in zarr stores: folders that appear whole, with the checksums of their files."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from noisync.errors import ArgumentError
from noisync.storage.files import refusing, signals_deferred, sync, sync_folder
from noisync.storage.netcdf import plain_dataset, unreadable

#: The checksums of all other files of a store, by their names.
_MANIFEST = "noisync.json"


def write_store(name: str, path: Path, dataset: xr.Dataset) -> None:
    """Write a Dataset to a zarr store, which takes the place of an older one when it is whole."""
    _need_zarr(name, path)
    exact = {variable: {"_FillValue": None} for variable in dataset.variables}
    with signals_deferred(), refusing(name, path):
        target = Path(os.path.realpath(path))
        if target.exists() and not (target / _MANIFEST).is_file():
            raise ArgumentError(f"{name}: cannot write {str(path)!r}: it is no store of noisync")
        partial = target.with_name(f".noisync-{secrets.token_hex(8)}.part")
        older = partial.with_suffix(".old")
        try:
            dataset.drop_encoding().to_zarr(
                partial, mode="w", encoding=exact, zarr_format=2, consolidated=True
            )
            manifest = {str(file): digest for file, digest in _digests(partial)}
            (partial / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
            for each in (*partial.rglob("*"), partial):
                sync(each)
            if target.exists():
                target.replace(older)
            partial.replace(target)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"result: cannot be written to {str(path)!r}: {error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(older, ignore_errors=True)
        sync_folder(target.parent)


def read_store(name: str, path: Path) -> xr.Dataset:
    """Read a Dataset from a zarr store, or refuse it with a sentence."""
    _need_zarr(name, path)
    with unreadable(name, path):
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        found = {str(file): digest for file, digest in _digests(path)}
        if found != manifest:
            raise ArgumentError(f"{name}: {str(path)!r} is damaged: its checksums do not fit")
        with (
            signals_deferred(),
            xr.open_zarr(
                path.resolve(), decode_times=False, mask_and_scale=False, zarr_format=2, chunks=None
            ) as opened,
        ):
            return plain_dataset(opened.load())


def _digests(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of a store with their checksums; links are none of them."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise ArgumentError(f"{str(path)!r} is a link, which no store has")
        if path.is_file() and path.relative_to(folder) != Path(_MANIFEST):
            yield path.relative_to(folder), hashlib.sha256(path.read_bytes()).hexdigest()


def _need_zarr(name: str, path: Path) -> None:
    if importlib.util.find_spec("zarr") is None:
        raise ArgumentError(
            f"{name}: {str(path)!r} needs zarr (pip install noisync[zarr]); a name that ends in "
            ".nc makes a netCDF file"
        )
