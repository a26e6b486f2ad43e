"""The Gaussian field: each sampler against its plain formula, and its covariance against κ."""

import numpy as np
import pytest
import reference
from scipy import stats

import noisync as ns

SAMPLERS = ("exact", "harmonic", "features")


def field(sampler, activation="tanh", sigma_u=0.4, sigma_w=0.3, **options):
    return ns.GaussianField(activation, sigma_u, sigma_w, sampler=sampler, **options)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "sin"])
def test_features_are_an_mlp_with_frozen_neurons(activation):
    x = ns.sphere.uniform(9, 5)
    noise = field("features", activation, width=50)
    sampled = ns.sample_field(noise, x, layers=3, seed=2**33 + 1, replicate=4)
    for layer, values in enumerate(sampled):
        expected = reference.features(x, activation, 50, 0.4, 0.3, 2**33 + 1, 4, layer)
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "sin"])
@pytest.mark.parametrize("n", [1, 7, 66])
def test_exact_is_a_cholesky_factor_times_normals(activation, n):
    """In d = 16, where even 66 tokens have a well-conditioned ReLU kernel; the others take 7."""
    noise = field("exact", activation, sigma_u=0.1 if activation == "relu" else 0.4)
    x = ns.sphere.uniform(n if activation == "relu" else min(n, 7), 16)
    sampled = ns.sample_field(noise, x, layers=2, seed=5, replicate=1)
    for layer, values in enumerate(sampled):
        expected = reference.exact_field(x, noise.kernel(16), 5, 1, layer)
        np.testing.assert_allclose(values, expected, atol=1e-9)


@pytest.mark.parametrize("sampler", ["exact", "harmonic"])
@pytest.mark.parametrize("dim", [2, 3, 4, 7])
def test_the_covariance_is_the_kernel_times_identity(sampler, dim):
    """10,000 fields at three tokens; every mean in units of its own standard error.

    Bonferroni over all products: false-alarm rate 1e-4 in all. (Features are compared with their
    formula above, bit by bit, and with κ below.)
    """
    layers = 10_000
    x = np.zeros((3, dim))
    x[:, :2] = [[1, 0], [0.8, 0.6], [-1, 0]]
    noise = field(sampler)
    G = ns.sample_field(noise, x, layers=layers, seed=9)
    products = np.einsum("lia,ljb->lijab", G, G)
    expected = np.einsum("ij,ab->ijab", noise.kernel(dim)(x @ x.T), np.eye(dim))
    mean, error = products.mean(0), products.std(0) / np.sqrt(layers)
    limit = stats.norm.isf(0.5e-4 / mean.size)
    assert np.abs((mean - expected) / error).max() < limit
    # Power: the same data refuse a kernel without the output bias.
    assert np.abs((mean - expected + 0.09) / error).max() > limit


@pytest.mark.parametrize("sampler", ["harmonic", "features"])
def test_functions_on_the_sphere_do_not_know_the_other_tokens(sampler):
    x = ns.sphere.uniform(300, 3)
    noise = field(sampler, width=100)
    whole = ns.sample_field(noise, x, layers=2)
    for n in (1, 2, 31, 65, 257):
        np.testing.assert_array_equal(ns.sample_field(noise, x[:n], layers=2), whole[:, :n])


def test_exact_noise_does_not_know_later_tokens():
    x = ns.sphere.uniform(150, 6)
    noise = field("exact", "relu")
    whole = ns.sample_field(noise, x)
    for n in (1, 63, 65, 130):
        np.testing.assert_allclose(ns.sample_field(noise, x[:n]), whole[:, :n], atol=1e-12)


def test_harmonics_of_low_degree_are_shared_between_tolerances():
    """What a smaller tolerance adds has the variance that the larger one leaves out."""
    x = ns.sphere.uniform(4, 3)
    coarse, fine = (field("harmonic", "relu", tolerance=t) for t in (1e-2, 1e-5))
    rest = ns.sample_field(fine, x, layers=4000) - ns.sample_field(coarse, x, layers=4000)
    share = rest.var() / fine.kernel(3).variance
    assert share == pytest.approx(coarse.kernel_error(3) - fine.kernel_error(3), rel=0.05)
    assert 1e-3 < coarse.kernel_error(3) <= 1e-2


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("dim", [2, 4, 64])
def test_equal_tokens_get_equal_noise(activation, dim):
    x = ns.sphere.uniform(40, dim)
    twice = np.concatenate([x, x[::-1]])
    G = ns.sample_field(field("exact", activation, 0.0, 0.0), twice, layers=3)
    assert np.all(np.isfinite(G))
    assert np.abs(G[:, :40] - G[:, :39:-1]).max() <= 1e-12


@pytest.mark.parametrize("distance", [1e-2, 2e-4, 5e-5, 1e-7, 1e-12])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_noise_of_merging_tokens_differs_by_what_it_should(distance, activation):
    """E|G(x) − G(y)|² = 2d(κ(1) − κ(u)) ≈ dκ'(1)|x − y|², values or derivatives alike.

    4000 fields with 3 pairs and 4 components; the mean may be off by 4.9 standard errors, that is
    4.9 √2/√4000·12 (components of a pair are Gaussian), and by the second order, |x − y|.
    """
    dim, layers = 4, 4000
    x = ns.sphere.uniform(3, dim, seed=3)
    tangents = np.array([np.linalg.svd(row[None])[2][1] for row in x])
    near = ns.sphere.normalize(x + distance * tangents)
    noise = field("exact", activation, 0.0, 0.0)
    G = ns.sample_field(noise, np.concatenate([x, near]), layers=layers)
    gap = np.linalg.norm(near - x, axis=1)[:, None]
    share = ((G[:, 3:] - G[:, :3]) / gap) ** 2 / noise.kernel(dim).slope
    # Pairs of one field are correlated: the standard error is that of means over a field.
    means = share.mean(axis=(1, 2))
    error = means.std() / np.sqrt(layers)
    assert abs(means.mean() - 1) < 4.9 * error + distance
    assert error < 0.02


@pytest.mark.parametrize("distance", [0.0, 1e-9, 1e-3])
def test_an_odd_field_follows_antipodal_tokens(distance):
    """G(−x) = −G(x) for tanh without biases, and nearly antipodal tokens keep their difference."""
    dim = 3
    x = ns.sphere.uniform(1, dim)[0]
    tangent = np.linalg.svd(x[None])[2][1]
    pair = ns.sphere.normalize([x, -(x + distance * tangent)])
    noise = field("exact", "tanh", 0.0, 0.0)
    G = ns.sample_field(noise, pair, layers=4000)
    total = G.sum(axis=1)
    if distance == 0:
        assert np.abs(total).max() <= 1e-12
    else:
        share = (total / distance) ** 2 / noise.kernel(dim).slope
        assert share.mean() == pytest.approx(1, abs=4.9 * np.sqrt(2 / 4000))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_float32_meets_the_same_noise(sampler):
    x = ns.sphere.uniform(20, 5)
    noise = field(sampler, width=200)
    single = ns.sample_field(noise, x.astype(np.float32), seed=4)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, ns.sample_field(noise, x, seed=4), atol=2e-4)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_threads_do_not_change_a_bit(sampler):
    x = ns.sphere.uniform(200, 3)
    noise = field(sampler, "relu", width=300, tolerance=1e-4)
    fields = [ns.sample_field(noise, x, threads=threads) for threads in (1, 2, 4)]
    np.testing.assert_array_equal(fields[0], fields[1])
    np.testing.assert_array_equal(fields[0], fields[2])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_coarse_layer_sums_the_increments_of_the_path(sampler):
    """One layer of a path of 6: √(T/6) times the sum of six fields at the start."""
    x = ns.sphere.uniform(5, 3)
    noise = field(sampler, width=64)
    run = ns.simulate(ns.Model(3, noise=noise), x, horizon=0.3, layers=1, path_layers=6, seed=8)
    total = ns.sample_field(noise, x, layers=6, seed=8).sum(axis=0)
    expected = reference.normalize(x + np.sqrt(0.3 / 6) * total)
    np.testing.assert_allclose(run.tokens[-1], expected, atol=1e-13)


def test_the_mlp_sums_increments_too():
    x = ns.sphere.uniform(5, 3)
    noise = ns.MLP("relu", 16, 0.1, 0.1)
    run = ns.simulate(ns.Model(3, noise=noise), x, horizon=1.0, layers=2, path_layers=4, seed=8)
    G = ns.sample_field(noise, x, layers=2, seed=8).sum(axis=0)
    expected = reference.normalize(x + 0.5 * G)
    np.testing.assert_allclose(run.tokens[1], expected, atol=1e-13)
    assert run.path_layers == 4


@pytest.mark.parametrize(
    ("activation", "dim", "n", "chosen"),
    [
        ("tanh", 3, 10_000, "harmonic"),
        ("sigmoid", 8, 10, "harmonic"),
        ("relu", 2, 10, "harmonic"),
        ("relu", 64, 100, "exact"),
        ("relu", 64, 100_000, "features"),
        ("relu", 3, 10_000, "harmonic"),
        ("relu", 3, 100, "exact"),
    ],
)
def test_auto_chooses_and_the_run_says_what(activation, dim, n, chosen):
    noise = ns.GaussianField(activation)
    assert noise.resolved(dim, n).sampler == chosen
    if n <= 100:
        x = ns.sphere.uniform(n, dim)
        run = ns.simulate(ns.Model(dim, noise=noise), x, horizon=0.1, layers=1)
        assert run.model.noise.sampler == chosen


def test_the_error_of_features_is_that_of_random_bases():
    """κ_m(1) over 400 bases spreads by the standard deviation that is reported.

    A standard deviation from 400 values is good to 3.5 % if they are Gaussian; 5 % allows for their
    heavier tails. Within 4.9 times that: no chance of a false alarm worth naming.
    """
    noise = ns.GaussianField("relu", sampler="features", width=64)
    x = ns.sphere.uniform(1, 3)
    U = [reference.normals(0, k, 0, "frozen U", 0, 64 * 3).reshape(64, 3) for k in range(400)]
    powers = np.array([np.mean(np.maximum(x @ u.T / np.sqrt(3), 0) ** 2) for u in U])
    spread = powers.std() / noise.kernel(3).variance
    assert spread == pytest.approx(noise.kernel_error(3), rel=4.9 * 0.05)


def test_round_trip():
    model = ns.Model(3, noise=ns.GaussianField("relu", 0.1, 0.2, sampler="harmonic", tolerance=0.1))
    assert ns.Model.from_toml(model.to_toml()) == model
    assert model.kernel == ns.Kernel("relu", 3, 0.1, 0.2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.GaussianField("rleu"), "did you mean 'relu'"),
        (lambda: ns.GaussianField("relu", sampler="harmonics"), "did you mean 'harmonic'"),
        (lambda: ns.GaussianField("relu", tolerance=0), "tolerance must be a positive number"),
        (lambda: ns.GaussianField("relu", tolerance=2), "tolerance must be from 1e-9 to 1, got 2"),
        (lambda: ns.GaussianField("relu", width=0), "width must be a positive integer, got 0"),
        (
            lambda: ns.sample_field(field("harmonic"), ns.sphere.uniform(2, 64)),
            "'harmonic' serves dim of at most 16, got 64, or use 'exact'",
        ),
        (
            lambda: ns.sample_field(field("harmonic", "relu"), ns.sphere.uniform(2, 8)),
            "'harmonic' needs more than 2e.05 harmonics .* of the relu kernel in dimension 8",
        ),
        (
            lambda: ns.Model(3, noise=field("exact")).resolved(1_000_000),
            "'exact' factorises a 1000000 x 1000000 matrix, which needs 7450.6 GiB",
        ),
        (lambda: ns.GaussianField("relu").kernel_error(3), "'auto' has no error of its own"),
    ],
)
def test_what_cannot_be_sampled_is_refused(make, message):
    with pytest.raises(ns.ArgumentError, match=message):
        make()
