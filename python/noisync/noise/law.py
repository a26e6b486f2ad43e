"""What the noise laws share: how a run prepares them, and what they do to the energy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import NamedTuple, TypeVar

from noisync import _core
from noisync.base import validate
from noisync.base.part import Part
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.theory import activations
from noisync.theory.generator import generator_harmonics, generator_series
from noisync.theory.kernel import Kernel

Law = TypeVar("Law", bound="NoiseLaw")


class PairHarmonics(NamedTuple):
    """f_n of e^{β(u−1)} G_β(u) = Σ f_n P_{n,d}(u) for different tokens, and its limit at u = 1."""

    coefficients: FloatArray
    limit: float


class NoiseLaw(Part, ABC):
    """The random part of a layer."""

    def check_dim(self, dim: int) -> None:
        """Refuse a law that is not for tokens of dimension `dim`."""

    @abstractmethod
    def kernel(self, dim: int) -> Kernel:
        """Return the covariance kernel of the field on S^{dim-1}, or refuse if there is none."""

    @property
    def has_kernel(self) -> bool:
        """Whether there is a covariance kernel."""
        return False

    def resolved(self: Law, dim: int, n: int) -> Law:
        """Return the law as it is used for n tokens in dimension dim: all choices made."""
        return self

    def on_sphere(self: Law, dim: int) -> Law:
        """Return the law as a function on the sphere, the same whatever the tokens; else refuse."""
        return self

    def kernel_error(self, dim: int) -> float | None:
        """Return what is left out of the kernel, relative to κ(1); None: nothing, or no kernel."""
        return None

    def growth(self, dim: int, beta: float) -> float | None:
        """Return λ̄' with d/dt E[E_β] ≤ λ̄' E_β under the noise alone, or None: none is known."""
        return None

    @abstractmethod
    def law(self, dim: int, n: int, method: str, tol: float) -> _core.NoiseLaw:
        """Return the core's description of a resolved law; method and tol are those of sums."""

    @abstractmethod
    def pair_noise(self, dim: int, beta: float) -> _core.PairNoise:
        """Return the core's description of G_β, for sums over all pairs."""

    def pair_harmonics(self, dim: int, beta: float) -> PairHarmonics | None:
        """Return G_β for sums in linear time, or None where it is no short series."""
        return None


class KernelNoise(NoiseLaw):
    """A common noise field with E[G(x)G(y)ᵀ] = κ(⟨x, y⟩) I, κ from an activation and its biases."""

    activation: str
    sigma_u: float
    sigma_w: float
    width: int
    input_scale: float
    output_scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", activations.check_name(self.activation))
        for name in ("sigma_u", "sigma_w"):
            object.__setattr__(self, name, validate.non_negative(name, getattr(self, name)))
        for name in ("input_scale", "output_scale"):
            object.__setattr__(self, name, validate.positive(name, getattr(self, name)))

    def check_dim(self, dim: int) -> None:
        """Refuse more weights than a random stream of one part has numbers."""
        if self.width * dim > 2**50:
            raise ArgumentError(
                f"width must be at most {2**50 // dim} in dimension {dim}, got {self.width}"
            )

    def kernel(self, dim: int) -> Kernel:
        """Return the covariance kernel of the field on S^{dim-1}."""
        return _kernel(
            self.activation, dim, self.sigma_u, self.sigma_w, self.input_scale, self.output_scale
        )

    @property
    def has_kernel(self) -> bool:
        """Whether there is a covariance kernel."""
        return True

    def growth(self, dim: int, beta: float) -> float | None:
        """Return λ̄'(β) of the kernel."""
        return self.kernel(dim).dissipation_rate(beta)

    def pair_noise(self, dim: int, beta: float) -> _core.PairNoise:
        """Return G_β as the series that κ gives."""
        return _core.kernel_pair_noise(generator_series(self.kernel(dim), beta).tolist())

    def pair_harmonics(self, dim: int, beta: float) -> PairHarmonics | None:
        """Return G_β for sums in linear time, or None where it is no short series."""
        coefficients = generator_harmonics(self.kernel(dim), beta)
        return None if coefficients is None else PairHarmonics(coefficients, 0.0)


@lru_cache(maxsize=256)
def _kernel(activation: str, dim: int, *parameters: float) -> Kernel:
    return Kernel(activation, dim, *parameters)  # its rates are computed once
