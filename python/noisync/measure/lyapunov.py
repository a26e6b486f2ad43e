"""Lyapunov exponents, along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noisync import _core
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.measure.observer import Axis, Follow, Layers, Observer, Setting


@dataclass(frozen=True)
class Lyapunov(Observer, key="lyapunov"):
    r"""Finite-time Lyapunov exponents along a token: (k,) per observed layer, in decreasing order.

    .. math:: \lambda_i(t) = \frac1t \log(\text{growth of the } i\text{-th of } k
              \text{ orthonormal tangent vectors})

    The vectors start at random and go through the exact derivative of every layer: of LN, of the
    noise field, and of the attention that a test token at the same place receives, the other
    tokens given. So near one cluster and for V = aI the exponents tend to λ_i − a, those of the
    distance to the cluster. At t = 0 they are NaN. (Under ``GaussianField(sampler="exact")`` the
    tangents join the covariance that is factorised, which changes the tokens' noise by rounding.)

    Parameters
    ----------
    k : int
        Number of exponents, from 1 to dim − 1.
    token : int
        The token whose path is followed.
    name : str, optional
        Name of the result; ``"lyapunov"`` by default.
    layers : None, int or sequence of int, optional
        Which layers to observe: all those of the run, every k-th and the last, or the listed ones.

    References
    ----------
    The exponents of the limit: :attr:`noisync.Kernel.lyapunov_spectrum`; those of layers of finite
    thickness: :meth:`noisync.Kernel.layer_exponent`. Gram–Schmidt at every layer: Benettin et al.,
    Meccanica 15 (1980).
    """

    k: int = 1
    token: int = 0
    name: str = "lyapunov"
    layers: Layers = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", validate.integer("k", self.k, minimum=1))
        object.__setattr__(self, "token", validate.integer("token", self.token, minimum=0))
        self._check()

    @property
    def follow(self) -> Follow | None:
        """The tangent vectors that the run has to carry."""
        return Follow(self.k, self.token)

    def axes(self, setting: Setting) -> tuple[Axis, ...]:
        """Return ``exponent``."""
        return (Axis.numbered(self._axis("exponent", ()).name, self.k),)

    def measure(self, setting: Setting) -> _core.Measure:
        """Return the core's description: the growth of the tangent vectors."""
        return _core.growth_measure(self.k)

    def finish(self, values: npt.NDArray[Any], time: FloatArray) -> npt.NDArray[Any]:
        """Return the growth per time."""
        return np.asarray(values / np.where(time > 0, time, np.nan)[:, None])

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the variable."""
        return {
            "long_name": "finite-time Lyapunov exponents",
            "units": "1 / unit of time",
            "followed_token": self.token,
        }
