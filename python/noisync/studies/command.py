"""``noisync study``: a study from a TOML file, with its data, picture and report in a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import xarray as xr

from noisync.base import validate
from noisync.config import read_toml
from noisync.errors import ArgumentError, NoisyncError
from noisync.model import Model
from noisync.studies import STUDIES


def study(
    name: str,
    config: str | os.PathLike[str] | None = None,
    *,
    out: Path,
    quick: bool = False,
    progress: bool = False,
) -> tuple[xr.Dataset, str]:
    """Run a study and write NAME.nc, NAME.png, NAME.csv and NAME.md into the folder `out`.

    Parameters
    ----------
    name : str
    config : path-like, optional
        A TOML file with the study's arguments at the top and, where the study has a model, a table
        ``[model]`` (see :class:`noisync.Model`).
    out : path
    quick : bool
        Take the study's small sizes for what `config` does not give.
    progress : bool

    Returns
    -------
    (xarray.Dataset, str)
        The data and the report.

    Raises
    ------
    ArgumentError
        For an unknown study or key, or a folder that cannot be written.
    KeyboardInterrupt
        What a long study had until then is written to NAME-partial.nc.
    """
    chosen = STUDIES[validate.choice("study", name, STUDIES)]
    options = dict(chosen.quick) if quick else {}
    if config is not None:
        options |= _options(Path(config), chosen.run)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"out: cannot write {str(out)!r}: {error}") from error
    try:
        data = chosen.run(progress=progress, **options)
    except (KeyboardInterrupt, NoisyncError) as stop:
        partial = getattr(stop, "dataset", None)
        if isinstance(partial, xr.Dataset):
            path = out / f"{name}-partial.nc"
            partial.to_netcdf(path, engine="netcdf4")
            print(f"noisync: what was computed until then is in {path}", file=sys.stderr)
        raise
    data.to_netcdf(out / f"{name}.nc", engine="netcdf4")
    mpl.use("agg")
    text = chosen.report(data, out)
    (out / f"{name}.md").write_text(text, encoding="utf-8")
    return data, text


def _options(path: Path, run: Callable[..., xr.Dataset]) -> dict[str, Any]:
    table = read_toml(path)
    parameters = run.__annotations__.keys() - {"return", "progress"}
    validate.keys(str(path), table, sorted(parameters))
    if "model" in table:
        table["model"] = Model.from_dict(table["model"])
    return table
