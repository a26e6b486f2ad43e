"""The kinds that are compared, each as a model, at one strength."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from noisync.attention.exponential import Softmax
from noisync.model import Model
from noisync.noise.independent import IndependentNoise
from noisync.noise.law import NoiseLaw
from noisync.noise.mlp import MLP
from noisync.noise.value import ValueNoise

#: What each kind is, in words.
MEANINGS: Mapping[str, str] = {
    "attention": "no noise: softmax attention with V = I pulls every token to what it attends to",
    "value": "one random value matrix a layer: a token meets the noise through its average, and "
    "tokens with one average move alike",
    "random heads": "random queries, keys and values: what a token attends to is random, too",
    "mlp": "a random network, one function on the sphere for all tokens: what a token meets "
    "depends on its place alone, not on the others",
    "independent": "a noise of its own for each token: nothing is common",
    "mlp and value": "random networks and value matrices, half the strength each",
}

#: The mean over random heads of their noise's covariance is not known in closed form.
WITHOUT_BUDGET = ("random heads",)


@dataclass(frozen=True)
class Kinds:
    """The models of all kinds.

    `strength` is the variance per unit time and direction of the noise at a token, κ(1) or its
    like, of tokens that have gathered: value noise is weaker where averages are shorter than 1.
    """

    dim: int
    beta: float
    strength: float
    activation: str
    width: int
    sigma: float
    heads: int
    head_dim: int

    def models(self) -> dict[str, Model]:
        """Return the models by the names of their kinds."""
        noises: dict[str, NoiseLaw | list[NoiseLaw]] = {
            "value": self._value(self.strength),
            "random heads": ValueNoise(
                self.beta,
                math.sqrt(self.strength),
                heads=self.heads,
                head_dim=self.head_dim,
                head_scale=self.head_dim**-0.25,  # logits of standard deviation β
            ),
            "mlp": self._mlp(self.strength),
            "independent": IndependentNoise(math.sqrt(self.strength)),
            "mlp and value": [self._mlp(self.strength / 2), self._value(self.strength / 2)],
        }
        alone = Model(self.dim, Softmax(beta=self.beta))
        return {"attention": alone, **{k: Model(self.dim, noise=v) for k, v in noises.items()}}

    def _value(self, strength: float) -> ValueNoise:
        return ValueNoise(self.beta, math.sqrt(strength))

    def _mlp(self, strength: float) -> MLP:
        """Return random networks of κ(1) = strength."""
        unit = MLP(self.activation, self.width, sigma_u=self.sigma)
        scale = math.sqrt(strength / unit.kernel(self.dim).variance)
        return MLP(self.activation, self.width, sigma_u=self.sigma, output_scale=scale)
