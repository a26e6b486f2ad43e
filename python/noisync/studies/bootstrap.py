"""Confidence intervals by resampling replicates: they alone are independent."""

from __future__ import annotations

import numpy as np

from noisync.base.validate import FloatArray

_RESAMPLES = 2000


def resampled_means(values: FloatArray) -> FloatArray:
    """Return means over replicates, the first axis, of 2000 resamples: (2000, ...)."""
    generator = np.random.default_rng(0)  # resampling is part of the analysis, not of the noise
    count = values.shape[0]
    weights = generator.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES) / count
    return np.asarray(np.tensordot(weights, values, axes=1))


def mean_interval(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the mean over the first axis and its 95 % interval, by percentiles."""
    low, high = np.quantile(resampled_means(values), [0.025, 0.975], axis=0)
    return values.mean(axis=0), low, high


def interval(estimate: float, resampled: FloatArray) -> tuple[float, float, float]:
    """Return an estimate with the 95 % interval of what resamples give."""
    low, high = np.quantile(resampled, [0.025, 0.975])
    return estimate, float(low), float(high)
