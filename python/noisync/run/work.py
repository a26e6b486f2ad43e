"""How much work a layer is, and how many threads have enough of it."""

from __future__ import annotations

import math

from noisync.attention.exponential import Softmax, Unnormalized
from noisync.attention.sum import AttentionSum
from noisync.model import Model
from noisync.noise.mlp import MLP

#: Nanoseconds of one thread, on a Sapphire Rapids: a pair of tokens of the attention, a token and a
#: neuron of an MLP, each and per coordinate; the weights of a neuron, per coordinate.
_PAIR, _PAIR_COORDINATE = 0.4, 0.057
_NEURON, _NEURON_COORDINATE, _WEIGHT = 1.7, 0.075, 9.0

#: A thread should have so many nanoseconds of work in a layer: with less, the layer's phases, at
#: whose ends threads wait for one another, are too short for a second one to gain anything, and
#: beside a busy neighbour it loses.
_ENOUGH = 300_000


def layer_threads(model: Model, n: int, threads: int) -> int:
    """Return how many of so many threads have enough work in a layer of n tokens."""
    return max(1, min(threads, int(min(_layer(model, n) / _ENOUGH, 1e6))))


def _layer(model: Model, n: int) -> float:
    """Return the nanoseconds of a layer on one thread; infinite where they are not known."""
    dim, total = model.dim, 0.0
    attention = model.total_attention
    if attention is not None:
        parts = attention.parts if isinstance(attention, AttentionSum) else (attention,)
        if not all(isinstance(part, Softmax | Unnormalized) for part in parts):
            return math.inf
        total += len(parts) * n**2 * (_PAIR + _PAIR_COORDINATE * dim)
    noise = model.total_noise
    if noise is not None:
        if not isinstance(noise, MLP):
            return math.inf
        total += noise.width * (n * (_NEURON + _NEURON_COORDINATE * dim) + _WEIGHT * dim)
    return total
