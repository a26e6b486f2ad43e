"""Progress of long work: a bar on the terminal, and where it is asked for lines in a file."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from noisync.errors import ArgumentError

if TYPE_CHECKING:
    from typing_extensions import Self

#: Seconds between two lines.
INTERVAL = 60.0


class Bar:
    """What is done of so many units, as a bar of tqdm and in the file of :func:`logged`."""

    def __init__(self, total: int, unit: str, *, shown: bool, what: str = "") -> None:
        log = _Log.current
        self.total, self.unit, self.what, self.done = total, unit, what, 0
        self._start = time.monotonic()
        hidden = not shown or (log is not None and not sys.stderr.isatty())
        self._bar: tqdm[object] = tqdm(total=total, unit=unit, desc=what or None, disable=hidden)
        self._log = log if shown else None

    def __enter__(self) -> Self:
        if self._log is not None:
            self._log.begin(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()
        if self._log is not None:
            self._log.end(self)

    def update(self, count: int = 1) -> None:
        """Count units that are done."""
        self.done += count
        self._bar.update(count)

    def describe(self, what: str) -> None:
        """Say what is worked at."""
        self.what = what
        self._bar.set_description(what)

    def line(self) -> str:
        """Return where the work stands, as a line of text."""
        seconds = time.monotonic() - self._start
        parts = [f"{self.done} of {self.total} {self.unit}s", f"{_spoken(seconds)} so far"]
        if 0 < self.done < self.total:
            left = seconds * (self.total - self.done) / self.done
            parts.append(f"about {_spoken(left)} left")
        return f"{self.what}: {', '.join(parts)}" if self.what else ", ".join(parts)


class _Log:
    """Lines of the bars that are open, now and then, from a thread of its own."""

    current: _Log | None = None

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._bars: list[Bar] = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def begin(self, bar: Bar) -> None:
        """Write of this bar from now on."""
        self._bars.append(bar)
        self._line(bar)

    def end(self, bar: Bar) -> None:
        """Write of it once more."""
        self._line(bar)
        self._bars.remove(bar)

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._over.wait(INTERVAL):
            for bar in tuple(self._bars[-1:]):
                self._line(bar)

    def _line(self, bar: Bar) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with self._lock, suppress(OSError, ValueError):  # a full disk ends no computation
            self._file.write(f"{stamp} {bar.line()}\n".encode())


@contextmanager
def logged(path: Path | None) -> Iterator[None]:
    """Append a line of progress to a file, at the start, every minute, and at the end.

    Raises
    ------
    ArgumentError
        If it cannot be written.
    """
    if path is None:
        yield
        return
    try:
        file = path.open("ab", buffering=0)  # what a full disk does not take is not kept either
    except OSError as error:
        raise ArgumentError(f"log: cannot write {str(path)!r}: {error.strerror}") from error
    with file:
        log = _Log(file)
        before, _Log.current = _Log.current, log
        try:
            yield
        finally:
            _Log.current = before
            log.close()


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
