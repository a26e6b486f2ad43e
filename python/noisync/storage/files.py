"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from noisync.errors import ArgumentError


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Let signals that Python handles wait until the block has ended.

    An exception out of a handler in the middle of a library's write would leave its locks taken.
    """
    if threading.current_thread() is not threading.main_thread():  # handlers run in the main thread
        yield
        return
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    handled = {number: handler for number, handler in handlers.items() if callable(handler)}
    arrived: list[int] = []

    def note(number: int, _frame: Any) -> None:
        arrived.append(number)

    try:
        for number in handled:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
        for each in arrived:
            signal.raise_signal(each)


def replace_file(name: str, path: Path, write: Callable[[Path], None]) -> None:
    """Put a file that write(temporary path) writes, synced, in the place of `path`.

    Until it is on disk the old file stands, and however it ends no other file is left behind. A
    link to a file is followed; what is neither that nor a regular file is refused. `name` is the
    argument that messages name.
    """
    with signals_deferred(), refusing(name, path):
        target = _target(name, path)
        partial = _new_file(target)
        try:
            write(partial)
            sync(partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(target.parent)


@contextmanager
def refusing(name: str, path: Path) -> Iterator[None]:
    """Turn errors of the operating system into a sentence that names the argument and the path."""
    try:
        yield
    except OSError as error:
        raise ArgumentError(f"{name}: cannot write {str(path)!r}: {reason(error)}") from error


def reason(error: OSError) -> str:
    """Return what an error of the operating system says, without the paths it was about."""
    return error.strerror or str(error)


def check_target(name: str, path: Path) -> None:
    """Refuse a path that :func:`replace_file` could not write, as far as that can be known now."""
    with refusing(name, path):
        _new_file(_target(name, path)).unlink()


def sync(path: Path) -> None:
    """Wait until the contents of a file are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on disk, where its filesystem can say so."""
    with suppress(OSError):
        sync(path)


def _target(name: str, path: Path) -> Path:
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise ArgumentError(f"{name}: cannot write {str(path)!r}: it is {kind}")
    if not os.access(target, os.W_OK):
        raise ArgumentError(f"{name}: cannot write {str(path)!r}: it is write-protected")
    return target


def _new_file(target: Path) -> Path:
    """Create a file of this call's own beside the target, with the target's permissions."""
    path = target.with_name(f".noisync-{secrets.token_hex(8)}.part")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    with suppress(FileNotFoundError):
        path.chmod(stat.S_IMODE(target.stat().st_mode))
    return path


def replace_text(name: str, path: Path, text: str) -> None:
    """Put a file of text in UTF-8 in the place of `path`; see :func:`replace_file`."""
    replace_file(name, path, lambda partial: _write_text(partial, text))


@contextmanager
def text_file(name: str, path: Path) -> Iterator[StringIO]:
    """Yield a file in memory, whose text takes the place of `path` when the block has ended."""
    text = StringIO(newline="")
    yield text
    replace_text(name, path, text.getvalue())


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def make_folder(name: str, path: Path) -> None:
    """Make sure that there is a folder at a path, and that files can be written into it."""
    with refusing(name, path):
        path.mkdir(parents=True, exist_ok=True)
        _new_file(path / "any").unlink()
