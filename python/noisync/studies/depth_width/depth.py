"""Layers of some depth beside many more on the same noise path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.measure.tokens import Tokens
from noisync.model import Model
from noisync.run.ensemble import ensemble
from noisync.sphere import Uniform
from noisync.studies.sizes import increasing


def check_depths(depths: Sequence[int]) -> tuple[int, ...]:
    """Return increasing depths, multiples of the first."""
    chosen = increasing("depths", depths)
    if any(depth % chosen[0] for depth in chosen):
        raise ArgumentError(f"depths must be multiples of the first, got {chosen}")
    return chosen


@dataclass(frozen=True)
class NestedDepths:
    """Runs of several depths and of a reference, `refinement` times the deepest, on one path."""

    model: Model
    tokens: int
    horizon: float
    depths: tuple[int, ...]
    refinement: int
    replicates: int
    scheme: str
    seed: int
    threads: int | None

    @property
    def all(self) -> tuple[int, ...]:
        """The depths, the reference's last."""
        return (*self.depths, self.refinement * self.depths[-1])

    def states(self, depth: int) -> FloatArray:
        """Return the tokens of all replicates at the times of the shallowest, (R, K, N, d)."""
        data = ensemble(
            self.model,
            Uniform(self.tokens, self.model.dim),
            replicates=self.replicates,
            horizon=self.horizon,
            path_layers=self.all[-1],
            scheme=self.scheme,
            seed=self.seed,
            threads=self.threads,
            observe=[Tokens()],
            layers=depth,
            # The grid of the shallowest run is part of every other.
            save=depth // self.depths[0],
        )
        return np.asarray(data.tokens.to_numpy())


def depth_errors(states: Sequence[FloatArray]) -> FloatArray:
    """Return max_t (1/N) Σ|X_i − X̄_i|², (replicates, depths), from states of all depths."""
    distances = [np.mean(np.sum((x - states[-1]) ** 2, axis=3), axis=2) for x in states[:-1]]
    return np.stack([distance.max(axis=1) for distance in distances], axis=1)
