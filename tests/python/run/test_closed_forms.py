"""Exact results without noise (arXiv:2312.10794 and 2410.23228)."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import iv

import noisync as ns


def modes(x, mode):
    """The Fourier coefficient of the tokens on the circle."""
    return np.mean((x[:, 0] + 1j * x[:, 1]) ** mode)


def equal_angles(n, d, r):
    """Tokens with all pairwise cosines r."""
    x = np.zeros((n, d))
    x[:, :n] = np.linalg.cholesky((1 - r) * np.eye(n) + r)
    return x


def speed(n, r, beta, kind):
    """dr/dt of equal angles."""
    numerator = 2 * np.exp(beta * r) * (1 - r) * ((n - 1) * r + 1)
    return numerator / (np.exp(beta) + (n - 1) * np.exp(beta * r) if kind is ns.Softmax else n)


@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized])
@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0, -2.0])
@pytest.mark.parametrize("r", [-0.1, 0.0, 0.5, 0.999])
def test_the_drift_of_equal_angles(kind, beta, r):
    n, d = 8, 11
    x = equal_angles(n, d, r)
    drift = ns.attention_drift(kind(beta=beta), x)
    tangent = drift - np.sum(drift * x, axis=1, keepdims=True) * x
    rate = tangent @ x.T + x @ tangent.T
    off_diagonal = ~np.eye(n, dtype=bool)
    np.testing.assert_allclose(rate[off_diagonal], speed(n, r, beta, kind), rtol=1e-11)


@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized])
@pytest.mark.parametrize("beta", [0.0, 2.0])
def test_equal_angles_stay_equal_and_follow_their_equation(kind, beta):
    n, d, horizon = 6, 6, 1.0
    exact = solve_ivp(
        lambda _, r: speed(n, r, beta, kind), (0, horizon), [0.1], rtol=1e-11, atol=1e-13
    ).y[0, -1]
    errors = []
    for layers in (1000, 2000):
        model = ns.Model(dim=d, attention=kind(beta=beta))
        run = ns.simulate(model, equal_angles(n, d, 0.1), horizon=horizon, layers=layers)
        cosines = run.pair_cosines()[-1]
        assert np.ptp(cosines) < 1e-13
        errors.append(cosines[0] - exact)
    # One layer is a first-order step: halving it halves the error.
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.05)
    assert abs(errors[1]) < 1e-3


def test_at_infinite_temperature_the_ratio_decays_like_exp_minus_2t():
    n, horizon = 5, 1.5
    ratio = []
    for layers in (4000, 8000):
        model = ns.Model(dim=n, attention=ns.Softmax(beta=0.0))
        run = ns.simulate(
            model, equal_angles(n, n, 0.05), horizon=horizon, layers=layers, save=[layers]
        )
        r = run.pair_cosines()[-1][0]
        ratio.append((1 - r) / ((n - 1) * r + 1))
    start = 0.95 / (4 * 0.05 + 1)
    extrapolated = 2 * ratio[1] - ratio[0]
    assert extrapolated == pytest.approx(start * np.exp(-2 * horizon), rel=1e-6)


@pytest.mark.parametrize("beta", [1.0, 5.0])
@pytest.mark.parametrize("mode", [1, 2, 3, 5])
def test_harmonics_on_the_circle_grow_at_the_known_rate(beta, mode):
    # θ_j + δ sin(nθ_j)/n has the density 1 − δ cos nθ to first order; it grows at
    # n² I_n(β)/(β I_0(β)) under softmax attention.
    angle = np.arange(400) * 2 * np.pi / 400
    amplitude = 1e-6
    moved = angle + amplitude * np.sin(mode * angle) / mode
    x = np.stack([np.cos(moved), np.sin(moved)], axis=1)
    drift = ns.attention_drift(ns.Softmax(beta=beta), x)
    velocity = drift[:, 1] * x[:, 0] - drift[:, 0] * x[:, 1]
    growth = 2 * np.mean(velocity * np.sin(mode * angle)) * mode / amplitude
    exact = mode**2 * iv(mode, beta) / (beta * iv(0, beta))
    assert growth == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized])
@pytest.mark.parametrize("beta", [1.0, 5.0, 7.0])
@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_modes_grow_at_the_known_rate_along_a_run(kind, beta, mode):
    """To 1e-6, with the scheme of order 4, over a time in which a mode of 1e-6 stays small.

    Softmax n² I_n(β)/(β I_0(β)), unnormalised n² I_n(β)/β.
    """
    angle = np.arange(300) * 2 * np.pi / 300
    moved = angle + 1e-6 * np.sin(mode * angle) / mode
    x = np.stack([np.cos(moved), np.sin(moved)], axis=1)
    rate = mode**2 * iv(mode, beta) / beta / (iv(0, beta) if kind is ns.Softmax else 1)
    horizon = min(1.0, 2.0 / rate)
    run = ns.simulate(
        ns.Model(2, kind(beta=beta)), x, horizon=horizon, layers=100, scheme="rk4", save=100
    )
    growth = np.log(abs(modes(run.tokens[-1], mode)) / abs(modes(x, mode))) / horizon
    assert growth == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(("beta", "fastest"), [(5.0, 3), (7.0, 4)])
def test_clusters_on_the_circle_are_those_of_the_fastest_mode(beta, fastest):
    """Their number, and their angles (arg ρ̂_n + 2πk)/n, from the uniform law with one mode."""
    rates = [n**2 * iv(n, beta) / (beta * iv(0, beta)) for n in range(1, 9)]
    assert np.argmax(rates) + 1 == fastest
    assert max(rates) == pytest.approx({5.0: 0.683, 7.0: 0.691}[beta], abs=5e-4)
    assert sorted(rates)[-2] == pytest.approx({5.0: 0.600, 7.0: 0.650}[beta], abs=5e-4)
    second = int(np.argsort(rates)[-2]) + 1
    for n in (fastest, second):
        angle = 2 * np.pi * np.arange(720) / 720
        weights = (1 + 0.01 * np.cos(n * angle - 0.3)) / 720
        x = np.column_stack([np.cos(angle), np.sin(angle)])
        model = ns.Model(2, ns.Softmax(beta=beta))
        run = ns.simulate(
            model, x, horizon=20.0, layers=400, weights=weights, save=[400], threads=1
        )
        labels = ns.measure.clusters(run.tokens[-1], 0.05, weights)
        assert labels.max() + 1 == n  # whichever mode is alone
        centres = [weights[labels == k] @ run.tokens[-1][labels == k] for k in range(n)]
        phases = n * np.arctan2(*np.transpose(centres)[::-1]) - 0.3
        assert np.abs(np.angle(np.exp(1j * phases)) / n).max() < 0.001
