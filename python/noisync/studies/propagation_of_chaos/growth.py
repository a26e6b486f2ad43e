"""Beyond the theorem: how the coupling error grows with the horizon, at a fixed N."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from noisync.attention.exponential import Softmax
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.model import Model
from noisync.noise.mlp import MLP
from noisync.studies.propagation_of_chaos.distances import coupling_squares
from noisync.studies.propagation_of_chaos.reference import Reference, spde_reference
from noisync.studies.propagation_of_chaos.setting import Setting, quadrature_degree

#: In dimension 4, the least where λ̄ can be negative: strong noise with λ̄ < 0, weak noise with
#: λ̄ > 0, each with attention that attracts and that repels.
_STRONG = MLP("tanh", 64, sigma_u=0.5, sigma_w=0.8)
_WEAK = MLP("tanh", 64, sigma_w=0.05)
GROWTH_VALUES = (1.0, -1.0, 1.0, -1.0)
GROWTH_MODELS = tuple(
    Model(4, Softmax(beta=2.0, value=value), noise)
    for value, noise in zip(GROWTH_VALUES, (_STRONG, _STRONG, _WEAK, _WEAK), strict=True)
)


@dataclass(frozen=True)
class Growth:
    """One N over a long time: times, layers of the same thickness as the study's, replicates."""

    setting: Setting
    tokens: int
    replicates: int

    @classmethod
    def checked(
        cls, setting: Setting, horizon: float, tokens: int, replicates: int
    ) -> Growth | None:
        """Check the arguments of these names, growth_ before each; None for a horizon of 0."""
        horizon = validate.non_negative("growth_horizon", horizon)
        tokens = validate.integer("growth_tokens", tokens, minimum=2)
        replicates = validate.integer("growth_replicates", replicates, minimum=2)
        if horizon == 0:
            return None
        pieces = round(horizon / setting.horizon)
        if pieces < 1 or abs(pieces * setting.horizon - horizon) > 1e-9 * horizon:
            raise ArgumentError(
                f"growth_horizon must be a multiple of horizon = {setting.horizon:g}, got "
                f"{horizon:g}"
            )
        longer = replace(
            setting, horizon=horizon, layers=pieces * setting.layers, saved=pieces * setting.saved
        )
        return cls(longer, tokens, replicates)

    def errors(self, model: Model, replicate: int) -> dict[str, FloatArray]:
        """Return (1/N) Σ|X − X̄|² at every saved time, and how far apart the tokens are.

        The latter is (1/2N²) Σ_ij |X^i − X^j|² = 1 − |mean|², which is 0 for one cluster.
        """
        start = self.setting.start(model.dim, self.tokens).sample(self.setting.seed, replicate)
        truth = self._reference(model, start, replicate, quadrature_degree(model.dim, 0))
        x = self.setting.run(model, start, replicate)
        spread = 1 - np.sum(x.mean(axis=1) ** 2, axis=1)
        return {"growth": coupling_squares(x, truth), "growth_spread": spread}

    def floor(self, model: Model) -> dict[str, FloatArray]:
        """Return the squares that 2/3 of the nodes' degree make, on the first noise path, (K,)."""
        start = self.setting.start(model.dim, self.tokens).sample(self.setting.seed, 0)
        degree = quadrature_degree(model.dim, 0)
        fine = self._reference(model, start, 0, degree)
        coarse = self._reference(model, start, 0, 2 * (degree // 3))
        return {"floor_growth": coupling_squares(coarse.driven, fine)}

    def _reference(self, model: Model, start: FloatArray, replicate: int, degree: int) -> Reference:
        return spde_reference(model, self.setting, start, replicate, degree)
