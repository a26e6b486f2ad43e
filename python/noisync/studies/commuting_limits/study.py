"""Do the limits commute? Errors in the number of tokens, in depth and in width, side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

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
from noisync.sphere.quadrature import DIMENSIONS
from noisync.studies.cells import Cells, Values, with_effect
from noisync.studies.depth_width.depth import NestedDepths, check_depths, depth_errors
from noisync.studies.depth_width.width import CoupledLayers
from noisync.studies.propagation_of_chaos.distances import coupling_squares
from noisync.studies.propagation_of_chaos.reference import spde_reference
from noisync.studies.propagation_of_chaos.setting import (
    Setting,
    checked_models,
    quadrature_degree,
)
from noisync.studies.sizes import increasing
from noisync.studies.slopes import slope
from noisync.theory.activations import NAMES

if TYPE_CHECKING:
    from distributed import Client

#: The limit of all three: attention and noise of comparable size.
DEFAULT_MODEL = Model(
    3, Softmax(beta=2.0), GaussianField("tanh", sigma_u=0.5, sigma_w=0.1, sampler="harmonic")
)

#: Above it, the N × N factors of the optimal coupling take too long.
LARGEST_COUPLED = 512

#: What ``--quick`` runs instead of the defaults.
QUICK = {
    "tokens": (32, 64, 128, 256, 512), "depths": (8, 16, 32), "widths": (32, 128, 512),
    "width_tokens": (4, 16, 64), "replicates": 16, "depth_tokens": 32,
}  # fmt: skip


def commuting_limits(
    model: Model = DEFAULT_MODEL,
    *,
    tokens: Sequence[int] = (32, 64, 128, 256, 512, 1024, 2048),
    depths: Sequence[int] = (8, 16, 32, 64, 128),
    refinement: int = 8,
    depth_tokens: int = 64,
    widths: Sequence[int] = (32, 128, 512, 2048),
    width_tokens: Sequence[int] = (8, 32, 128, 512),
    width_layers: int = 4,
    activations: Sequence[str] = ("tanh", "relu"),
    horizon: float = 1.0,
    layers: int = 40,
    replicates: int = 32,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    stop_after: float | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    r"""Measure the errors of the three limits, each in the coupling in which it is smallest.

    .. math:: E \max_t \frac1N \sum_i |X_i(t) - \bar X_i(t)|^2
              \le c_T \frac1N + c_{N,T} \Big(\frac1L + \frac1m\Big)

    * N: tokens against those that the SPDE drives, by the same noise
      (:func:`noisync.studies.propagation_of_chaos`).
    * L: layers against `refinement` times the deepest, on the same noise path.
    * m: an MLP against the Gaussian field, in every layer the optimal coupling of the two noises at
      the N tokens, on a grid of (N, m): the theorem's constant of 1/m may grow with N, and a bound
      without N is proved for smooth activations only.

    Parameters
    ----------
    model : Model
        The limit; its noise is a :class:`noisync.GaussianField`, a function on the sphere; dim 2
        to 5.
    tokens : sequence of int
        The N of the first error.
    depths, refinement, depth_tokens
        The L of the second, the layers of its reference per layer of the deepest, and its N.
    widths, width_tokens, width_layers, activations
        The m and the N of the third, N at most 512, its L, and the activations: of the model's
        noise the biases are kept.
    horizon : float
        T.
    layers : int
        L of the first error.
    replicates : int
        Independent noise paths and starts.
    seed, threads, progress, checkpoint, stop_after
        As in :func:`noisync.simulate`; a checkpoint is written after whole noise paths.
    client : dask.distributed.Client, optional
        Compute on its workers, as in :func:`noisync.ensemble`, cell by cell.

    Returns
    -------
    xarray.Dataset
        ``tokens_error`` (replicate, tokens), ``depth_error`` (replicate, depth), ``width_error``
        (activation, width_token, replicate, width): the largest over saved times.
        ``slope_tokens``, ``slope_depth`` and ``slope_width`` (activation, width_token), and
        ``slope_width_tokens`` (activation, width), the growth of the width error with N at a fixed
        m, each with bound: estimate, low, high.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, before anything is computed.
    KeyboardInterrupt
        With what was measured until then in its ``dataset``, NaN for the rest.

    References
    ----------
    arXiv:2604.26898, Theorem 1.1 and §3.
    """
    arguments = dict(locals())
    limits = _Limits.checked(
        model, tokens, depths, widths, width_tokens, activations,
        refinement=validate.integer("refinement", refinement, minimum=2),
        depth_tokens=validate.integer("depth_tokens", depth_tokens, minimum=1),
        width_layers=validate.integer("width_layers", width_layers, minimum=1),
        replicates=validate.integer("replicates", replicates, minimum=2),
        setting=Setting.checked(horizon, layers, _saved(layers), 0.0, seed, threads),
    )  # fmt: skip
    cells = Cells("commuting_limits", with_effect(arguments), checkpoint, stop_after)
    found: dict[str, Values] = {}
    computed = dict(limits.cells())
    with (
        Bar(len(computed), "cell", shown=progress) as bar,
        cells.running(lambda: limits.dataset(found)),
    ):
        for key, values in cells.each(computed.items(), client):
            found[key] = values
            bar.update()
    return limits.dataset(found)


def _saved(layers: int) -> int:
    """Return the number of saved times: ten, or where L is no multiple of it, all."""
    layers = validate.integer("layers", layers, minimum=1)
    return layers if layers % 10 else 10


@dataclass(frozen=True)
class _Limits:
    """The design, checked."""

    model: Model
    tokens: tuple[int, ...]
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    width_tokens: tuple[int, ...]
    activations: tuple[str, ...]
    refinement: int
    depth_tokens: int
    width_layers: int
    replicates: int
    setting: Setting

    @classmethod
    def checked(
        cls, model: Model, tokens: Sequence[int], depths: Sequence[int], widths: Sequence[int],
        width_tokens: Sequence[int], activations: Sequence[str], **others: Any,
    ) -> _Limits:  # fmt: skip
        check_model(model)
        if not isinstance(model.noise, GaussianField):
            raise ArgumentError(
                "model must have a GaussianField as noise, the limit of an MLP, got "
                f"{model.noise!r}"
            )
        if model.dim not in DIMENSIONS:
            raise ArgumentError(
                f"model must have dim {DIMENSIONS.start} to {DIMENSIONS.stop - 1}, where the SPDE "
                f"has a quadrature, got {model.dim}"
            )
        width_tokens = increasing("width_tokens", width_tokens)
        if width_tokens[-1] > LARGEST_COUPLED:
            raise ArgumentError(
                f"width_tokens must be at most {LARGEST_COUPLED}: the optimal coupling factorises "
                f"N x N matrices in every layer, got {width_tokens[-1]}"
            )
        names = tuple(validate.choice("activations", name, NAMES) for name in activations)
        if not names or len(set(names)) < len(names):
            raise ArgumentError(f"activations must be one or more different names, got {names}")
        return cls(
            model=checked_models(model)[0],
            tokens=increasing("tokens", tokens),
            depths=check_depths(depths),
            widths=increasing("widths", widths),
            width_tokens=width_tokens,
            activations=names,
            **others,
        )

    def cells(self) -> Iterator[tuple[str, Callable[[], Values]]]:
        """Return the cells in their order: a key, and what computes it."""
        for replicate in range(self.replicates):
            yield f"tokens {replicate}", partial(self._tokens, replicate)
        for depth in self._nested.all:
            yield f"depth {depth}", partial(self._depth, depth)
        for activation, n, width in product(self.activations, self.width_tokens, self.widths):
            yield f"width {activation} {n} {width}", partial(self._width, activation, n, width)

    @property
    def _nested(self) -> NestedDepths:
        setting = self.setting
        return NestedDepths(
            self.model, self.depth_tokens, setting.horizon, self.depths, self.refinement,
            self.replicates, "layer", setting.seed, setting.threads,
        )  # fmt: skip

    def _tokens(self, replicate: int) -> Values:
        model, setting = self.model, self.setting
        start = setting.start(model.dim, self.tokens[-1]).sample(setting.seed, replicate)
        degree = quadrature_degree(model.dim, 0)
        truth = spde_reference(model, setting, start, replicate, degree)
        runs = (setting.run(model, start[:n], replicate) for n in self.tokens)
        return {"error": np.array([coupling_squares(x, truth).max() for x in runs])}

    def _depth(self, depth: int) -> Values:
        return {"tokens": self._nested.states(depth)}

    def _width(self, activation: str, n: int, width: int) -> Values:
        assert isinstance(self.model.noise, GaussianField)
        model = replace(self.model, noise=replace(self.model.noise, activation=activation))
        setting = self.setting
        coupled = CoupledLayers(
            model, n, setting.horizon, self.width_layers, setting.seed, self.replicates
        )
        return {"error": coupled.errors(width).max(axis=1)}

    def _errors(self, found: Mapping[str, Values]) -> dict[str, FloatArray]:
        """Return the three errors; NaN where the study was stopped before."""
        paths = self.replicates
        missing = {"error": np.full(len(self.tokens), np.nan)}
        tokens = [found.get(f"tokens {r}", missing)["error"] for r in range(paths)]
        depth = np.full((paths, len(self.depths)), np.nan)
        states = [found[key]["tokens"] for d in self._nested.all if (key := f"depth {d}") in found]
        if len(states) == len(self._nested.all):
            depth = depth_errors(states)
        missing = {"error": np.full(paths, np.nan)}
        grid = product(self.activations, self.width_tokens, self.widths)
        width = [found.get(f"width {a} {n} {m}", missing)["error"] for a, n, m in grid]
        shape = (len(self.activations), len(self.width_tokens), len(self.widths), paths)
        return {
            "tokens_error": np.array(tokens),
            "depth_error": depth,
            "width_error": np.swapaxes(np.reshape(width, shape), 2, 3),
        }

    def dataset(self, cells: Mapping[str, Values]) -> xr.Dataset:
        """Label what was found until now."""
        found = self._errors(cells)
        width = found["width_error"]
        growth = np.moveaxis(width, (1, 3), (3, 1))  # (activation, width, replicate, width_token)
        grid = ("activation", "width_token")
        variables = {
            "tokens_error": (("replicate", "tokens"), found["tokens_error"]),
            "depth_error": (("replicate", "depth"), found["depth_error"]),
            "width_error": ((*grid, "replicate", "width"), width),
            "slope_tokens": ("bound", _slope(self.tokens, found["tokens_error"])),
            "slope_depth": ("bound", _slope(self.depths, found["depth_error"])),
            "slope_width": ((*grid, "bound"), _slopes(self.widths, width)),
            "slope_width_tokens": (
                ("activation", "width", "bound"), _slopes(self.width_tokens, growth)
            ),
        }  # fmt: skip
        coordinates = {
            "replicate": np.arange(self.replicates),
            "tokens": list(self.tokens),
            "depth": list(self.depths),
            "width": list(self.widths),
            "width_token": list(self.width_tokens),
            "activation": list(self.activations),
            "bound": ["estimate", "low", "high"],
        }
        attributes = {
            "study": "commuting-limits", "version": __version__, "model": self.model.to_toml(),
            "horizon": self.setting.horizon, "layers": self.setting.layers,
            "refinement": self.refinement, "depth_tokens": self.depth_tokens,
            "width_layers": self.width_layers, "seed": str(self.setting.seed),
            "finished": int(len(cells) == len(dict(self.cells()))),
        }  # fmt: skip
        return xr.Dataset(variables, coordinates, attributes)


def _slope(sizes: Sequence[int], errors: FloatArray) -> FloatArray:
    return np.array(slope(sizes, errors)) if np.isfinite(errors).all() else np.full(3, np.nan)


def _slopes(sizes: Sequence[int], errors: FloatArray) -> FloatArray:
    """Return the slopes of a grid, (..., 3), from errors (..., replicates, sizes)."""
    grid = errors.reshape(-1, *errors.shape[-2:])
    return np.array([_slope(sizes, each) for each in grid]).reshape(*errors.shape[:-2], 3)
