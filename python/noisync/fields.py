"""The two vector fields of a layer, on their own: attention and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core, _validate
from noisync._linear_time import summed
from noisync._noise_law import NoiseLaw
from noisync._threads import thread_count
from noisync.attention import Attention
from noisync.errors import SimulationError


def attention_drift(
    attention: Attention,
    x: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    method: str = "auto",
    tol: float = 1e-12,
    threads: int | None = None,
) -> npt.NDArray[Any]:
    r"""Evaluate the attention that every token receives.

    .. math:: \mathrm{Attn}(x_i) = \sum_j p_{ij} V x_j,\qquad
              p_{ij} \propto w_j e^{\langle Qx_i, Kx_j\rangle}

    Parameters
    ----------
    attention : Softmax or Unnormalized
    x : (n, dim) array_like
        Unit rows. float32 is computed in float32, everything else in float64.
    weights : (n,) array_like, optional
        Non-negative, sum 1; uniform by default.
    method : {"auto", "direct", "harmonic"}
        ``"direct"``: a sum over tiles of pairs, O(N² d) operations and O(N d) memory.
        ``"harmonic"``: for QᵀK = β times an orthogonal matrix (I among them), the exponential as
        few spherical harmonics, O(N p^{d−1}) with the degree p fixed by `tol`; for dim <= 16 and
        moderate β. ``"auto"``: whichever is faster.
    tol : float
        Bound on the error of ``"harmonic"``: |Attn(x_i) − exact| ≤ tol ‖V‖, without normalisation
        times the largest :math:`Z_k = \sum_j w_j e^{\langle Qx_k, Kx_j\rangle}`. Where rounding or
        nearly vanishing denominators might break it, the direct sum is taken instead.
    threads : int, optional
        Default: all cores. The result is the same, bit for bit, for any number.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule.
    SimulationError
        If exponentials overflow, as those of unnormalised attention do for large logits.

    Returns
    -------
    (n, dim) ndarray
        Attn(x_i), the vector that the layer adds to x_i, not projected to the tangent space.

    References
    ----------
    arXiv:2312.10794; arXiv:2604.26898, eq. (1.1).
    """
    Attention.check("attention", attention)
    tokens = _validate.tokens("x", x)
    attention.check_dim(tokens.shape[1])
    mass = _validate.weights(weights, tokens.shape[0])
    sums = summed(attention, tokens.shape[1], tokens.shape[0], method, tol)
    drift = _core.attention(sums, tokens, mass, thread_count(threads))
    if not np.all(np.isfinite(drift)):
        row = int(np.flatnonzero(~np.isfinite(drift).all(axis=1))[0])
        raise SimulationError(
            f"the attention of token {row} is not finite: exponentials of these logits overflow "
            f"{drift.dtype}"
        )
    return drift


def sample_field(
    noise: NoiseLaw,
    x: npt.ArrayLike,
    *,
    layers: int = 1,
    seed: int = 0,
    replicate: int = 0,
    threads: int | None = None,
) -> npt.NDArray[Any]:
    r"""Evaluate the noise fields of the first layers of a run at fixed tokens.

    For :class:`noisync.MLP`,

    .. math:: G_\ell(y) = m^{-1/2} W_\ell \varphi(d^{-1/2} U_\ell y + b_{U,\ell}) + b_{W,\ell},

    for :class:`noisync.GaussianField` its limit m → ∞. Noise that is no field on the sphere,
    :class:`noisync.ValueNoise` and :class:`noisync.IndependentNoise`, is that of the tokens x with
    equal weights.

    Parameters
    ----------
    noise : MLP, GaussianField, ValueNoise or IndependentNoise
    x : (n, dim) array_like
        Unit rows. float32 is computed in float32, everything else in float64.
    layers : int
        Number of independent fields.
    seed, replicate : int
        As in :func:`noisync.simulate`, which meets the same fields in the same order.
    threads : int, optional
        Default: all cores. The result is the same, bit for bit, for any number.

    Returns
    -------
    (layers, n, dim) ndarray
        G_l(x_i), not projected, not scaled by √Δ. The covariance of a field is
        ``noise.kernel(dim)``. At a token it does not depend on the tokens that come after it: bit
        for bit, to rounding for the sampler ``exact``; but that of ValueNoise does.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule.

    References
    ----------
    arXiv:2604.26898, §1.1.
    """
    NoiseLaw.check("noise", noise)
    tokens = _validate.tokens("x", x)
    n, dim = tokens.shape
    return _core.noise_fields(
        noise.resolved(dim, n).law(dim, n, "auto", 1e-12),
        tokens,
        _validate.integer("layers", layers, minimum=1, maximum=2**32 - 1),
        _validate.integer("seed", seed, minimum=0, maximum=2**64 - 1),
        _validate.integer("replicate", replicate, minimum=0, maximum=2**32 - 1),
        thread_count(threads),
    )
