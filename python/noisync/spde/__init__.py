"""The stochastic partial differential equation of the token distribution: the limit of large N."""

from noisync.spde.solution import SpdeSolution
from noisync.spde.solve import solve

__all__ = ["SpdeSolution", "solve"]
