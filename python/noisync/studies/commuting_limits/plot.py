"""The three limits in one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from noisync.base.validate import FloatArray
from noisync.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    check_dataset,
    panels_or_new,
    styled,
)
from noisync.studies.bootstrap import mean_interval


@styled
def commuting_limits(data: xr.Dataset, ax: Sequence[Axes] | None = None) -> tuple[Axes, Axes]:
    """Draw the errors of :func:`noisync.studies.commuting_limits`.

    Left: against N, L and m, with lines of slope −1, and the sum of the three lines, which bounds
    the error up to a factor 3 where N = L = m. Right: m times the width error against N.

    Parameters
    ----------
    data : xarray.Dataset
        What the study returned.
    ax : two Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    (Axes, Axes)

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For a dataset of another kind, or `ax` that is not two Axes.
    """
    names = ("tokens_error", "depth_error", "width_error")
    check_dataset(data, names, "ns.studies.commuting_limits")
    left, right = panels_or_new(ax, 2, 2, (6.8, 2.9))
    _limits(left, data)
    _widths(right, data)
    return left, right


def constants(data: xr.Dataset) -> dict[str, float]:
    """Return the c of the three errors c/size, by least squares in logarithms.

    That of the width for the first activation and the largest N.
    """
    width = data.width_error.isel(activation=0, width_token=-1).to_numpy()
    errors = {
        "tokens": data.tokens_error.to_numpy(),
        "depth": data.depth_error.to_numpy(),
        "width": width,
    }
    return {
        name: float(np.exp(np.mean(np.log(values.mean(axis=0) * data[name].to_numpy()))))
        for name, values in errors.items()
    }


def _limits(axes: Axes, data: xr.Dataset) -> None:
    width = data.width_error.isel(activation=0, width_token=-1)
    activation, n = data.activation[0].item(), data.width_token[-1].item()
    series = (
        ("tokens", data.tokens_error, "tokens $N$", BLUE),
        ("depth", data.depth_error, f"layers $L$, $N={data.attrs['depth_tokens']}$", VERMILION),
        ("width", width, f"width $m$, {activation}, $N={n}$", GREEN),
    )
    found = constants(data)
    sizes = np.concatenate([data[name].to_numpy() for name, *_ in series])
    range_of_sizes = np.array([sizes.min(), sizes.max()])
    for name, errors, label, color in series:
        _points(axes, data[name].to_numpy(), errors.to_numpy(), color, label)
        axes.plot(range_of_sizes, found[name] / range_of_sizes, "--", color=color, linewidth=0.9)
    total = sum(found.values()) / range_of_sizes
    axes.plot(range_of_sizes, total, color=GREY, label="sum of the three lines")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("size: $N$, $L$ or $m$")
    axes.set_ylabel(r"$E\,\max_t\,\frac{1}{N}\sum_i |X_i - \bar X_i|^2$")
    axes.legend()


def _widths(axes: Axes, data: xr.Dataset) -> None:
    n = data.width_token.to_numpy()
    colors = (BLUE, VERMILION, GREEN, ORANGE)
    styles = ("o-", "s--", "^:", "D-.")
    for a, activation in enumerate(data.activation.to_numpy()):
        for j, width in enumerate(data.width.to_numpy()):
            errors = width * data.width_error.isel(activation=a, width=j).to_numpy().T
            mean, low, high = mean_interval(errors)
            axes.errorbar(
                n, mean, [mean - low, high - mean], fmt=styles[j % 4], color=colors[a % 4],
                markersize=3, capsize=1.5, linewidth=0.8, label=f"{activation}, m = {width}",
            )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    bottom, top = np.log10(axes.get_ylim())
    axes.set_ylim(float(10 ** np.floor(bottom)), float(10 ** np.ceil(top)))
    axes.set_xticks(n, [str(size) for size in n])
    axes.minorticks_off()
    axes.set_xlabel("tokens $N$")
    axes.set_ylabel("$m$ times the width error")
    axes.legend(ncols=2, fontsize=6)


def _points(axes: Axes, sizes: FloatArray, errors: FloatArray, color: str, label: str) -> None:
    mean, low, high = mean_interval(errors)
    axes.errorbar(
        sizes, mean, [mean - low, high - mean], fmt="o", markersize=3.5, capsize=2, color=color,
        label=label,
    )  # fmt: skip
