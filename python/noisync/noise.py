"""The noise laws: the random part of a layer."""

from __future__ import annotations

from noisync.gaussian_field import GaussianField
from noisync.mlp import MLP

Noise = MLP | GaussianField

#: The kinds of noise, by the name they have in a dict or TOML.
KINDS = {part.kind: part for part in (MLP, GaussianField)}
