"""Rows of ratios beside their targets."""

from __future__ import annotations

import time
from collections.abc import Callable

SHORT: list[str] = []


def times(function: Callable[[], object], repeats: int) -> list[float]:
    """Return wall times, after one call that is not counted."""
    function()
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        found.append(time.perf_counter() - begin)
    return found


def best_time(function: Callable[[], object], repeats: int) -> float:
    """Return the smallest of several wall times."""
    return min(times(function, repeats))


def alternated(
    first: Callable[[], object], second: Callable[[], object], repeats: int
) -> tuple[float, float]:
    """Smallest wall times of two functions that take turns: what disturbs one disturbs both."""
    found = [(best_time(first, 1), best_time(second, 1)) for _ in range(repeats)]
    return min(pair[0] for pair in found), min(pair[1] for pair in found)


def row(name: str, ratio: float, target: float, note: str = "") -> None:
    """Print a ratio beside its target; remember it if it falls short."""
    mark = "" if ratio >= target else "  short"
    if mark:
        SHORT.append(f"{name}: {ratio:.2f} of {target:g}")
    print(f"{name:<48} {ratio:>8.2f}x {target:>7g}x{mark:7} {note}", flush=True)


def header(title: str) -> None:
    print(f"\n{title}\n{'':<48} {'ratio':>9} {'target':>8}")
