"""Measures of a configuration of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from noisync import _core, _validate
from noisync._measures import budget_measure, energy_measure
from noisync._threads import thread_count
from noisync._validate import FloatArray
from noisync.errors import ArgumentError
from noisync.model import Model, check_model

__all__ = [
    "Budget",
    "CosineHistogram",
    "OrderParameters",
    "budget",
    "clusters",
    "cosine_histogram",
    "interaction",
    "order_parameters",
    "pair_cosines",
]


def interaction(
    x: npt.ArrayLike,
    beta: float | Sequence[float] = 1.0,
    weights: npt.ArrayLike | None = None,
    *,
    scaled: bool = False,
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
    beta : float or sequence of float
        Inverse temperatures, in (0, 700]; several cost one pass over the pairs.
    weights : (n,) array_like, optional
        Non-negative, sum 1; uniform by default.
    scaled : bool
        Return :math:`e^{-\beta} E_\beta`, for β of any size.
    method : {"auto", "direct", "harmonic"}
        ``"direct"``: a sum over all pairs. ``"harmonic"``: in linear time, for dim <= 16 and
        moderate β, with a relative error below 1e-12. ``"auto"``: whichever is faster.
    threads : int, optional
        Default: all cores. The result does not depend on it.

    Returns
    -------
    float or ndarray
        Of shape (k,), (betas,) or (k, betas) where there are several.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere, beta out of range, or weights that do not sum to 1.

    References
    ----------
    arXiv:2604.26898, eq. (1.14).
    """
    betas = np.array([_validate.energy_beta(b, scaled=scaled) for b in _each(beta)])
    states = np.asarray(x) if np.ndim(x) == 3 else [x]
    rows = [_validate.tokens("x", state) for state in states]
    values = np.empty((len(rows), betas.size))
    for value, tokens in zip(values, rows, strict=True):
        n, dim = tokens.shape
        mass = _validate.weights(weights, n)
        measure = energy_measure(betas.tolist(), dim, n, method, scaled=scaled)
        value[:] = _core.measure(measure, tokens, mass, thread_count(threads))
    shape = (() if np.ndim(x) != 3 else (len(rows),)) + np.shape(beta)
    return values.reshape(shape) if shape else float(values[0, 0])


def _each(beta: float | Sequence[float]) -> Sequence[float]:
    if np.ndim(beta) > 1 or np.size(beta) == 0:
        raise ArgumentError(f"beta must be a number or a list of numbers, got {beta!r}")
    return beta if isinstance(beta, Sequence | np.ndarray) and np.ndim(beta) == 1 else [beta]  # type: ignore[list-item]


class Budget(NamedTuple):
    """What the attention and the noise contribute to dE_β/dt."""

    attention: float
    noise: float


def budget(
    model: Model,
    x: npt.ArrayLike,
    beta: float = 1.0,
    weights: npt.ArrayLike | None = None,
    *,
    scaled: bool = False,
    method: str = "auto",
    threads: int | None = None,
) -> Budget:
    r"""Return what attention and noise contribute to the change of the mean energy.

    .. math::
        \frac{d}{dt} E[E_\beta] &= \text{attention} + \text{noise}, \\
        \text{attention} &= -\beta \sum_{ij} w_i w_j e^{\beta u_{ij}}
            \langle x_j, P_{x_i}\mathrm{Attn}(x_i)\rangle, \\
        \text{noise} &= -\tfrac{\beta}{2} \sum_{ij} w_i w_j e^{\beta u_{ij}} G_\beta(u_{ij}),
        \quad G_\beta = G_0 + \beta G_1, \\
        G_0(u) &= \kappa(u)(d-2+u^2) - \kappa(1)(d-1)u,\qquad
        G_1(u) = (1-u^2)(\kappa(1) - u\kappa(u)),

    exact in the limit of infinite depth, :math:`u_{ij} = \langle x_i, x_j\rangle`. For noise of
    covariance :math:`k_{ij} I` between tokens i and j that is no field, as
    :class:`noisync.ValueNoise` and :class:`noisync.IndependentNoise`, κ(u) stands for k_ij and κ(1)
    for (k_ii + k_jj)/2. Computed from differences of tokens: as they merge the noise keeps its
    relative accuracy, and so does the attention for QᵀK and V multiples of I.

    Parameters
    ----------
    model : Model
        Parts that it has not contribute 0.
    x : (n, dim) array_like
        Unit rows.
    beta : float
        Inverse temperature of the energy, in (0, 700]; it need not be that of the attention.
    weights : (n,) array_like, optional
        Non-negative, sum 1; uniform by default.
    scaled : bool
        Return :math:`e^{-\beta}` times the budget, for β of any size.
    method : {"auto", "direct", "harmonic"}
        ``"direct"``: a sum over all pairs, exact as above. ``"harmonic"``: in linear time, for
        dim <= 16, moderate β and smooth activations or independent noise, with errors below
        1e-12 of :math:`\beta e^\beta` times the attention and κ(1)d; so tight clusters have no
        budget.
        ``"auto"``: whichever is faster.
    threads : int, optional
        Default: all cores. The result does not depend on it.

    Returns
    -------
    Budget
        A named tuple (attention, noise), per unit time.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere, beta out of range, or weights that do not sum to 1.

    Examples
    --------
    >>> import noisync as ns
    >>> model = ns.Model(dim=3, attention=ns.Softmax(beta=1.0), noise=ns.MLP("sigmoid", width=64))
    >>> attention, noise = ns.energy.budget(model, ns.sphere.uniform(16, 3), beta=1.0)
    >>> attention < 0
    True

    References
    ----------
    arXiv:2604.26898, §4.1.
    """
    check_model(model)
    beta = _validate.energy_beta(beta, scaled=scaled)
    tokens = _validate.tokens("x", x, model.dim)
    mass = _validate.weights(weights, tokens.shape[0])
    measure = budget_measure(model, beta, tokens.shape[0], method, scaled=scaled)
    attention, noise = _core.measure(measure, tokens, mass, thread_count(threads))
    return Budget(float(attention), float(noise))


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
    tokens = _validate.tokens("x", x)
    mass = _validate.weights(None, tokens.shape[0])
    counts = _core.measure(_core.cosine_measure(bins), tokens, mass, thread_count(threads))
    return CosineHistogram(counts.astype(np.int64), np.linspace(-1.0, 1.0, bins + 1))


def pair_cosines(x: npt.ArrayLike) -> FloatArray:
    """Return ⟨x_i, x_j⟩ of all pairs i < j, ordered as `scipy.spatial.distance.pdist` does."""
    tokens = _validate.tokens("x", x).astype(np.float64)
    first, second = np.triu_indices(tokens.shape[0], k=1)
    return np.asarray(np.clip(tokens @ tokens.T, -1.0, 1.0)[first, second])


class OrderParameters(NamedTuple):
    """How ordered the tokens are: the mean's length, the leading eigenvalue, the effective rank."""

    mean: float
    leading: float
    effective_rank: float


def order_parameters(
    x: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, threads: int | None = None
) -> OrderParameters:
    r"""Return how ordered the tokens are.

    With :math:`M = \sum_i w_i x_i x_i^T`, of trace 1 and eigenvalues p_k:

    * ``mean``, :math:`|\sum_i w_i x_i|`: 1 if and only if all tokens coincide;
    * ``leading``, the largest p_k: 1 if and only if all lie on one line, at a point or an
      antipodal pair;
    * ``effective_rank``, :math:`\exp(-\sum_k p_k \log p_k)`: from 1 on a line to dim.

    Parameters
    ----------
    x : (n, dim) array_like
        Unit rows.
    weights : (n,) array_like, optional
        Non-negative, sum 1; uniform by default.

    Returns
    -------
    OrderParameters

    References
    ----------
    Effective rank: O. Roy and M. Vetterli, EUSIPCO (2007).
    """
    tokens = _validate.tokens("x", x)
    mass = _validate.weights(weights, tokens.shape[0])
    values = _core.measure(_core.order_measure(), tokens, mass, thread_count(threads))
    return OrderParameters(*values.tolist())


def clusters(x: npt.ArrayLike, angle: float = 0.1) -> npt.NDArray[np.int64]:
    """Return the cluster of every token.

    A cluster is what chains of tokens connect whose steps are at most `angle` long (single
    linkage).

    Parameters
    ----------
    x : (n, dim) array_like
        Unit rows.
    angle : float
        Radians, positive.

    Returns
    -------
    (n,) ndarray of int
        Labels 0, 1, ...; 0 is the largest cluster.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere or an angle that is not positive.
    """
    return _core.clusters(_validate.tokens("x", x), _validate.positive("angle", angle))
