"""Sobolev distances: against explicit harmonics, and their exact mean for independent tokens."""

import sys

import numpy as np
import pytest
import reference
from scipy import special

import noisync as ns
from noisync import _core
from noisync.sphere import Density, Mixture, Uniform, VonMisesFisher, sobolev, uniform
from noisync.sphere.harmonics import gegenbauer, harmonic_dimension

module = sys.modules["noisync.sphere.sobolev"]


def factors(order, degree, dim):
    n = np.arange(1, degree + 1)
    return (1.0 + n * (n + dim - 2)) ** -order


def by_harmonics(x, wx, y, wy, order, degree):
    """The definition, with a table of all harmonics at all tokens."""
    dim = x.shape[1]
    tables = zip(
        reference.harmonics(x, degree)[1:], reference.harmonics(y, degree)[1:], strict=True
    )
    squares = [np.sum((first @ wx - second @ wy) ** 2) for first, second in tables]
    return np.sqrt(factors(order, degree, dim) @ squares)


CASES = [(2, 40), (3, 1), (3, 12), (4, 6), (5, 5), (8, 3)]


@pytest.mark.parametrize(("dim", "degree"), CASES)
@pytest.mark.parametrize("order", [0, 0.7, 2.0])
def test_the_definition(dim, degree, order, rng):
    x, y = uniform(60, dim, seed=1), uniform(17, dim, seed=2)
    wx, wy = rng.dirichlet(np.ones(60)), rng.dirichlet(np.ones(17))
    wx[::7] = 0
    wx /= wx.sum()
    exact = by_harmonics(x, wx, y, wy, order, degree)
    np.testing.assert_allclose(sobolev(x, y, order, degree, wx, wy), exact, rtol=1e-12)
    np.testing.assert_allclose(sobolev(y, x, order, degree, wy, wx), exact, rtol=1e-12)
    equal = by_harmonics(x, np.full(60, 1 / 60), y, np.full(17, 1 / 17), order, degree)
    np.testing.assert_allclose(sobolev(x, y, order, degree), equal, rtol=1e-12)


@pytest.mark.parametrize(("dim", "degree"), [(2, 300), (3, 40), (5, 8), (8, 6), (16, 3), (33, 2)])
def test_harmonics_and_pairs_of_tokens_agree(dim, degree, monkeypatch, rng):
    x, y, wy = uniform(300, dim, seed=1), uniform(200, dim, seed=2), rng.dirichlet(np.ones(200))
    results = []
    for way in (True, False):
        monkeypatch.setattr(module, "_harmonics_serve", lambda *arguments, way=way: way)
        results.append(
            [sobolev(x, y, 1.0, degree, None, wy), sobolev(x, Uniform(1, dim), 1, degree)]
        )
    np.testing.assert_allclose(results[0], results[1], rtol=1e-11)


def test_pairs_in_a_high_dimension():
    # Σ_ij w_i w_j K(u_ij) without an array of pairs, against one with it.
    x, degree, dim = uniform(400, 64, seed=1), 5, 64
    counts = [harmonic_dimension(n, dim) for n in range(1, degree + 1)]
    table = gegenbauer(degree, dim, np.clip(x @ x.T, -1, 1))[1:].mean(axis=(1, 2))
    exact = np.sqrt(factors(1.5, degree, dim) * counts @ table)
    np.testing.assert_allclose(sobolev(x, Uniform(None, dim), 1.5, degree), exact, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 5, 64, 71, 72, 73, 144, 145, 200, 1024, 1100])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_zonal_sums_at_all_sizes(n, threads, rng):
    x, weights = uniform(n, 3, seed=n), rng.normal(size=n)
    series = [0.5, -1.0, 2.0, 0.25]
    sum_ = _core.zonal_sum(x, weights, series, threads)
    values = np.polynomial.chebyshev.chebval(x @ x.T, series)
    np.testing.assert_allclose(sum_, weights @ values @ weights, atol=1e-12 * n)
    assert sum_ == _core.zonal_sum(x, weights, series, 1)


def mean_square(law, n, order, degree):
    """E‖μ^N − μ‖² = (1/N) Σ_n (1 + n(n+d−2))^{−s} (N_n − Σ_k (∫Y_nk dμ)²)."""
    dim = law.dim
    nodes, weights = ns.sphere.quadrature(dim, 60)
    tables = reference.harmonics(nodes, degree)[1:]
    own = [np.sum((table @ (weights * law.density(nodes))) ** 2) for table in tables]
    counts = [len(table) for table in tables]
    return factors(order, degree, dim) @ (np.array(counts) - own) / n


@pytest.mark.parametrize(
    "law",
    [
        Uniform(50, 3),
        VonMisesFisher(50, np.eye(3)[0], 4.0),
        Mixture([VonMisesFisher(50, np.eye(2)[1], 6.0), Uniform(50, 2)], [0.4, 0.6]),
        Density(lambda x: 1 + x[:, 0] - x[:, 1] * x[:, 2] / 2, 4, n=50),
    ],
    ids=["uniform", "peaked", "mixture", "density"],
)
def test_the_mean_over_independent_tokens_is_known(law):
    # Within 5.2 standard errors of the sample mean of 500: false alarm 2e-7 each, by the normal
    # law; the standard error is below 6 %, so that another power of N or a missing degree is seen.
    degree, order = 3, 1.0
    squares = np.array([sobolev(x, law, order, degree) ** 2 for x in law.samples(7, 0, 500)])
    exact = mean_square(law, law.n, order, degree)
    error = np.std(squares) / np.sqrt(len(squares))
    assert error < 0.06 * exact
    assert abs(squares.mean() - exact) < 5.2 * error
    # Power: the formula of the uniform law does not hold for the others.
    uniform_value = mean_square(Uniform(50, law.dim), 50, order, degree)
    if not isinstance(law, Uniform) and uniform_value > 1.3 * exact:
        assert abs(squares.mean() - uniform_value) > 5.2 * error


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_a_law_stands_for_its_nodes(dim):
    law = VonMisesFisher(None, np.eye(dim)[0], 3.0)
    nodes, weights = ns.sphere.quadrature(dim, 48)
    x = uniform(40, dim, seed=3)
    exact = sobolev(x, nodes, 1.0, 6, wy=weights * law.density(nodes))
    np.testing.assert_allclose(sobolev(x, law, 1.0, 6), exact, rtol=1e-10)
    # Nodes that integrate its harmonics are the uniform law.
    assert sobolev(nodes, Uniform(None, dim), 0.5, 10, wx=weights) < 1e-13


def test_one_token_against_the_uniform_law():
    # Σ_k Y_nk(x)² = N_n.
    for dim, degree in ((2, 5000), (3, 60), (4, 20), (32, 4)):
        counts = [harmonic_dimension(n, dim) for n in range(1, degree + 1)]
        exact = np.sqrt(factors(1.5, degree, dim) @ counts)
        value = sobolev(uniform(1, dim, seed=5), Uniform(None, dim), 1.5, degree)
        np.testing.assert_allclose(value, exact, rtol=1e-10)


def test_near_measures_keep_their_digits():
    # Tokens moved by ε: the norm is proportional to ε, down to rounding of the coefficients.
    x = uniform(500, 3, seed=1)
    move = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 0]])
    near = [sobolev(x, ns.sphere.normalize(x + e * x @ move), 1.0, 8) / e for e in (1e-4, 1e-10)]
    np.testing.assert_allclose(near[0], near[1], rtol=1e-4)
    assert sobolev(x, x[::-1], 1.0, 8) < 1e-15


def test_order_copies_and_test_tokens_do_not_matter(rng):
    for dim, degree in ((3, 6), (24, 3)):
        x, y = uniform(50, dim, seed=1), uniform(30, dim, seed=2)
        wx = rng.dirichlet(np.ones(50))
        plain = sobolev(x, y, 1.0, degree, wx)
        halves = sobolev(np.concatenate([x, x]), y, 1.0, degree, np.tile(wx / 2, 2))
        np.testing.assert_allclose(halves, plain, rtol=1e-12)
        extra = np.concatenate([x, uniform(9, dim, seed=3)])
        assert sobolev(extra, y, 1.0, degree, np.append(wx, np.zeros(9))) == plain


def test_the_constant_of_smooth_measures_is_one_of_transport():
    # For ρ = 1 + ε x on the circle both W₂ and the norm of order 1 are ε/√2 × const to first order:
    # ‖ε x‖²_{−1} = ε² (1/2) / 2, and W₂² = ∫|∇Δ^{-1} ρ|² = ε²/2.
    n, e = 2**18, 0.02
    angle = 2 * np.pi * (np.arange(n) + 0.5) / n
    x = np.column_stack([np.cos(angle), np.sin(angle)])
    weights = (1 + e * x[:, 0]) / n
    np.testing.assert_allclose(sobolev(x, Uniform(None, 2), 1.0, 5, weights), e / 2, rtol=1e-9)
    # Masses go to whole neighbours, 2π/n apart, which adds that times |ε x| to a square of ε² x².
    np.testing.assert_allclose(ns.sphere.wasserstein2(x, x, weights), e / np.sqrt(2), rtol=2e-3)


def test_dimension_of_harmonics():
    for dim in (2, 3, 5, 33):
        total = sum(harmonic_dimension(n, dim) for n in range(6))
        assert total == pytest.approx(
            special.binom(4 + dim, dim - 1) + special.binom(3 + dim, dim - 1)
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.eye(3), np.eye(2), 1.0, 3), r"y must have dim 3 like x, got shape \(2, 2\)"),
        ((np.eye(3), Uniform(1, 2), 1.0, 3), "y must have dim 3 like x, got Uniform"),
        ((np.eye(3), np.eye(3), -1.0, 3), "order must be a non-negative number, got -1"),
        ((np.eye(3), np.eye(3), 1.0, 0), "degree must be a positive integer, got 0"),
        ((np.eye(3), np.eye(3), 1.0, 1001), "degree must be at most 1000, got 1001"),
        ((np.eye(2), np.eye(2), 1.0, 65537), "degree must be at most 65536"),
        ((np.eye(3), np.eye(3), 1.0, 3, [1, 1, 1]), "wx must sum to 1, got 3"),
        ((np.eye(3), np.eye(3), 1.0, 3, None, [0, 0, 0]), "wy must sum to 1, got 0"),
        ((np.eye(3), Uniform(1, 3), 1.0, 3, None, [1.0]), "wy must be left out where y is a law"),
        (
            (np.eye(8), VonMisesFisher(1, np.eye(8)[0], 1.0), 1.0, 3),
            "y must be ns.sphere.Uniform, or a law of dim 2 to 5",
        ),
        (
            (np.eye(3), Mixture([VonMisesFisher(1, np.eye(3)[0], 1e7)]), 1.0, 3),
            r"y must have a density of mean 1, smooth enough .* off by 1\.0e\+00 on \d+ nodes",
        ),
        (
            (np.eye(5), VonMisesFisher(1, np.eye(5)[0], 1.0), 1.0, 100),
            r"degree must be lower where y is a law of dim 5: up to 100 there are 9\.0e\+06 harm",
        ),
        ((np.eye(1, 4096), np.eye(1, 4096), 1.0, 1000), "degree must be lower in dim 4096"),
        ((2 * np.eye(3), np.eye(3), 1.0, 3), "x: row 0 has norm 2"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises((ns.ArgumentError, ns.ArgumentTypeError), match=message):
        sobolev(*arguments)
