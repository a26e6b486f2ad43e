"""Value matrices behind random heads: their law given the heads, and averaged over them."""

import numpy as np
import pytest
import reference

import noisync as ns

NOISES = [
    ns.ValueNoise(beta=1.5, scale=0.7, head_dim=3),
    ns.ValueNoise(beta=2.0, scale=1.3, heads=4, head_dim=6, head_scale=0.6),
    ns.ValueNoise(beta=-0.5, heads=2, head_dim=1, head_scale=2.0),
]


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("n", "d"), [(1, 2), (5, 3), (300, 7), (65, 40)])
def test_fields_are_those_of_the_documented_streams(noise, n, d, rng):
    x, w = ns.sphere.uniform(n, d), np.full(n, 1 / n)
    fields = ns.sample_field(noise, x, layers=3, seed=2**40 + 3, replicate=5)
    for layer, field in enumerate(fields):
        expected = reference.random_heads(x, w, noise, 2**40 + 3, 5, layer)
        np.testing.assert_allclose(field, expected, rtol=0, atol=1e-11)
    single = ns.sample_field(noise, x.astype(np.float32), layers=3, seed=2**40 + 3, replicate=5)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, fields, atol=2e-4)
    second = ns.sample_field([ns.IndependentNoise(0.0), noise], x, seed=4)[0]
    expected = reference.random_heads(x, w, noise, 4, 0, 0, part=1)
    np.testing.assert_allclose(second, expected, rtol=0, atol=1e-11)


def test_runs_with_weights_meet_the_field_of_the_weighted_means(rng):
    noise, x, w = NOISES[1], ns.sphere.uniform(12, 4), rng.dirichlet(np.ones(12))
    run = ns.simulate(ns.Model(4, noise=noise), x, horizon=0.6, layers=2, seed=3, weights=w)
    for layer in (0, 1):
        y = run.tokens[layer]
        moved = y + np.sqrt(0.3) * reference.random_heads(y, w, noise, 3, 0, layer)
        np.testing.assert_allclose(run.tokens[layer + 1], reference.normalize(moved), atol=1e-12)


def test_a_token_without_weight_does_not_act_on_the_others(rng):
    model, x = ns.Model(4, noise=NOISES[1]), ns.sphere.uniform(10, 4)
    w = np.append(rng.dirichlet(np.ones(9)), 0.0)
    options = {"horizon": 1.0, "layers": 5}
    with_it = ns.simulate(model, x, weights=w, **options)
    without = ns.simulate(model, x[:9], weights=w[:9], **options)
    np.testing.assert_allclose(with_it.tokens[:, :9], without.tokens, atol=1e-12)


@pytest.mark.parametrize("noise", NOISES)
def test_the_covariance_given_the_heads(noise):
    """E[G_i G_jᵀ | A] = (s²/H) Σ_h ⟨m_h(x_i), m_h(x_j)⟩ I: less it, products have the mean zero.

    10,000 layers, three tokens: 81 entries within 5.7 standard errors, false alarm 1e-6; a
    covariance 15 % off would be refused. What is left is not correlated with the covariance's
    change from layer to layer; what another layer's heads would leave is.
    """
    x, d, layers = ns.sphere.uniform(3, 3, seed=1), 3, 10_000
    fields = ns.sample_field(noise, x, layers=layers, seed=2, threads=1)
    w = np.full(3, 1 / 3)
    means = np.array([reference.head_means(x, w, noise, 2, 0, k) for k in range(layers)])
    given = noise.scale**2 / noise.heads * np.einsum("lhia,lhja->lij", means, means)
    products = np.einsum("lia,ljb->lijab", fields, fields)

    def score(values):
        return np.abs(values.mean(0)) / (values.std(0) / np.sqrt(layers))

    left = products - given[..., None, None] * np.eye(d)
    assert score(left).max() < 5.7
    assert score(left - 0.15 * given[..., None, None] * np.eye(d)).max() > 5.7
    change = given - given.mean(0)
    traces = np.einsum("lijaa->lij", products)
    assert score((traces - d * given) * change).max() < 5.7
    assert score((traces - d * np.roll(given, 1, axis=0)) * change).max() > 5.7


def exact_slope(n, d, u, noise, draws, rng):
    """d/dt E⟨x_i, x_j⟩ at t = 0 for equal angles, with its standard error, by draws of A.

    s²[(d−2+u²)S − (d−1)uP], S = u + (1−u)g, P = u + (1−u)f, f = E Σ_k π_ik², g = E Σ_k π_ik π_jk.
    """
    x = reference.equal_angles(n, d, u)
    W, other = noise.head_scale * rng.standard_normal((2, draws, d, noise.head_dim))
    logits = noise.beta * np.einsum("id,mdr,mer,ke->mik", x, W, other, x, optimize=True)
    p = np.exp(logits - logits.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)
    f = np.mean(np.sum(p**2, axis=2), axis=1)
    g = (np.sum(p.sum(axis=1) ** 2, axis=1) / n - f) / (n - 1)
    slopes = noise.scale**2 * ((d - 2 + u**2) * (u + (1 - u) * g) - (d - 1) * u * (u + (1 - u) * f))
    return slopes.mean(), slopes.std() / np.sqrt(draws)


def measured_slope(n, d, u, noise, layers, seed):
    """The mean over fields G of the second order of ⟨x', y'⟩, x' = LN(x + √Δ G), and its error.

    LN(x + εG) = x + εPG − ε²(½|PG|² x + ⟨x, G⟩PG) + O(ε³).
    """
    x = reference.equal_angles(n, d, u)
    G = ns.sample_field(noise, x, layers=layers, seed=seed, threads=1)
    radial = np.sum(G * x, axis=2, keepdims=True)
    P = G - radial * x
    second = -0.5 * np.sum(P**2, axis=2, keepdims=True) * x - radial * P
    change = P @ np.swapaxes(P, 1, 2) + second @ x.T + x @ np.swapaxes(second, 1, 2)
    pairs = ~np.eye(n, dtype=bool)
    values = change[:, pairs].mean(axis=1)
    return values.mean(), values.std() / np.sqrt(layers)


@pytest.mark.parametrize(
    ("n", "d", "u", "noise"),
    [
        (4, 5, 0.3, ns.ValueNoise(2.0, 0.8, head_dim=5)),
        (4, 5, 0.3, ns.ValueNoise(2.0, 0.8, heads=3, head_dim=5)),
        (6, 8, 0.0, ns.ValueNoise(0.5, 8**-0.5, heads=2, head_dim=8)),
        (3, 4, -0.2, ns.ValueNoise(3.0, 1.0, head_dim=2, head_scale=0.7)),
    ],
)
def test_the_slope_of_equal_angles(n, d, u, noise, rng):
    """At t = 0, in the limit of infinite depth, for every number of heads.

    60,000 fields and 60,000 draws of A: 4.9 standard errors of the difference, false alarm 1e-6 a
    case. Power: the same data refuse A = I.
    """
    exact, exact_error = exact_slope(n, d, u, noise, 60_000, rng)
    measured, error = measured_slope(n, d, u, noise, 60_000, seed=5)
    allowed = 4.9 * np.hypot(exact_error, error)
    assert abs(measured - exact) < allowed
    plain = ns.ValueNoise(noise.beta, noise.scale)
    without, error = measured_slope(n, d, u, plain, 60_000, seed=5)
    assert abs(without - exact) > allowed


def test_heads_of_zero_scale_are_means_of_all_tokens():
    x = ns.sphere.uniform(9, 4)
    field = ns.sample_field(ns.ValueNoise(heads=2, head_dim=3, head_scale=0.0), x)[0]
    np.testing.assert_allclose(field, np.broadcast_to(field[0], field.shape), atol=1e-14)


def test_without_head_dim_nothing_changed():
    """One head with A = I is what ValueNoise always was; more are one in law."""
    x = ns.sphere.uniform(20, 3)
    plain = ns.sample_field(ns.ValueNoise(2.0, 0.5), x, layers=2, seed=1)
    w = np.full(20, 1 / 20)
    for layer in (0, 1):
        expected = reference.value_noise(x, w, 2.0, 0.5, 1, 0, layer)
        np.testing.assert_allclose(plain[layer], expected, atol=1e-13)
    many = ns.sample_field(ns.ValueNoise(2.0, 0.5, heads=7), x, layers=2, seed=1)
    np.testing.assert_array_equal(many, plain)
    one, seven = (
        ns.measure.budget(ns.Model(3, noise=ns.ValueNoise(2.0, heads=h)), x) for h in (1, 7)
    )
    assert one == seven


def test_runs_keep_their_promises():
    model = ns.Model(5, ns.Softmax(1.0), NOISES[1])
    x = ns.sphere.uniform(40, 5)
    options = {"horizon": 0.5, "layers": 8, "seed": 3, "observe": [ns.Lyapunov(2)]}
    run = ns.simulate(model, x, **options)
    alone = ns.simulate(model, x, threads=1, **options)
    np.testing.assert_array_equal(run.tokens, alone.tokens)
    np.testing.assert_array_equal(run.observed["lyapunov"], alone.observed["lyapunov"])
    options["observe"] = [ns.Tokens()]
    many = ns.ensemble(model, x, replicates=2, save=[8], **options).tokens
    np.testing.assert_array_equal(run.tokens[-1], many[0, -1])
    assert not np.allclose(many[0], many[1])
    coarse, fine = (
        ns.simulate(model, x, horizon=0.01, layers=k, path_layers=64, seed=3).tokens[-1]
        for k in (32, 64)
    )
    assert np.abs(coarse - fine).max() < 0.1 * np.abs(fine - x).max()
    for noise in NOISES:
        assert ns.Model.from_toml(ns.Model(5, noise=noise).to_toml()).noise == noise


def test_exponents_are_those_of_the_derivative():
    """One token: m_h = x for every head, so that λ_1 = −s²(d−1)/2 as for a constant field."""
    noise, dim, horizon = ns.ValueNoise(scale=0.7, heads=2, head_dim=3), 4, 1.0
    data = ns.ensemble(
        ns.Model(dim, noise=noise), ns.sphere.uniform(1, dim), replicates=2000, horizon=horizon,
        layers=100, seed=1, observe=[ns.Lyapunov(1)], save=[100],
    )  # fmt: skip
    values = data.lyapunov.to_numpy()[:, -1, 0]
    expected = -0.5 * noise.scale**2 * (dim - 1)
    assert abs(values.mean() - expected) < 4.9 * values.std() / np.sqrt(2000) + 0.01


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.ValueNoise(heads=0), "heads must be a positive integer, got 0"),
        (lambda: ns.ValueNoise(heads=1.5), "heads must be a positive integer, got 1.5"),
        (lambda: ns.ValueNoise(heads=None), "heads must be a positive integer, got None"),
        (lambda: ns.ValueNoise(head_dim=0), "head_dim must be a positive integer, got 0"),
        (lambda: ns.ValueNoise(head_dim="8"), "head_dim must be a positive integer, got '8'"),
        (lambda: ns.ValueNoise(head_scale=-1), "head_scale must be a non-negative number, got -1"),
        (lambda: ns.ValueNoise(head_scale=np.nan), "head_scale must be a non-negative number"),
        (
            lambda: ns.Model(2**20, noise=ns.ValueNoise(heads=2**24, head_dim=4)),
            "heads must be at most 1024 in dimension 1048576, got 16777216",
        ),
        (
            lambda: ns.sample_field(ns.ValueNoise(head_dim=2**24), np.eye(2, 2**14)),
            "head_dim: a head needs .* GiB and .* reduce head_dim = 16777216",
        ),
        (
            lambda: ns.measure.budget(ns.Model(3, noise=ns.ValueNoise(head_dim=2)), np.eye(3)),
            "budget: ValueNoise with head_dim has none, since the mean of its covariance",
        ),
        (
            lambda: ns.measure.budget(
                ns.Model(3, noise=[ns.MLP("relu", 8), ns.ValueNoise(head_dim=2)]), np.eye(3)
            ),
            "budget: ValueNoise with head_dim has none",
        ),
        (
            lambda: ns.simulate(
                ns.Model(3, noise=ns.ValueNoise(head_dim=2)), np.eye(3), horizon=1.0, layers=1,
                observe=[ns.Budget()],
            ),
            "budget: ValueNoise with head_dim has none",
        ),
        (
            lambda: ns.Model(3, noise=ns.ValueNoise(head_dim=2)).kernel,
            "kernel: ValueNoise has none, since",
        ),
    ],
)  # fmt: skip
def test_refusals(make, message):
    with pytest.raises(ns.NoisyncError, match=message) as error:
        make()
    assert isinstance(error.value, (ValueError, TypeError))
