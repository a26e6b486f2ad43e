"""The theorem's bound, and the growth rate ε of the energy under attention."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import noisync as ns


def attention_part(attention, x, beta):
    """dE_β/dt along dx = P_x Attn dt: −β Σ w_i w_j e^{βu} ⟨x_j, P_{x_i} Attn(x_i)⟩."""
    n = len(x)
    drift = ns.attention_drift(attention, x)
    tangent = drift - np.sum(drift * x, axis=1, keepdims=True) * x
    return -beta * np.sum(np.exp(beta * (x @ x.T)) * (tangent @ x.T)) / n**2


@given(
    n=st.integers(2, 40),
    d=st.integers(2, 8),
    beta=st.floats(0.05, 8),
    value=st.floats(-3, 3),
    spread=st.floats(1e-3, 3),
    seed=st.integers(0, 999),
)
def test_growth_is_never_faster_than_epsilon(n, d, beta, value, spread, seed):
    center = np.eye(d)[0]
    x = ns.sphere.normalize(center + spread * ns.sphere.uniform(n, d, seed) + 1e-9)
    attention = ns.Softmax(beta=beta, value=value)
    growth = ns.attention_growth(attention, beta)
    part = attention_part(attention, x, beta)
    assert part <= growth * ns.measure.energy(x, beta) + 1e-13


def test_near_one_cluster_half_of_epsilon_is_reached():
    x = ns.sphere.normalize(np.eye(6)[0] + 1e-4 * ns.sphere.uniform(50, 6))
    attention = ns.Softmax(beta=2.0, value=-1.0)
    ratio = attention_part(attention, x, 2.0) / ns.measure.energy(x, 2.0)
    assert ratio == pytest.approx(2, rel=1e-3)
    assert ns.attention_growth(attention, 2.0) == 4.0


def test_where_no_epsilon_is_known():
    assert ns.attention_growth(None) == 0.0
    assert ns.attention_growth(ns.Softmax(beta=3.0, value=0.0), 1.0) == 0.0
    assert ns.attention_growth(ns.Softmax(beta=3.0), 1.0) is None
    assert ns.attention_growth(ns.Softmax(value=np.eye(3)), 1.0) is None
    assert ns.attention_growth(ns.Unnormalized(), 1.0) is None


def test_the_bound_is_an_exponential():
    model = ns.Model(dim=64, noise=ns.MLP("relu", 8, 0.1, 0.1))
    rate = model.kernel.dissipation_rate(1.0)
    np.testing.assert_allclose(
        ns.energy_bound(model, [0.0, 2.0], 0.5), [0.5, 0.5 * np.exp(2 * rate)]
    )
    quiet = ns.Model(dim=3, attention=ns.Softmax())
    np.testing.assert_array_equal(ns.energy_bound(quiet, [0.0, 2.0], 0.5), [0.5, 0.5])
    assert ns.energy_bound(ns.Model(dim=3, attention=ns.Softmax(2.0)), [0.0], 0.5) is None


def test_the_bound_holds_for_the_mean_of_runs():
    # 60 noise paths, sigmoid in d = 5: the mean energy at T = 3 is below the bound by more than 5
    # standard errors (false alarm below 1e-6), and the bound is not vacuous.
    model = ns.Model(dim=5, attention=ns.Softmax(), noise=ns.MLP("sigmoid", 64))
    x = ns.sphere.uniform(30, 5)
    ends = np.array([
        ns.simulate(model, x, horizon=3.0, layers=150, replicate=k, save=[150]).energy()[0]
        for k in range(60)
    ])  # fmt: skip
    bound = ns.energy_bound(model, [3.0], ns.measure.energy(x))[0]
    assert ends.mean() + 5 * ends.std() / np.sqrt(60) < bound
    assert bound < 0.5 * ns.measure.energy(x)
