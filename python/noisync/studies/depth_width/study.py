"""Theorem 1.1 of arXiv:2604.26898: convergence of deep, wide layers to the limit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from noisync.attention.exponential import Softmax
from noisync.base import validate
from noisync.base.progress import Bar
from noisync.base.validate import FloatArray
from noisync.base.version import __version__
from noisync.errors import ArgumentError
from noisync.model import Model, check_model
from noisync.noise.gaussian_field import GaussianField
from noisync.run.checkpoint import Checkpoint
from noisync.run.schemes import SCHEMES
from noisync.studies.cells import Cells, Values
from noisync.studies.depth_width.depth import NestedDepths, check_depths, depth_errors
from noisync.studies.depth_width.width import CoupledLayers
from noisync.studies.sizes import increasing
from noisync.studies.slopes import slope

if TYPE_CHECKING:
    from distributed import Client

#: Attention and noise of comparable size.
DEFAULT_MODEL = Model(4, Softmax(beta=2.0), GaussianField("tanh", sigma_u=0.5, sigma_w=0.1))

#: What ``--quick`` runs instead of the defaults.
QUICK = {"depths": (4, 8, 16), "widths": (32, 64, 128), "width_layers": 8, "replicates": 64}


def depth_width(
    model: Model = DEFAULT_MODEL,
    *,
    tokens: int = 8,
    horizon: float = 1.0,
    depths: Sequence[int] = (8, 16, 32, 64, 128),
    refinement: int = 16,
    widths: Sequence[int] = (64, 128, 256, 512, 1024, 2048),
    width_layers: int = 32,
    replicates: int = 256,
    scheme: str = "layer",
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    stop_after: float | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    r"""Measure how fast layers approach the limit as they get many and as they get wide.

    .. math:: E\Big[\max_t \frac1N \sum_i |X_i(t) - \bar X_i(t)|^2\Big]
              \le c_T\Big(\frac1L + \frac1m\Big)\quad\text{at grid times } t.

    Depth: layers with the Gaussian field at L = `depths` against the same at `refinement` times the
    deepest, on the same noise path. Width: layers with an MLP of width m = `widths` against layers
    with the Gaussian field, `width_layers` each, under the optimal coupling of the two noises given
    the hidden weights. The slopes of both squared errors should be −1.

    Parameters
    ----------
    model : Model
        The limit: its noise is a :class:`noisync.GaussianField`, a function on the sphere (sampler
        ``"auto"`` takes one where it can); the MLP has the same activation and biases.
    tokens : int
        N, drawn uniformly for every replicate.
    horizon : float
        T.
    depths : sequence of int
        The L, each a multiple of the first.
    refinement : int
        Layers of the reference per layer of the deepest.
    widths : sequence of int
        The m.
    width_layers : int
        Layers of the runs that differ by width.
    replicates : int
        Independent noise paths.
    scheme : {"layer", "euler"}
        Time step of the depth part.
    seed, threads, progress, checkpoint, stop_after
        As in :func:`noisync.simulate`; a checkpoint holds whole depths and widths.
    client : dask.distributed.Client, optional
        Compute on its workers, as in :func:`noisync.ensemble`, cell by cell.

    Returns
    -------
    xarray.Dataset
        ``depth_error`` (replicate, depth) and ``width_error`` (replicate, width), the largest over
        grid times; ``slope_depth`` and ``slope_width`` (bound: estimate, low, high), with 95 %
        intervals by bootstrap over replicates.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule.

    References
    ----------
    arXiv:2604.26898, Theorem 1.1.
    """
    check_model(model)
    field = model.noise
    if not isinstance(field, GaussianField):
        raise ArgumentError(
            f"model must have a GaussianField as noise, the limit of an MLP, got {field!r}"
        )
    depths = check_depths(depths)
    widths = increasing("widths", widths)
    validate.choice("scheme", scheme, [s.name for s in SCHEMES.values() if s.strong_order])
    replicates = validate.integer("replicates", replicates, minimum=2)
    refinement = validate.integer("refinement", refinement, minimum=2)
    coupled = CoupledLayers(
        model,
        validate.integer("tokens", tokens, minimum=1),
        validate.positive("horizon", horizon),
        validate.integer("width_layers", width_layers, minimum=1),
        validate.integer("seed", seed, minimum=0, maximum=2**64 - 1),
        replicates,
    )
    limit = model.resolved(tokens)
    attributes = {
        "study": "depth-width", "version": __version__, "model": limit.to_toml(),
        "kernel_error": limit.kernel_error, "tokens": tokens, "horizon": horizon,
        "refinement": refinement, "width_layers": width_layers, "scheme": scheme,
        "seed": str(seed),
    }  # fmt: skip
    asked = {
        "model": model, "tokens": coupled.n, "horizon": coupled.horizon, "depths": depths,
        "refinement": refinement, "widths": widths, "width_layers": coupled.layers,
        "replicates": replicates, "scheme": scheme, "seed": coupled.seed,
    }  # fmt: skip
    nested = NestedDepths(
        limit, coupled.n, coupled.horizon, depths, refinement, replicates, scheme, coupled.seed,
        threads,
    )  # fmt: skip
    cells = Cells("depth_width", asked, checkpoint, stop_after)
    planned = [(f"depth {depth}", partial(_states, nested, depth)) for depth in nested.all]
    planned += [(f"width {width}", partial(_errors, coupled, width)) for width in widths]
    found: dict[str, Values] = {}
    with Bar(len(planned), "cell", shown=progress) as bar, cells.running(lambda: None):
        for key, values in cells.each(planned, client):
            found[key] = values
            bar.update()
    if len(found) < len(planned):
        return xr.Dataset(attrs=attributes | {"finished": 0})
    depth_error = depth_errors([found[f"depth {depth}"]["tokens"] for depth in nested.all])
    width_error = np.stack([found[f"width {m}"]["error"].max(axis=1) for m in widths], axis=1)
    data = _dataset(depths, widths, depth_error, width_error)
    data.attrs = attributes | {"finished": 1}
    return data


def _states(nested: NestedDepths, depth: int) -> Values:
    return {"tokens": nested.states(depth)}


def _errors(coupled: CoupledLayers, width: int) -> Values:
    return {"error": coupled.errors(width)}


def _dataset(
    depths: tuple[int, ...],
    widths: tuple[int, ...],
    depth_error: FloatArray,
    width_error: FloatArray,
) -> xr.Dataset:
    return xr.Dataset(
        {
            "depth_error": (("replicate", "depth"), depth_error),
            "width_error": (("replicate", "width"), width_error),
            "slope_depth": ("bound", list(slope(depths, depth_error))),
            "slope_width": ("bound", list(slope(widths, width_error))),
        },
        {
            "replicate": np.arange(depth_error.shape[0]),
            "depth": list(depths),
            "width": list(widths),
            "bound": ["estimate", "low", "high"],
        },
    )
