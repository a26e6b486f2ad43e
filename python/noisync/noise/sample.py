"""The noise of a layer on its own: its fields at fixed tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.base.threads import thread_count
from noisync.errors import ArgumentTypeError
from noisync.noise.law import NoiseLaw
from noisync.noise.sum import checked_noise, total


def sample_field(
    noise: NoiseLaw | Sequence[NoiseLaw],
    x: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    layers: int = 1,
    seed: int = 0,
    replicate: int = 0,
    threads: int | None = None,
) -> npt.NDArray[Any]:
    r"""Evaluate the noise fields of the first layers of a run at fixed tokens.

    For :class:`noisync.MLP`,

    .. math:: G_\ell(y) = m^{-1/2} W_\ell \varphi(d^{-1/2} U_\ell y + b_{U,\ell}) + b_{W,\ell},

    for :class:`noisync.GaussianField` its limit m → ∞. Noise that is no field on the sphere,
    :class:`noisync.ValueNoise` and :class:`noisync.IndependentNoise`, is that of the tokens x.

    Parameters
    ----------
    noise : MLP, GaussianField, ValueNoise or IndependentNoise, or a list whose parts add
    x : (n, dim) array_like
        Unit rows. float32 is computed in float32, everything else in float64.
    weights : (n,) array_like, optional
        Non-negative, sum 1; uniform by default. Only ValueNoise depends on them.
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
    law = total(checked_noise(noise))
    if law is None:
        raise ArgumentTypeError("noise must be a noise or a list of them, got None")
    tokens = validate.tokens("x", x)
    n, dim = tokens.shape
    law.check_dim(dim)
    return _core.noise_fields(
        law.resolved(dim, n).law(dim, n, "auto", 1e-12),
        tokens,
        validate.weights(weights, n),
        validate.integer("layers", layers, minimum=1, maximum=2**32 - 1),
        validate.integer("seed", seed, minimum=0, maximum=2**64 - 1),
        validate.integer("replicate", replicate, minimum=0, maximum=2**32 - 1),
        thread_count(threads),
    )
