"""An ensemble of the study: tokens under the noise of random value matrices alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisync.base.validate import FloatArray
from noisync.measure.tokens import Tokens
from noisync.model import Model
from noisync.noise.value import ValueNoise
from noisync.run.ensemble import ensemble
from noisync.sphere import Uniform
from noisync.sphere.law import TokenLaw
from noisync.studies.two_token_transition.ends import ON_A_LINE, Ends, ends
from noisync.theory.two_token import antipodal_probability

#: So many groups and more are counted together.
MANY = 3

#: Times at which it is seen whether tokens have come to one line.
TIMES = 40


@dataclass(frozen=True)
class Conditions:
    """How every ensemble is run; `thickness` is the largest Δ(d − 1) of the coarser layers."""

    horizon: float
    thickness: float
    seed: int
    threads: int | None

    def layers(self, dim: int) -> int:
        """Return the number of coarser layers, a multiple of that of the times."""
        return TIMES * math.ceil(self.horizon * (dim - 1) / (self.thickness * TIMES))

    def run(
        self,
        dim: int,
        beta: float,
        tokens: TokenLaw | FloatArray,
        replicates: range,
        layers: int,
        path_layers: int,
    ) -> Ends:
        """Run an ensemble in so many layers on the noise of a finer path."""
        data = ensemble(
            Model(dim, noise=ValueNoise(beta)),
            tokens,
            replicates=len(replicates),
            first_replicate=replicates.start,
            horizon=self.horizon,
            layers=layers,
            path_layers=path_layers,
            save=layers // TIMES,
            observe=[Tokens()],
            seed=self.seed,
            threads=self.threads,
        )
        return ends(data.time.to_numpy(), data.tokens.to_numpy())


def pair(
    conditions: Conditions, dim: int, beta: float, cosine: float, replicates: range
) -> dict[str, Any]:
    """Run pairs of one cosine in layers and in halves of them, on the same noise."""
    start = np.zeros((2, dim))
    start[:, 0] = 1.0, cosine
    start[1, 1] = math.sqrt(1 - cosine**2)
    layers = conditions.layers(dim)
    coarse, fine = (
        conditions.run(dim, beta, start, replicates, count, 2 * layers)
        for count in (layers, 2 * layers)
    )
    extrapolated = 2.0 * fine.antipodal - coarse.antipodal
    return {
        "count": fine.counts,
        "estimate": float(extrapolated.mean()),
        "error": float(extrapolated.std(ddof=1) / math.sqrt(len(replicates))),
        "time_to_settle": float(np.median(fine.arrival)),
        "layers": 2 * layers,
    }


def group(
    conditions: Conditions, dim: int, beta: float, tokens: int, replicates: range
) -> dict[str, Any]:
    """Run uniform tokens, in the finer layers; count groups, and sizes of the smaller of two."""
    layers = 2 * conditions.layers(dim)
    found = conditions.run(dim, beta, Uniform(tokens, dim), replicates, layers, layers)
    return {
        "count": found.counts,
        "groups": np.bincount(np.minimum(found.groups, MANY) - 1, minlength=MANY),
        "sizes": np.bincount(found.smaller[found.groups == 2], minlength=tokens // 2 + 1),
        "time_to_settle": float(np.median(found.arrival)),
    }


def leaving(dim: int, beta: float) -> float:
    """Return the probability that antipodes, once counted as such, still come to one point."""
    return float(1 - antipodal_probability(dim, beta, -1 + ON_A_LINE))
