"""Rates of convergence from replicated errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from noisync.base.validate import FloatArray
from noisync.studies.bootstrap import interval, resampled_means


class Slope(NamedTuple):
    """Slope of log E[error] against log size, with its 95 % confidence interval."""

    estimate: float
    low: float
    high: float


def slope(sizes: npt.ArrayLike, errors: FloatArray) -> Slope:
    """Fit E[error] = C size^slope by least squares in logarithms.

    Parameters
    ----------
    sizes : (K,) array_like
    errors : (R, K) ndarray
        One row per replicate. The interval is the percentile bootstrap over rows, so errors that
        share a noise path stay together.
    """
    log_sizes = np.log(np.asarray(sizes, dtype=np.float64))
    centred = log_sizes - log_sizes.mean()
    weights = centred / np.sum(centred**2)
    estimate = float(np.log(errors.mean(axis=0)) @ weights)
    return Slope(*interval(estimate, np.log(resampled_means(errors)) @ weights))
