"""What the command line prints and writes: nothing that was computed is lost on the way out."""

from __future__ import annotations

import codecs
import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import xarray as xr

from noisync.errors import ArgumentError
from noisync.run.results import Result, save

#: What Greek letters and signs are called where a terminal has none.
_SPELLED = {
    "−": "-", "–": "-", "…": "...", "≥": ">=", "≤": "<=", "≈": "~", "×": "x", "·": "*", "±": "+-",
    "√": "sqrt", "∞": "inf", "α": "alpha", "β": "beta", "ε": "epsilon", "κ": "kappa",
    "λ": "lambda", "μ": "mu", "σ": "sigma", "φ": "phi", "Δ": "Delta", "Σ": "Sigma",
    "\u0304": "_bar",
}  # fmt: skip


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = unicodedata.normalize("NFKD", error.object[error.start : error.end])
    spelled = "".join(_SPELLED.get(each, each if each.isascii() else "?") for each in text)
    return spelled, error.end


codecs.register_error("noisync", _spelled)


@contextmanager
def streams() -> Iterator[None]:
    """Let a terminal without UTF-8 get words for letters that it lacks, and readers leave early."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="noisync")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # `| head -1` has read enough; all results are in their files
        _close(sys.stdout)


def complain(message: object) -> None:
    """Print a line to the terminal, as far as there is one."""
    with suppress(OSError, ValueError):
        print(f"noisync: {message}", file=sys.stderr, flush=True)


def close_output() -> None:
    """Write no more to a standard output that takes nothing, also not when Python ends."""
    _close(sys.stdout)


def _close(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def keep(result: xr.Dataset | Result, path: Path) -> Path:
    """Save a result, elsewhere if its path cannot be written; return where it is."""
    try:
        save(result, path)
    except ArgumentError as error:
        for folder in (Path.cwd(), Path(tempfile.gettempdir())):
            other = folder / f"noisync-{os.getpid()}-{path.name[-100:]}"
            with suppress(ArgumentError):
                save(result, other)
                complain(f"{error}; it is in {str(other)!r} instead")
                return other
        raise
    return path
