"""Measures of a configuration of tokens; each is also an observer of the same name in ``ns``.

All accept leading axes, such as the (layers, N, d) states of a run.
"""

from noisync.measure.budget import BudgetParts, budget
from noisync.measure.clusters import clusters
from noisync.measure.cosines import CosineHistogram, cosines, pair_cosines
from noisync.measure.energy import energy
from noisync.measure.order import OrderValues, order_parameters

__all__ = [
    "BudgetParts",
    "CosineHistogram",
    "OrderValues",
    "budget",
    "clusters",
    "cosines",
    "energy",
    "order_parameters",
    "pair_cosines",
]
