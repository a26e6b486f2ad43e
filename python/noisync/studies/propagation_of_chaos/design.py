"""The design of the study: its models, sizes and what is measured, all checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from noisync.attention.exponential import Softmax
from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.model import Model
from noisync.noise.gaussian_field import GaussianField
from noisync.noise.mlp import MLP
from noisync.sphere.quadrature import node_count
from noisync.studies.propagation_of_chaos.distances import check_transport, transport_serves
from noisync.studies.propagation_of_chaos.rates import growing_degree
from noisync.studies.propagation_of_chaos.setting import (
    CIRCLE_NODES,
    NODES_PER_TOKEN,
    Setting,
    node_degree,
    quadrature_degree,
    uses_spde,
)
from noisync.studies.sizes import increasing

#: The largest N in dimension 4 and above, where sums in linear time have many terms.
HIGH_TOKENS = 2**17

#: The N are at most this share of a reference of many tokens.
REFERENCE_SHARE = 4

#: The largest N of the distances whose degree grows with N.
GROWING_TOKENS = 2**13

_ATTENTION = {1.0: Softmax(beta=2.0), -1.0: Softmax(beta=2.0, value=-1.0)}
_MLP = MLP("tanh", 64, sigma_u=0.5, sigma_w=0.1)
_FIELD = GaussianField("tanh", sigma_u=0.5, sigma_w=0.1, sampler="harmonic")

#: Analytic noise, for which quadrature of the SPDE is spectral, and attention of like size.
DEFAULT_MODELS = tuple(Model(dim, _ATTENTION[1.0], _MLP) for dim in (2, 3))

#: What ``--quick`` runs instead of the defaults.
QUICK = {
    "tokens": (64, 128, 256, 512, 1024), "transport_tokens": 256, "replicates": 8,
    "conditional_tokens": (16, 32, 64, 128, 256), "starts": 1000,
    "growth_tokens": 64, "growth_replicates": 3, "growth_horizon": 4.0,
}  # fmt: skip

#: What ``--large`` runs: the whole design.
LARGE = {
    "model": tuple(
        Model(dim, attention, noise)
        for dim in (2, 3, 4) for attention in _ATTENTION.values() for noise in (_MLP, _FIELD)
    ) + tuple(Model(dim, _ATTENTION[1.0], _MLP) for dim in (8, 32)),
    "tokens": tuple(2**k for k in range(6, 21)), "transport_tokens": 2048,
    "growth_tokens": 1024, "growth_replicates": 16,
}  # fmt: skip


@dataclass(frozen=True)
class Design:
    """What is measured, of which models, for which N."""

    models: tuple[Model, ...]
    setting: Setting
    tokens: tuple[int, ...]
    replicates: int
    beta: float
    orders: tuple[float, ...]
    degree: int
    transport_tokens: int
    reference: str
    reference_tokens: int
    conditional_tokens: tuple[int, ...]
    starts: int
    transport: bool  # whether there is exact transport beyond the circle

    @classmethod
    def checked(
        cls,
        models: tuple[Model, ...],
        setting: Setting,
        *,
        tokens: Sequence[int],
        replicates: int,
        beta: float,
        orders: Sequence[float],
        degree: int,
        transport_tokens: int,
        reference: str,
        reference_tokens: int,
        conditional_tokens: Sequence[int],
        starts: int,
    ) -> Design:
        """Check everything, before anything is computed."""
        starts = validate.integer("starts", starts, minimum=0)
        if starts == 1:
            raise ArgumentError("starts must be 0 (none) or at least 2, got 1")
        design = cls(
            models=models,
            setting=setting,
            tokens=increasing("tokens", tokens, minimum=2),
            replicates=validate.integer("replicates", replicates, minimum=2),
            beta=validate.energy_beta(beta),
            orders=_orders(orders),
            degree=validate.integer("degree", degree, minimum=1, maximum=1000),
            transport_tokens=validate.integer("transport_tokens", transport_tokens, minimum=0),
            reference=reference,
            reference_tokens=validate.integer("reference_tokens", reference_tokens, minimum=2),
            conditional_tokens=increasing("conditional_tokens", conditional_tokens, minimum=2),
            starts=starts,
            transport=transport_serves(3),
        )
        design._check_references()
        return design

    def _check_references(self) -> None:
        for model in self.models:
            if self.spde(model):
                for n, degree in self.transport_degrees(model).items():
                    nodes = node_count(model.dim, degree)
                    check_transport(n, nodes, model.dim, self.setting.threads)
            elif len(self.sizes(model)) < 2:
                raise ArgumentError(
                    f"reference_tokens must be at least {REFERENCE_SHARE} times the second of "
                    f"tokens, {self.tokens[1]}, in dim {model.dim}, got {self.reference_tokens}"
                )

    def spde(self, model: Model) -> bool:
        """Whether the reference is the SPDE; else very many tokens."""
        return uses_spde(self.reference, model.dim)

    def sizes(self, model: Model) -> tuple[int, ...]:
        """Return the N of a model: all, but for those that its dimension or reference forbids."""
        largest = self.tokens[-1] if model.dim < 4 else HIGH_TOKENS
        if not self.spde(model):
            largest = min(largest, self.reference_tokens // REFERENCE_SHARE)
        return tuple(n for n in self.tokens if n <= largest)

    def quadrature_degree(self, model: Model) -> int:
        """Return the degree of the SPDE's nodes."""
        if model.dim == 2:
            return quadrature_degree(2, CIRCLE_NODES)
        largest = max((n for n in self.tokens if n <= self.transport_tokens), default=0)
        return quadrature_degree(model.dim, NODES_PER_TOKEN * largest)

    def transport_sizes(self, model: Model) -> tuple[int, ...]:
        """Return the N of exact transport: all on the circle, else few."""
        if not self.spde(model) or self.transport_tokens == 0:
            return ()
        if model.dim == 2:
            return self.tokens
        return tuple(n for n in self.tokens if n <= self.transport_tokens and self.transport)

    def transport_degrees(self, model: Model) -> dict[int, int]:
        """Return for each N of exact transport the degree of the nodes that stand for μ_t.

        On the circle those of the SPDE. Elsewhere the cost grows with the nodes: 8 N of them, so
        that their own error is the same share for every N.
        """
        dim, sizes = model.dim, self.transport_sizes(model)
        if dim == 2:
            return dict.fromkeys(sizes, self.quadrature_degree(model))
        return {n: node_degree(dim, NODES_PER_TOKEN * n) for n in sizes}

    def growing_sizes(self, model: Model) -> tuple[int, ...]:
        """Return the N of the Sobolev distance whose degree grows."""
        if not self.spde(model):
            return ()
        return tuple(
            n for n in self.tokens if n <= GROWING_TOKENS and growing_degree(model.dim, n) <= 10**4
        )

    def conditional(self, model: Model) -> bool:
        """Whether chaos given the noise is measured: in the least dimension."""
        least = min(each.dim for each in self.models)
        return self.starts > 0 and model.dim == least and self.spde(model)


def _orders(orders: Sequence[float]) -> tuple[float, ...]:
    result = tuple(validate.non_negative("orders", order) for order in orders)
    if not result or len(set(result)) < len(result):
        raise ArgumentError(f"orders must be one or more different numbers, got {result}")
    return result
