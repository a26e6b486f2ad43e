"""The noise stream: published vectors, the documented transform, and the normal law."""

import numpy as np
import pytest
import reference
from scipy import special, stats

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


def drawn(count, *, seed=0, replicate=0, layer=0, purpose=0, first=0, part=0, dtype="float64"):
    out = np.empty(count, dtype)
    _core.fill_normals(seed, replicate, layer, purpose, first, out, part)
    return out


@pytest.mark.parametrize("seed", [0, 7, 2**63 + 12345])
@pytest.mark.parametrize(
    ("replicate", "layer", "first"),
    [(0, 0, 0), (3, 2**32 - 1, 77), (2**32 - 1, 5, 2**34 - 1000), (1, 1, 2**58 - 999_999)],
)
def test_normals_are_the_documented_quantiles(seed, replicate, layer, first):
    # 15 of a million words are rare: the expected numbers below have a second word.
    address, count = {"seed": seed, "replicate": replicate, "layer": layer, "first": first}, 10**6
    expected = reference.normals(seed, replicate, layer, "W", first, count)
    rare = reference.words(seed, replicate, layer, reference.PURPOSES["W"], first, count) < 2**16
    assert 1 <= rare.sum() <= 45  # false alarm 1e-6
    wide = drawn(count, purpose=reference.PURPOSES["W"], **address)
    np.testing.assert_allclose(wide, expected, rtol=0, atol=5e-10)
    narrow = drawn(count, purpose=reference.PURPOSES["W"], dtype="float32", **address)
    assert narrow.dtype == np.float32
    unit = np.spacing(np.abs(expected).astype(np.float32))
    assert np.max(np.abs(narrow - expected) / unit) < 2
    assert np.all(np.abs(expected[rare]) > 4.325)


def test_moments():
    # 1 to 8 within 5.3 standard errors, 4 million numbers, 8 tests: false alarm 1e-6 by the normal
    # law, ten times that for the skewed high ones.
    sample = drawn(4_000_000, seed=11)
    laws = [(0, 1), (1, 2), (0, 15), (3, 96), (0, 945), (15, 10170), (0, 135135), (105, 2016000)]

    def scores(sample):
        power = np.ones_like(sample)
        for mean, variance in laws:
            power *= sample
            yield abs(np.mean(power) - mean) / np.sqrt(variance / sample.size)

    assert max(scores(sample)) < 5.3
    # Power: a scale wrong by half a percent, a mean by as much.
    assert max(scores(1.005 * sample)) > 5.3
    assert max(scores(sample + 0.005)) > 5.3


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_distribution_bin_by_bin(dtype):
    # 2^26 numbers in 578 bins: of width 1/64 up to 4.5, and the rest. Each count is normal up to
    # 2 % of its standard deviation; false alarm 1e-6 for all bins at 6.1 standard deviations.
    edges = np.arange(-288, 289) / 64
    counts = np.zeros(578)
    size = 2**20
    for chunk in range(64):
        sample = drawn(size, seed=13, first=chunk * size, dtype=dtype)
        inside, _ = np.histogram(sample, bins=576, range=(-4.5, 4.5))
        counts[1:-1] += inside
        counts[0] += np.sum(sample < -4.5)
        counts[-1] += np.sum(sample > 4.5)
    total = 64 * size
    assert counts.sum() == total
    mass = np.diff(np.concatenate([[0], special.ndtr(edges), [1]]))
    mass[-1] = mass[0]
    deviation = np.sqrt(total * mass * (1 - mass))
    scores = (counts - total * mass) / deviation
    assert np.max(np.abs(scores)) < 6.1
    # All of them together: chi-square of 577 degrees of freedom, false alarm 1e-6.
    assert stats.chi2.sf(np.sum(scores**2 * (1 - mass)), 577) > 1e-6
    # Power: a probability wrong by 1e-4 in any bin is seen.
    assert np.min(scores + 1e-4 * total / deviation) > 6.1
    # Left against right: differences within as many of their standard deviations.
    differences = (counts - counts[::-1]) / np.sqrt(2 * total * mass)
    assert np.max(np.abs(differences)) < 6.1
    # The parity of the last bit is the sign: no more of the one than of the other.
    assert abs(counts[:289].sum() - total / 2) < 5 * np.sqrt(total) / 2


def test_tails():
    # 2^29 numbers: 34,006 are expected beyond 4, 307.8 beyond 5, 1.06 beyond 6. Bounds of Poisson's
    # law, false alarm 1e-6 in all.
    counts = np.zeros(3)
    size = 2**20
    for chunk in range(512):
        sample = drawn(size, seed=14, first=chunk * size, dtype="float32")
        far = np.abs(sample[np.abs(sample) > 4])
        counts += [np.sum(far > t) for t in (4, 5, 6)]
    for count, t in zip(counts, (4, 5, 6), strict=True):
        law = stats.poisson(512 * size * 2 * special.ndtr(-t))
        assert law.ppf(1.7e-7) <= count <= law.isf(1.7e-7)
    # Power: tails cut at 4.8, or with 5 % too much beyond 4, are not within these.
    law = stats.poisson(512 * size * 2 * special.ndtr(-4))
    assert stats.poisson(512 * size * 2 * special.ndtr(-5)).ppf(1.7e-7) > 0
    assert law.isf(1.7e-7) < 1.05 * law.mean()


STREAMS = {
    "another seed": {"seed": 13},
    "a seed of another high word": {"seed": 12 + 2**40},
    "the next replicate": {"replicate": 1},
    "the next layer": {"layer": 1},
    "the next purpose": {"purpose": 1},
    "second words": {"purpose": 128},
    "the next part": {"part": 1},
}


def correlations(one, two):
    """Of z, of z² and of signs, in standard deviations."""
    return [
        np.mean(f(one) * f(two)) / np.mean(f(one) ** 2) * np.sqrt(one.size)
        for f in (lambda z: z, lambda z: z**2 - 1, np.sign)
    ]


@pytest.mark.parametrize("other", STREAMS)
def test_streams_are_independent(other):
    # 21 correlations of 2^22 numbers within 5.6 standard deviations: false alarm 5e-7.
    count = 2**22
    one, two = drawn(count, seed=12), drawn(count, **{"seed": 12} | STREAMS[other])
    assert np.max(np.abs(correlations(one, two))) < 5.6
    # Power: half a percent of the other mixed in.
    assert np.max(np.abs(correlations(one + 0.005 * two, two))) > 5.6


def test_elements_are_independent():
    # Neighbours, elements of the same block, the same lane of a vector, the next group or batch:
    # 57 correlations of 2^22 numbers within 5.8 standard deviations, false alarm 4e-7.
    sample = drawn(2**22, seed=15)
    for lag in (*range(1, 9), 12, 15, 16, 32, 48, 64, 96, 128, 256, 512, 1024):
        assert np.max(np.abs(correlations(sample[lag:], sample[:-lag]))) < 5.8
    # The four words of a block against one another, and triples of neighbours.
    blocks = sample.reshape(-1, 4)
    products = blocks.T @ blocks / np.sqrt(len(blocks))
    assert np.max(np.abs(products[np.triu_indices(4, 1)])) < 5.8
    triple = sample[2:] * sample[1:-1] * sample[:-2]
    assert abs(np.mean(triple)) < 5.8 / np.sqrt(triple.size)
    # Power: half a percent of the neighbour mixed in is seen.
    mixed = sample[1:] + 0.005 * sample[:-1]
    assert np.max(np.abs(correlations(mixed[1:], mixed[:-1]))) > 5.8


def test_rare_numbers_fall_on_every_place():
    # Words below 2^16, the numbers beyond 4.3253, are drawn apart. Of 2^27 there are 32 at every
    # place modulo 64; bounds of Poisson's law, false alarm 1e-6 in all.
    counts = np.zeros(64)
    for chunk in range(128):
        sample = drawn(2**20, seed=16, first=chunk * 2**20, dtype="float32")
        counts += np.sum(np.abs(sample.reshape(-1, 64)) > -special.ndtri(2.0**-17), axis=0)
    law = stats.poisson(2**27 / 2**16 / 64)
    low, high = law.ppf(8e-9), law.isf(8e-9)
    assert np.all((low <= counts) & (counts <= high))
    # Power: a place that has none, or the double.
    assert low > 0
    assert high < 2.3 * law.mean()


@pytest.mark.parametrize("out", [np.empty(3, np.int64), np.empty((4, 4))[:, 1]])
def test_only_buffers_that_can_be_filled(out):
    with pytest.raises(ValueError, match="C-contiguous"):
        _core.fill_normals(0, 0, 0, 0, 0, out)


def test_fewer_points_are_the_first_of_more():
    np.testing.assert_array_equal(ns.sphere.uniform(7, 5, 3), ns.sphere.uniform(100, 5, 3)[:7])


def test_seeds_and_dimensions_give_other_points():
    assert not np.any(ns.sphere.uniform(7, 5, 3) == ns.sphere.uniform(7, 5, 4))
