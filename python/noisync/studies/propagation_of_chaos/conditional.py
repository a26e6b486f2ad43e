r"""Chaos given the noise: what two tokens have in common on one noise path, and on many.

From all pairs of N exchangeable tokens at once,

.. math:: \mathrm{Cov}(f(X^1), f(X^2)) =
          \frac{N\,\mathrm{Var}\big(\frac1N\sum_i f(X^i)\big) - \mathrm{Var} f(X^1)}{N - 1}.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from noisync.base.validate import FloatArray
from noisync.measure.tokens import Tokens
from noisync.model import Model
from noisync.run.ensemble import ensemble
from noisync.studies.bootstrap import interval, resampled_means
from noisync.studies.propagation_of_chaos.setting import Setting
from noisync.studies.slopes import Slope

#: Bytes of final tokens in memory at once.
_BYTES = 2**28


class Sums(NamedTuple):
    """(1/N) Σ_i f(X^i) and (1/N) Σ_i f(X^i)² of every start, (starts,) each."""

    mean: FloatArray
    square: FloatArray


def final_sums(
    model: Model, setting: Setting, n: int, starts: int, noise_replicate: int | None
) -> Sums:
    """Run N tokens from many starts; f is the first coordinate at the end.

    On the noise path of `noise_replicate`, or each on its own where that is None.
    """
    means, squares = [], []
    chunk = max(1, _BYTES // (8 * n * model.dim))
    for first in range(0, starts, chunk):
        data = ensemble(
            model,
            setting.start(model.dim, n),
            replicates=min(chunk, starts - first),
            first_replicate=first,
            noise_replicate=noise_replicate,
            horizon=setting.horizon,
            layers=setting.layers,
            save=[setting.layers],
            observe=[Tokens()],
            seed=setting.seed,
            threads=setting.threads,
        )
        values = data.tokens.to_numpy()[:, 0, :, 0]
        means.append(values.mean(axis=1))
        squares.append(np.mean(values**2, axis=1))
    return Sums(np.concatenate(means), np.concatenate(squares))


def pair_covariance(n: int, sums: Sums) -> float:
    """Return the covariance of f(X¹) and f(X²), without bias: see above."""
    return float(_covariances(n, _moments(sums).mean(axis=0)[None], sums.mean.size)[0])


def resampled_covariances(sizes: npt.ArrayLike, sums: list[Sums]) -> FloatArray:
    """Return the covariances of 2000 resamples of the starts, the same for every N, (2000, K)."""
    means = resampled_means(np.stack([_moments(each) for each in sums], axis=1))
    count = sums[0].mean.size
    return np.stack(
        [_covariances(n, means[:, k], count) for k, n in enumerate(np.asarray(sizes))], axis=1
    )


def covariance_slope(sizes: npt.ArrayLike, covariances: FloatArray, resampled: FloatArray) -> Slope:
    """Return the slope of log |covariance| against log N, its interval from the resamples."""
    log_sizes = np.log(np.asarray(sizes, dtype=np.float64))
    weights = (log_sizes - log_sizes.mean()) / np.sum((log_sizes - log_sizes.mean()) ** 2)
    estimate = float(np.log(np.abs(covariances)) @ weights)
    return Slope(*interval(estimate, np.log(np.abs(resampled)) @ weights))


def _moments(sums: Sums) -> FloatArray:
    """Return, for every start, m, m² and s, f centred at its grand mean: (starts, 3)."""
    centre = sums.mean.mean()
    mean = sums.mean - centre
    return np.column_stack([mean, mean**2, sums.square - 2 * centre * sums.mean + centre**2])


def _covariances(n: int, means: FloatArray, count: int) -> FloatArray:
    """Return covariances from means over starts of m, m², s, (..., 3)."""
    mean, square_of_mean, square = means[:, 0], means[:, 1], means[:, 2]
    variance_of_mean = (square_of_mean - mean**2) * count / (count - 1)
    variance = square - mean**2 + variance_of_mean / count
    return np.asarray((n * variance_of_mean - variance) / (n - 1))
