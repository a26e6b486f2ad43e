"""Chaos given the noise: the estimator beside a sum over pairs, and what vanishes."""

import numpy as np
import pytest

import noisync as ns
from noisync.studies.propagation_of_chaos.conditional import (
    Sums,
    covariance_slope,
    final_sums,
    pair_covariance,
    resampled_covariances,
)
from noisync.studies.propagation_of_chaos.setting import Setting

MODEL = ns.Model(2, ns.Softmax(beta=2.0), ns.MLP("tanh", 32, sigma_u=0.5, sigma_w=0.1))
SETTING = Setting(horizon=1.0, layers=10, saved=1, concentration=1.0, seed=1, threads=None)


def sums_of(values):
    return Sums(values.mean(axis=1), np.mean(values**2, axis=1))


def test_covariance_is_that_of_all_pairs(rng):
    """Beside the sum over pairs of runs r ≠ s and tokens i ≠ j, which is unbiased."""
    runs, n = 6, 5
    values = rng.standard_normal((runs, n)) + rng.standard_normal((runs, 1)) + 3.0
    same = np.mean([v[i] * v[j] for v in values for i in range(n) for j in range(n) if i != j])
    other = np.mean(
        [v[i] * w[j] for a, v in enumerate(values) for b, w in enumerate(values) if a != b
         for i in range(n) for j in range(n)]
    )  # fmt: skip
    assert pair_covariance(n, sums_of(values)) == pytest.approx(same - other, rel=1e-10)


def test_covariance_has_no_bias(rng):
    """Three runs of two tokens with covariance 1/2, 20,000 times; 4 standard errors."""
    common = rng.standard_normal((20000, 3, 1)) * 0.5**0.5
    values = common + rng.standard_normal((20000, 3, 2))
    found = np.array([pair_covariance(2, sums_of(v)) for v in values])
    assert abs(found.mean() - 0.5) < 4 * found.std() / 20000**0.5


def test_resampling_and_slope(rng):
    """Covariances 1/N of Gaussian tokens, 1500 starts: the slope is −1 within 4 standard errors."""
    sizes = np.array([64, 128, 256])
    sums = [
        sums_of(rng.standard_normal((1500, n)) + rng.standard_normal((1500, 1)) / n**0.5)
        for n in sizes
    ]
    covariances = np.array([pair_covariance(n, s) for n, s in zip(sizes, sums, strict=True)])
    resampled = resampled_covariances(sizes, sums)
    assert resampled.shape == (2000, 3)
    np.testing.assert_allclose(resampled.mean(axis=0), covariances, rtol=0.02)
    estimate, low, high = covariance_slope(sizes, covariances, resampled)
    assert high - low < 0.5
    assert abs(estimate + 1) < 4 * (high - low) / 3.92


def test_common_noise_stays_and_chaos_is_given_the_noise():
    """1000 starts: Cov on one path falls by four from N = 16 to 64, over paths it stays.

    Each statement within 4 standard errors, wrong by chance in about 1 of 10⁴ streams; that the
    first does not fall, or the second vanishes, is more than 6 of them away.
    """
    sizes = (16, 64)
    given = [final_sums(MODEL, SETTING, n, 1000, 0) for n in sizes]
    free = [final_sums(MODEL, SETTING, n, 1000, None) for n in sizes]
    small, large = (pair_covariance(n, s) for n, s in zip(sizes, given, strict=True))
    errors = resampled_covariances(sizes, given).std(axis=0)
    assert small > 4 * errors[0]
    assert abs(large - small / 4) < 4 * np.hypot(errors[1], errors[0] / 4)
    assert abs(large - small) > 6 * errors[0]
    stays = [pair_covariance(n, s) for n, s in zip(sizes, free, strict=True)]
    errors = resampled_covariances(sizes, free).std(axis=0)
    assert abs(stays[1] - stays[0]) < 4 * np.hypot(*errors)
    assert stays[1] > 6 * errors[1]


def test_starts_in_parts_are_the_same(monkeypatch):
    whole = final_sums(MODEL, SETTING, 8, 20, 0)
    monkeypatch.setitem(final_sums.__globals__, "_BYTES", 8 * 8 * 2 * 7)
    np.testing.assert_array_equal(whole, final_sums(MODEL, SETTING, 8, 20, 0))
