"""What the noise laws with a covariance kernel share: φ, its biases, how a run prepares them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TypeVar

from noisync import _core, _validate, activations
from noisync._part import Part
from noisync.kernel import Kernel

Law = TypeVar("Law", bound="KernelNoise")


class KernelNoise(Part, ABC):
    """A common noise field with E[G(x)G(y)ᵀ] = κ(⟨x, y⟩) I, κ from an activation and its biases."""

    activation: str
    sigma_u: float
    sigma_w: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", activations.check_name(self.activation))
        object.__setattr__(self, "sigma_u", _validate.non_negative("sigma_u", self.sigma_u))
        object.__setattr__(self, "sigma_w", _validate.non_negative("sigma_w", self.sigma_w))

    def kernel(self, dim: int) -> Kernel:
        """Return the covariance kernel of the field on S^{dim-1}."""
        return _kernel(self.activation, dim, self.sigma_u, self.sigma_w)

    @abstractmethod
    def resolved(self: Law, dim: int, n: int) -> Law:
        """Return the law as it is used for n tokens in dimension dim: all choices made."""

    @abstractmethod
    def _core_config(self, dim: int) -> _core.Mlp | _core.Features | _core.Harmonics | _core.Exact:
        """Return the core's description of a resolved law."""


@lru_cache(maxsize=256)
def _kernel(activation: str, dim: int, sigma_u: float, sigma_w: float) -> Kernel:
    return Kernel(activation, dim, sigma_u, sigma_w)  # its rates are computed once
