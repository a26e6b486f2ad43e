"""Numerical experiments, each beside the theorem it tests; a study returns an xarray Dataset."""

from noisync.studies._activations import activation_rates
from noisync.studies._depth_width import depth_width
from noisync.studies._synchronization import synchronization

__all__ = ["activation_rates", "depth_width", "synchronization"]
