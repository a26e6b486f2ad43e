"""The theorem on synchronisation by noise: a bound on the mean energy of a model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from noisync.attention.law import Attention
from noisync.attention.sum import Heads, total
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.model import Model
from noisync.normalization import require_post


def attention_growth(attention: Heads, beta: float = 1.0) -> float | None:
    r"""Return ε with dE_β/dt ≤ ε E_β under the attention alone, or None where none is known.

    For softmax attention with QᵀK = βI, V = aI, and the energy at the same β, ε = 0 for a ≥ 0 and
    4|a| for a < 0 (:meth:`noisync.Softmax.growth` derives it). Those of attentions that add add.

    Parameters
    ----------
    attention : an attention, a list of them, or None
    beta : float
        Inverse temperature of the energy.

    Returns
    -------
    float or None

    References
    ----------
    a ≥ 0: arXiv:2604.26898, §4. The estimate for a < 0 is derived here.
    """
    beta = validate.positive("beta", beta)
    law = total(Attention.check_parts("attention", attention))
    return 0.0 if law is None else law.growth(beta)


def energy_bound(
    model: Model, time: npt.ArrayLike, initial: float, beta: float = 1.0
) -> FloatArray | None:
    r"""Return the theorem's bound on the mean energy at the given times.

    .. math:: E[E_\beta(\mu_t)] \le e^{(\varepsilon + \bar\lambda'(\beta))\, t}\, E_\beta(\mu_0)

    for the limit of infinite depth; a finite depth adds O(1/L).

    Parameters
    ----------
    model : Model
    time : array_like
    initial : float
        E_β(μ_0).
    beta : float
        Inverse temperature of the energy.

    Returns
    -------
    ndarray or None
        None where the attention is of a kind without a known ε, or the noise is no field with a
        covariance kernel.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments that break a rule, or a model with another normalisation than ``"post"``.

    References
    ----------
    arXiv:2604.26898, §1.3 and §4.2. Derived in docs/theory.md: the bound decays where ε + λ̄' < 0.
    """
    require_post(model.placement, "energy_bound")
    growth = attention_growth(model.attention, beta)
    if growth is None:
        return None
    noise = model.total_noise
    dissipation = 0.0 if noise is None else noise.growth(model.dim, beta)
    if dissipation is None:
        return None
    times = np.asarray(validate.finite_array("time", time), dtype=np.float64)
    return np.asarray(initial * np.exp((growth + dissipation) * times))
