"""What N tokens are compared with: the SPDE, or in high dimensions very many tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from noisync import sphere
from noisync.base.validate import FloatArray
from noisync.model import Model
from noisync.studies.propagation_of_chaos.setting import Setting


@dataclass(frozen=True)
class Nodes:
    """Σ_j w_j δ at M points that move.

    Attributes
    ----------
    tokens : (K, M, d) ndarray
    weights : (M,) ndarray
    """

    tokens: FloatArray
    weights: FloatArray


@dataclass(frozen=True)
class Reference:
    """The limit along one noise path, and the tokens that it alone drives.

    Attributes
    ----------
    limit : Nodes
        μ_t.
    driven : (K, N, d) ndarray
        X̄^i: N tokens of the start that move by the attention of μ_t and by the same noise.
    by_degree : mapping from degrees to Nodes
        Those of μ_t and coarser quadratures of μ_0, moved by the attention of μ_t and by the same
        noise.
    """

    limit: Nodes
    driven: FloatArray
    by_degree: Mapping[int, Nodes] = field(default_factory=dict)


def spde_reference(
    model: Model,
    setting: Setting,
    start: FloatArray,
    replicate: int,
    degree: int,
    coarser: Sequence[int] = (),
) -> Reference:
    """Return the SPDE on a quadrature; X̄ are test tokens, of weight zero, beside its nodes.

    The nodes are those of :func:`noisync.spde.solve` on the same noise path. Quadratures of the
    degrees `coarser` are test tokens, too.
    """
    law = setting.start(model.dim, 1)
    degrees = [degree, *sorted(set(coarser) - {degree})]
    rules = [sphere.quadrature(model.dim, each) for each in degrees]
    masses = [weights * law.density(nodes) for nodes, weights in rules]
    weights = [mass / mass.sum() for mass in masses]
    tokens = [nodes for nodes, _ in rules]
    weightless = np.zeros(len(start) + sum(map(len, weights[1:])))
    states = setting.run(
        model,
        np.concatenate([*tokens, start]),
        replicate,
        np.concatenate([weights[0], weightless]),
    )
    *moved, driven = np.split(states, np.cumsum([len(each) for each in tokens]), axis=1)
    by_degree = dict(zip(degrees, map(Nodes, moved, weights), strict=True))
    return Reference(by_degree[degree], driven, by_degree)


def particle_reference(
    model: Model, setting: Setting, n: int, replicate: int, count: int
) -> Reference:
    """Return a system of `count` tokens, whose first n are those of the start."""
    start = setting.start(model.dim, count).sample(setting.seed, replicate)
    states = setting.run(model, start, replicate)
    return Reference(Nodes(states, np.full(count, 1 / count)), states[:, :n])
