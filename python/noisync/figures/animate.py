"""The tokens in motion."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.axes import Axes

from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.figures.density import density, density_limits
from noisync.figures.style import BLUE, axes_or_new, check_run, styled
from noisync.figures.tokens import leading_plane, tokens
from noisync.run.trajectory import Trajectory
from noisync.spde.solution import SpdeSolution
from noisync.storage.files import check_target, refusing, replace_file


@styled
def animate(
    run: Trajectory | SpdeSolution,
    path: str | os.PathLike[str] | None = None,
    *,
    frames: int = 100,
    fps: int = 20,
    ax: Axes | None = None,
    color: Any = BLUE,
) -> FuncAnimation:
    """Animate the tokens of a run, or the density of a solution of the SPDE.

    They are drawn as :func:`noisync.plot.tokens` and :func:`noisync.plot.density` draw them.

    Parameters
    ----------
    run : Trajectory or SpdeSolution
        With two or more saved states.
    path : path-like, optional
        Write a GIF there, without any external program.
    frames : int
        At most this many of the saved states, evenly spaced.
    fps : int
        Frames per second of the GIF.
    ax : Axes, optional
        Where to draw; a three-dimensional one for tokens with d = 3. A new figure by default.
    color : color or array of colors
        Of the tokens.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Keep it as long as it shall move; in a notebook, ``to_jshtml()`` shows it.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a run with fewer than two saved states, or a path that does not end in .gif.
    """
    if not isinstance(run, SpdeSolution):
        check_run(run)
    count = run.tokens.shape[0]
    if count < 2:
        raise ArgumentError(f"run must have two or more saved states to animate, got {count}")
    frames = validate.integer("frames", frames, minimum=2)
    fps = validate.integer("fps", fps, minimum=1)
    target = None if path is None else validate.path("path", path)
    if target is not None and target.suffix.lower() != ".gif":
        raise ArgumentError(f"path must end in .gif, got {target.name!r}")
    axes, draw_state = (
        _density(run, ax) if isinstance(run, SpdeSolution) else _tokens(run, ax, color)
    )
    chosen = np.unique(np.linspace(0, count - 1, min(frames, count)).round().astype(int))

    def draw(state: int) -> list[Any]:
        axes.clear()
        draw_state(int(state))
        axes.set_title(f"$t = {run.time[state]:.2f}$")
        return []

    animation = FuncAnimation(
        axes.figure,  # type: ignore[arg-type]
        draw,
        frames=chosen,
        interval=1000 / fps,
    )
    if target is not None:
        check_target("path", target)
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "animation.gif"
            with refusing("path", whole):
                animation.save(whole, PillowWriter(fps=fps))
            content = whole.read_bytes()
        replace_file("path", target, lambda partial: _write(partial, content))
    return animation


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _tokens(run: Trajectory, ax: Axes | None, color: Any) -> tuple[Axes, Callable[[int], Any]]:
    dim = run.tokens.shape[2]
    if ax is not None:
        axes = ax
    elif dim == 3:
        axes = plt.figure(figsize=(3.2, 3.2)).add_subplot(projection="3d")
    else:
        axes = axes_or_new(None)
    basis = leading_plane(run.tokens[-1], run.weights) if dim > 3 else None
    return axes, lambda state: tokens(run, state=state, basis=basis, ax=axes, color=color)


def _density(run: SpdeSolution, ax: Axes | None) -> tuple[Axes, Callable[[int], Any]]:
    # The first picture brings a colour bar of its own, which stands for all: one scale for all.
    first = density(run, state=0, ax=ax, limits=density_limits(run))
    return first, lambda state: density(run, state=state, ax=first, limits=density_limits(run))
