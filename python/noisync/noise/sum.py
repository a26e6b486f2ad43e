"""Noises that add: the parts of a list, as one law."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from operator import add
from typing import TypeAlias

import numpy as np

from noisync import _core
from noisync.errors import ArgumentError
from noisync.noise.law import NoiseLaw, PairHarmonics
from noisync.theory.kernel import Kernel

#: The parts that the random streams tell apart.
MOST_PARTS = 256


@dataclass(frozen=True)
class NoiseSum(NoiseLaw):
    r"""Independent noises that add.

    .. math:: G = \sum_p G_p,\qquad k_{ij} = \sum_p k_{ij}^{(p)}

    Part 0 meets the noise that it meets alone, the others draw from streams of their own.
    """

    parts: tuple[NoiseLaw, ...]

    def check_dim(self, dim: int) -> None:
        """Refuse a part that is not for tokens of dimension `dim`."""
        for part in self.parts:
            part.check_dim(dim)

    def kernel(self, dim: int) -> Kernel:
        """Return the sum of the kernels; refused by the first part that has none."""
        return _added(tuple(part.kernel(dim) for part in self.parts))

    def resolved(self, dim: int, n: int) -> NoiseSum:
        """Return the sum as it is used for n tokens in dimension dim."""
        return replace(self, parts=tuple(part.resolved(dim, n) for part in self.parts))

    def kernel_error(self, dim: int) -> float | None:
        r"""Return what is left out of the sum of the kernels, relative to κ(1).

        .. math:: \sum_p \varepsilon_p \kappa_p(1) \Big/ \sum_p \kappa_p(1)

        None where no part leaves anything out, or one has no kernel.
        """
        errors = [part.kernel_error(dim) for part in self.parts]
        if not self.has_kernel or all(error is None for error in errors):
            return None
        sizes = [part.kernel(dim).variance for part in self.parts]
        left_out = sum((error or 0.0) * size for error, size in zip(errors, sizes, strict=True))
        return left_out / sum(sizes)

    @property
    def has_kernel(self) -> bool:
        """Whether every part has a covariance kernel."""
        return all(part.has_kernel for part in self.parts)

    def growth(self, dim: int, beta: float) -> float | None:
        """Return λ̄'(β) of the sum of the kernels, or None where one part has none."""
        return self.kernel(dim).dissipation_rate(beta) if self.has_kernel else None

    def law(self, dim: int, n: int, method: str, tol: float) -> _core.NoiseLaw:
        """Return the core's description."""
        return _core.noise_sum([part.law(dim, n, method, tol) for part in self.parts])

    def pair_noise(self, dim: int, beta: float) -> _core.PairNoise:
        """Return G_β, which is linear in the covariance."""
        return _core.pair_noise_sum([part.pair_noise(dim, beta) for part in self.parts])

    def pair_harmonics(self, dim: int, beta: float) -> PairHarmonics | None:
        """Return G_β for sums in linear time, or None where a part is no short series."""
        series = [part.pair_harmonics(dim, beta) for part in self.parts]
        known = [one for one in series if one is not None]
        if len(known) < len(series):
            return None
        total = np.zeros(max(one.coefficients.size for one in known))
        for one in known:
            total[: one.coefficients.size] += one.coefficients
        return PairHarmonics(total, sum(one.limit for one in known))


#: As a model takes it: one, several that add, or none.
Noise: TypeAlias = NoiseLaw | Sequence[NoiseLaw] | None


def checked_noise(noise: object) -> NoiseLaw | tuple[NoiseLaw, ...] | None:
    """Return one noise, several as a tuple, or None; anything else is refused."""
    checked = NoiseLaw.check_parts("noise", noise)
    if isinstance(checked, tuple) and len(checked) > MOST_PARTS:
        raise ArgumentError(f"noise must hold at most {MOST_PARTS} parts, got {len(checked)}")
    return checked


def total(noise: Noise) -> NoiseLaw | None:
    """Return one noise, or several that add, as one law."""
    return noise if noise is None or isinstance(noise, NoiseLaw) else NoiseSum(tuple(noise))


def each_part(noise: Noise, change: Callable[[NoiseLaw], NoiseLaw]) -> Noise:
    """Return one noise, or several, with every part changed."""
    if noise is None or isinstance(noise, NoiseLaw):
        return noise and change(noise)
    return tuple(change(part) for part in noise)


@lru_cache(maxsize=64)
def _added(kernels: tuple[Kernel, ...]) -> Kernel:
    return reduce(add, kernels)  # its series are computed once
