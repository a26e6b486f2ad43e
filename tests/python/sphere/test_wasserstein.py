"""The Wasserstein distance: on the circle against POT's network simplex, and both by hand."""

import math
import sys
from itertools import permutations

import numpy as np
import ot
import pytest

import noisync as ns
from noisync.base import memory
from noisync.sphere import normalize, uniform, wasserstein2

E1, E2 = np.eye(2)


def on_circle(angles):
    return np.column_stack([np.cos(angles), np.sin(angles)])


def by_simplex(x, wx, y, wy):
    """The same on the circle by POT."""
    gap = np.abs(np.arctan2(x[:, 1], x[:, 0])[:, None] - np.arctan2(y[:, 1], y[:, 0]))
    arc = np.minimum(gap, 2 * np.pi - gap)
    return math.sqrt(max(ot.emd2(wx / wx.sum(), wy / wy.sum(), arc**2), 0))


def independent(rng, n, m):
    return normalize(rng.normal(size=(n, 2))), normalize(rng.normal(size=(m, 2)))


def eighths(rng, n, m):
    """Many ties, many pairs of opposite points."""
    return on_circle(np.pi / 4 * rng.integers(0, 8, n)), on_circle(
        np.pi / 4 * rng.integers(0, 8, m)
    )


def opposite(rng, n, m):
    """Two clusters on opposite sides, or the points and their mirror images."""
    x = normalize(rng.normal([4, 0], size=(n, 2)))
    return x, -x[rng.integers(0, n, m)]


def spread(rng, n):
    return rng.dirichlet(np.ones(n))


def uneven(rng, n):
    """Over twenty orders of magnitude."""
    weights = 10.0 ** rng.uniform(-20, 0, n)
    return weights / weights.sum()


def some_zero(rng, n):
    weights = rng.integers(0, 3, n).astype(float)
    weights[rng.integers(0, n)] += 1
    return weights / weights.sum()


def equal(rng, n):
    return np.full(n, 1 / n)


@pytest.mark.parametrize("weights", [equal, spread, some_zero, uneven])
@pytest.mark.parametrize("points", [independent, eighths, opposite])
def test_the_circle_agrees_with_the_network_simplex(points, weights, rng):
    for _ in range(30):
        n, m = rng.integers(1, 13, 2)
        x, y = points(rng, n, m)
        wx, wy = weights(rng, n), weights(rng, m)
        ours = wasserstein2(x, y, wx, wy)
        # POT's masses have errors of 1e-16 themselves, which may travel by half a turn.
        atol = 1e-13 if weights is equal or weights is some_zero else 2e-8
        assert abs(ours**2 - by_simplex(x, wx, y, wy) ** 2) < atol**2 + 1e-13
        np.testing.assert_allclose(wasserstein2(y, x, wy, wx), ours, rtol=1e-13, atol=atol)


def test_a_few_tokens_by_all_permutations(rng):
    # Among plans of equal weights one is a permutation.
    for metric in ("geodesic", "chordal"):
        for dim in (2, 3, 6):
            x, y = uniform(5, dim, seed=dim), uniform(5, dim, seed=dim + 10)
            distance = np.linalg.norm(x[:, None] - y, axis=2)
            if metric == "geodesic":
                distance = np.arccos(np.clip(x @ y.T, -1, 1))
            exact = min(
                np.sqrt(np.mean(distance[np.arange(5), list(p)] ** 2))
                for p in permutations(range(5))
            )
            np.testing.assert_allclose(wasserstein2(x, y, metric=metric), exact, rtol=1e-12)


def test_values_by_hand():
    # A quarter of the mass goes a quarter turn.
    np.testing.assert_allclose(wasserstein2([E1], [E1, E2], wy=[0.75, 0.25]), np.pi / 4)
    np.testing.assert_allclose(
        wasserstein2([E1], [E1, E2], wy=[0.75, 0.25], metric="chordal"), np.sqrt(0.5)
    )
    # Opposite points, by geodesics: half a turn, either way round.
    assert wasserstein2([E1], [-E1]) == np.pi
    np.testing.assert_allclose(wasserstein2([E1, E2], [-E1, -E2]), np.pi / 2)
    np.testing.assert_allclose(wasserstein2(np.eye(3), -np.eye(3)), np.pi / 2)
    # The nearest way is over the angle 0.
    np.testing.assert_allclose(
        wasserstein2(on_circle([0.1, 3.0]), on_circle([2 * np.pi - 0.1, 3.0])), 0.2 / np.sqrt(2)
    )


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_a_small_rotation_is_its_own_angle(n, rng):
    # Even where the square of the distance, 1e-18, is below the rounding of a mass times an arc.
    x = uniform(n, 2, seed=4)
    for angle in (1e-9, 1e-3, np.pi / (2 * n)):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        order = rng.permutation(n)
        np.testing.assert_allclose(wasserstein2(x, (x @ turn)[order]), angle, rtol=2e-6, atol=1e-15)
        weights = rng.dirichlet(np.ones(n))
        moved = wasserstein2(x, (x @ turn)[order], weights, weights[order])
        np.testing.assert_allclose(moved, angle, rtol=2e-6, atol=1e-15)


@pytest.mark.parametrize(("dim", "metric"), [(2, "geodesic"), (2, "chordal"), (4, "geodesic")])
def test_order_copies_and_test_tokens_do_not_matter(dim, metric, rng):
    x, y = uniform(9, dim, seed=1), uniform(5, dim, seed=2)
    wx, wy = rng.dirichlet(np.ones(9)), rng.dirichlet(np.ones(5))
    plain = wasserstein2(x, y, wx, wy, metric)
    order = rng.permutation(9)
    np.testing.assert_allclose(wasserstein2(x[order], y, wx[order], wy, metric), plain, rtol=1e-14)
    halves = wasserstein2(np.concatenate([x, x]), y, np.tile(wx / 2, 2), wy, metric)
    np.testing.assert_allclose(halves, plain, rtol=1e-14)
    extra = np.concatenate([y, uniform(3, dim, seed=3)])
    assert wasserstein2(x, extra, wx, np.append(wy, [0, 0, 0]), metric) == plain
    assert wasserstein2(x, x, wx, wx, metric) == 0
    same = wasserstein2(np.concatenate([x, x]), x, np.tile(wx / 2, 2), wx, metric)
    assert same < 1e-14


def test_many_tokens_of_the_circle_against_the_uniform_law():
    # Sorted points of a regular polygon against the same turned by half a step, and n against 2n:
    # by symmetry each arc goes a quarter of the shorter step.
    n = 2**16
    angles = 2 * np.pi * np.arange(n) / n
    turned = wasserstein2(on_circle(angles), on_circle(angles + np.pi / n))
    np.testing.assert_allclose(turned, np.pi / n, rtol=1e-9)
    finer = on_circle(np.pi * (np.arange(2 * n) + 0.5) / n)
    np.testing.assert_allclose(wasserstein2(on_circle(angles), finer), np.pi / (2 * n), rtol=1e-9)


def test_mean_distance_to_the_uniform_law():
    # E[N W₂²] → π²/3 for independent uniform tokens, here against 4096 equal angles, whose own
    # share of N W₂² is N (2π/4096)²/12, 3e-5. The standard deviation is 2.1, near enough to normal
    # after 400 draws for a false alarm of 2e-7 at 5.2 standard errors.
    n, nodes = 128, on_circle(2 * np.pi * np.arange(4096) / 4096)
    values = [n * wasserstein2(x, nodes) ** 2 for x in ns.sphere.Uniform(n, 2).samples(5, 0, 400)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - np.pi**2 / 3) < 5.2 * error
    assert 5.2 * error < 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([E1], np.eye(3)), r"y must have dim 2 like x, got shape \(3, 3\)"),
        (([E1], [E1], [1.0], [0.5]), "wy must sum to 1, got 0.5"),
        (([E1, E2], [E1], [0.0, 0.0]), "wx must sum to 1, got 0"),
        (([E1, E2], [E1], [2.0, -1.0]), "wx must be non-negative, got -1 at index 1"),
        (([E1, E2], [E1], [1.0]), r"wx must have shape \(2,\)"),
        (([2 * E1], [E1]), "x: row 0 has norm 2"),
        (([E1], [[np.nan, 0.0]]), "y must be finite"),
        (([E1], [E1], None, None, "euclidean"), "metric must be one of chordal, geodesic"),
        ((np.empty((0, 2)), [E1]), "x must hold at least one token"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises((ns.ArgumentError, ns.ArgumentTypeError), match=message):
        wasserstein2(*arguments)


def test_what_exceeds_the_memory_is_refused_before_it_is_allocated(monkeypatch):
    x = uniform(2000, 3)
    monkeypatch.setattr(memory, "available_memory", lambda: 10**8)
    with pytest.raises(ns.ArgumentError, match=r"2000 and 2000 tokens needs 0\.1 GiB .* sobolev"):
        wasserstein2(x, x)


def test_an_unfinished_simplex_is_an_error(monkeypatch):
    monkeypatch.setattr("noisync.sphere.wasserstein._PIVOTS", 2)
    with pytest.raises(ns.SimulationError, match="the network simplex found no optimal plan"):
        wasserstein2(uniform(50, 3, seed=1), uniform(50, 3, seed=2))


def test_without_pot_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ns.ArgumentError, match=r"pip install 'noisync\[study\]'"):
        wasserstein2(np.eye(3), np.eye(3))
    assert wasserstein2([E1], [E1]) == 0
