"""The noise stream: published vectors, the documented transform, and the normal law."""

import numpy as np
import pytest
import reference
from scipy import stats

import noisync as ns
from noisync import _core

# Random123's known answers for philox4x32-10.
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    (
        [0xFFFFFFFF] * 4,
        [0xFFFFFFFF] * 2,
        [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD],
    ),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_published_words(counter, key, answer):
    assert _core.philox4x32(counter, key) == answer
    assert reference.philox(counter, key) == answer


@pytest.mark.parametrize("seed", [0, 7, 2**63 + 12345])
@pytest.mark.parametrize("replicate", [0, 3])
def test_normals_follow_the_documented_transform(seed, replicate):
    expected = reference.normals(seed, replicate, 0, "tokens", 0, 999)
    np.testing.assert_allclose(
        _core.initial_normals(seed, replicate, 999), expected, rtol=4e-15, atol=4e-16
    )


def test_normals_are_normal():
    # Kolmogorov-Smirnov on 1e6 numbers: false alarm 1e-6. A scale wrong by 1.5 % fails it.
    sample = _core.initial_normals(11, 0, 1_000_000)
    assert stats.kstest(sample, "norm").pvalue > 1e-6
    assert stats.kstest(1.015 * sample, "norm").pvalue < 1e-6
    # Moments 1 to 8 within 5.2 standard errors: false alarm about 2e-7 each, ten times that for
    # the skewed high ones. A scale wrong by 0.5 % moves the second one by 7.
    for k, (mean, variance) in enumerate(
        [(0, 1), (1, 2), (0, 15), (3, 96), (0, 945), (15, 10170), (0, 135135), (105, 2016000)], 1
    ):
        assert abs(np.mean(sample**k) - mean) < 5.2 * np.sqrt(variance / sample.size)
    # Tails: the number beyond 4 is Poisson with mean 63.3; 1e-6 two-sided gives 27 to 107.
    assert 27 <= np.sum(np.abs(sample) > 4) <= 107


def test_neighbouring_numbers_are_uncorrelated():
    # Lags 1 to 8, 1e6 numbers: each correlation is N(0, 1e-6); 5.5 sigma, false alarm 3e-7.
    sample = _core.initial_normals(12, 0, 1_000_000)
    for transform in (lambda z: z, lambda z: z**2 - 1, np.sign):
        values = transform(sample)
        for lag in range(1, 9):
            correlation = np.mean(values[lag:] * values[:-lag]) / np.mean(values**2)
            assert abs(correlation) < 5.5e-3
    # Power: a hundredth of the neighbour mixed in is seen.
    mixed = sample[1:] + 0.01 * sample[:-1]
    assert abs(np.mean(mixed[1:] * mixed[:-1])) > 5.5e-3


def test_fewer_points_are_the_first_of_more():
    np.testing.assert_array_equal(ns.sphere.uniform(7, 5, 3), ns.sphere.uniform(100, 5, 3)[:7])


def test_seeds_and_dimensions_give_other_points():
    assert not np.any(ns.sphere.uniform(7, 5, 3) == ns.sphere.uniform(7, 5, 4))
