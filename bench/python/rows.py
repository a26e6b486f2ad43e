"""Rows of ratios beside their targets."""

from __future__ import annotations

import time
from collections.abc import Callable

SHORT: list[str] = []


def best_time(function: Callable[[], object], repeats: int) -> float:
    """Smallest of several wall times, after one call that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)


def alternated(
    first: Callable[[], object], second: Callable[[], object], repeats: int
) -> tuple[float, float]:
    """Smallest wall times of two functions that take turns: what disturbs one disturbs both."""
    times = [(best_time(first, 1), best_time(second, 1)) for _ in range(repeats)]
    return min(time[0] for time in times), min(time[1] for time in times)


def row(name: str, ratio: float, target: float, note: str = "") -> None:
    """Print a ratio beside its target; remember it if it falls short."""
    mark = "" if ratio >= target else "  short"
    if mark:
        SHORT.append(f"{name}: {ratio:.2f} of {target:g}")
    print(f"{name:<48} {ratio:>8.2f}x {target:>7g}x{mark:7} {note}", flush=True)


def header(title: str) -> None:
    print(f"\n{title}\n{'':<48} {'ratio':>9} {'target':>8}")
