"""The errors of N tokens along one noise path, for every N."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noisync.base.validate import FloatArray
from noisync.measure.energy import energy
from noisync.model import Model
from noisync.sphere.quadrature import node_count
from noisync.studies.propagation_of_chaos.design import Design
from noisync.studies.propagation_of_chaos.distances import (
    coupling_squares,
    energy_errors,
    quantisation,
    sobolev_squares,
    transport_squares,
)
from noisync.studies.propagation_of_chaos.rates import growing_degree
from noisync.studies.propagation_of_chaos.reference import (
    Nodes,
    Reference,
    particle_reference,
    spde_reference,
)


def reference(
    design: Design,
    model: Model,
    replicate: int,
    degree: int | None = None,
    coarser: Sequence[int] = (),
) -> Reference:
    """Return the reference on the noise path of a replicate, with X̄ for the largest N."""
    setting, largest = design.setting, design.sizes(model)[-1]
    if not design.spde(model):
        return particle_reference(model, setting, largest, replicate, design.reference_tokens)
    start = setting.start(model.dim, largest).sample(setting.seed, replicate)
    degree = degree or design.quadrature_degree(model)
    return spde_reference(model, setting, start, replicate, degree, coarser)


def empty(design: Design) -> dict[str, FloatArray]:
    """Return the errors of one replicate, none of them known."""
    sizes, times = len(design.tokens), design.setting.saved + 1
    orders = len(design.orders)
    return {
        "coupling": np.full((sizes, times), np.nan),
        "energy": np.full((sizes, times), np.nan),
        "wasserstein": np.full((sizes, times), np.nan),
        "sobolev": np.full((orders, sizes, times), np.nan),
        "sobolev_growing": np.full(sizes, np.nan),
    }


def measured(design: Design, model: Model, replicate: int) -> dict[str, FloatArray]:
    """Return the errors of every N on the noise path of a replicate; see :func:`empty`."""
    degrees = design.transport_degrees(model)
    truth = reference(design, model, replicate, coarser=tuple(degrees.values()))
    limit = truth.limit
    true_energy = np.asarray(energy(limit.tokens, design.beta, limit.weights))
    result = empty(design)
    growing = design.growing_sizes(model)
    for k, n in enumerate(design.sizes(model)):
        x = design.setting.run(model, truth.driven[0, :n], replicate)
        result["coupling"][k] = coupling_squares(x, truth)
        result["energy"][k] = energy_errors(x, true_energy, design.beta)
        for j, order in enumerate(design.orders):
            result["sobolev"][j, k] = sobolev_squares(x, limit, order, design.degree)
        if n in growing:
            last = Nodes(limit.tokens[-1:], limit.weights)
            degree = growing_degree(model.dim, n)
            result["sobolev_growing"][k] = sobolev_squares(x[-1:], last, 1.0, degree)[0]
        if n in degrees:
            nodes, threads = truth.by_degree[degrees[n]], design.setting.threads
            result["wasserstein"][k] = transport_squares(x, nodes, threads)
    return result


def no_floors(design: Design) -> dict[str, FloatArray]:
    """Return floors, none of them known."""
    unknown = np.array(np.nan)
    return {
        "coupling": unknown,
        "energy": unknown,
        "sobolev": np.full(len(design.orders), np.nan),
        "wasserstein": np.full(len(design.tokens), np.nan),
    }


def floors(design: Design, model: Model) -> dict[str, FloatArray]:
    """Return the errors of the SPDE's nodes: against 2/3 of the degree, on the first noise path.

    Largest over time. That of W_2², for every N, is the least that its nodes can have, if the law
    is uniform.
    """
    if not design.spde(model):
        return no_floors(design)
    degree = design.quadrature_degree(model)
    fine = reference(design, model, 0)
    coarse = reference(design, model, 0, max(4, 2 * (degree // 3)))
    nodes, rough = fine.limit, coarse.limit
    energies = [np.asarray(energy(r.tokens, design.beta, r.weights)) for r in (nodes, rough)]
    sobolev = [
        sobolev_squares(rough.tokens, nodes, order, design.degree, rough.weights).max()
        for order in design.orders
    ]
    transport = np.full(len(design.tokens), np.nan)
    for n, each in design.transport_degrees(model).items():
        transport[design.tokens.index(n)] = quantisation(model.dim, node_count(model.dim, each))
    return {
        "coupling": coupling_squares(coarse.driven, fine).max(),
        "energy": np.abs(energies[0] - energies[1]).max(),
        "sobolev": np.array(sobolev),
        "wasserstein": transport,
    }
