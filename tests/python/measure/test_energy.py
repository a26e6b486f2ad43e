"""Energies and cosine histograms."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

import noisync as ns


@given(
    n=st.integers(1, 150), d=st.integers(2, 30), beta=st.floats(0.01, 20), seed=st.integers(0, 99)
)
def test_plain_formula(n, d, beta, seed):
    x = ns.sphere.uniform(n, d, seed)
    w = np.random.default_rng(seed).dirichlet(np.ones(n))
    expected = reference.energy(x, w, beta)
    assert ns.measure.energy(x, beta, w) == pytest.approx(expected, rel=1e-12, abs=0)


def test_blocks(rng):
    x = ns.sphere.uniform(1300, 3)
    w = rng.dirichlet(np.ones(1300))
    expected = reference.energy(x, w, 2.0)
    assert ns.measure.energy(x, 2.0, w) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-10, 1e-14])
def test_two_near_tokens_keep_their_digits(distance):
    # Tokens at angle θ: E = ¼ e^β (1 − e^{−β(1 − cos θ)}), with 1 − cos θ = 2 sin²(θ/2).
    angle, beta = distance, 1.5
    x = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    exact = 0.25 * np.exp(beta) * -np.expm1(-beta * 2 * np.sin(angle / 2) ** 2)
    assert ns.measure.energy(x, beta) == pytest.approx(exact, rel=1e-9, abs=0)


def test_one_token_and_one_cluster_have_no_energy():
    x = ns.sphere.uniform(1, 3)
    assert ns.measure.energy(x) == 0.0
    assert ns.measure.energy(np.repeat(x, 70, axis=0)) == 0.0


def test_an_antipodal_pair():
    x = np.array([[0.0, 1.0], [0.0, -1.0]])
    assert ns.measure.energy(x, 2.0) == pytest.approx(0.5 * np.sinh(2.0), rel=1e-14)


def test_several_states_at_once():
    states = np.stack([ns.sphere.uniform(20, 4, seed) for seed in range(3)])
    each = [ns.measure.energy(x, 0.7) for x in states]
    np.testing.assert_array_equal(ns.measure.energy(states, 0.7), each)


@pytest.mark.parametrize("n", [1, 2, 65, 700])
def test_histogram_counts_every_pair_once(n):
    x = ns.sphere.uniform(n, 5)
    counts, edges = ns.measure.cosines(x, bins=37)
    assert counts.sum() == n * (n - 1) // 2
    expected, _ = np.histogram(ns.measure.pair_cosines(x), bins=edges)
    # A cosine within rounding of an edge may fall on either side.
    assert np.abs(np.cumsum(counts - expected)).max() <= 1


def test_histogram_takes_the_ends():
    x = np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    counts, _ = ns.measure.cosines(x, bins=4)
    np.testing.assert_array_equal(counts, [2, 0, 0, 1])


def test_pair_cosines_are_ordered_like_pdist():
    from scipy.spatial.distance import pdist

    x = ns.sphere.uniform(9, 3)
    np.testing.assert_allclose(ns.measure.pair_cosines(x), 1 - pdist(x, "cosine"), atol=1e-14)


@pytest.mark.parametrize("gap", [2e-3, 1.01e-4, 0.99e-4])
def test_norms_that_are_one_up_to_rounding_cost_nothing(gap):
    # float32 tokens: |x - y|² / 2 of the tokens as they are, on both sides of the switch at 1e-4.
    angle = np.arccos(1 - gap)
    x = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]], dtype=np.float32)
    x = (x @ np.array([[0.6, 0.8], [-0.8, 0.6]], dtype=np.float32)).astype(np.float32)
    exact = reference.energy(x.astype(np.float64), np.full(2, 0.5), 1.0)
    assert ns.measure.energy(x) == pytest.approx(exact, rel=1e-10)


def lumps(rng, n, d, lump_count, spread):
    """Tokens at a distance of about `spread` from one of a few points."""
    centres = ns.sphere.uniform(lump_count, d, seed=int(rng.integers(99)))
    places = centres[rng.integers(0, lump_count, n)]
    return ns.sphere.normalize(places + spread * rng.standard_normal((n, d)))


@pytest.mark.parametrize("method", ["direct", "harmonic"])
@pytest.mark.parametrize("lump_count", [1, 2, 4])
def test_every_method_keeps_twelve_digits(method, lump_count, rng):
    """Against long doubles: β from 1e-280 to 100, spreads from 1e-14 to all over the sphere."""
    logs = np.concatenate([rng.uniform(-280, -12, 20), rng.uniform(-12, 2, 80)])
    for beta in 10.0**logs:
        d, n = int(rng.choice([2, 3, 4])), int(rng.integers(2, 100))
        x = lumps(rng, n, d, lump_count, 10 ** rng.uniform(-14, 0.5))
        w = rng.dirichlet(np.ones(n))
        w[rng.integers(0, n, n // 3)] = 0
        w /= w.sum()
        expected = reference.energy(
            x.astype(np.longdouble), w.astype(np.longdouble), np.longdouble(beta)
        )
        if expected > 1e-290:
            assert abs(ns.measure.energy(x, beta, w, method=method) / expected - 1) < 1e-12


def test_a_small_beta_weighs_all_tokens():
    """E = β/2 <g> to first order: 300 uniform tokens have mean gaps of nearly 1."""
    x = ns.sphere.uniform(300, 3)
    mean_gap = 1 - float(np.sum(x.mean(axis=0) ** 2))
    for beta in (1e-3, 1e-5, 1e-7, 1e-100):
        assert ns.measure.energy(x, beta, method="harmonic") == pytest.approx(
            0.5 * beta * mean_gap, rel=2 * beta + 1e-12
        )
