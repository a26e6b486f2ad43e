"""Sinkhorn attention: doubly stochastic weights, their limits, and what happens without them."""

import numpy as np
import pytest
import reference

import noisync as ns


def weights_of(n, rng):
    """Some of them 0."""
    w = rng.random(n) * (np.arange(n) % 4 != 1) if n > 1 else np.ones(1)
    return w / w.sum()


def plain(attention, x, w):
    d = x.shape[1]
    scalar = attention.query is None
    query = attention.beta * np.eye(d) if scalar else attention.query
    key = np.eye(d) if scalar else attention.key
    value = attention.value * np.eye(d) if np.isscalar(attention.value) else attention.value
    has, p = reference.sinkhorn(x, w, query, key, attention.epsilon)
    return p @ x[has] @ value.T


@pytest.mark.parametrize("n", [1, 2, 3, 24, 63, 65, 130])
@pytest.mark.parametrize("d", [2, 5, 8, 9, 40])
@pytest.mark.parametrize(("beta", "epsilon"), [(1.0, 1.0), (3.0, 0.5), (-1.0, 0.5), (0.0, 1.0)])
def test_the_plain_formula(n, d, beta, epsilon, rng):
    x, w = ns.sphere.uniform(n, d, seed=n + d), weights_of(n, rng)
    attention = ns.Sinkhorn(beta, value=-0.5, epsilon=epsilon)
    expected = plain(attention, x, w)
    np.testing.assert_allclose(ns.attention_drift(attention, x, w), expected, atol=2e-10)
    single = ns.attention_drift(attention, x.astype(np.float32), w)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=2e-6)


@pytest.mark.parametrize("heads", [2, 6])
@pytest.mark.parametrize("epsilon", [1.0, 0.2])
def test_matrices(heads, epsilon, rng):
    n, d = 70, 4
    x, w = ns.sphere.uniform(n, d), weights_of(n, rng)
    query, key = rng.standard_normal((2, heads, d)) / d**0.5
    value = rng.standard_normal((d, d))
    attention = ns.Sinkhorn(query=query, key=key, value=value, epsilon=epsilon)
    expected = plain(attention, x, w)
    np.testing.assert_allclose(ns.attention_drift(attention, x, w), expected, atol=1e-9)
    one, two, three = (ns.attention_drift(attention, x, w, threads=t) for t in (1, 2, 3))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("beta", [2.0, 400.0])
@pytest.mark.parametrize("d", [3, 12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_number_of_threads_changes_no_bit(beta, d, dtype):
    x = ns.sphere.uniform(301, d).astype(dtype)
    one, two, three = (ns.attention_drift(ns.Sinkhorn(beta), x, threads=t) for t in (1, 2, 3))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, three)


def matrix_of(attention, x, w=None):
    """p, for as many tokens as dimensions: the drift is p X."""
    return ns.attention_drift(attention, x, w) @ np.linalg.inv(x)


@pytest.mark.parametrize("beta", [0.5, 5.0, 50.0, 300.0, 1000.0])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-10])
def test_both_marginals_at_any_temperature(beta, tolerance, rng):
    """Q ᵀK = βI: to the tolerance, in tens of iterations even where p is all but the identity."""
    x, w = ns.sphere.uniform(12, 12, seed=2), rng.dirichlet(np.ones(12))
    p = matrix_of(ns.Sinkhorn(beta, tolerance=tolerance, max_iterations=50), x, w)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    assert np.abs(w @ p / w - 1).max() < tolerance + 1e-12
    # Detailed balance: w_i p_ij is symmetric, as a = b.
    np.testing.assert_allclose(w[:, None] * p, (w[:, None] * p).T, atol=tolerance + 1e-12)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_both_marginals_with_matrices(temperature, rng):
    x, w = ns.sphere.uniform(12, 12, seed=2), rng.dirichlet(np.ones(12))
    query, key = rng.standard_normal((2, 12, 12)) / 4
    p = matrix_of(ns.Sinkhorn(query=query, key=key, epsilon=temperature), x, w)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(w @ p, w, atol=1e-11)
    assert p.min() > -1e-12
    # Power: plain softmax attends to some tokens far more than to others.
    softmax = matrix_of(ns.Softmax(query=query / temperature, key=key), x, w)
    assert np.abs(w @ softmax / w - 1).max() > 0.1


def test_a_coarse_tolerance_ends_sooner():
    x = ns.sphere.uniform(60, 3)
    exact = ns.attention_drift(ns.Sinkhorn(5.0), x)
    coarse = ns.attention_drift(ns.Sinkhorn(5.0, tolerance=1e-3, max_iterations=15), x)
    assert 1e-8 < np.abs(coarse - exact).max() < 1e-2


@pytest.mark.parametrize("n", [2, 30])
def test_hot_attention_is_the_mean(n, rng):
    x, w = ns.sphere.uniform(n, 4), weights_of(n, rng)
    drift = ns.attention_drift(ns.Sinkhorn(1.0, epsilon=1e9), x, w)
    np.testing.assert_allclose(drift, np.tile(w @ x, (n, 1)), atol=1e-8)


def test_cold_attention_is_the_identity():
    """As ε → 0 the plan of largest Σ w_i p_ij ⟨x_i, x_j⟩: each token its own."""
    x = ns.sphere.uniform(20, 6, seed=4)
    np.testing.assert_allclose(ns.attention_drift(ns.Sinkhorn(1.0, epsilon=1e-3), x), x, atol=1e-9)


def test_two_tokens():
    """Equal weights: p_12 = 1/(1 + e^{β(1−u)}), as softmax; without equal weights it is not."""
    x, beta = ns.sphere.uniform(2, 3, seed=1), 2.5
    other = 1 / (1 + np.exp(beta * (1 - x[0] @ x[1])))
    p = np.array([[1 - other, other], [other, 1 - other]])
    np.testing.assert_allclose(ns.attention_drift(ns.Sinkhorn(beta), x), p @ x, atol=1e-11)
    np.testing.assert_allclose(ns.attention_drift(ns.Softmax(beta), x), p @ x, atol=1e-14)
    w = [0.2, 0.8]
    assert np.abs(
        ns.attention_drift(ns.Sinkhorn(beta), x, w) - ns.attention_drift(ns.Softmax(beta), x, w)
    ).max() > 0.01  # fmt: skip


def test_epsilon_is_a_temperature():
    x = ns.sphere.uniform(40, 3)
    np.testing.assert_array_equal(
        ns.attention_drift(ns.Sinkhorn(3.0, epsilon=0.5), x),
        ns.attention_drift(ns.Sinkhorn(6.0), x),
    )


def test_symmetric_matrices_are_those_they_stand_for(rng):
    """QᵀK = βI given as matrices takes the symmetric iteration too, at a temperature of 1/200."""
    x = ns.sphere.uniform(40, 5)
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    matrices = ns.Sinkhorn(query=200 * turn, key=turn, max_iterations=50)
    expected = ns.attention_drift(ns.Sinkhorn(200.0), x)
    np.testing.assert_allclose(ns.attention_drift(matrices, x), expected, atol=1e-9)


def test_where_tokens_without_weight_are_is_no_matter():
    x, w = ns.sphere.uniform(30, 3), np.full(30, 1 / 28)
    w[[4, 9]] = 0
    drift = ns.attention_drift(ns.Sinkhorn(4.0), x, w)
    moved = x.copy()
    moved[9] = x[0]
    other = ns.attention_drift(ns.Sinkhorn(4.0), moved, w)
    np.testing.assert_allclose(np.delete(other, 9, 0), np.delete(drift, 9, 0), atol=1e-11)
    np.testing.assert_allclose(other[9], drift[0], atol=1e-11)  # it meets b as token 0 does
    np.testing.assert_allclose(w @ drift, w @ x, atol=1e-11)  # columns add up


def test_one_cluster_does_not_move():
    x = np.tile(ns.sphere.uniform(1, 3), (5, 1))
    np.testing.assert_allclose(ns.attention_drift(ns.Sinkhorn(50.0), x), x, atol=1e-14)


def test_the_energy_falls_and_the_budget_says_so(rng):
    """E_β at the same β falls under V = I; its budget is the sum over pairs, and the slope."""
    x, w = ns.sphere.uniform(40, 4), rng.dirichlet(np.ones(40))
    attention = ns.Sinkhorn(2.0)
    model = ns.Model(4, attention)
    budget = ns.measure.budget(model, x, 2.0, w).attention
    expected, _ = reference.budget(x, w, 2.0, lambda y: plain(attention, y, w), None)
    assert budget == pytest.approx(expected, rel=1e-8)
    run = ns.simulate(
        model, x, weights=w, horizon=1e-3, layers=10, scheme="rk4", observe=[ns.Energy(2.0)]
    )
    energy = run.observed["energy"].to_numpy()
    assert (energy[1] - energy[0]) / 1e-4 == pytest.approx(budget, rel=1e-3)
    assert np.all(np.diff(energy) < 0)


def test_a_run_is_the_layer_it_says():
    model = ns.Model(3, [ns.Sinkhorn(2.0), ns.Softmax(1.0, value=0.5)])
    x = ns.sphere.uniform(20, 3)
    run = ns.simulate(model, x, horizon=0.5, layers=1)
    moved = ns.sphere.normalize(x + 0.5 * ns.attention_drift(model.attention, x))
    np.testing.assert_allclose(run.tokens[-1], moved, atol=1e-15)
    assert run.method == "direct"


STUCK = ns.Sinkhorn(-5.0, epsilon=0.02, max_iterations=30)


def test_what_does_not_converge_says_its_residual():
    x = ns.sphere.uniform(20, 3)
    message = (
        r"after 30 iterations \(max_iterations\) its marginals have the residual [0-9.e-]+, above"
    )
    for call in (
        lambda: ns.attention_drift(STUCK, x),
        lambda: ns.attention_drift([ns.Softmax(), STUCK], x),
        lambda: ns.measure.budget(ns.Model(3, STUCK), x),
    ):
        with pytest.raises(ns.SimulationError, match=message) as stopped:
            call()
        assert stopped.value.residual > 1e-10
    larger = ns.Sinkhorn(-5.0, epsilon=0.02, max_iterations=60)
    with pytest.raises(ns.SimulationError) as later:
        ns.attention_drift(larger, x)
    assert later.value.residual < stopped.value.residual


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_keeps_what_it_had(dtype):
    """A pair at 90° converges slowly: states before the layer are kept, as is its observation."""
    angle = np.linspace(0, 0.3, 8)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    spread = ns.Model(2, [ns.Softmax(1.0, value=-3.0), STUCK])
    options = {"horizon": 4.0, "layers": 40, "observe": [ns.Energy()], "dtype": dtype}
    with pytest.raises(ns.SimulationError, match=r"layer [0-9]+: Sinkhorn attention did n") as stop:
        ns.simulate(spread, x, **options)
    run = stop.value.trajectory
    assert 0 < run.state.layer < 40
    assert not run.finished
    assert stop.value.residual > 1e-10
    assert len(run.tokens) == len(run.observed["energy"]) == run.state.layer + 1
    assert f"layer {run.state.layer + 1}:" in str(stop.value)
    # The same as far as it goes: a run of that many layers does not fail.
    done = run.state.layer
    short = ns.simulate(spread, x, **options | {"horizon": 0.1 * done, "layers": done})
    np.testing.assert_allclose(short.tokens, run.tokens, atol=1e-6 if dtype == "float32" else 1e-13)


def test_an_ensemble_keeps_the_complete_replicates():
    model = ns.Model(3, STUCK)
    still = np.tile(ns.sphere.uniform(1, 3), (6, 1))  # converges at once
    starts = np.stack([still, still, ns.sphere.uniform(6, 3)])
    with pytest.raises(ns.SimulationError, match="replicate 2, layer 1: Sinkhorn") as stopped:
        ns.ensemble(
            model, starts, replicates=3, horizon=1.0, layers=2, observe=[ns.Energy()], threads=1
        )
    assert stopped.value.residual > 1e-10
    assert stopped.value.dataset.sizes["replicate"] == 2


def test_an_observation_that_does_not_converge_names_its_layer():
    """Only the budget's attention fails: the model of the run is another."""
    x = ns.sphere.uniform(20, 3)
    with pytest.raises(ns.SimulationError, match="layer 0: Sinkhorn") as stopped:
        ns.simulate(ns.Model(3, STUCK), x, horizon=1.0, layers=2, observe=[ns.Budget(1.0)])
    assert stopped.value.trajectory.state.layer == 0


def test_models_round_trip():
    attention = ns.Sinkhorn(2.0, epsilon=0.5, tolerance=1e-8, max_iterations=77)
    model = ns.Model(3, attention)
    for copy in (ns.Model.from_dict(model.to_dict()), ns.Model.from_toml(model.to_toml())):
        assert copy == model
    assert ns.Sinkhorn() != ns.Sinkhorn(epsilon=0.5)
    assert ns.attention_growth(attention, 2.0) is None
    assert ns.attention_growth(ns.Sinkhorn(value=0.0), 2.0) == 0.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.Sinkhorn(epsilon=0.0), "epsilon must be a positive number, got 0"),
        (lambda: ns.Sinkhorn(tolerance=-1e-3), "tolerance must be a positive number, got -0.001"),
        (lambda: ns.Sinkhorn(tolerance=np.nan), "tolerance must be a positive number, got nan"),
        (lambda: ns.Sinkhorn(max_iterations=0), "max_iterations must be a positive integer, got 0"),
        (lambda: ns.Sinkhorn(max_iterations=1.5), "max_iterations must be a positive integer"),
        (
            lambda: ns.Sinkhorn(mask=ns.Causal()),
            r"mask must be None for Sinkhorn, .* are the identity, got Causal\(include_self=True",
        ),
        (
            lambda: ns.Model.from_toml(
                'dim = 3\n[attention]\ntype = "sinkhorn"\nmask = { type = "causal" }'
            ),
            "mask must be None for Sinkhorn",
        ),
        (
            lambda: ns.attention_drift(ns.Sinkhorn(), ns.sphere.uniform(5, 3), method="harmonic"),
            "method: 'harmonic' does not serve Sinkhorn attention",
        ),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ns.NoisyncError, match=message):
        make()


def test_auto_is_the_direct_sum():
    x = ns.sphere.uniform(3000, 2)
    run = ns.simulate(ns.Model(2, ns.Sinkhorn(0.1)), x, horizon=0.1, layers=1, dtype="float32")
    assert run.method == "direct"
