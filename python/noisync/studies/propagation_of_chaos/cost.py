"""What the study costs, estimated before it is run."""

from __future__ import annotations

from noisync.model import Model
from noisync.sphere.quadrature import DIMENSIONS, node_count
from noisync.studies.propagation_of_chaos.design import Design
from noisync.studies.propagation_of_chaos.growth import GROWTH_MODELS, Growth
from noisync.studies.propagation_of_chaos.setting import quadrature_degree

#: Nanoseconds of two cores, roughly: a token in a layer, by dimension, in linear time; a pair of
#: tokens in a layer.
_TOKEN, _PAIR = {2: 120.0, 3: 200.0, 4: 800.0, 5: 3000.0}, 1.0

#: Seconds of an exact distance of 1,024 tokens from 8,192 nodes (3.8 on one core of a Sapphire
#: Rapids), and the powers of the number of pairs by which it grows, below and above that size.
_TRANSPORT, _TRANSPORT_PAIRS, _TRANSPORT_POWERS = 1.9, 1024 * 8192, (0.75, 1.2)


def estimate(design: Design, growth: Growth | None) -> str:
    """Say what the study takes: tokens times layers, and minutes."""
    setting = design.setting
    work, seconds = 0.0, 0.0
    for model in design.models:
        sizes = [_reference_size(design, model), *design.sizes(model)]
        each = design.replicates * setting.layers
        work += each * sum(sizes)
        seconds += each * sum(_seconds(model, n) for n in sizes)
        if model.dim > 2:
            degrees = design.transport_degrees(model)
            pairs = [n * node_count(model.dim, p) / _TRANSPORT_PAIRS for n, p in degrees.items()]
            distances = design.replicates * (setting.saved + 1)
            seconds += (
                distances * _TRANSPORT * sum(max(p**k for k in _TRANSPORT_POWERS) for p in pairs)
            )
        if design.conditional(model):
            each = 2 * design.starts * setting.layers
            work += each * sum(design.conditional_tokens)
            seconds += each * sum(_seconds(model, n) for n in design.conditional_tokens)
    if growth:
        each = growth.setting.layers * (growth.replicates + 2) * len(GROWTH_MODELS)
        size = node_count(4, quadrature_degree(4, 0)) + growth.tokens
        work += each * size
        seconds += each * _seconds(GROWTH_MODELS[0], size)
    return f"{work:.1e} tokens times layers, about {_rounded(seconds / 60)} on two cores"


def _reference_size(design: Design, model: Model) -> int:
    if design.spde(model):
        return design.sizes(model)[-1] + node_count(model.dim, design.quadrature_degree(model))
    return design.reference_tokens


def _seconds(model: Model, n: int) -> float:
    """Return the seconds of N tokens in a layer: in linear time where there is a short series."""
    direct = _PAIR * 0.5 * n**2
    linear = _TOKEN[model.dim] * n if model.dim in DIMENSIONS else direct
    return 1e-9 * (min(linear, direct + 100 * n))


def _rounded(minutes: float) -> str:
    if minutes < 1.5:
        return "a minute"
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
