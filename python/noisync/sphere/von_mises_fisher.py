"""The von Mises–Fisher law: tokens about a mean direction."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import special

from noisync import _core
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.sphere.law import BlockLaw

#: Of the concentration; at 1e34 points are a rounding error away from the mean.
_LARGEST = 1e100


@dataclass(frozen=True, eq=False)
class VonMisesFisher(BlockLaw):
    r"""The law of independent points about a mean direction m.

    .. math:: \rho(x) = \frac{e^{\kappa\langle m, x\rangle}}{Z},\qquad
              Z = \Gamma(\tfrac d2) \left(\tfrac 2\kappa\right)^{d/2-1} I_{d/2-1}(\kappa),

    with respect to the uniform law, which it is for κ = 0.

    Parameters
    ----------
    n : int or None
        Number of points; None where only the density is asked for.
    mean : (dim,) array_like
        m, a unit vector.
    concentration : float
        κ from 0 to 1e100.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For n below 1, a mean that is no unit vector, or a negative concentration.

    References
    ----------
    Sampling: A. T. A. Wood, Commun. Statist. Simulation Comput. 23 (1994) 157–164.
    """

    n: int | None
    mean: npt.ArrayLike
    concentration: float
    dim: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        mean = validate.finite_array("mean", self.mean)
        if mean.ndim != 1 or mean.size < 2:
            raise ArgumentError(f"mean must have shape (dim,), dim >= 2, got shape {mean.shape}")
        mean = np.array(validate.tokens("mean", mean[None])[0], dtype=np.float64)
        mean /= np.linalg.norm(mean)
        mean.setflags(write=False)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "dim", mean.size)
        concentration = validate.non_negative("concentration", self.concentration)
        if concentration > _LARGEST:
            raise ArgumentError(
                f"concentration must be at most {_LARGEST:g}, where all points are the mean to the "
                f"last bit, got {concentration:g}"
            )
        object.__setattr__(self, "concentration", concentration)
        self._check()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VonMisesFisher) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[int | None, bytes, float]:
        return self.n, np.asarray(self.mean).tobytes(), self.concentration

    def _density(self, points: FloatArray) -> FloatArray:
        # ⟨m, x⟩ − 1 = −|x − m|²/2 keeps its digits where κ is large.
        gap = 0.5 * np.sum((points - np.asarray(self.mean)) ** 2, axis=1)
        with np.errstate(over="ignore"):  # in a high dimension a peak may exceed all numbers
            return np.asarray(
                np.exp(-self.concentration * gap - log_mean(self.concentration, self.dim))
            )

    def _tokens(self, seed: int, replicate: int, tokens: npt.NDArray[np.uint64]) -> FloatArray:
        mean = np.asarray(self.mean)
        direction = _core.initial_normals(seed, replicate, 0, tokens, self.dim)
        direction -= np.outer(direction @ mean, mean)
        direction -= np.outer(direction @ mean, mean)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        gap = self._gaps(seed, replicate, tokens)[:, None]
        points = (1 - gap) * mean + np.sqrt(gap * (2 - gap)) * direction
        return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))

    def _gaps(self, seed: int, replicate: int, tokens: npt.NDArray[np.uint64]) -> FloatArray:
        """Return g = 1 − ⟨m, x⟩ of the tokens, with all its digits where κ is large.

        In three dimensions e^{−κg} is uniform on (e^{−2κ}, 1). In others, with
        b = (d−1)/(2κ + √(4κ² + (d−1)²)), g = 2bz/(1 − (1−b)z) for z of the law
        Beta((d−1)/2, (d−1)/2) has a density that is nearly that of g; with c = (1−b)/(1+b) their
        ratio is e^{−κg} (1 − c + cg)^{d−1} up to a factor, largest at g = 1 − c.
        """
        kappa, freedom = self.concentration, self.dim - 1
        if self.dim == 3:
            uniform = _core.initial_choices(seed, replicate, 0, tokens)[:, 0]
            if kappa == 0:
                return np.asarray(2 * uniform)
            return np.asarray(-np.log1p(uniform * np.expm1(-2 * kappa)) / kappa)
        b = freedom / (2 * kappa + np.hypot(2 * kappa, freedom))
        gaps = np.empty(tokens.size)
        pending = np.arange(tokens.size)
        draw = 0
        while pending.size:
            first, second = _core.initial_choices(seed, replicate, draw, tokens[pending]).T
            z = special.betaincinv(freedom / 2, freedom / 2, first)
            g = 2 * b * z / (1 - z + b * z)
            top = 2 * b / (1 + b)  # 1 − c
            growth = np.log1p((1 - top) * (g - top) / (top * (2 - top)))
            taken = np.log(second) <= kappa * (top - g) + freedom * growth
            gaps[pending[taken]] = g[taken]
            pending = pending[~taken]
            draw += 1
        return gaps


def log_mean(kappa: float, dim: int) -> float:
    r"""Return log E e^{κ(⟨m, x⟩ − 1)} over the uniform law, for any κ ≥ 0.

    With ν = d/2 − 1 it is :math:`\log {}_0F_1(\nu+1; \kappa^2/4) - \kappa`. Where
    s = √(ν² + κ²) is large the uniform expansion of I_ν in 1/s (DLMF 10.41.3) has neither overflow
    nor cancellation; its first term left out is below 1e-12.
    """
    order = dim / 2 - 1
    s = float(np.hypot(order, kappa))
    if s < 600:
        return float(np.log(special.hyp0f1(order + 1, 0.25 * kappa**2))) - kappa
    p = (order / s) ** 2
    series = (
        1
        + (3 - 5 * p) / (24 * s)
        + (81 + p * (-462 + 385 * p)) / (1152 * s**2)
        + (30375 + p * (-369603 + p * (765765 - 425425 * p))) / (414720 * s**3)
    )
    scale = special.gammaln(order + 1) + order * np.log(2 / (order + s))
    return float(scale + order**2 / (s + kappa) + np.log(series / np.sqrt(2 * np.pi * s)))
