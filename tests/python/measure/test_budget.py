"""The energy's budget: what attention and noise contribute to dE/dt."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

import noisync as ns

TURN = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
MODELS = {
    "softmax": ns.Model(5, ns.Softmax(beta=2.0), ns.GaussianField("tanh", 0.3, 0.1)),
    "softmax at another beta": ns.Model(5, ns.Softmax(beta=-0.5, value=-2.0)),
    "unnormalized": ns.Model(5, ns.Unnormalized(beta=1.5, value=0.5), ns.MLP("relu", 8)),
    "matrices": ns.Model(
        5, ns.Softmax(query=2 * TURN, key=np.eye(5), value=TURN + 1.0), ns.MLP("gelu", 8, 0.2)
    ),
    "noise alone": ns.Model(5, noise=ns.MLP("sigmoid", width=8, sigma_u=0.1, sigma_w=0.2)),
    "odd noise": ns.Model(5, noise=ns.MLP("sin", width=8)),
}


def relu_kernel(u, dim=5, sigma_u=0.3, sigma_w=0.1):
    """The closed form: fast where there are millions of pairs."""
    q = 1 / dim + sigma_u**2
    rho = np.clip((u / dim + sigma_u**2) / q, -1, 1)
    return q / (2 * np.pi) * (np.sqrt(1 - rho**2) + rho * np.arccos(-rho)) + sigma_w**2


def plain(model, x, w, beta, kernel=None):
    def attend(x):
        if model.attention is None:
            return np.zeros_like(x)
        return ns.attention_drift(model.attention, x, w, method="direct")

    if kernel is None and model.noise is not None:
        kernel = model.kernel
    return reference.budget(x, w, beta, attend, kernel)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [1, 2, 27])
@pytest.mark.parametrize("beta", [0.1, 2.0, 9.0])
def test_plain_formula(name, n, beta, rng):
    model, x, w = MODELS[name], ns.sphere.uniform(n, 5), rng.dirichlet(np.ones(n))
    got = ns.measure.budget(model, x, beta, w)
    expected = plain(model, x, w, beta)
    scale = np.exp(beta) * beta * (1 + beta)
    np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-14 * scale)


def test_blocks(rng):
    model = ns.Model(5, ns.Softmax(beta=2.0), ns.MLP("relu", 8, sigma_u=0.3, sigma_w=0.1))
    for n in (97, 200, 1300):
        x, w = ns.sphere.uniform(n, 5), rng.dirichlet(np.ones(n))
        expected = plain(model, x, w, 1.5, relu_kernel)
        np.testing.assert_allclose(ns.measure.budget(model, x, 1.5, w), expected, rtol=1e-11)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "leaky_relu", "elu"])
@pytest.mark.parametrize("dim", [2, 3, 64])
def test_the_noise_part_is_the_slope_of_the_exact_mean(activation, dim):
    """The slope at t = 0, from differences, of the exact E[E_β] that the pair law gives."""
    model = ns.Model(dim, noise=ns.MLP(activation, 8, sigma_u=0.2, sigma_w=0.1))
    x = ns.sphere.uniform(6, dim, seed=3)
    step = 1e-3 / (model.kernel.variance * dim)
    energies = model.kernel.mean_energy(1.0, step * np.arange(5), x @ x.T)
    slope = energies @ np.array([-25, 48, -36, 16, -3]) / (12 * step)
    assert ns.measure.budget(model, x, 1.0).noise == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("distance", [1e-3, 1e-7, 1e-11, 1e-14])
@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_merging_tokens_keep_the_digits(distance, beta):
    """A tight cluster: E = β e^β <g>/2 to first order in the gaps g, and 2 λ E is what changes it.

    Noise: −½ β e^β G_0'(1)(−g) has the rate −G_0'(1) + ... = λ̄ on every pair. Attention V = aI:
    x' = a P(mean − x), so that gaps shrink at rate 2a.
    """
    generator = np.random.default_rng(1)
    x = np.array([[1.0, 0, 0, 0]]) + distance * generator.standard_normal((40, 4))
    x = ns.sphere.normalize(x)
    model = ns.Model(4, ns.Softmax(beta=2.0, value=0.7), ns.MLP("sigmoid", 8, 0.1, 0.1))
    energy = ns.measure.energy(x, beta)
    attention, noise = ns.measure.budget(model, x, beta)
    rel = max(1e-9, 20 * (1 + beta) * distance**2)  # the next order in the gaps
    assert noise / energy == pytest.approx(model.kernel.coercivity, rel=rel)
    assert attention / energy == pytest.approx(-2 * 0.7, rel=rel + 40 * distance)


@given(n=st.integers(2, 40), d=st.integers(2, 8), beta=st.floats(0.01, 30), seed=st.integers(0, 99))
def test_attention_with_positive_value_never_raises_its_energy(n, d, beta, seed):
    x = ns.sphere.uniform(n, d, seed)
    w = np.random.default_rng(seed).dirichlet(np.ones(n))
    for value in (1.0, 0.2):
        model = ns.Model(d, ns.Softmax(beta=beta, value=value))
        assert ns.measure.budget(model, x, beta, w, scaled=True).attention <= 0
    repulsive = ns.Model(d, ns.Softmax(beta=beta, value=-1.0))
    assert ns.measure.budget(repulsive, x, beta, w, scaled=True).attention >= 0


def test_the_sum_is_the_derivative_of_the_mean_energy():
    """E(T) − E(0) − ∫ budget dt has mean zero: a martingale, up to O(1/L) of the layers.

    4.9 standard errors of 6000 replicates, a false alarm in a million, and 2 % of the parts for
    the layers. Power: with 15 % of either part missing the mean would be off by more than that.
    """
    model = ns.Model(8, ns.Softmax(beta=3.0, value=3.0), ns.GaussianField("sigmoid", 0.3, 0.1))
    data = ns.ensemble(
        model, ns.sphere.uniform(12, 8, seed=2), replicates=6000, horizon=0.25, layers=64, seed=5,
        observe=[ns.Energy(2.0), ns.Budget(2.0)],
    )  # fmt: skip
    gained = data.energy[:, -1] - data.energy[:, 0]
    paid = data.budget.integrate("time")
    error = (gained - paid.sum("contribution")).to_numpy()
    parts = np.abs(paid.mean("replicate")).to_numpy()
    allowed = 4.9 * error.std() / np.sqrt(error.size) + 0.02 * parts.sum()
    assert abs(error.mean()) < allowed
    assert np.all(0.15 * parts > allowed)


def test_scaled_serves_any_beta():
    model, x = MODELS["softmax"], ns.sphere.uniform(20, 5)
    plain_, scaled = (ns.measure.budget(model, x, 3.0, scaled=s) for s in (False, True))
    np.testing.assert_allclose(scaled, np.exp(-3.0) * np.array(plain_), rtol=1e-14)
    assert np.all(np.isfinite(ns.measure.budget(model, x, 5000.0, scaled=True)))
    assert ns.measure.energy(x, 5000.0, scaled=True) == pytest.approx(0.5 * (1 - 1 / 20))
    with pytest.raises(ns.ArgumentError, match=r"beta must be at most 700.*scaled=True"):
        ns.measure.budget(model, x, 5000.0)


def test_attention_of_any_temperature():
    x = ns.sphere.uniform(30, 4)
    for beta in (-2000.0, -350.0, 350.0, 5000.0):
        model = ns.Model(4, ns.Softmax(beta=beta))
        got = ns.measure.budget(model, x, 1.0)
        expected = plain(model, x, np.full(30, 1 / 30), 1.0)
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-14)


def test_one_token_has_none():
    assert ns.measure.budget(MODELS["softmax"], ns.sphere.uniform(1, 5)) == (0.0, 0.0)


def test_threads_do_not_change_a_bit():
    x = ns.sphere.uniform(500, 5)
    for name in ("softmax", "matrices"):
        assert len({ns.measure.budget(MODELS[name], x, threads=t) for t in (1, 2, 5)}) == 1


@pytest.mark.parametrize("dim", [2, 3, 4])
@pytest.mark.parametrize(
    "attention",
    [
        None,
        ns.Softmax(beta=2.0),
        ns.Unnormalized(beta=2.0, value=-2.0),
        ns.Unnormalized(beta=-1.0, value=0.5),
        "turned",
    ],
    ids=["none", "softmax", "unnormalized", "another beta", "turned"],
)
def test_in_linear_time(dim, attention, rng):
    if attention == "turned":
        turn = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
        attention = ns.Softmax(query=1.5 * turn, key=np.eye(dim), value=turn)
    model = ns.Model(dim, attention, ns.MLP("sigmoid", 8, 0.2, 0.1))
    for x in (ns.sphere.uniform(600, dim), ns.sphere.normalize(np.eye(dim)[[0] * 9] + 0.01)):
        w = rng.dirichlet(np.ones(len(x)))
        direct, linear = (
            ns.measure.budget(model, x, 2.0, w, method=m) for m in ("direct", "harmonic")
        )
        np.testing.assert_allclose(linear, direct, atol=1e-12 * 2 * np.exp(2.0) * 5)


def test_auto_takes_what_serves():
    x = ns.sphere.uniform(20_000, 3)
    smooth, kinked = (ns.Model(3, ns.Softmax(), ns.MLP(a, 8)) for a in ("tanh", "relu"))
    direct = ns.measure.budget(smooth, x, method="direct")
    np.testing.assert_allclose(ns.measure.budget(smooth, x), direct, rtol=1e-10, atol=1e-13)
    assert ns.measure.budget(smooth, x) != direct
    assert ns.measure.budget(kinked, x[:500]) == ns.measure.budget(kinked, x[:500], method="direct")
    with pytest.raises(ns.ArgumentError, match="'harmonic' serves the budget for"):
        ns.measure.budget(kinked, x, method="harmonic")


def test_observed_in_linear_time():
    model = ns.Model(3, ns.Softmax(beta=2.0), ns.GaussianField("tanh", 0.3, 0.1))
    options = {"horizon": 0.5, "layers": 3, "observe": [ns.Budget(2.0)]}
    x = ns.sphere.uniform(3000, 3)
    fast, slow = (ns.simulate(model, x, method=m, **options) for m in ("auto", "direct"))
    assert fast.method == "harmonic"
    np.testing.assert_allclose(fast.observed["budget"], slow.observed["budget"], atol=1e-9)
