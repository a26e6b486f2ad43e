"""Attention against the plain formula, and the symmetries it must have."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group

import noisync as ns


def plain(attention, x, w):
    d = x.shape[1]
    query = key = np.eye(d)
    if attention.query is None:
        query = attention.beta * np.eye(d)
    else:
        query, key = attention.query, attention.key
    value = attention.value * np.eye(d) if np.isscalar(attention.value) else attention.value
    normalized = isinstance(attention, ns.Softmax)
    return reference.attention(x, w, query, key, value, normalized=normalized)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 200, 1500])
@pytest.mark.parametrize("d", [2, 3, 7, 64, 65])
@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized])
@pytest.mark.parametrize("beta", [0.0, 1.0, -3.0, 20.0])
def test_scalar_logits(n, d, kind, beta):
    x = ns.sphere.uniform(n, d, seed=n + d)
    attention = kind(beta=beta, value=-0.5)
    expected = plain(attention, x, np.full(n, 1 / n))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        ns.attention_drift(attention, x), expected, rtol=1e-12, atol=1e-14 * scale
    )


@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized])
@pytest.mark.parametrize("heads", [1, 4, 9])
def test_matrices_and_weights(kind, heads, rng):
    n, d = 150, 6
    x = ns.sphere.uniform(n, d)
    w = rng.random(n) * (rng.random(n) < 0.8)  # some tokens are only carried along
    w /= w.sum()
    attention = kind(
        query=rng.standard_normal((heads, d)),
        key=rng.standard_normal((heads, d)),
        value=rng.standard_normal((d, d)),
    )
    np.testing.assert_allclose(
        ns.attention_drift(attention, x, w), plain(attention, x, w), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("beta", [500.0, 1e5, -500.0])
def test_low_temperatures_neither_overflow_nor_vanish(beta):
    x = ns.sphere.uniform(100, 4)
    result = ns.attention_drift(ns.Softmax(beta=beta), x)
    np.testing.assert_allclose(result, plain(ns.Softmax(beta=beta), x, 0.01), rtol=1e-9, atol=1e-12)
    single = ns.attention_drift(ns.Softmax(beta=beta), x.astype(np.float32))
    assert np.all(np.isfinite(single))


@pytest.mark.parametrize("scalar", [True, False])
def test_float32_stays_float32(scalar):
    x = ns.sphere.uniform(300, 16)
    matrices = {"query": np.eye(16), "key": np.eye(16)}
    attention = ns.Softmax(beta=1.0) if scalar else ns.Softmax(**matrices)
    result = ns.attention_drift(attention, x.astype(np.float32))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, ns.attention_drift(attention, x), atol=2e-6)


def test_scalar_logits_equal_the_matrices_they_stand_for():
    x = ns.sphere.uniform(130, 5)
    matrices = ns.Softmax(query=2.5 * np.eye(5), key=np.eye(5), value=-np.eye(5))
    np.testing.assert_allclose(
        ns.attention_drift(ns.Softmax(beta=2.5, value=-1.0), x),
        ns.attention_drift(matrices, x),
        rtol=1e-13,
        atol=1e-15,
    )


@pytest.mark.parametrize("beta", [2.0, 1000.0, -1000.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_token_without_weight_is_carried_along(beta, dtype):
    # The largest logit of token 0 is its own, or its opposite's; only token 1 has weight.
    x = np.array([[1.0, 0], [0, 1.0], [-1.0, 0]], dtype=dtype)
    drift = ns.attention_drift(ns.Softmax(beta=beta), x, [0.0, 1.0, 0.0])
    np.testing.assert_allclose(drift, np.tile([0.0, 1.0], (3, 1)), atol=1e-6)


def test_the_drift_turns_with_the_tokens():
    x = ns.sphere.uniform(200, 8)
    rotation = ortho_group.rvs(8, random_state=1)
    attention = ns.Softmax(beta=3.0)
    np.testing.assert_allclose(
        ns.attention_drift(attention, x @ rotation.T),
        ns.attention_drift(attention, x) @ rotation.T,
        atol=1e-14,
    )


def test_the_drift_is_permuted_with_the_tokens(rng):
    x = ns.sphere.uniform(200, 8)
    w = rng.dirichlet(np.ones(200))
    order = rng.permutation(200)
    attention = ns.Softmax(beta=3.0)
    np.testing.assert_allclose(
        ns.attention_drift(attention, x[order], w[order]),
        ns.attention_drift(attention, x, w)[order],
        atol=1e-14,
    )


def test_a_token_of_double_weight_is_two_tokens():
    x = ns.sphere.uniform(9, 4)
    doubled = np.concatenate([x, x[:1]])
    w = np.full(9, 0.1)
    w[0] = 0.2
    np.testing.assert_allclose(
        ns.attention_drift(ns.Softmax(), x, w),
        ns.attention_drift(ns.Softmax(), doubled)[:9],
        rtol=0,
        atol=1e-15,  # means of unit vectors: a component that cancels keeps no digits of its own
    )


@given(
    n=st.integers(1, 40),
    d=st.integers(2, 20),
    beta=st.floats(-30, 30),
    order=st.sampled_from(["C", "F"]),
    step=st.sampled_from([1, 2, -1]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_any_shape_dtype_and_stride(n, d, beta, order, step, dtype):
    stored = np.asarray(ns.sphere.uniform(abs(step) * n, d), dtype=dtype, order=order)
    x = stored[::step][:n]
    result = ns.attention_drift(ns.Softmax(beta=beta), x)
    expected = plain(ns.Softmax(beta=beta), x.astype(np.float64), 1 / len(x))
    assert result.dtype == dtype
    np.testing.assert_allclose(result, expected, atol=1e-13 if dtype == np.float64 else 1e-4)
