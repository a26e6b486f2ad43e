"""What N tokens are compared with: the SPDE, or in high dimensions very many tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisync import sphere
from noisync.base.validate import FloatArray
from noisync.model import Model
from noisync.studies.propagation_of_chaos.setting import Setting


@dataclass(frozen=True)
class Reference:
    """The limit along one noise path, and the tokens that it alone drives.

    Attributes
    ----------
    tokens : (K, M, d) ndarray
    weights : (M,) ndarray
        μ_t = Σ_j w_j δ at the M tokens.
    driven : (K, N, d) ndarray
        X̄^i: N tokens of the start that move by the attention of μ_t and by the same noise.
    """

    tokens: FloatArray
    weights: FloatArray
    driven: FloatArray


def spde_reference(
    model: Model, setting: Setting, start: FloatArray, replicate: int, degree: int
) -> Reference:
    """Return the SPDE on a quadrature; X̄ are test tokens, of weight zero, beside its nodes.

    The nodes are those of :func:`noisync.spde.solve` on the same noise path.
    """
    nodes, quadrature = sphere.quadrature(model.dim, degree)
    mass = quadrature * setting.start(model.dim, 1).density(nodes)
    count = len(nodes)
    weights = np.concatenate([mass / mass.sum(), np.zeros(len(start))])
    states = setting.run(model, np.concatenate([nodes, start]), replicate, weights)
    return Reference(states[:, :count], weights[:count], states[:, count:])


def particle_reference(
    model: Model, setting: Setting, n: int, replicate: int, count: int
) -> Reference:
    """Return a system of `count` tokens, whose first n are those of the start."""
    start = setting.start(model.dim, count).sample(setting.seed, replicate)
    states = setting.run(model, start, replicate)
    return Reference(states, np.full(count, 1 / count), states[:, :n])
