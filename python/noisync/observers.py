"""Reductions computed while a run goes on, so that long or large runs need no trajectory."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from noisync import _validate
from noisync.energy import check_beta
from noisync.errors import ArgumentError

UserFunction = Callable[[npt.NDArray[Any]], npt.ArrayLike]

#: What can name a variable of a netCDF file.
VARIABLE_NAME = re.compile(r"[A-Za-z_][\w.+-]*", re.ASCII)


@dataclass(frozen=True)
class Energy:
    """Interaction energy of the tokens: a number per observed layer.

    Parameters
    ----------
    beta : float
        Inverse temperature, in (0, 700].
    name : str, optional
        Key of the result; ``"energy"`` by default.
    """

    beta: float = 1.0
    name: str = "energy"

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", check_beta(self.beta))
        _check_name(self.name)


@dataclass(frozen=True)
class Tokens:
    """The tokens themselves: (N, d) per observed layer.

    Parameters
    ----------
    name : str, optional
        Key of the result; ``"tokens"`` by default.
    """

    name: str = "tokens"

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True)
class Lyapunov:
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
        Key of the result; ``"lyapunov"`` by default.

    References
    ----------
    The exponents of the limit: :attr:`noisync.Kernel.lyapunov_spectrum`; those of layers of finite
    thickness: :meth:`noisync.Kernel.layer_exponent`. Gram–Schmidt at every layer: Benettin et al.,
    Meccanica 15 (1980).
    """

    k: int = 1
    token: int = 0
    name: str = "lyapunov"

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", _validate.integer("k", self.k, minimum=1))
        object.__setattr__(self, "token", _validate.integer("token", self.token, minimum=0))
        _check_name(self.name)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
        raise ArgumentError(
            f"name must be letters, digits, '_', '.', '+' or '-' after a letter, got {name!r}"
        )


Observer = Energy | Tokens | Lyapunov | UserFunction
