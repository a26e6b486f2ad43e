"""The random MLP: the noise of a transformer's layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from noisync import _core
from noisync.base import validate
from noisync.noise.law import KernelNoise


@dataclass(frozen=True, eq=False)
class MLP(KernelNoise):
    r"""A random two-layer perceptron with fresh weights in every layer, as common noise.

    .. math:: G(y) = g_o m^{-1/2} W \varphi(g_i d^{-1/2} U y + b_U) + b_W

    with independent entries: U and W standard normal, b_U of standard deviation `sigma_u`, b_W of
    standard deviation `sigma_w`. Its covariance is :class:`noisync.Kernel` at any width; its limit
    of infinite width is :class:`noisync.GaussianField`.

    Parameters
    ----------
    activation : str
        :math:`\varphi`, one of ``noisync.activations.NAMES``.
    width : int
        m, the number of hidden neurons. A network is the first m neurons of any wider one with the
        same seed.
    sigma_u, sigma_w : float
        Standard deviations of the biases.
    input_scale, output_scale : float
        g_i and g_o, positive; 1 in the paper. g_i = √d is the network behind a LayerNorm, whose
        rows have norm √d.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For an unknown activation (the nearest name is suggested), width below 1, a negative sigma,
        a scale that is not positive.

    References
    ----------
    arXiv:2604.26898, §1.1.
    """

    activation: str
    width: int
    sigma_u: float = 0.0
    sigma_w: float = 0.0
    input_scale: float = 1.0
    output_scale: float = 1.0

    kind: ClassVar[str] = "mlp"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(
            self, "width", validate.integer("width", self.width, minimum=1, maximum=2**31 - 1)
        )

    def law(self, dim: int, n: int, method: str, tol: float) -> _core.NoiseLaw:
        """Return the core's description."""
        return _core.mlp_noise(
            activation=self.activation,
            width=self.width,
            sigma_u=self.sigma_u,
            sigma_w=self.sigma_w,
            input_scale=self.input_scale,
            output_scale=self.output_scale,
        )
