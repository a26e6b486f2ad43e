"""Noise laws: the random part of a layer, as frozen, validated values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from noisync import _core, _validate, activations
from noisync._part import Part
from noisync.kernel import Kernel


@dataclass(frozen=True, eq=False)
class MLP(Part):
    r"""A random two-layer perceptron with fresh weights in every layer, as common noise.

    .. math:: G(y) = m^{-1/2} W \varphi(d^{-1/2} U y + b_U) + b_W

    with independent entries: U and W standard normal, b_U of standard deviation `sigma_u`, b_W of
    standard deviation `sigma_w`. Its covariance is :class:`noisync.Kernel` at any width.

    Parameters
    ----------
    activation : str
        :math:`\varphi`, one of ``noisync.activations.NAMES``.
    width : int
        m, the number of hidden neurons. A network is the first m neurons of any wider one with the
        same seed.
    sigma_u, sigma_w : float
        Standard deviations of the biases.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For an unknown activation (the nearest name is suggested), width below 1, negative sigma.

    References
    ----------
    arXiv:2604.26898, §1.1.
    """

    activation: str
    width: int
    sigma_u: float = 0.0
    sigma_w: float = 0.0

    kind: ClassVar[str] = "mlp"

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", activations.check_name(self.activation))
        object.__setattr__(
            self, "width", _validate.integer("width", self.width, minimum=1, maximum=2**31 - 1)
        )
        object.__setattr__(self, "sigma_u", _validate.non_negative("sigma_u", self.sigma_u))
        object.__setattr__(self, "sigma_w", _validate.non_negative("sigma_w", self.sigma_w))

    def kernel(self, dim: int) -> Kernel:
        """Return the covariance kernel of the field on S^{dim-1}."""
        return _kernel(self.activation, dim, self.sigma_u, self.sigma_w)

    def _core_config(self) -> _core.Mlp:
        return _core.Mlp(
            activation=self.activation,
            width=self.width,
            sigma_u=self.sigma_u,
            sigma_w=self.sigma_w,
        )


@lru_cache(maxsize=256)
def _kernel(activation: str, dim: int, sigma_u: float, sigma_w: float) -> Kernel:
    return Kernel(activation, dim, sigma_u, sigma_w)  # its rates are computed once


Noise = MLP

#: The kinds of noise, by the name they have in a dict or TOML.
KINDS = {part.kind: part for part in (MLP,)}
