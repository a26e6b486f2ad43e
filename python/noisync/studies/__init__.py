"""Numerical experiments, each beside the theorem it tests; a study returns an xarray Dataset."""

from noisync.studies._depth_width import depth_width

__all__ = ["depth_width"]
