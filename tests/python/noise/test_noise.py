"""The random MLP: against the plain formula, and its covariance against the kernel."""

import numpy as np
import pytest
import reference
from scipy import stats

import noisync as ns


@pytest.mark.parametrize("activation", ns.activations.NAMES)
def test_every_activation(activation):
    x = ns.sphere.uniform(33, 5)
    noise = ns.MLP(activation, width=50, sigma_u=0.3, sigma_w=0.2)
    fields = ns.sample_field(noise, x, layers=2, seed=2**40 + 3, replicate=5)
    for layer, field in enumerate(fields):
        expected = reference.mlp(x, activation, 50, 0.3, 0.2, 2**40 + 3, 5, layer)
        np.testing.assert_allclose(field, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("n", "d", "width"), [(1, 2, 1), (40, 64, 700), (1100, 3, 130), (5, 129, 9)]
)
def test_tiles_of_tokens_and_neurons(n, d, width):
    x = ns.sphere.uniform(n, d)
    field = ns.sample_field(ns.MLP("tanh", width), x, seed=1)[0]
    expected = reference.mlp(x, "tanh", width, 0.0, 0.0, 1, 0, 0)
    np.testing.assert_allclose(field, expected, rtol=1e-12, atol=1e-13)


def test_float32_meets_the_same_noise():
    x = ns.sphere.uniform(50, 16)
    noise = ns.MLP("silu", width=300, sigma_u=0.1, sigma_w=0.1)
    single = ns.sample_field(noise, x.astype(np.float32), seed=4)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, ns.sample_field(noise, x, seed=4), atol=1e-5)


def test_the_field_at_a_token_does_not_depend_on_the_others():
    for dim, width in ((6, 64), (64, 257), (2, 1)):
        x = ns.sphere.uniform(1100, dim)
        noise = ns.MLP("tanh", width, 0.1, 0.1)
        field = ns.sample_field(noise, x)
        for n in (1, 2, 31, 33, 127, 1050):
            np.testing.assert_array_equal(ns.sample_field(noise, x[:n]), field[:, :n])


def test_a_narrow_network_is_the_first_neurons_of_a_wide_one():
    # sqrt(m) G^m grows by independent terms: G^20 and G^10 share their first ten.
    x = ns.sphere.uniform(4, 3)
    ten = np.sqrt(10) * reference.mlp(x, "tanh", 10, 0, 0, 1, 0, 0)
    twenty = np.sqrt(20) * ns.sample_field(ns.MLP("tanh", 20), x, seed=1)[0]
    U = reference.drawn(1, 0, 0, "U", 30, 30).reshape(10, 3)
    W = reference.drawn(1, 0, 0, "W", 30, 30).reshape(10, 3)
    np.testing.assert_allclose(twenty - ten, np.tanh(x @ U.T / np.sqrt(3)) @ W, atol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("width", [1, 16])
def test_the_covariance_is_the_kernel_times_identity(activation, width):
    """E[G(x) G(y)ᵀ] = κ(⟨x, y⟩) I, exactly, at any width.

    30,000 fields at three tokens, 3·3·4·4 products. Each mean is compared in units of its own
    standard error; with Bonferroni over 144 means the false-alarm rate is 1e-4 in all.
    """
    d, layers = 4, 30_000
    x = ns.sphere.normalize([[1.0, 0, 0, 0], [0.8, 0.6, 0, 0], [-1.0, 0.1, 0, 0]])
    noise = ns.MLP(activation, width, sigma_u=0.4, sigma_w=0.3)
    G = ns.sample_field(noise, x, layers=layers, seed=9)
    products = np.einsum("lia,ljb->lijab", G, G)
    expected = np.einsum("ij,ab->ijab", noise.kernel(d)(x @ x.T), np.eye(d))
    mean, error = products.mean(0), products.std(0) / np.sqrt(layers)
    limit = stats.norm.isf(0.5e-4 / mean.size)
    assert np.abs((mean - expected) / error).max() < limit
    # Power: the same data refuse a kernel without the output bias.
    assert np.abs((mean - expected + 0.09) / error).max() > limit
