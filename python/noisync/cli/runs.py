"""``noisync simulate``, ``ensemble``, ``merge`` and ``resume``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.backend_bases import FigureCanvasBase

from noisync import _core, config, plot
from noisync.cli.output import complain, keep
from noisync.errors import ArgumentError, NoisyncError
from noisync.figures.style import GREY
from noisync.measure.energy import energy
from noisync.paper.panel import end_state
from noisync.run.call import level
from noisync.run.merging import merge
from noisync.run.results import load
from noisync.run.resume import resume
from noisync.run.trajectory import Trajectory
from noisync.storage.files import check_target, make_folder, replace_file
from noisync.storage.folder import Folder
from noisync.studies import STUDIES
from noisync.studies.command import reported

#: The exit status of a call that ended before it was finished, and of one whose result could not be
#: written where it was asked for.
UNFINISHED, FAILED = 4, 3

#: What a call has come to, finished or not.
RunResult = Trajectory | xr.Dataset


def simulate(options: argparse.Namespace) -> int:
    """Run a model described by a TOML file."""
    planned = config.read(options.config, options.tokens, options.set)
    for name in ("out", "plot"):
        _check_apart(name, getattr(options, name), (options.config, options.tokens))
    if options.out is not None:
        check_target("out", options.out)
    if options.plot is not None:
        check_target("plot", options.plot)
        _check_picture(options.plot, planned)
        if options.out == options.plot:
            raise ArgumentError(f"out and plot must be two files, got {str(options.out)!r} twice")
    comm = _communicator() if options.mpi else None
    begin = time.perf_counter()
    run, status = kept(
        lambda: planned.simulate(progress=shown(options), comm=comm, **given(options)), options.out
    )
    seconds = time.perf_counter() - begin
    assert isinstance(run, Trajectory)
    if comm is not None:
        run = run.gathered()
        if comm.Get_rank() != 0:  # the first speaks for all
            return status
    print(run)
    print(f"computed in {seconds:.2f} s with {_core.level}")
    _describe(run)
    if options.plot is not None and run.tokens.shape[0] > 1:
        _draw(run, options.plot)
        print(f"picture: {options.plot}")
    return status or unfinished(run, options.checkpoint)


def _communicator() -> Any:
    """Return that of all processes which ``mpiexec`` started."""
    try:
        from mpi4py import MPI
    except ImportError:
        raise ArgumentError('mpi needs mpi4py: pip install "noisync[mpi]"') from None
    return MPI.COMM_WORLD


def ensemble(options: argparse.Namespace) -> int:
    """Run replicates of a model described by a TOML file."""
    planned = config.read(options.config, options.tokens, options.set)
    _check_apart("out", options.out, (options.config, options.tokens))
    if options.out is not None:
        check_target("out", options.out)
    replicates = _replicates(options.replicates)
    data, status = kept(
        lambda: planned.ensemble(replicates, progress=shown(options), **given(options)),
        options.out,
    )
    print(_summary(data))
    return status or unfinished(data, options.checkpoint)


def merge_command(options: argparse.Namespace) -> int:
    """Join parts of an ensemble."""
    _check_apart("out", options.out, options.parts)
    check_target("out", options.out)
    parts = [load(path) for path in options.parts]
    for path, part in zip(options.parts, parts, strict=True):
        if not isinstance(part, xr.Dataset):
            raise ArgumentError(f"{path} must be an ensemble, got a single run")
    data, status = kept(lambda: merge(parts), options.out)
    print(_summary(data))
    return status


def _replicates(text: str) -> range:
    """Return what ``0:100`` stands for."""
    first, colon, end = text.partition(":")
    if not (colon and first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise ArgumentError(f"replicates must be FIRST:END, such as 0:100, got {text!r}")
    return range(int(first), int(end))


def _summary(data: xr.Dataset) -> str:
    numbers = data.replicate.to_numpy()
    names = ", ".join(str(name) for name in data.data_vars)
    if numbers.size == 0:
        return "no replicate is complete"
    return f"replicates {numbers[0]} to {numbers[-1]}, {numbers.size} of them: {names}"


def shown(options: argparse.Namespace) -> bool:
    """Whether progress is shown: on a terminal, and in a log."""
    return sys.stderr.isatty() or options.log is not None


def given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of a call that stand in place of its configuration's."""
    names = ("seed", "threads", "checkpoint", "stop_after")
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def resume_command(options: argparse.Namespace) -> int:
    """Go on with whatever a checkpoint is of."""
    call = Folder.asked("path", options.checkpoint)
    _at_level(str(call.header.get("level")))

    def go_on() -> Any:
        return resume(
            options.checkpoint,
            threads=options.threads,
            progress=shown(options),
            stop_after=options.stop_after,
        )

    name = str(call.header.get("kind")).removeprefix("study ").replace("_", "-")
    if name in STUDIES:
        out = options.out or Path("results")
        make_folder("out", out)
        return print_study(name, reported(name, out, go_on), out, options.checkpoint)
    if options.out is not None:
        check_target("out", options.out)
    result, status = kept(go_on, options.out)
    print(result if isinstance(result, Trajectory) else dict(result.sizes))
    return status or unfinished(result, options.checkpoint)


def print_study(
    name: str, result: tuple[xr.Dataset, str], out: Path, checkpoint: Path | None
) -> int:
    """Print the tables of a study's report and return the exit status."""
    data, report = result
    if report:
        print("\n".join(line for line in report.splitlines() if line.startswith("|")))
        print(f"report: {out / name}.md")
    return unfinished(data, checkpoint)


def _at_level(there: str) -> None:
    """Start anew at the SIMD level of a checkpoint, if this process is at another that is built."""
    name = there.partition(" ")[0]
    again = os.environ.get("NOISYNC_SIMD") != name
    if there != level() and name in _core.built_levels() and name != _core.level and again:
        os.execve(
            sys.executable,
            [sys.executable, "-m", "noisync", *sys.argv[1:]],
            {**os.environ, "NOISYNC_SIMD": name},
        )


def kept(call: Callable[[], Any], out: Path | None) -> tuple[Any, int]:
    """Return what a call has come to and the exit status, with the result in the file `out`.

    Also what a call that fails or is stopped had come to.
    """
    try:
        result = call()
    except (NoisyncError, KeyboardInterrupt) as error:
        partial = getattr(error, "trajectory", None) or getattr(error, "dataset", None)
        if isinstance(partial, RunResult) and out is not None:
            complain(f"what was computed until then is in {keep(partial, out)}")
        raise
    if out is None:
        return result, 0
    where = keep(result, out)
    if not isinstance(result, Trajectory) or result.rows.start == 0:
        print(f"result: {where}")
    return result, 0 if where == out else FAILED


def unfinished(result: RunResult, checkpoint: Path | None) -> int:
    """Return the exit status of a result, and say how to go on with it."""
    done = result.finished if isinstance(result, Trajectory) else result.attrs.get("finished", 1)
    if done:
        return 0
    further = "" if checkpoint is None else f"; noisync resume {checkpoint} goes on"
    complain(f"the time was up before the end{further}")
    return UNFINISHED


def _check_apart(name: str, path: Path | None, sources: Sequence[Path | None]) -> None:
    """Refuse to write over what the run is made from."""
    for source in sources:
        if path is not None and source is not None and path.exists() and path.samefile(source):
            raise ArgumentError(f"{name} must not be {str(source)!r}, which the run is made from")


def _check_picture(path: Path, planned: config.RunConfig) -> None:
    known = sorted(FigureCanvasBase.get_supported_filetypes())
    if path.suffix.removeprefix(".").lower() not in known:
        raise ArgumentError(
            f"plot: the name must end in one of {', '.join(known)}, got {path.name!r}"
        )
    if planned.saved < 2:
        raise ArgumentError(
            f"plot: a picture needs at least 2 saved states, got {planned.saved} (run.save)"
        )


#: Above this number of tokens the summary leaves out what costs N² in memory.
_SUMMARY_TOKENS = 4000


def _describe(run: Trajectory) -> None:
    for where, state in (("first", 0), ("last", -1)) if run.tokens.shape[0] else ():
        x = run.tokens[state].astype(np.float64)
        line = f"{where} saved state, t = {run.time[state]:g}: energy E_1 = "
        line += f"{energy(run.tokens[state], 1.0, run.weights):.4g}"
        n = x.shape[0]
        if n > 1:
            # Σ_{i≠j} ⟨x_i, x_j⟩ = |Σ x_i|² − n
            mean = (float(np.sum(x.sum(axis=0) ** 2)) - n) / (n * (n - 1))
            line += f", mean cosine {mean:.4f}"
        if n <= _SUMMARY_TOKENS:
            line += f", {end_state(x)}"
        print(line)


def _draw(run: Trajectory, path: Path) -> None:
    mpl.use("agg")
    import matplotlib.pyplot as plt

    with plot.style():
        figure = plt.figure(figsize=(9.6, 2.9))
        panels = figure.subplot_mosaic("ABC", width_ratios=(1.3, 1.3, 1))
        if run.tokens.shape[1] > 1:
            plot.cosines(run, ax=panels["A"])
        bound = run.model.noise is not None and run.model.normalization == "post"
        plot.energy(run, bound=bound, ax=panels["B"])
        plane = plot.leading_plane(run.tokens[-1].astype(np.float64))
        basis = plane if run.model.dim > 2 else None
        plot.tokens(run, state=0, basis=basis, ax=panels["C"], color=GREY)
        plot.tokens(run, state=-1, basis=basis, ax=panels["C"])
        panels["C"].set_title(f"tokens at t = {run.time[0]:g} (grey) and t = {run.time[-1]:g}")
        kind = path.suffix.removeprefix(".")
        replace_file("plot", path, lambda partial: figure.savefig(partial, format=kind))
