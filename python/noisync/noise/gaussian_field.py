"""The Gaussian field: the random MLP in the limit of infinite width."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np

from noisync import _core
from noisync.base import validate
from noisync.base.memory import available_memory
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError, KernelAccuracyWarning
from noisync.noise.law import KernelNoise
from noisync.theory.kernel import Kernel
from noisync.theory.quadrature import HARMONIC_DIM

SAMPLERS = ("auto", "exact", "harmonic", "features")

#: Largest number of spherical harmonics that the harmonic sampler serves.
HARMONIC_COUNT = 200_000

#: What "auto" takes for cheap: harmonics, and tokens of an exact factor.
_FEW_HARMONICS = 2048
_FEW_TOKENS = 1024


@dataclass(frozen=True, eq=False)
class GaussianField(KernelNoise):
    r"""The infinite-width noise: a centred Gaussian field, fresh in every layer, as common noise.

    .. math:: E[G(x)G(y)^T] = \kappa(\langle x, y\rangle)\, I_d

    Parameters
    ----------
    activation : str
        φ of the MLP whose limit it is, one of ``noisync.activations.NAMES``.
    sigma_u, sigma_w : float
        Standard deviations of its biases.
    sampler : {"auto", "exact", "harmonic", "features"}
        ``"exact"``: Cholesky factor of κ(XXᵀ) at the tokens, O(N³) work and 8N² bytes. Values at
        tokens closer than 1e-4 come from the field's derivative, so the noise of merging tokens
        keeps its law however close they are.
        ``"harmonic"``: √c_n times spherical harmonics, κ = Σ c_n P_n, up to the degree that leaves
        the share `tolerance` of the variance out; a function on the sphere, the same for every set
        of tokens. For dim <= 16 and kernels whose c_n fall fast enough.
        ``"features"``: a wide MLP whose hidden neurons are frozen over a run, fresh output weights
        every layer; a function on the sphere in any dimension, with the kernel of `width` random
        neurons in place of κ (:meth:`kernel_error`).
        ``"auto"`` chooses for the dimension and the number of tokens; a run's ``model`` says what
        was chosen.
    tolerance : float
        Share of the variance that ``"harmonic"`` may leave out.
    width : int
        Number of neurons of ``"features"``.
    input_scale, output_scale : float
        Those of the MLP, positive.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For an unknown activation or sampler, a negative sigma, a scale that is not positive,
        tolerance outside [1e-9, 1), width below 1.

    References
    ----------
    arXiv:2604.26898, §1.1 and §2.2. Schoenberg, Duke Math. J. 9 (1942), for κ = Σ c_n P_n.
    """

    activation: str
    sigma_u: float = 0.0
    sigma_w: float = 0.0
    sampler: str = "auto"
    tolerance: float = 1e-6
    width: int = 4096
    input_scale: float = 1.0
    output_scale: float = 1.0

    kind: ClassVar[str] = "gaussian_field"

    def __post_init__(self) -> None:
        super().__post_init__()
        validate.choice("sampler", self.sampler, SAMPLERS)
        object.__setattr__(
            self, "width", validate.integer("width", self.width, minimum=1, maximum=2**31 - 1)
        )
        object.__setattr__(self, "tolerance", validate.positive("tolerance", self.tolerance))
        if not 1e-9 <= self.tolerance < 1:
            raise ArgumentError(f"tolerance must be from 1e-9 to 1, got {self.tolerance:g}")

    def resolved(self, dim: int, n: int) -> GaussianField:
        """Return the field with the sampler that serves n tokens in dimension dim.

        Raises
        ------
        ArgumentError
            If the sampler that was asked for cannot serve: too many harmonics, or too little memory
            for the factor of N tokens. Nothing is allocated before.
        """
        if self.sampler == "auto":
            return replace(self, sampler=self._choose(dim, n))
        if self.sampler == "harmonic":
            _, count = _harmonics(self.kernel(dim), self.tolerance)
            if count > HARMONIC_COUNT or dim > HARMONIC_DIM:
                self._refuse_harmonic(dim, count)
        elif self.sampler == "exact":
            needed, free = 8 * n**2, available_memory()
            if needed > free / 2:
                raise ArgumentError(
                    f"sampler: 'exact' factorises a {n} x {n} matrix, which needs "
                    f"{needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free; use 'features' "
                    "(any number of tokens) or 'harmonic'"
                )
        return self

    def on_sphere(self, dim: int) -> GaussianField:
        """Return the field as a function on the sphere: ``"harmonic"`` or ``"features"``."""
        if self.sampler == "exact":
            raise ArgumentError(
                "noise must be a function on the sphere, got GaussianField(sampler='exact'), whose "
                "values are drawn at the tokens; use 'harmonic' or 'features'"
            )
        if self.sampler == "auto":
            _, count = _harmonics(self.kernel(dim), self.tolerance)
            serves = dim <= HARMONIC_DIM and count <= 10 * _FEW_HARMONICS
            return replace(self, sampler="harmonic" if serves else "features")
        return self

    def _choose(self, dim: int, n: int) -> str:
        count = np.inf
        if dim <= HARMONIC_DIM:
            _, count = _harmonics(self.kernel(dim), self.tolerance)
        if count <= _FEW_HARMONICS:
            return "harmonic"
        if n <= _FEW_TOKENS:
            return "exact"
        return "harmonic" if count <= 10 * _FEW_HARMONICS else "features"

    def _refuse_harmonic(self, dim: int, count: float) -> None:
        if dim > HARMONIC_DIM:
            reason = f"serves dim of at most {HARMONIC_DIM}, got {dim}"
        else:
            share = f"all but {self.tolerance:g} of the variance of the {self.activation} kernel"
            reason = (
                f"needs {'more than ' if np.isinf(count) else ''}"
                f"{min(count, float(HARMONIC_COUNT)):.3g} harmonics for {share} in dimension "
                f"{dim}, and {HARMONIC_COUNT} is the limit; raise tolerance"
            )
        raise ArgumentError(
            f"sampler: 'harmonic' {reason}, or use 'exact' (few tokens) or 'features' (any dim)"
        )

    def kernel_error(self, dim: int) -> float:
        r"""Return how far the sampled kernel is from κ, relative to κ(1).

        For ``"harmonic"`` the share of the variance left out (at most `tolerance`), which bounds
        the error of κ(u) for every u. For ``"features"`` the standard deviation over bases of
        κ_m(1), :math:`g_o^2\sqrt{\mathrm{Var}(\varphi(Z)^2)/m}/\kappa(1)`. For ``"exact"`` the
        1e-13 below which a conditional variance counts as zero. An error for ``"auto"``.
        """
        kernel = self.kernel(dim)
        if self.sampler == "exact":
            return 1e-13
        if self.sampler == "harmonic":
            variances, _ = _harmonics(kernel, self.tolerance)
            return max(0.0, 1 - float(variances.sum()) / kernel.variance)
        if self.sampler == "features":
            return float(kernel.power_deviation / self.width**0.5 / kernel.variance)
        raise ArgumentError("sampler: 'auto' has no error of its own; see resolved(dim, n)")

    def law(self, dim: int, n: int, method: str, tol: float) -> _core.NoiseLaw:
        """Return the core's description of the sampler."""
        kernel = self.kernel(dim)
        if self.sampler == "features":
            return _core.feature_noise(
                activation=self.activation,
                width=self.width,
                sigma_u=self.sigma_u,
                sigma_w=self.sigma_w,
                input_scale=self.input_scale,
                output_scale=self.output_scale,
            )
        if self.sampler == "harmonic":
            return _core.harmonic_noise(_harmonics(kernel, self.tolerance)[0].tolist())
        series = kernel.angular_series.tolist()
        return _core.exact_noise(series=series, slope=kernel.slope, odd=kernel.odd)


@lru_cache(maxsize=64)
def _harmonics(kernel: Kernel, tolerance: float) -> tuple[FloatArray, float]:
    """Return c_0..c_p, the fewest that leave `tolerance` out, and the number of harmonics.

    Where more than HARMONIC_COUNT are needed the coefficients go up to there, the number is inf.
    """
    if kernel.dim > HARMONIC_DIM:
        return np.empty(0), np.inf
    degree = 8
    while True:
        with warnings.catch_warnings():  # an accuracy of 1e-9 is all that is asked for here
            warnings.simplefilter("ignore", KernelAccuracyWarning)
            variances = kernel.schoenberg(degree)
        left_out = 1 - np.cumsum(variances) / kernel.variance
        enough = np.flatnonzero(left_out <= tolerance)
        if enough.size:
            variances = variances[: enough[0] + 1]
            return variances, _core.harmonics_up_to(int(enough[0]), kernel.dim)
        if _core.harmonics_up_to(degree, kernel.dim) > HARMONIC_COUNT or degree >= 1000:
            return variances, np.inf
        degree *= 2
