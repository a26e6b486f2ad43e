"""The compiled core: imports the build for the best SIMD level that this CPU can run.

The core is compiled once per level into a module of its own: ``native`` in a build from source,
``x86-64-v2``, ``-v3`` and ``-v4`` in wheels. The environment variable ``NOISYNC_SIMD`` forces one.
What each name means stands in ``_core.pyi``.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from noisync import _cpu

_LEVELS = ("native", "x86-64-v4", "x86-64-v3", "x86-64-v2")


def _module_name(level: str) -> str:
    return f"noisync._core_{level.replace('-', '_')}"


def _built_levels() -> list[str]:
    return [level for level in _LEVELS if importlib.util.find_spec(_module_name(level))]


def _refusal(level: str) -> str:
    missing = _cpu.missing_features(level)
    return f"{level} needs {', '.join(missing)}, which this CPU lacks" if missing else ""


@contextmanager
def _short_spins() -> Iterator[None]:
    """Let OpenMP's threads spin for about 0.1 ms at a barrier, not for milliseconds.

    GNU's OpenMP reads this setting once, when it is loaded. Its default wastes whole time slices
    where other work shares the cores: runs of small layers then take ten times as long.
    """
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        yield
        return
    os.environ["GOMP_SPINCOUNT"] = "10000"
    try:
        yield
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def _import(level: str) -> ModuleType:
    with _short_spins():
        return importlib.import_module(_module_name(level))


def _load() -> ModuleType:
    built = _built_levels()
    forced = os.environ.get("NOISYNC_SIMD")
    if forced:
        if forced not in built:
            raise ImportError(
                f"NOISYNC_SIMD={forced}: this installation of noisync has the SIMD levels "
                f"{', '.join(built)}"
            )
        if _refusal(forced):
            raise ImportError(f"NOISYNC_SIMD={forced}: {_refusal(forced)}")
        return _import(forced)
    for level in built:
        if not _refusal(level):
            return _import(level)
    reasons = "; ".join(_refusal(level) for level in built) or "no compiled core is installed"
    raise ImportError(
        f"noisync cannot run on this machine: {reasons}. Reinstall it from source on this machine "
        "(pip install --no-binary noisync noisync)."
    )


def built_levels() -> list[str]:
    """SIMD levels that this installation has a core for, best first."""
    return _built_levels()


_module = _load()
globals().update({name: value for name, value in vars(_module).items() if name[0] != "_"})
