"""One look for all pictures."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from noisync.base import validate
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.run.trajectory import Trajectory

P = ParamSpec("P")
R = TypeVar("R")

#: Colours that stay apart for colour-blind readers and in grey (Okabe and Ito 2008).
BLUE, ORANGE, GREEN, VERMILION, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7F7F7F"

_RC: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "mathtext.fontset": "cm",
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
}


def style() -> AbstractContextManager[None]:
    """Return a context in which figures look like those of the reports."""
    return mpl.rc_context(_RC)


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Have the style in force while `draw` draws."""

    @wraps(draw)
    def in_style(*arguments: P.args, **options: P.kwargs) -> R:
        with style():
            return draw(*arguments, **options)

    return in_style


def check_run(run: object) -> None:
    """Refuse what is no Trajectory."""
    if not isinstance(run, Trajectory):
        raise ArgumentTypeError(f"run must be a Trajectory, got {validate.shown(run)}")


def check_dataset(data: object, variables: tuple[str, ...], source: str) -> None:
    """Refuse what is no Dataset with these variables."""
    if not isinstance(data, xr.Dataset):
        raise ArgumentTypeError(f"data must be an xarray Dataset, got {validate.shown(data)}")
    if not set(variables) <= set(data.data_vars):
        found = ", ".join(str(name) for name in data.data_vars)
        raise ArgumentError(f"data must come from {source}, got the variables {found}")


def axes_or_new(ax: object) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    if ax is not None:
        if not isinstance(ax, Axes):
            raise ArgumentTypeError(f"ax must be matplotlib Axes, got {validate.shown(ax)}")
        return ax
    return plt.subplots(figsize=(3.4, 2.5), dpi=200)[1]


def panels_or_new(
    ax: object, count: int, columns: int, size: tuple[float, float]
) -> tuple[Axes, ...]:
    """Return `ax` as so many Axes, or those of a new figure."""
    if ax is None:
        _, ax = plt.subplots(-(-count // columns), columns, figsize=size, squeeze=False)
    flat = np.asarray(ax, dtype=object).ravel()
    if flat.size != count or not all(isinstance(each, Axes) for each in flat):
        words = {2: "two", 3: "three", 4: "four"}
        raise ArgumentTypeError(
            f"ax must be {words.get(count, count)} matplotlib Axes, got {validate.shown(ax)}"
        )
    return tuple(flat)
