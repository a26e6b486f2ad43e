"""Where two tokens under random value matrices end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

import noisync as ns


def from_the_diffusion(dim, beta, y0):
    """The scale function of du = drift dt + √variance dB as arXiv:2601.21942 has it.

    On a grid of y = artanh u that holds y0.
    """

    def ratio(u):  # 2 drift / variance
        p = 1 / (1 + np.exp(-beta * (1 - u)))
        q = 1 - p
        a, c = p * p + q * q + 2 * p * q * u, (p * p + q * q) * u + 2 * p * q
        return ((dim - 2 + u * u) * c - (dim - 1) * a * u) / ((1 - u * u) * (a - u * c))

    y = np.linspace(-9, 9, 200_001)  # u = tanh y, fine near ±1
    u, slope = np.tanh(y), np.cosh(y) ** -2
    density = slope * np.exp(-integrate.cumulative_trapezoid(ratio(u) * slope, y, initial=0))
    # Beyond the grid the density is an exponential.
    rates = np.diff(np.log(density))[[0, -1]] / (y[1] - y[0])
    before, after = density[0] / rates[0], -density[-1] / rates[1]
    total = before + integrate.trapezoid(density, y) + after
    starts = np.searchsorted(y, y0 - 1e-9)
    return [(integrate.trapezoid(density[k:], y[k:]) + after) / total for k in starts]


@pytest.mark.parametrize(("dim", "beta"), [(3, 1.0), (4, 1.5), (8, 2.5), (3, 50.0), (50, 9.0)])
def test_probability_from_the_diffusion(dim, beta):
    y0 = np.array([-2.7, -0.54, 0.0, 0.54, 2.7])
    got = ns.two_token.antipodal_probability(dim, beta, np.tanh(y0))
    np.testing.assert_allclose(got, from_the_diffusion(dim, beta, y0), rtol=1e-7, atol=1e-15)
    assert np.array_equal(ns.two_token.antipodal_probability(dim, -beta, np.tanh(y0)), got)


def test_published_values():
    """arXiv:2601.21942, from orthogonal tokens."""
    assert ns.two_token.antipodal_probability(3, 1.0) == pytest.approx(0.2224, abs=5e-5)
    assert ns.two_token.antipodal_probability(4, 1.5) == pytest.approx(0.1811, abs=5e-5)
    assert ns.two_token.critical_beta(4) == pytest.approx(0.5 * np.log(2 + np.sqrt(3)), rel=1e-14)
    assert [ns.two_token.critical_beta(d) for d in (2, 3)] == [0.0, 0.0]


@given(st.floats(-1, 1), st.floats(-50, 50))
def test_on_the_circle_it_is_the_share_of_the_angle(u0, beta):
    got = ns.two_token.antipodal_probability(2, beta, u0)
    assert got == pytest.approx(np.arccos(u0) / np.pi, abs=1e-9)


@given(st.integers(2, 10_000), st.floats(0.01, 100))
def test_shape(dim, beta):
    u0 = np.array([[-1.0, -0.7, 0.0], [0.2, 0.9, 1.0]])
    got = ns.two_token.antipodal_probability(dim, beta, u0)
    assert got.shape == u0.shape
    assert got[0, 0] == 1
    assert got[1, 2] == 0
    assert np.all(np.diff(got.ravel()) <= 1e-9)  # nearer tokens meet more often
    colder = ns.two_token.antipodal_probability(dim, 1.5 * beta, u0)
    assert np.all(colder >= got - 1e-9)
    if dim > 2 and beta <= ns.two_token.critical_beta(dim):
        assert np.all(got.ravel()[1:] == 0)


def test_it_starts_from_zero_at_the_critical_beta():
    critical = ns.two_token.critical_beta(6)
    beta = critical * np.array([0.5, 1.0, 1 + 1e-6, 1 + 1e-3, 1.1])
    values = [ns.two_token.antipodal_probability(6, b) for b in beta]
    assert values[:2] == [0.0, 0.0]
    assert 0 < values[2] < 1e-5
    assert values[2] < values[3] < values[4] < 0.1


def test_bad_input():
    with pytest.raises(ns.ArgumentError, match=r"dim must be .* got 1"):
        ns.two_token.critical_beta(1)
    with pytest.raises(ns.ArgumentError, match=r"u0 must lie in \[-1, 1\], got 1.5"):
        ns.two_token.antipodal_probability(3, 1.0, [0.0, 1.5])
    with pytest.raises(ns.ArgumentError, match="beta must be"):
        ns.two_token.antipodal_probability(3, np.nan)
