"""Product rules on the sphere."""

import math

import numpy as np
import pytest
import reference
from scipy import special

import noisync as ns

RULES = [
    (2, 0),
    (2, 1),
    (2, 40),
    (2, 401),
    (3, 0),
    (3, 1),
    (3, 7),
    (3, 24),
    (4, 3),
    (4, 12),
    (5, 2),
    (5, 9),
]


@pytest.mark.parametrize(("dim", "degree"), RULES)
def test_every_harmonic_is_integrated(dim, degree):
    nodes, weights = ns.sphere.quadrature(dim, degree)
    tables = reference.harmonics(nodes, degree)
    # Harmonics to `degree` are what the polynomials of this degree are on the sphere.
    count = math.comb(degree + dim - 1, dim - 1) + math.comb(max(degree + dim - 2, 0), dim - 1)
    assert sum(map(len, tables)) == (count if degree else 1)
    for n, table in enumerate(tables):
        np.testing.assert_allclose(table @ weights, float(n == 0), rtol=0, atol=2e-14)


@pytest.mark.parametrize(("dim", "degree"), [(2, 41), (3, 7), (4, 5), (5, 5)])
def test_the_degree_is_not_higher_than_promised(dim, degree):
    nodes, weights = ns.sphere.quadrature(dim, degree)
    assert np.abs(reference.harmonics(nodes, degree + 1)[-1] @ weights).max() > 1e-3


@pytest.mark.parametrize(("dim", "degree"), [(3, 300), (4, 100), (5, 40)])
def test_high_degrees(dim, degree):
    # E u^(2k) = B(k + 1/2, (d−1)/2) / B(1/2, (d−1)/2) for the coordinates, the last one polar.
    nodes, weights = ns.sphere.quadrature(dim, degree)
    powers = np.array([2, degree // 4 * 2, degree // 2 * 2])
    exact = special.beta(powers / 2 + 0.5, (dim - 1) / 2) / special.beta(0.5, (dim - 1) / 2)
    for coordinate in range(dim):
        moments = [weights @ nodes[:, coordinate] ** power for power in powers]
        np.testing.assert_allclose(moments, exact, rtol=1e-12)


@pytest.mark.parametrize(("dim", "degree"), [*RULES, (3, 101), (4, 41), (5, 24)])
def test_mirror_images_weights_and_norms(dim, degree):
    nodes, weights = ns.sphere.quadrature(dim, degree)
    weight_of = {tuple(x): w for x, w in zip(nodes.tolist(), weights.tolist(), strict=True)}
    assert len(weight_of) == len(nodes)
    for x, w in weight_of.items():
        assert weight_of[tuple(-c for c in x)] == w
    assert np.all(weights > 0)
    assert abs(math.fsum(weights) - 1) <= 1e-15
    np.testing.assert_allclose(np.linalg.norm(nodes, axis=1), 1, rtol=0, atol=4e-16)


def test_a_smooth_function_converges_spectrally():
    # E e^{βu} = 0F1(; d/2; β²/4) about a direction that is no axis.
    for dim in (2, 3, 4, 5):
        direction = np.arange(1.0, dim + 1) / np.linalg.norm(np.arange(1.0, dim + 1))
        nodes, weights = ns.sphere.quadrature(dim, 30)
        exact = special.hyp0f1(dim / 2, 4.0)
        np.testing.assert_allclose(weights @ np.exp(4 * nodes @ direction), exact, rtol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((32, 10), r"dim must be 2 to 5 .* got 32: .* degree 10 would take 2\.7e\+24 nodes"),
        ((6, 3), r"got 6: .* would take 64 nodes"),
        ((10**9, 3), r"would take more than 1e\+100 nodes"),
        ((1, 3), "dim must be an integer of at least 2, got 1"),
        ((3, -1), "degree must be a non-negative integer, got -1"),
        ((5, 100_000), r"degree: a rule of degree 100000 in dim 5 has 1\.3e\+19 nodes"),
        ((5, 10**400), r"degree must be at most 1000000000, got 1000"),
    ],
)  # fmt: skip
def test_bad_input(arguments, message):
    with pytest.raises(ns.ArgumentError, match=message):
        ns.sphere.quadrature(*arguments)
