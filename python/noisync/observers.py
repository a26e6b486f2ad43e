"""Reductions computed while a run goes on, so that long or large runs need no trajectory."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import Field, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from noisync import _core, _validate
from noisync._measures import budget_measure, energy_measure
from noisync.errors import ArgumentError

if TYPE_CHECKING:
    from noisync._plan import Plan

UserFunction = Callable[[npt.NDArray[Any]], npt.ArrayLike]

#: What can name a variable of a netCDF file.
VARIABLE_NAME = re.compile(r"[A-Za-z_][\w.+-]*", re.ASCII)

#: What names the coordinates of every result.
RESERVED_NAMES = ("replicate", "time", "layer")


class Axis(NamedTuple):
    """A labelled dimension of what an observer sees at a layer."""

    name: str
    values: npt.NDArray[Any]
    labelled: bool = True


class Measure(ABC):
    """An observer that the core computes: numbers made of a configuration of tokens."""

    name: str
    dtype: ClassVar[type] = np.float64
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @abstractmethod
    def axes(self) -> tuple[Axis, ...]:
        """Return the dimensions after replicate and time."""

    @abstractmethod
    def core_measure(self, plan: Plan) -> _core.Measure:
        """Return the core's description."""

    def _axis(self, name: str, values: npt.ArrayLike) -> Axis:
        # Two observers of one kind have two names, and may differ in what they see.
        default = type(self).__dataclass_fields__["name"].default
        return Axis(name if self.name == default else f"{self.name}_{name}", np.asarray(values))


@dataclass(frozen=True)
class Energy(Measure):
    """Interaction energy of the tokens: a number per observed layer, or one for each β.

    Parameters
    ----------
    beta : float or sequence of float
        Inverse temperatures, in (0, 700]; several cost one pass over the pairs and make a dimension
        ``beta``.
    name : str, optional
        Key of the result; ``"energy"`` by default.
    scaled : bool
        Observe e^{−β} times the energy, for β of any size.
    """

    beta: float | tuple[float, ...] = 1.0
    name: str = "energy"
    scaled: bool = False

    def __post_init__(self) -> None:
        _check_name(self.name)
        if np.ndim(self.beta) == 0:
            betas: Any = _validate.energy_beta(self.beta, scaled=self.scaled)
        else:
            betas = tuple(
                _validate.energy_beta(beta, scaled=self.scaled) for beta in np.ravel(self.beta)
            )
            if not betas:
                raise ArgumentError("beta must be a number or a list of numbers, got none")
        object.__setattr__(self, "beta", betas)

    def axes(self) -> tuple[Axis, ...]:
        """Return ``beta`` where there are several."""
        return () if np.ndim(self.beta) == 0 else (self._axis("beta", self.beta),)

    def core_measure(self, plan: Plan) -> _core.Measure:
        """Return the core's description."""
        betas = np.atleast_1d(self.beta).tolist()
        n, dim = plan.weights.size, plan.model.dim
        return energy_measure(betas, dim, n, plan.energy_method, scaled=self.scaled)


@dataclass(frozen=True)
class Budget(Measure):
    """What attention and noise contribute to dE_β/dt: see :func:`noisync.energy.budget`.

    Two numbers per observed layer, in a dimension ``contribution``: attention and noise.

    Parameters
    ----------
    beta : float
        Inverse temperature of the energy, in (0, 700].
    name : str, optional
        Key of the result; ``"budget"`` by default.
    scaled : bool
        Observe e^{−β} times the budget, for β of any size.
    """

    beta: float = 1.0
    name: str = "budget"
    scaled: bool = False

    def __post_init__(self) -> None:
        _check_name(self.name)
        beta = _validate.energy_beta(self.beta, scaled=self.scaled)
        object.__setattr__(self, "beta", beta)

    def axes(self) -> tuple[Axis, ...]:
        """Return ``contribution``."""
        return (self._axis("contribution", ("attention", "noise")),)

    def core_measure(self, plan: Plan, *, with_energy: bool = False) -> _core.Measure:
        """Return the core's description; the energy is a third number where it costs nothing."""
        return budget_measure(
            plan.model,
            self.beta,
            plan.weights.size,
            plan.energy_method,
            plan.tol,
            scaled=self.scaled,
            with_energy=with_energy,
        )


@dataclass(frozen=True)
class Cosines(Measure):
    """Histogram of the cosines of all pairs: see :func:`noisync.energy.cosine_histogram`.

    Counts per observed layer, in a dimension ``cosine`` of the bins' middles.

    Parameters
    ----------
    bins : int
        Number of equal bins of [−1, 1].
    name : str, optional
        Key of the result; ``"cosines"`` by default.
    """

    bins: int = 100
    name: str = "cosines"
    dtype: ClassVar[type] = np.int64

    def __post_init__(self) -> None:
        _check_name(self.name)
        bins = _validate.integer("bins", self.bins, minimum=1, maximum=2**24)
        object.__setattr__(self, "bins", bins)

    def axes(self) -> tuple[Axis, ...]:
        """Return ``cosine``."""
        return (self._axis("cosine", (2 * np.arange(self.bins) + 1) / self.bins - 1),)

    def core_measure(self, plan: Plan) -> _core.Measure:
        """Return the core's description."""
        return _core.cosine_measure(self.bins)


@dataclass(frozen=True)
class OrderParameters(Measure):
    """How ordered the tokens are: see :func:`noisync.energy.order_parameters`.

    Three numbers per observed layer, in a dimension ``parameter``: mean, leading, effective_rank.

    Parameters
    ----------
    name : str, optional
        Key of the result; ``"order"`` by default.
    """

    name: str = "order"

    def __post_init__(self) -> None:
        _check_name(self.name)

    def axes(self) -> tuple[Axis, ...]:
        """Return ``parameter``."""
        return (self._axis("parameter", ("mean", "leading", "effective_rank")),)

    def core_measure(self, plan: Plan) -> _core.Measure:
        """Return the core's description."""
        return _core.order_measure()


@dataclass(frozen=True)
class Clusters(Measure):
    """How many clusters there are: see :func:`noisync.energy.clusters`.

    Two numbers per observed layer, in a dimension ``statistic``: the count, and the weight of the
    heaviest cluster.

    Parameters
    ----------
    angle : float
        Largest step within a cluster, in radians.
    name : str, optional
        Key of the result; ``"clusters"`` by default.
    """

    angle: float = 0.1
    name: str = "clusters"

    def __post_init__(self) -> None:
        _check_name(self.name)
        object.__setattr__(self, "angle", _validate.positive("angle", self.angle))

    def axes(self) -> tuple[Axis, ...]:
        """Return ``statistic``."""
        return (self._axis("statistic", ("count", "heaviest")),)

    def core_measure(self, plan: Plan) -> _core.Measure:
        """Return the core's description."""
        return _core.cluster_measure(self.angle)


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


Observer = Measure | Tokens | Lyapunov | UserFunction
