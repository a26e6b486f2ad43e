"""Sums over pairs by spherical harmonics: within the promised distance of the direct sums."""

import numpy as np
import pytest

import noisync as ns
from noisync.attention.summation import exponential_series, summation
from noisync.sphere.harmonics import gegenbauer


def clustered(n, dim, distance):
    """Three clusters of unequal size."""
    generator = np.random.default_rng(4)
    centres = ns.sphere.uniform(3, dim, seed=9)[generator.integers(0, 3, n)]
    return ns.sphere.normalize(centres + distance * generator.standard_normal((n, dim)))


STATES = {
    "uniform": lambda dim: ns.sphere.uniform(700, dim),
    "clusters": lambda dim: clustered(500, dim, 1e-3),
    "tight": lambda dim: clustered(300, dim, 1e-9),
    "one": lambda dim: np.tile(ns.sphere.uniform(1, dim), (100, 1)),
    "antipodes": lambda dim: np.concatenate([np.eye(1, dim), -np.eye(1, dim)]),
    "alone": lambda dim: ns.sphere.uniform(1, dim),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("dim", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "attention",
    [
        ns.Softmax(beta=4.0), ns.Softmax(beta=-1.5, value=-2.0), ns.Softmax(beta=0.0),
        ns.Unnormalized(beta=2.0), ns.Unnormalized(beta=-2.0, value=0.5),
    ],
    ids=repr,
)  # fmt: skip
def test_the_bound_is_honoured(state, dim, attention):
    x = STATES[state](dim)
    exact = ns.attention_drift(attention, x, method="direct")
    for tol in (1e-3, 1e-8, 1e-12):
        drift = ns.attention_drift(attention, x, method="harmonic", tol=tol)
        assert np.linalg.norm(drift - exact, axis=1).max() <= tol * size_of(attention, x)


def size_of(attention, x):
    """‖V‖ for V = aI, without normalisation times the largest sum of weights."""
    size = abs(attention.value)
    if isinstance(attention, ns.Unnormalized):
        size *= np.exp(attention.beta * x @ x.T).mean(axis=1).max()
    return size


@pytest.mark.parametrize(
    ("beta", "state"),
    [(5.0, "uniform"), (5.0, "clusters"), (8.0, "uniform"), (8.0, "clusters"), (-5.0, "uniform")],
)
def test_large_sums_of_unnormalised_attention_do_not_fall_back(beta, state):
    """Errors relative to the largest sum of weights can be kept however large e^|β| is."""
    x = STATES[state](2)
    attention = ns.Unnormalized(beta=beta)
    exact = ns.attention_drift(attention, x, method="direct")
    drift = ns.attention_drift(attention, x, method="harmonic")
    assert np.linalg.norm(drift - exact, axis=1).max() <= 1e-12 * size_of(attention, x)
    assert not np.array_equal(drift, exact)  # so it was no direct sum


def test_a_coarse_tolerance_is_used():
    """Power: at tol = 1e-3 the error is far above rounding, so the sums are indeed cut."""
    x = ns.sphere.uniform(200, 3)
    exact = ns.attention_drift(ns.Softmax(beta=4.0), x, method="direct")
    drift = ns.attention_drift(ns.Softmax(beta=4.0), x, method="harmonic", tol=1e-2)
    assert 1e-9 < np.abs(drift - exact).max() < 1e-2


def test_weights_and_matrices():
    x = ns.sphere.uniform(300, 4)
    weights = np.arange(300.0) / np.arange(300).sum()
    attention = ns.Softmax(beta=2.0, value=3 * np.eye(4)[::-1])
    exact = ns.attention_drift(attention, x, weights, method="direct")
    drift = ns.attention_drift(attention, x, weights, method="harmonic", tol=1e-11)
    assert np.abs(drift - exact).max() <= 1e-11


@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized])
def test_logits_turned_by_an_orthogonal_matrix(kind):
    """QᵀK = −2.5 times a rotation, of h = 6 rows in d = 3; a wrong transpose would show."""
    generator = np.random.default_rng(5)
    turn = np.linalg.qr(generator.standard_normal((3, 3)))[0]
    frame = np.linalg.qr(generator.standard_normal((6, 3)))[0]
    attention = kind(query=frame, key=-2.5 * frame @ turn, value=generator.normal(size=(3, 3)))
    x = clustered(300, 3, 0.3)
    exact = ns.attention_drift(attention, x, method="direct")
    drift = ns.attention_drift(attention, x, method="harmonic", tol=1e-11)
    assert np.linalg.norm(drift - exact, axis=1).max() <= 1e-11


def test_the_series_is_the_exponential():
    u = np.linspace(-1, 1, 41)
    for dim in (2, 3, 5):
        for beta in (1e-200, 0.0, 0.3, 5.0, -3.0, -1e-9):
            series = exponential_series(beta, dim, 1e-14)
            p = gegenbauer(len(series.coefficients) - 1, dim, u)
            value = np.array(series.coefficients) @ p
            np.testing.assert_allclose(
                value, np.exp(beta * u - abs(beta)), atol=2e-14 + series.tail
            )


def test_auto_takes_what_is_faster():
    assert summation(ns.Softmax(beta=4.0), 3, 1_000_000, "auto", 1e-12).method == "harmonic"
    assert summation(ns.Softmax(beta=4.0), 3, 100, "auto", 1e-12).method == "direct"
    assert summation(ns.Softmax(beta=1.0), 64, 1_000_000, "auto", 1e-12).method == "direct"
    turned, sheared = np.eye(3)[::-1], np.diag([1.0, 1.0, 1.01])
    for key, method in ((turned, "harmonic"), (sheared, "direct")):
        attention = ns.Softmax(query=2 * np.eye(3), key=key)
        assert summation(attention, 3, 10**6, "auto", 1e-9).method == method


@pytest.mark.parametrize("dim", [2, 3, 4])
@pytest.mark.parametrize("beta", [0.5, 4.0])
@pytest.mark.parametrize("distance", [1.0, 1e-2, 1e-3, 2e-4, 1e-5, 1e-8, 1e-12])
def test_energies_keep_their_digits_as_tokens_merge(dim, beta, distance):
    """Relative error 1e-12 at every distance; at 1e-12 that is as far as the direct sum goes."""
    generator = np.random.default_rng(2)
    x = np.eye(1, dim) + distance * generator.standard_normal((400, dim)) / dim**0.5
    x = ns.sphere.normalize(x)
    exact = ns.measure.energy(x, beta, method="direct")
    energy = ns.measure.energy(x, beta, method="harmonic")
    assert energy == pytest.approx(exact, rel=1e-12 if distance > 1e-12 else 1e-9)


def test_a_run_in_linear_time():
    """A run and its observed energy agree with the direct sums, and say how they were made."""
    model = ns.Model(3, ns.Softmax(beta=4.0), ns.GaussianField("tanh", 0.3, 0.1))
    x = ns.sphere.uniform(400, 3)
    options = {"horizon": 1.0, "layers": 10, "observe": [ns.Energy(2.0)]}
    direct = ns.simulate(model, x, method="direct", **options)
    linear = ns.simulate(model, x, method="harmonic", tol=1e-12, **options)
    assert (direct.method, linear.method) == ("direct", "harmonic")
    np.testing.assert_allclose(linear.tokens, direct.tokens, atol=1e-10)
    np.testing.assert_allclose(linear.observed["energy"], direct.observed["energy"], rtol=1e-9)


def test_threads_do_not_change_a_bit():
    x = ns.sphere.uniform(3000, 3)
    drifts = [
        ns.attention_drift(ns.Softmax(beta=4.0), x, method="harmonic", threads=t) for t in (1, 2, 5)
    ]
    np.testing.assert_array_equal(drifts[0], drifts[1])
    np.testing.assert_array_equal(drifts[0], drifts[2])
    energies = {
        ns.measure.energy(x, 2.0, method="harmonic", threads=threads) for threads in (1, 2, 5)
    }
    assert len(energies) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda x: ns.attention_drift(ns.Softmax(beta=1.0), x, method="harmonic"),
            "'harmonic' serves dim of at most 16",
        ),
        (
            lambda x: ns.attention_drift(
                ns.Softmax(query=np.eye(20), key=np.diag(np.arange(20.0))), x, method="harmonic"
            ),
            "'harmonic' needs QᵀK = β times an orthogonal matrix, got another",
        ),
        (
            lambda x: ns.attention_drift(ns.Softmax(), x, method="harmonics"),
            "method must be one of auto, direct, harmonic",
        ),
        (
            lambda x: ns.attention_drift(ns.Softmax(), x, tol=0),
            "tol must be a positive number, got 0",
        ),
        (
            lambda x: ns.measure.energy(x, 1.0, method="harmonic"),
            "an energy with dim = 20, beta = 1 needs more",
        ),
    ],
)
def test_what_cannot_be_done_in_linear_time(make, message):
    with pytest.raises(ns.ArgumentError, match=message):
        make(ns.sphere.uniform(5, 20))
