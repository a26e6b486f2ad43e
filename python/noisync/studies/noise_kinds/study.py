"""Kinds of noise side by side: the same tokens, the same strength."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from noisync.base import validate
from noisync.base.progress import Bar
from noisync.base.version import __version__
from noisync.errors import ArgumentError
from noisync.measure.budget import Budget
from noisync.measure.clusters import Clusters
from noisync.measure.cosines import Cosines
from noisync.measure.energy import Energy
from noisync.measure.order import OrderParameters
from noisync.model import Model
from noisync.run.checkpoint import Checkpoint
from noisync.run.ensemble import ensemble
from noisync.sphere import Uniform
from noisync.studies.cells import Cells, Values, with_effect
from noisync.studies.noise_kinds.kinds import WITHOUT_BUDGET, Kinds
from noisync.theory.activations import NAMES

if TYPE_CHECKING:
    from distributed import Client

#: What ``--quick`` runs instead of the defaults.
QUICK = {"tokens": 32, "replicates": 12, "horizon": 10.0, "layers": 200, "saved": 50, "width": 128}


def noise_kinds(
    dim: int = 6,
    *,
    strength: float = 0.5,
    beta: float = 3.0,
    tokens: int = 64,
    activation: str = "relu",
    width: int = 512,
    sigma: float = 0.3,
    heads: int = 4,
    head_dim: int | None = None,
    horizon: float = 20.0,
    layers: int = 2000,
    saved: int = 100,
    replicates: int = 96,
    angle: float = 0.1,
    bins: int = 50,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    stop_after: float | None = None,
    client: Client | None = None,
) -> xr.Dataset:
    r"""Compare what attention and five kinds of noise, each alone, do to the same tokens.

    Attention without noise; random value matrices; random heads; random networks; a noise of its
    own for each token; networks with value matrices. All noises have one strength: the variance

    .. math:: E\,|G(x)|^2 / d = \kappa(1) \text{ or its like}

    at a token, per unit time, once tokens have gathered; s² for ``ValueNoise`` and
    ``IndependentNoise`` of scale s. Before, averages are shorter than 1, and value noise weaker.

    Parameters
    ----------
    dim : int
        d.
    strength : float
        Positive.
    beta : float
        β of the attention, of the averages of value noise, and of the energy; positive.
    tokens : int
        N, drawn uniformly for every replicate, the same for every kind.
    activation, width, sigma
        φ, m and σ_U of the networks.
    heads, head_dim
        H and r of the random heads, whose logits have the standard deviation β; r = d by default.
    horizon : float
        T.
    layers : int
        L, a multiple of `saved`.
    saved : int
        Times in (0, T] at which there are measurements, beside 0.
    replicates : int
        Runs of every kind, at least 2.
    angle : float
        Tokens within this angle, in radians and through others, are one cluster.
    bins : int
        Of the histogram of pairwise cosines.
    seed, threads, progress, checkpoint, stop_after
        As in :func:`noisync.simulate`; a checkpoint is written after whole kinds.
    client : dask.distributed.Client, optional
        Compute on its workers, as in :func:`noisync.ensemble`, cell by cell.

    Returns
    -------
    xarray.Dataset
        Over (kind, replicate, time): ``clusters`` (statistic: count, heaviest), ``cosines`` (bin),
        ``order`` (parameter: mean, leading, effective_rank), ``energy``, and ``budget`` (part:
        attention, noise), what both contribute to dE[E_β]/dt; NaN for random heads, where it is
        not known. ``toml`` (kind) is the model.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, before anything is run.
    KeyboardInterrupt
        With the kinds until then in its ``dataset``.

    References
    ----------
    arXiv:2601.21942; random heads arXiv:2604.01978; networks arXiv:2604.26898.
    """
    arguments = dict(locals())
    dim = validate.integer("dim", dim, minimum=2)
    comparison = _Comparison(
        kinds=Kinds(
            dim=dim,
            beta=validate.positive("beta", beta),
            strength=validate.positive("strength", strength),
            activation=validate.choice("activation", activation, NAMES),
            width=validate.integer("width", width, minimum=1),
            sigma=validate.non_negative("sigma", sigma),
            heads=validate.integer("heads", heads, minimum=1),
            head_dim=validate.integer("head_dim", head_dim or dim, minimum=1),
        ),
        tokens=validate.integer("tokens", tokens, minimum=2),
        horizon=validate.positive("horizon", horizon),
        layers=validate.integer("layers", layers, minimum=1),
        saved=validate.integer("saved", saved, minimum=1),
        replicates=validate.integer("replicates", replicates, minimum=2),
        angle=validate.positive("angle", angle),
        bins=validate.integer("bins", bins, minimum=1),
        seed=validate.integer("seed", seed, minimum=0, maximum=2**64 - 1),
        threads=threads,
    )
    if layers % saved:
        raise ArgumentError(f"layers must be a multiple of saved = {saved}, got {layers}")
    models = comparison.kinds.models()
    cells = Cells("noise_kinds", with_effect(arguments), checkpoint, stop_after)
    with (
        Bar(len(models), "kind", shown=progress) as bar,
        cells.running(lambda: comparison.dataset(models)),
    ):
        planned = [(k, partial(comparison.measured, k, model)) for k, model in models.items()]
        for kind, values in cells.each(planned, client):
            comparison.found[kind] = values
            bar.update()
    return comparison.dataset(models)


@dataclass(frozen=True)
class _Comparison:
    """How every kind is run, and what was measured of it."""

    kinds: Kinds
    tokens: int
    horizon: float
    layers: int
    saved: int
    replicates: int
    angle: float
    bins: int
    seed: int
    threads: int | None
    found: dict[str, Values] = field(default_factory=dict)

    def measured(self, kind: str, model: Model) -> dict[str, Any]:
        """Run an ensemble of a kind."""
        beta = self.kinds.beta
        observers = [
            Clusters(self.angle), Cosines(self.bins), OrderParameters(), Energy(beta),
        ]  # fmt: skip
        if kind not in WITHOUT_BUDGET:
            observers.append(Budget(beta))
        data = ensemble(
            model,
            Uniform(self.tokens, self.kinds.dim),
            replicates=self.replicates,
            horizon=self.horizon,
            layers=self.layers,
            save=self.layers // self.saved,
            observe=observers,
            seed=self.seed,
            threads=self.threads,
        )
        return {str(name): values.to_numpy() for name, values in data.data_vars.items()}

    def dataset(self, models: Mapping[str, Model]) -> xr.Dataset:
        """Label what was found, NaN for kinds that were not run."""
        shape = self.replicates, self.saved + 1
        inner = {
            "clusters": ("statistic",), "cosines": ("bin",), "order": ("parameter",), "energy": (),
            "budget": ("part",),
        }  # fmt: skip
        labels: dict[str, Any] = {
            "statistic": ["count", "heaviest"], "bin": _middles(self.bins),
            "parameter": ["mean", "leading", "effective_rank"], "part": ["attention", "noise"],
        }  # fmt: skip
        variables = {}
        for name, axes in inner.items():
            unknown = np.full((*shape, *(len(labels[axis]) for axis in axes)), np.nan)
            values = [self.found.get(kind, {}).get(name, unknown) for kind in models]
            variables[name] = (("kind", "replicate", "time", *axes), np.array(values, dtype=float))
        return xr.Dataset(
            variables,
            {
                "kind": list(models),
                "toml": ("kind", [model.to_toml() for model in models.values()]),
                "replicate": np.arange(self.replicates),
                "time": np.linspace(0.0, self.horizon, self.saved + 1),
                **labels,
            },
            {
                "study": "noise-kinds", "version": __version__,
                "finished": int(len(self.found) == len(models)),
                "dim": self.kinds.dim, "beta": self.kinds.beta, "strength": self.kinds.strength,
                "tokens": self.tokens, "horizon": self.horizon, "layers": self.layers,
                "replicates": self.replicates, "angle": self.angle, "seed": str(self.seed),
            },
        )  # fmt: skip


def _middles(bins: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the middles of equal bins of [−1, 1]."""
    edges = np.linspace(-1.0, 1.0, bins + 1)
    return np.asarray((edges[1:] + edges[:-1]) / 2)
