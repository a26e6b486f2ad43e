"""Measures of a configuration of tokens."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from noisync import _core, _validate
from noisync._linear_time import energy_series
from noisync._threads import thread_count
from noisync._validate import FloatArray
from noisync.errors import ArgumentError

__all__ = ["CosineHistogram", "cosine_histogram", "interaction", "pair_cosines"]


def check_beta(beta: object) -> float:
    """Return the inverse temperature of an energy: positive, and e^β must not overflow."""
    value = _validate.positive("beta", beta)
    if value > 700:
        raise ArgumentError(f"beta must be at most 700, where e^beta overflows, got {value:g}")
    return value


def interaction(
    x: npt.ArrayLike,
    beta: float = 1.0,
    weights: npt.ArrayLike | None = None,
    *,
    method: str = "auto",
    threads: int | None = None,
) -> Any:
    r"""Return the interaction energy of the tokens.

    .. math:: E_\beta = \frac12 \sum_{ij} w_i w_j
              \bigl(e^\beta - e^{\beta\langle x_i, x_j\rangle}\bigr)

    It is zero if and only if all tokens with weight coincide. Computed from
    :math:`1 - \langle x, y\rangle = |x-y|^2/2`, so it follows merging tokens down to about 1e-30.

    Parameters
    ----------
    x : (n, dim) or (k, n, dim) array_like
        Unit rows; a leading axis holds k configurations.
    beta : float
        Inverse temperature, in (0, 700].
    weights : (n,) array_like, optional
        Non-negative, sum 1; uniform by default.
    method : {"auto", "direct", "harmonic"}
        ``"direct"``: a sum over all pairs. ``"harmonic"``: in linear time, for dim <= 16 and
        moderate β, with a relative error below 1e-12. ``"auto"``: whichever is faster.
    threads : int, optional
        Default: all cores. The result does not depend on it.

    Returns
    -------
    float, or (k,) ndarray

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere, beta out of range, or weights that do not sum to 1.

    References
    ----------
    arXiv:2604.26898, eq. (1.14).
    """
    beta = check_beta(beta)
    if np.ndim(x) == 3:
        states = np.asarray(x)
        return np.array(
            [interaction(state, beta, weights, method=method, threads=threads) for state in states]
        )
    tokens = _validate.tokens("x", x)
    mass = _validate.weights(weights, tokens.shape[0])
    n, dim = tokens.shape
    series = energy_series([beta], dim, n, method)
    if series is None:
        return float(_core.interaction_energy(tokens, mass, [beta], thread_count(threads))[0])
    energies = _core.linear_time_energy(
        tokens, mass, [beta], series.tolist(), thread_count(threads)
    )
    return float(energies[0])


class CosineHistogram(NamedTuple):
    """Counts of pairwise cosines: `counts` (bins,), `edges` (bins + 1,)."""

    counts: npt.NDArray[np.int64]
    edges: FloatArray


def cosine_histogram(
    x: npt.ArrayLike, bins: int = 100, *, threads: int | None = None
) -> CosineHistogram:
    """Count the cosines ⟨x_i, x_j⟩ of all unordered pairs i < j in equal bins of [−1, 1].

    Parameters
    ----------
    x : (n, dim) array_like
        Unit rows.
    bins : int
        Number of bins; closed on the left, the last one on both sides.

    Returns
    -------
    CosineHistogram
        `counts` sums to n(n−1)/2.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere or bins below 1.
    """
    bins = _validate.integer("bins", bins, minimum=1, maximum=2**24)
    counts = _core.cosine_histogram(_validate.tokens("x", x), bins, thread_count(threads))
    return CosineHistogram(counts, np.linspace(-1.0, 1.0, bins + 1))


def pair_cosines(x: npt.ArrayLike) -> FloatArray:
    """Return ⟨x_i, x_j⟩ of all pairs i < j, ordered as `scipy.spatial.distance.pdist` does."""
    tokens = _validate.tokens("x", x).astype(np.float64)
    first, second = np.triu_indices(tokens.shape[0], k=1)
    return np.asarray(np.clip(tokens @ tokens.T, -1.0, 1.0)[first, second])
