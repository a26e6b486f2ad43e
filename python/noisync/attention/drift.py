"""The attention of a layer on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.attention.law import Attention
from noisync.attention.sum import one_law
from noisync.attention.summation import summed
from noisync.base import validate
from noisync.base.threads import thread_count
from noisync.errors import SimulationError


def not_converged(error: _core.NotConvergedError) -> SimulationError:
    """Return the error of an attention whose iteration did not converge, with its residual."""
    message, residual = error.args
    return SimulationError.of(message, residual=residual)


def attention_drift(
    attention: Attention | Sequence[Attention],
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
    attention : Softmax, Unnormalized, L2 or Sinkhorn, or a list of them
        Those of a list add.
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
        If exponentials overflow, as those of unnormalised attention do for large logits, or
        :class:`noisync.Sinkhorn` attention does not converge.

    Returns
    -------
    (n, dim) ndarray
        Attn(x_i), the vector that the layer adds to x_i, not projected to the tangent space.

    References
    ----------
    arXiv:2312.10794; arXiv:2604.26898, eq. (1.1).
    """
    law = one_law(attention)
    tokens = validate.tokens("x", x)
    law.check_dim(tokens.shape[1])
    mass = validate.weights(weights, tokens.shape[0])
    sums = summed(law, tokens.shape[1], tokens.shape[0], method, tol)
    try:
        drift = _core.attention(sums, tokens, mass, thread_count(threads))
    except _core.NotConvergedError as error:
        raise not_converged(error) from None
    if not np.all(np.isfinite(drift)):
        row = int(np.flatnonzero(~np.isfinite(drift).all(axis=1))[0])
        raise SimulationError(
            f"the attention of token {row} is not finite: exponentials of these logits overflow "
            f"{drift.dtype}"
        )
    return drift
