"""The interaction energy: of a configuration, and along a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.attention.summation import energy_series
from noisync.base import validate
from noisync.base.threads import thread_count
from noisync.errors import ArgumentError
from noisync.measure.configurations import measured
from noisync.measure.observer import Axis, Layers, Observer, Setting, betas_from_setting


def energy(
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
    x : (..., n, dim) array_like
        Unit rows; leading axes hold configurations.
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
        Of the leading axes of `x`, and a last one for the β where there are several.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For rows off the sphere, beta out of range, or weights that do not sum to 1.

    References
    ----------
    arXiv:2604.26898, eq. (1.14).
    """
    betas = _betas(beta, scaled=scaled)
    count = thread_count(threads)
    values = measured(
        x,
        weights,
        lambda n, dim: energy_measure(betas, dim, n, method, scaled=scaled),
        count,
    )
    if np.ndim(beta) == 0:
        values = values[..., 0]
    return values if values.ndim else float(values)


def _betas(beta: float | Sequence[float], *, scaled: bool) -> list[float]:
    if np.ndim(beta) > 1 or np.size(beta) == 0:
        raise ArgumentError(f"beta must be a number or a list of numbers, got {beta!r}")
    each = [beta] if np.ndim(beta) == 0 else list(beta)  # type: ignore[arg-type]
    return [validate.energy_beta(b, scaled=scaled) for b in each]


def energy_measure(
    betas: Sequence[float], dim: int, n: int, method: str, *, scaled: bool
) -> _core.Measure:
    """Return the measure of E_β for every β, by the way that `method` leads to for n tokens."""
    series = energy_series(betas, dim, n, method, scaled=scaled)
    return _core.energy_measure(list(betas), scaled, [] if series is None else series.tolist(), dim)


@dataclass(frozen=True)
class Energy(Observer, key="energy"):
    """Interaction energy of the tokens: a number per observed layer, or one for each β.

    Parameters
    ----------
    beta : float or sequence of float
        Inverse temperatures, in (0, 700]; several make a dimension ``beta``. Energies observed at
        the same layers cost one pass over the pairs, whatever their number.
    name : str, optional
        Name of the result; ``"energy"`` by default.
    scaled : bool
        Observe e^{−β} times the energy, for β of any size.
    layers : None, int or sequence of int, optional
        Which layers to observe: all those of the run, every k-th and the last, or the listed ones.
    """

    beta: float | tuple[float, ...] = 1.0
    name: str = "energy"
    scaled: bool = False
    layers: Layers = None

    def __post_init__(self) -> None:
        self._check()
        betas = tuple(_betas(self.beta, scaled=self.scaled))
        object.__setattr__(self, "beta", betas[0] if np.ndim(self.beta) == 0 else betas)

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return ``beta`` where there are several."""
        return () if np.ndim(self.beta) == 0 else (self._axis("beta", self.beta),)

    def measure(self, setting: Setting) -> _core.Measure:
        """Return the core's description."""
        betas = np.atleast_1d(self.beta).tolist()
        dim, n, method = setting.model.dim, setting.n, setting.sum_method
        return energy_measure(betas, dim, n, method, scaled=self.scaled)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable."""
        symbol = "e^(-β) E_β" if self.scaled else "E_β"
        parameters = {"beta": self.beta} if np.ndim(self.beta) == 0 else {}
        return {"long_name": f"interaction energy {symbol}", "units": "1", **parameters}

    @classmethod
    def from_setting(cls, value: Any) -> list[Observer]:
        """Return an observer for each β, with β in its name."""
        return [cls(beta, f"energy_{beta:g}") for beta in betas_from_setting("energy", value)]
