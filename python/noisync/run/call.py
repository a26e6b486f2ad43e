"""What was asked for: a call of simulate, ensemble or a study, as a checkpoint keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from noisync import _core
from noisync.base.version import __version__
from noisync.errors import ArgumentError
from noisync.run.checkpoint import Checkpoint
from noisync.storage.plain import Arrays, plain
from noisync.storage.records import Record

#: The layout of checkpoints; another one is refused.
_FORMAT = 1


def level() -> str:
    """Return the SIMD level in use; a native one with what makes its bits differ from others."""
    if _core.level != "native":
        return _core.level
    return f"native ({_core.features}; {_core.compiler})"


def described_call(kind: str, arguments: Mapping[str, Any], minutes: float) -> Record:
    """Return the call of the function `kind` with its arguments, all of which matter."""
    arrays: Arrays = {}
    described = {name: plain(value, arrays) for name, value in arguments.items()}
    header = {
        "format": _FORMAT, "kind": kind, "version": __version__, "level": level(),
        "minutes": minutes, "arguments": described,
    }  # fmt: skip
    return Record(header, arrays)


def check_call(checkpoint: Checkpoint, found: Record, wanted: Record) -> None:
    """Refuse a checkpoint of another version, level or call."""
    there, here = found.header, wanted.header
    where = f"checkpoint: {str(checkpoint.path)!r}"
    check_version(checkpoint, found)
    if there.get("kind") != here["kind"]:
        raise ArgumentError(f"{where} is of {there.get('kind')}, not of {here['kind']}")
    arguments = there.get("arguments", {})
    for name, value in here["arguments"].items():
        if name not in arguments or arguments[name] != value:
            raise ArgumentError(
                f"{where} is of another call: {name} is {_shown(arguments.get(name))} there and "
                f"{_shown(value)} here"
            )


def check_version(checkpoint: Checkpoint, found: Record) -> None:
    """Refuse a checkpoint of another version or, unless that is allowed, SIMD level."""
    there = found.header
    where = f"checkpoint: {str(checkpoint.path)!r}"
    if there.get("version") != __version__ or there.get("format") != _FORMAT:
        raise ArgumentError(
            f"{where} was written by noisync {there.get('version')}, this is {__version__}"
        )
    if there.get("level") != level() and not checkpoint.allow_other_level:
        name = str(there.get("level")).split(" ")[0]
        raise ArgumentError(
            f"{where} was computed at the SIMD level {there.get('level')}, this process is at "
            f"{level()} and would give other bits; start it with NOISYNC_SIMD={name}, or allow "
            "that (allow_other_level)"
        )


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and "type" in value:
        name = str(value["type"]).partition(":")[2]
        fields = (f"{key}={_shown(item)}" for key, item in value.items() if key != "type")
        return f"{name}({', '.join(fields)})"
    if isinstance(value, Mapping) and "array" in value:
        return f"an array (sha256 {str(value['array'])[:8]}…)"
    if isinstance(value, Mapping) and "given" in value:
        return str(value["given"])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_shown, value))}]"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
