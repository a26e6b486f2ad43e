"""``noisync study``: a study from a TOML file, with its data, picture and report in a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import xarray as xr

from noisync.base import validate
from noisync.config import changed, read_toml
from noisync.errors import ArgumentError, NoisyncError
from noisync.model import Model
from noisync.storage.files import check_target, make_folder, replace_text
from noisync.storage.netcdf import write_dataset
from noisync.studies import STUDIES


def study(
    name: str,
    config: str | os.PathLike[str] | None = None,
    *,
    out: Path,
    quick: bool = False,
    large: bool = False,
    changes: Sequence[str] = (),
    progress: bool = False,
    **given: Any,
) -> tuple[xr.Dataset, str]:
    """Run a study and write NAME.nc, NAME.png, NAME.csv and NAME.md into the folder `out`.

    Parameters
    ----------
    name : str
    config : path-like, optional
        A TOML file with the study's arguments at the top and, where the study has a model, a table
        ``[model]`` (see :class:`noisync.Model`), or several ``[[model]]`` where it takes them.
    out : path
    quick : bool
        Take the study's small sizes for what `config` does not give.
    large : bool
        Take its whole design, where it has one.
    changes : sequence of str
        ``key=value`` in place of what `config` says.
    progress : bool
    **given
        Arguments in place of those of `config`: seed, threads, checkpoint, stop_after.

    Returns
    -------
    (xarray.Dataset, str)
        The data and the report; no report where the time was up before the end.

    Raises
    ------
    ArgumentError
        For an unknown study or key, or a folder that cannot be written, before anything is run.
    KeyboardInterrupt
        What a long study had until then is written to NAME-partial.nc.
    """
    chosen = STUDIES[validate.choice("study", name, STUDIES)]
    if quick and large:
        raise ArgumentError("large must be false where quick is true, got both")
    if large and not chosen.large:
        raise ArgumentError(f"large: the study {name!r} has no larger design than its default")
    options = dict(chosen.quick if quick else chosen.large if large else {})
    options |= _options(None if config is None else Path(config), changes, chosen.run)
    make_folder("out", out)
    for suffix in ("nc", "png", "csv", "md"):
        check_target("out", out / f"{name}.{suffix}")
    if chosen.cost is not None:
        sizes = {key: value for key, value in given.items() if key in ("seed", "threads")}
        print(f"noisync: {chosen.cost(**options | sizes)}", file=sys.stderr)
    return reported(name, out, lambda: chosen.run(progress=progress, **options, **given))


def reported(name: str, out: Path, run: Callable[[], xr.Dataset]) -> tuple[xr.Dataset, str]:
    """Run a study and write its data, pictures and report into a folder, or what there is of it."""
    try:
        data = run()
    except (KeyboardInterrupt, NoisyncError) as stop:
        partial = getattr(stop, "dataset", None)
        if isinstance(partial, xr.Dataset):
            _write_partial(name, out, partial)
        raise
    if not data.attrs.get("finished", 1):
        _write_partial(name, out, data)
        return data, ""
    write_dataset("out", out / f"{name}.nc", data)
    mpl.use("agg")
    text = STUDIES[name].report(data, out)
    replace_text("out", out / f"{name}.md", text)
    return data, text


def _write_partial(name: str, out: Path, data: xr.Dataset) -> None:
    path = out / f"{name}-partial.nc"
    write_dataset("out", path, data)
    print(f"noisync: what was computed until then is in {path}", file=sys.stderr)


def _options(
    path: Path | None, changes: Sequence[str], run: Callable[..., xr.Dataset]
) -> dict[str, Any]:
    table = changed({} if path is None else read_toml(path), changes)
    parameters = run.__annotations__.keys() - {"return", "progress", "checkpoint", "stop_after"}
    validate.keys("set" if path is None else str(path), table, sorted(parameters))
    if isinstance(table.get("model"), list):  # tables [[model]]
        table["model"] = tuple(map(Model.from_dict, table["model"]))
    elif "model" in table:
        table["model"] = Model.from_dict(table["model"])
    return table
