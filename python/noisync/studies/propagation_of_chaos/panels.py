"""What the pictures of the study share: panels, axes and lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.figures.style import BLUE, GREEN, ORANGE, VERMILION

COLORS = (BLUE, VERMILION, GREEN, ORANGE)

SOURCE = "ns.studies.propagation_of_chaos"


def checked_model(data: xr.Dataset, model: object) -> int:
    """Return the number of a model of the study."""
    if model is None:
        raise ArgumentError("model must be one that was measured, and none was")
    return validate.integer("model", model, minimum=0, maximum=data.sizes["model"] - 1)


def draw_rate(
    axes: Axes, n: npt.ArrayLike, mean: FloatArray, rate: FloatArray, color: str,
    style: str = "--", label: str | None = None,
) -> None:  # fmt: skip
    """Draw a rate through the middle of the points."""
    scale = np.exp(np.mean(np.log(mean) - np.log(rate)))
    axes.plot(n, scale * rate, style, color=color, linewidth=0.9, label=label)


def log_axes(axes: Axes, n: npt.NDArray[np.int64]) -> None:
    """Make both axes logarithmic, tokens along the first."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 100 * low:  # two labelled ticks at least
        axes.set_ylim(10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(high)))
    step = -(-n.size // 7)
    axes.set_xticks(n[::step], [str(size) for size in n[::step]])
    axes.minorticks_off()
    axes.set_xlabel("tokens $N$")
