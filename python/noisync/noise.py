"""The noise laws: the random part of a layer."""

from __future__ import annotations

from noisync.gaussian_field import GaussianField
from noisync.independent_noise import IndependentNoise
from noisync.mlp import MLP
from noisync.value_noise import ValueNoise

Noise = MLP | GaussianField | ValueNoise | IndependentNoise

#: The kinds of noise, by the name they have in a dict or TOML.
KINDS = {part.kind: part for part in (MLP, GaussianField, ValueNoise, IndependentNoise)}

#: The same for messages.
NAMES = "MLP, GaussianField, ValueNoise, IndependentNoise"
