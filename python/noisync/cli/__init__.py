"""The command line: ``noisync reproduce | simulate | ensemble | merge | resume | study | ...``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from noisync import _core
from noisync.base.progress import logged
from noisync.base.threads import thread_count
from noisync.base.version import __version__
from noisync.cli.output import close_output, complain, streams
from noisync.cli.runs import (
    FAILED,
    ensemble,
    given,
    merge_command,
    print_study,
    resume_command,
    shown,
    simulate,
)
from noisync.cli.theory import theory
from noisync.errors import NoisyncError, SimulationError, Terminated
from noisync.paper import TARGETS, report_path, reproduce
from noisync.run.keeper import terminate
from noisync.studies import STUDIES
from noisync.studies.command import study
from noisync.theory import activations


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0: done; 1: a published number was not reproduced; 2: bad input; 3: the run failed, or its
    result could not be written where it should be; 4: unfinished; 130 and 143: interrupted.
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    status = 0
    try:
        with streams(), _terminable(), logged(getattr(options, "log", None)):
            status = command(options)
    except SimulationError as error:
        complain(error)
        return FAILED
    except NoisyncError as error:
        complain(error)
        return 2
    except Terminated:
        complain("terminated")
        return 143
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except OSError as error:
        close_output()
        complain(error)
        return FAILED
    return status


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM, with which batch systems end a job, raise Terminated."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
    _add_run_options(two)
    two.add_argument("--checkpoint", type=Path, help="folder that the run goes on from")
    two.add_argument(
        "--mpi", action="store_true", help="share the tokens among the processes of mpiexec"
    )
    two.set_defaults(command=simulate)

    many = commands.add_parser("ensemble", help="run replicates of a TOML file, or a part of them")
    many.add_argument("config", type=Path, help="TOML file, with [observe] for what is kept")
    many.add_argument("--replicates", required=True, metavar="FIRST:END", help="such as 0:100")
    many.add_argument("--tokens", type=Path, help=".npy file (n, dim) of initial tokens")
    many.add_argument("--out", type=Path, help="netCDF file for the ensemble")
    _add_run_options(many)
    many.add_argument("--checkpoint", type=Path, help="folder that the ensemble goes on from")
    many.set_defaults(command=ensemble)

    whole = commands.add_parser("merge", help="join parts of an ensemble")
    whole.add_argument("parts", type=Path, nargs="+", help="what `noisync ensemble` wrote")
    whole.add_argument("--out", type=Path, required=True, help="netCDF file for the whole")
    whole.set_defaults(command=merge_command)

    again = commands.add_parser("resume", help="go on with what a checkpoint is of")
    again.add_argument("checkpoint", type=Path, help="its folder")
    again.add_argument("--out", type=Path, help="netCDF file for the result")
    again.add_argument("--threads", type=int, help="default: all cores")
    again.add_argument("--stop-after", type=float, metavar="HOURS", help="then end, unfinished")
    again.add_argument("--log", type=Path, help="file for a line of progress every minute")
    again.set_defaults(command=resume_command)

    three = commands.add_parser("theory", help="rates that theory predicts for noise laws")
    three.add_argument("--activation", help=", ".join(activations.NAMES))
    three.add_argument("--dim", type=int, nargs="+", help="several with --all")
    three.add_argument("--sigma-u", type=float, default=0.0)
    three.add_argument("--sigma-w", type=float, default=0.0)
    three.add_argument("--input-scale", type=float, default=1.0)
    three.add_argument("--output-scale", type=float, default=1.0)
    three.add_argument("--beta", type=float, default=1.0)
    three.add_argument("--all", action="store_true", help="rank all activations")
    three.add_argument("--sigma", type=float, nargs="+", help="with --all: sigma_U = sigma_W")
    three.add_argument("--out", type=Path, help="with --all: folder for report and figure")
    three.add_argument("--json", action="store_true", help="print the numbers as JSON")
    three.set_defaults(command=theory)

    four = commands.add_parser("study", help="a numerical experiment beside its theorem")
    four.add_argument("name", choices=sorted(STUDIES), help="which study")
    four.add_argument("config", type=Path, nargs="?", help="TOML file with the study's arguments")
    size = four.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small sizes, for a first look")
    size.add_argument("--large", action="store_true", help="the whole design, where there is one")
    four.add_argument("--out", type=Path, default=Path("results"), help="folder (default: results)")
    _add_run_options(four)
    four.add_argument("--checkpoint", type=Path, help="folder that the study goes on from")
    four.set_defaults(command=_study)

    five = commands.add_parser("info", help="version, SIMD level and threads in use")
    five.add_argument("--json", action="store_true", help="print it as JSON")
    five.set_defaults(command=_info)
    return parser


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, help="of the noise, in place of the configuration's")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--stop-after", type=float, metavar="HOURS", help="then end, unfinished")
    parser.add_argument("--log", type=Path, help="file for a line of progress every minute")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help="in place of what the configuration says, such as run.layers=200",
    )  # fmt: skip


def _reproduce(options: argparse.Namespace) -> int:
    targets = TARGETS if options.target == "all" else (options.target,)
    agreed = reproduce(targets, options.out, progress=True)
    print(f"report: {report_path(targets, options.out)}")
    if not agreed:
        complain("published numbers were not reproduced, see the report")
    return 0 if agreed else 1


def _study(options: argparse.Namespace) -> int:
    result = study(
        options.name,
        options.config,
        out=options.out,
        quick=options.quick,
        large=options.large,
        changes=options.set,
        progress=shown(options),
        **given(options),
    )
    return print_study(options.name, result, options.out, options.checkpoint)


def _info(options: argparse.Namespace) -> int:
    if options.json:
        facts = {
            "version": __version__, "level": _core.level, "built": _core.built_levels(),
            "features": _core.features, "threads": thread_count(None),
            "compiler": _core.compiler, "eigen": _core.eigen_version,
        }  # fmt: skip
        print(json.dumps(facts))
        return 0
    print(f"noisync {__version__}")
    built = ", ".join(_core.built_levels())
    print(f"SIMD level: {_core.level} (built: {built}; NOISYNC_SIMD forces one)")
    print(f"threads: {thread_count(None)}")
    print(f"compiler: {_core.compiler}, Eigen {_core.eigen_version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
