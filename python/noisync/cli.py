"""The command line: ``noisync reproduce | simulate | theory | study | info``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backend_bases import FigureCanvasBase

from noisync import _core, config, plot
from noisync.base.threads import thread_count
from noisync.base.version import __version__
from noisync.errors import ArgumentError, NoisyncError
from noisync.figures.style import GREY
from noisync.measure.energy import energy
from noisync.paper import TARGETS, report_path, reproduce
from noisync.paper.panel import end_state
from noisync.run.trajectory import Trajectory
from noisync.studies import STUDIES, activation_rates
from noisync.studies.activations.report import rankings, write_rankings
from noisync.studies.command import study
from noisync.theory import activations
from noisync.theory.kernel import Kernel


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0: done; 1: a published number was not reproduced; 2: bad input; 130: interrupted.
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except NoisyncError as error:
        print(f"noisync: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("noisync: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="noisync", description="Transformers as interacting particle systems with noise."
    )
    parser.add_argument("--version", action="version", version=f"noisync {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser(
        "reproduce", help="recompute the table and figures of arXiv:2604.26898"
    )
    one.add_argument("target", choices=["all", *TARGETS], help="what to reproduce")
    one.add_argument("--out", type=Path, default=Path("results"), help="folder (default: results)")
    one.set_defaults(command=_reproduce)

    two = commands.add_parser("simulate", help="run a model described by a TOML file")
    two.add_argument("config", type=Path, help="TOML file with [model], [tokens], [run]")
    two.add_argument("--tokens", type=Path, help=".npy file (n, dim) of initial tokens")
    two.add_argument("--out", type=Path, help="netCDF file for the run")
    two.add_argument("--plot", type=Path, help="picture of the run (.png, .pdf, ...)")
    two.set_defaults(command=_simulate)

    three = commands.add_parser("theory", help="rates that theory predicts for noise laws")
    three.add_argument("--activation", help=", ".join(activations.NAMES))
    three.add_argument("--dim", type=int, nargs="+", help="several with --all")
    three.add_argument("--sigma-u", type=float, default=0.0)
    three.add_argument("--sigma-w", type=float, default=0.0)
    three.add_argument("--beta", type=float, default=1.0)
    three.add_argument("--all", action="store_true", help="rank all activations")
    three.add_argument("--sigma", type=float, nargs="+", help="with --all: sigma_U = sigma_W")
    three.add_argument("--out", type=Path, help="with --all: folder for report and figure")
    three.set_defaults(command=_theory)

    four = commands.add_parser("study", help="a numerical experiment beside its theorem")
    four.add_argument("name", choices=sorted(STUDIES), help="which study")
    four.add_argument("config", type=Path, nargs="?", help="TOML file with the study's arguments")
    four.add_argument("--quick", action="store_true", help="small sizes, for a first look")
    four.add_argument("--out", type=Path, default=Path("results"), help="folder (default: results)")
    four.set_defaults(command=_study)

    five = commands.add_parser("info", help="version, SIMD level and threads in use")
    five.set_defaults(command=_info)
    return parser


def _reproduce(options: argparse.Namespace) -> int:
    targets = TARGETS if options.target == "all" else (options.target,)
    agreed = reproduce(targets, options.out, progress=True)
    print(f"report: {report_path(targets, options.out)}")
    if not agreed:
        print("noisync: published numbers were not reproduced, see the report", file=sys.stderr)
    return 0 if agreed else 1


def _simulate(options: argparse.Namespace) -> int:
    planned = config.read(options.config, options.tokens)
    if options.out is not None:
        _check_writable("out", options.out)
    if options.plot is not None:
        _check_writable("plot", options.plot)
        _check_picture(options.plot, planned)
        if options.out == options.plot:
            raise ArgumentError(f"out and plot must be two files, got {str(options.out)!r} twice")
    # Batch systems end a job with SIGTERM: what was computed is saved then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begin = time.perf_counter()
    try:
        run = planned.simulate(progress=sys.stderr.isatty())
    except (NoisyncError, KeyboardInterrupt) as error:
        partial = getattr(error, "trajectory", None)
        if isinstance(partial, Trajectory) and options.out is not None:
            partial.save(options.out)
            print(f"noisync: the states until then are in {options.out}", file=sys.stderr)
        raise
    seconds = time.perf_counter() - begin
    if options.out is not None:
        run.save(options.out)
    print(run)
    print(f"computed in {seconds:.2f} s with {_core.level}")
    _describe(run)
    if options.out is not None:
        print(f"run: {options.out}")
    if options.plot is not None:
        _draw(run, options.plot)
        print(f"picture: {options.plot}")
    return 0


def _check_writable(name: str, path: Path) -> None:
    folder = path.parent
    if path.is_dir():
        reason = "it is a folder"
    elif not folder.is_dir():
        reason = f"{str(folder)!r} is no folder"
    elif not os.access(folder, os.W_OK | os.X_OK):
        reason = f"no permission to write in {str(folder)!r}"
    else:
        return
    raise ArgumentError(f"{name}: cannot write {str(path)!r}: {reason}")


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
        plot.energy(run, bound=run.model.noise is not None, ax=panels["B"])
        plane = plot.leading_plane(run.tokens[-1].astype(np.float64))
        basis = plane if run.model.dim > 2 else None
        plot.tokens(run, state=0, basis=basis, ax=panels["C"], color=GREY)
        plot.tokens(run, state=-1, basis=basis, ax=panels["C"])
        panels["C"].set_title(f"tokens at t = {run.time[0]:g} (grey) and t = {run.time[-1]:g}")
        figure.savefig(path)


def _theory(options: argparse.Namespace) -> int:
    if options.all:
        return _ranking(options)
    for name in ("activation", "dim"):
        if getattr(options, name) is None:
            raise ArgumentError(f"{name} must be given, or --all, got neither")
    for name in ("sigma", "out"):
        if getattr(options, name) is not None:
            raise ArgumentError(f"{name} belongs to --all, got it without")
    if len(options.dim) != 1:
        raise ArgumentError(f"dim must be one number without --all, got {options.dim}")
    kernel = Kernel(options.activation, options.dim[0], options.sigma_u, options.sigma_w)
    rate = kernel.dissipation_rate(options.beta)
    print(kernel)
    rows = [
        ("kappa(1)", kernel.variance, "variance of each component of the noise"),
        ("kappa'(1)", kernel.slope, ""),
        ("lambda_1", kernel.lyapunov_exponent, "top Lyapunov exponent of the noise alone"),
        ("lambda_min", float(kernel.lyapunov_spectrum[-1]), f"last of {kernel.dim - 1}"),
        ("lambda_bar", kernel.coercivity, "coercivity; mean energy decays if negative"),
        (f"lambda_bar'({options.beta:g})", rate, "rate of the bound on the mean energy"),
    ]
    for name, value, meaning in rows:
        print(f"  {name:<16} {value:+.10e}  {meaning}".rstrip())
    return 0


def _ranking(options: argparse.Namespace) -> int:
    if options.activation is not None:
        raise ArgumentError(f"activation goes without --all, got {options.activation!r}")
    chosen = {"dims": options.dim, "sigmas": options.sigma}
    data = activation_rates(**{name: value for name, value in chosen.items() if value is not None})
    if options.out is None:
        print(rankings(data))
        return 0
    mpl.use("agg")
    print(f"report: {write_rankings(data, options.out)}")
    return 0


def _study(options: argparse.Namespace) -> int:
    _, report = study(
        options.name,
        options.config,
        out=options.out,
        quick=options.quick,
        progress=sys.stderr.isatty(),
    )
    tables = [line for line in report.splitlines() if line.startswith("|")]
    print("\n".join(tables))
    print(f"report: {options.out / options.name}.md")
    return 0


def _info(_options: argparse.Namespace) -> int:
    print(f"noisync {__version__}")
    built = ", ".join(_core.built_levels())
    print(f"SIMD level: {_core.level} (built: {built}; NOISYNC_SIMD forces one)")
    print(f"threads: {thread_count(None)}")
    print(f"compiler: {_core.compiler}, Eigen {_core.eigen_version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
