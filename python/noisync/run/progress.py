"""Progress of runs: what is counted."""

from __future__ import annotations

from noisync.base.progress import Bar


class Progress(Bar):
    """Counts layers, or, where runs are many and short, whole runs of so many layers."""

    def __init__(self, runs: int, layers: int, *, by_run: bool, shown: bool) -> None:
        self.shown = shown
        self._unit = layers if by_run else 1
        total = runs if by_run else runs * layers
        super().__init__(total, "run" if by_run else "layer", shown=shown)

    def report(self, layers: int) -> None:
        """Show that so many layers of all runs are complete."""
        self.update(layers // self._unit - self.done)
