"""Attention by distance: against the plain formula, and the softmax that it is for Q = K = √β I."""

import numpy as np
import pytest
import reference
from scipy.stats import ortho_group

import noisync as ns
from noisync.attention.summation import summation


@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0, 300.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_l2_is_softmax_at_twice_beta(beta, dtype, rng):
    x = ns.sphere.uniform(90, 5).astype(dtype)
    w = rng.dirichlet(np.ones(90))
    drift = ns.attention_drift(ns.L2(beta, value=-0.5), x, w)
    assert drift.dtype == dtype
    np.testing.assert_array_equal(drift, ns.attention_drift(ns.Softmax(2 * beta, -0.5), x, w))
    root = np.sqrt(beta) * np.eye(5)
    matrices = ns.attention_drift(ns.L2(query=root, key=root, value=-0.5), x, w)
    atol = 1e-13 if dtype == "float64" else 2e-5
    np.testing.assert_allclose(matrices, drift, atol=atol * max(1, beta / 30))


@pytest.mark.parametrize("n", [1, 2, 63, 65, 150])
@pytest.mark.parametrize("heads", [1, 4, 9])
def test_the_plain_formula(n, heads, rng):
    d = 6
    x = ns.sphere.uniform(n, d)
    w = rng.random(n) * (np.arange(n) % 3 > 0) if n > 1 else np.ones(1)
    w /= w.sum()
    query, key = rng.standard_normal((2, heads, d))
    value = rng.standard_normal((d, d))
    expected = reference.distance_attention(x, w, query, key, value)
    drift = ns.attention_drift(ns.L2(query=query, key=key, value=value), x, w)
    np.testing.assert_allclose(drift, expected, rtol=1e-12, atol=1e-13)
    single = ns.attention_drift(
        ns.L2(query=query, key=key, value=value), x.astype(np.float32), w, threads=2
    )
    np.testing.assert_allclose(single, expected, atol=2e-4)


def test_far_queries_and_long_keys_neither_overflow_nor_vanish(rng):
    """Distances of 10³: the nearest key takes all, though every exponential alone is 0."""
    x = ns.sphere.uniform(40, 3)
    query, key = 30 * rng.standard_normal((2, 3, 3))
    expected = reference.distance_attention(x, np.full(40, 1 / 40), query, key, np.eye(3))
    drift = ns.attention_drift(ns.L2(query=query, key=key), x)
    np.testing.assert_allclose(drift, expected, atol=1e-9)
    assert np.isfinite(ns.attention_drift(ns.L2(query=query, key=key), np.float32(x))).all()


@pytest.mark.parametrize("beta", [3.0, 600.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_number_of_threads_changes_no_bit(beta, dtype, rng):
    x = ns.sphere.uniform(301, 4).astype(dtype)
    query, key = np.sqrt(beta) * rng.standard_normal((2, 3, 4))
    for attention in (ns.L2(beta), ns.L2(query=query, key=key)):
        one, two, three = (ns.attention_drift(attention, x, threads=t) for t in (1, 2, 3))
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_linear_time_where_keys_are_equally_long():
    frame = ortho_group.rvs(6, random_state=1)[:, :3]
    turn = ortho_group.rvs(3, random_state=2)
    attention = ns.L2(query=frame, key=1.5 * frame @ turn)
    assert attention.rotation_scale == pytest.approx(3.0)
    x = ns.sphere.uniform(300, 3)
    exact = ns.attention_drift(attention, x, method="direct")
    drift = ns.attention_drift(attention, x, method="harmonic", tol=1e-11)
    assert 0 < np.linalg.norm(drift - exact, axis=1).max() <= 1e-11
    assert summation(ns.L2(4.0), 3, 10**6, "auto", 1e-9).method == "harmonic"
    # A key that shortens some tokens: no series in ⟨x, y⟩ stands for it.
    stretched = ns.L2(query=np.eye(3), key=np.diag([1.0, 1.0, 1.01]))
    assert stretched.rotation_scale is None
    low = ns.L2(query=np.eye(2, 3), key=np.eye(2, 3))
    assert low.rotation_scale is None


def test_bounds_are_those_of_the_softmax():
    for value in (1.0, -0.5):
        assert ns.attention_growth(ns.L2(2.0, value), 4.0) == ns.attention_growth(
            ns.Softmax(4.0, value), 4.0
        )
    assert ns.attention_growth(ns.L2(2.0), 2.0) is None
    assert ns.attention_growth(ns.L2(query=np.eye(3), key=np.eye(3)), 2.0) is None


def test_budgets_are_those_of_the_softmax():
    x = ns.sphere.uniform(40, 3)
    l2, softmax = (
        ns.measure.budget(ns.Model(3, attention), x, 2.0)
        for attention in (ns.L2(1.0), ns.Softmax(2.0))
    )
    assert l2 == softmax


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.L2(-1.0), "beta must be a non-negative number, got -1"),
        (lambda: ns.L2(np.nan), "beta must be a finite number, got nan"),
        (lambda: ns.L2(query=np.eye(3)), "key must be given where query is"),
        (lambda: ns.L2(query=np.eye(3), key=np.eye(2)), "must have the same shape"),
        (lambda: ns.Model(4, ns.L2(value=np.eye(3))), "value must have 4 columns like the tokens"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ns.ArgumentError, match=message):
        make()
