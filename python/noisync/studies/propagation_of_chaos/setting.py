"""What all runs of the study of propagation of chaos share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.model import Model, check_model
from noisync.normalization import require_post
from noisync.run.simulation import simulate
from noisync.sphere import Uniform, VonMisesFisher
from noisync.sphere.law import TokenLaw
from noisync.sphere.quadrature import DIMENSIONS, node_count

REFERENCES = ("auto", "spde", "particles")

#: Nodes on the circle, and on other spheres per token of an exact transport.
CIRCLE_NODES, NODES_PER_TOKEN = 4096, 8

#: The lowest degrees of quadratures, by dimension: below, they do not resolve the flow.
_LEAST_DEGREE = {2: 62, 3: 70, 4: 30, 5: 22}


@dataclass(frozen=True)
class Setting:
    """Times, start and noise paths, the same for all models and all N."""

    horizon: float
    layers: int
    saved: int
    concentration: float
    seed: int
    threads: int | None

    @classmethod
    def checked(
        cls, horizon: float, layers: int, saved: int, concentration: float, seed: int,
        threads: int | None,
    ) -> Setting:  # fmt: skip
        """Check the arguments of these names."""
        layers = validate.integer("layers", layers, minimum=1)
        saved = validate.integer("saved", saved, minimum=1)
        if layers % saved:
            raise ArgumentError(f"layers must be a multiple of saved = {saved}, got {layers}")
        return cls(
            horizon=validate.positive("horizon", horizon),
            layers=layers,
            saved=saved,
            concentration=validate.non_negative("concentration", concentration),
            seed=validate.integer("seed", seed, minimum=0, maximum=2**64 - 1),
            threads=threads,
        )

    @property
    def times(self) -> FloatArray:
        """The saved times, 0 the first."""
        return np.linspace(0.0, self.horizon, self.saved + 1)

    def start(self, dim: int, n: int) -> TokenLaw:
        """Return the law of n independent tokens; token i is the same for every n."""
        if self.concentration == 0:
            return Uniform(n, dim)
        return VonMisesFisher(n, np.eye(dim)[0], self.concentration)

    def run(
        self, model: Model, tokens: FloatArray, replicate: int, weights: FloatArray | None = None
    ) -> FloatArray:
        """Return tokens at the saved times, (K, N, d), along the noise path of a replicate."""
        states = simulate(
            model,
            tokens,
            replicate=replicate,
            weights=weights,
            horizon=self.horizon,
            layers=self.layers,
            save=self.layers // self.saved,
            seed=self.seed,
            threads=self.threads,
        )
        return states.tokens


def checked_models(model: Model | Sequence[Model]) -> tuple[Model, ...]:
    """Return the models with noises that are functions on the sphere, the same for every N."""
    listed: Any = model
    models = list(listed) if np.iterable(listed) else [listed]
    if not models:
        raise ArgumentError("model must be a Model or one or more of them, got none")
    result = []
    for each in models:
        check_model(each)
        require_post(each.placement, "model")
        result.append(each.on_sphere())
    if len(set(map(Model.to_toml, result))) < len(result):
        raise ArgumentError(f"model must list different models, got {validate.shown(model)}")
    return tuple(result)


def quadrature_degree(dim: int, nodes: int) -> int:
    """Return the least degree, even, with at least so many nodes; it resolves the flow."""
    return max(_LEAST_DEGREE[dim], node_degree(dim, nodes))


def node_degree(dim: int, nodes: int) -> int:
    """Return the least degree, even, of a quadrature with at least so many nodes."""
    degree = 2
    while node_count(dim, degree) < nodes:
        degree += 2
    return degree


def uses_spde(reference: str, dim: int) -> bool:
    """Whether the reference is the SPDE; refuse where it is asked for and has no quadrature."""
    validate.choice("reference", reference, REFERENCES)
    if reference == "spde" and dim not in DIMENSIONS:
        raise ArgumentError(
            f"reference must be 'particles' in dim {dim}: the SPDE is solved on a quadrature, "
            f"which there is for dim {DIMENSIONS.start} to {DIMENSIONS.stop - 1}, got 'spde'"
        )
    return reference == "spde" or (reference == "auto" and dim in DIMENSIONS)
