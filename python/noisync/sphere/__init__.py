"""The unit sphere S^{d−1}: points, the laws that tokens start from, quadrature, distances."""

from noisync.sphere.density import Density
from noisync.sphere.law import Law
from noisync.sphere.mixture import Mixture
from noisync.sphere.points import normalize
from noisync.sphere.quadrature import quadrature
from noisync.sphere.sobolev import sobolev
from noisync.sphere.uniform import Uniform, uniform
from noisync.sphere.von_mises_fisher import VonMisesFisher
from noisync.sphere.wasserstein import wasserstein2

__all__ = [
    "Density",
    "Law",
    "Mixture",
    "Uniform",
    "VonMisesFisher",
    "normalize",
    "quadrature",
    "sobolev",
    "uniform",
    "wasserstein2",
]
