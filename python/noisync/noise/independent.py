"""Independent noise: a Brownian motion for each token, for contrast with common noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NoReturn

import numpy as np

from noisync import _core
from noisync.attention.summation import exponential_series
from noisync.base import validate
from noisync.errors import ArgumentError
from noisync.noise.law import NoiseLaw, PairHarmonics
from noisync.theory.kernel import Kernel


@dataclass(frozen=True, eq=False)
class IndependentNoise(NoiseLaw):
    r"""Noise that tokens do not share: a fresh normal vector for each token in every layer.

    .. math:: G(x_i) = s\, \xi_i

    In the limit of infinite depth :math:`dX_i = s P_{X_i} \circ dW_i`, with one Brownian motion per
    token, so that a token alone is a Brownian motion on the sphere with generator
    :math:`\tfrac{s^2}{2}\Delta`. Nothing synchronises, and merged tokens part again.

    Parameters
    ----------
    scale : float
        s, at least 0.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN, infinity, or a negative scale.
    """

    scale: float = 1.0

    kind: ClassVar[str] = "independent_noise"

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", validate.non_negative("scale", self.scale))

    def kernel(self, dim: int) -> Kernel:
        """Refuse: tokens at one place have different noise."""
        raise ArgumentError(
            "kernel: IndependentNoise has none, since two tokens have independent noise also where "
            "they coincide"
        )

    def on_sphere(self, dim: int) -> NoReturn:
        """Refuse: tokens at one place have different noise."""
        raise ArgumentError(
            "noise must be a function on the sphere, got IndependentNoise, whose values are drawn "
            "for each token"
        )

    def law(self, dim: int, n: int, method: str, tol: float) -> _core.NoiseLaw:
        """Return the core's description."""
        return _core.independent_noise(scale=self.scale)

    def pair_noise(self, dim: int, beta: float) -> _core.PairNoise:
        """Return G_β of two tokens with independent noise."""
        return _core.independent_pair_noise(scale=self.scale)

    def pair_harmonics(self, dim: int, beta: float) -> PairHarmonics | None:
        """Return G_β for sums in linear time, or None where e^{βu} is no short series."""
        series = exponential_series(beta, dim, 1e-17)
        if series is None:
            return None
        # G_0 = −s²(d−1)u and G_1 = s²(1−u²): e^{βu} G_β is s²/β times the Laplacian of e^{βu}.
        degree = np.arange(len(series.coefficients))
        eigenvalues = -degree * (degree + dim - 2.0)
        variance = self.scale**2
        return PairHarmonics(
            variance / beta * eigenvalues * series.coefficients, -variance * (dim - 1)
        )
