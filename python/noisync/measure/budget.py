"""The budget of the interaction energy: what attention and noise contribute to its change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.attention.summation import METHODS, exponential_series, is_faster, summed
from noisync.base import validate
from noisync.base.threads import thread_count
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.measure.configurations import measured
from noisync.measure.observer import Axis, Layers, Observer, Setting, betas_from_setting
from noisync.model import Model, check_model
from noisync.noise.law import PairHarmonics
from noisync.normalization import require_post
from noisync.theory.quadrature import HARMONIC_DIM


class BudgetParts(NamedTuple):
    """What the attention and the noise contribute to dE_β/dt."""

    attention: Any
    noise: Any


def budget(
    model: Model,
    x: npt.ArrayLike,
    beta: float = 1.0,
    weights: npt.ArrayLike | None = None,
    *,
    scaled: bool = False,
    method: str = "auto",
    threads: int | None = None,
) -> BudgetParts:
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
        Its attention and its noise; where it has none, that part of the budget is 0.
    x : (..., n, dim) array_like
        Unit rows; leading axes hold configurations.
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
    BudgetParts
        A named tuple (attention, noise), per unit time: numbers, or arrays of the leading axes.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere, beta out of range, weights that do not sum to 1, or a model with
        another normalisation than ``"post"``.
    SimulationError
        If :class:`noisync.Sinkhorn` attention does not converge.

    Examples
    --------
    >>> import noisync as ns
    >>> model = ns.Model(dim=3, attention=ns.Softmax(beta=1.0), noise=ns.MLP("sigmoid", width=64))
    >>> attention, noise = ns.measure.budget(model, ns.sphere.uniform(16, 3), beta=1.0)
    >>> attention < 0
    True

    References
    ----------
    arXiv:2604.26898, §4.1.
    """
    check_model(model)
    beta = validate.energy_beta(beta, scaled=scaled)
    values = measured(
        x,
        weights,
        lambda n, dim: budget_measure(model, beta, n, method, scaled=scaled),
        thread_count(threads),
        model.dim,
    )
    attention, noise = np.moveaxis(values, -1, 0)
    return BudgetParts(*((attention, noise) if values.ndim > 1 else map(float, (attention, noise))))


def budget_measure(
    model: Model,
    beta: float,
    n: int,
    method: str,
    tol: float = 1e-12,
    *,
    scaled: bool,
) -> _core.Measure:
    """Return the measure of the attention and the noise part of dE_β/dt.

    Raises
    ------
    ArgumentError
        If "harmonic" is asked for and cannot serve, or for another normalisation than "post".
    """
    require_post(model.placement, "budget")
    law = model.total_attention
    series = _budget_series(model, beta, n, method)
    if series is not None:
        harmonics, pairs = series
        attention = None
        if law is not None:
            attention = summed(law, model.dim, n, method, tol)
        return _core.harmonic_budget_measure(
            beta,
            scaled,
            attention,
            harmonics.tolist(),
            pairs.coefficients.tolist(),
            pairs.limit,
            model.dim,
        )
    attention, noise = None, None
    if law is not None:
        attention = _core.SummedAttention(law.law(), _core.Summation())
    if model.total_noise is not None:
        noise = model.total_noise.pair_noise(model.dim, beta)
    return _core.budget_measure(beta, scaled, attention, noise, model.dim)


def _budget_series(
    model: Model, beta: float, n: int, method: str
) -> tuple[FloatArray, PairHarmonics] | None:
    """Return the coefficients of e^{βu−β} and of that times G_β, or None for the direct sum."""
    validate.choice("method", method, METHODS)
    exponential = None if method == "direct" else exponential_series(beta, model.dim, 1e-17)
    noise: PairHarmonics | None = PairHarmonics(np.empty(0), 0.0)
    law = model.total_noise
    if exponential is not None and law is not None:
        noise = law.pair_harmonics(model.dim, beta)
    if exponential is None or noise is None:
        if method == "harmonic":
            raise ArgumentError(
                f"method: 'harmonic' serves the budget for dim of at most {HARMONIC_DIM}, "
                "moderate beta and a noise of few harmonics (no kinked activation, no ValueNoise); "
                "use 'direct'"
            )
        return None
    size = max(len(exponential.coefficients), noise.coefficients.size)
    if method == "auto" and not is_faster(_core.harmonics_up_to(size - 1, model.dim), model.dim, n):
        return None
    harmonics = np.pad(exponential.coefficients, (0, size - len(exponential.coefficients)))
    if noise.coefficients.size:
        padded = np.pad(noise.coefficients, (0, size - noise.coefficients.size))
        noise = noise._replace(coefficients=padded)
    return harmonics, noise


@dataclass(frozen=True)
class Budget(Observer, key="budget"):
    """What attention and noise contribute to dE_β/dt: see :func:`noisync.measure.budget`.

    Two numbers per observed layer, in a dimension ``contribution``: attention and noise.

    Parameters
    ----------
    beta : float
        Inverse temperature of the energy, in (0, 700].
    name : str, optional
        Name of the result; ``"budget"`` by default.
    scaled : bool
        Observe e^{−β} times the budget, for β of any size.
    layers : None, int or sequence of int, optional
        Which layers to observe: all those of the run, every k-th and the last, or the listed ones.
    """

    beta: float = 1.0
    name: str = "budget"
    scaled: bool = False
    layers: Layers = None

    def __post_init__(self) -> None:
        self._check()
        beta = validate.energy_beta(self.beta, scaled=self.scaled)
        object.__setattr__(self, "beta", beta)

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return ``contribution``."""
        return (self._axis("contribution", BudgetParts._fields),)

    def measure(self, setting: Setting) -> _core.Measure:
        """Return the core's description."""
        return budget_measure(
            setting.model,
            self.beta,
            setting.n,
            setting.sum_method,
            setting.tol,
            scaled=self.scaled,
        )

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable."""
        symbol = "e^(-β) dE_β/dt" if self.scaled else "dE_β/dt"
        return {
            "long_name": f"contributions to {symbol}",
            "units": "1 / unit of time",
            "beta": self.beta,
        }

    @classmethod
    def from_setting(cls, value: Any) -> list[Observer]:
        """Return an observer for each β, with β in its name."""
        return [cls(beta, f"budget_{beta:g}") for beta in betas_from_setting("budget", value)]
