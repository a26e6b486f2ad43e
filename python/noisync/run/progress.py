"""Progress bars that say what they count."""

from __future__ import annotations

from types import TracebackType

from tqdm.auto import tqdm


class Progress:
    """A bar that counts layers, or, where runs are many and short, whole runs of so many layers."""

    def __init__(self, runs: int, layers: int, *, by_run: bool, shown: bool) -> None:
        self.shown = shown
        self._unit = layers if by_run else 1
        self._bar: tqdm[object] = tqdm(
            total=runs if by_run else runs * layers,
            unit="run" if by_run else "layer",
            disable=not shown,
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()

    def report(self, layers: int) -> None:
        """Show that so many layers of all runs are complete."""
        self._bar.update(layers // self._unit - self._bar.n)
