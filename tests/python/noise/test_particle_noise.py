"""Noise that is no field on the sphere: random value matrices, and noise of each token's own."""

import numpy as np
import pytest
import reference

import noisync as ns

#: Two-sided bound in standard errors: a false alarm in a million.
BOUND = 4.9


def averages(x, w, beta):
    return ns.attention_drift(ns.Softmax(beta), x, w, method="direct")


def covariance(noise, x, w):
    if isinstance(noise, ns.IndependentNoise):
        return noise.scale**2 * np.eye(len(x))
    a = averages(x, w, noise.beta)
    return noise.scale**2 * a @ a.T


NOISES = {
    "value": ns.ValueNoise(beta=1.5, scale=0.7),
    "repelling value": ns.ValueNoise(beta=-2.0, scale=1.2),
    "independent": ns.IndependentNoise(scale=0.6),
}


@pytest.mark.parametrize("name", NOISES)
def test_covariance(name):
    """All entries of the covariances of three tokens, over 40 000 layers.

    5.7 standard errors: of 81 entries one is beyond with a probability of 1e-6. A scale that is
    5 % off would be 12 off.
    """
    noise, x = NOISES[name], ns.sphere.uniform(3, 3, seed=1)
    fields = ns.sample_field(noise, x, layers=40_000, seed=2).reshape(-1, 9)
    expected = np.kron(covariance(noise, x, np.full(3, 1 / 3)), np.eye(3))
    products = fields[:, :, None] * fields[:, None]
    error = products.std(axis=0) / np.sqrt(len(fields))
    assert np.all(np.abs(products.mean(axis=0) - expected) < 5.7 * error)
    assert np.all(np.abs(0.1 * np.diag(expected)) > 5.7 * np.diag(error))


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("n", [1, 2, 27, 300])
@pytest.mark.parametrize("beta", [0.1, 2.0, 9.0])
def test_budget_is_the_plain_formula(name, n, beta, rng):
    noise, x, w = NOISES[name], ns.sphere.uniform(n, 5), rng.dirichlet(np.ones(n))
    got = ns.measure.budget(ns.Model(5, ns.Softmax(2.0), noise), x, beta, w)
    expected = reference.noise_budget(x, w, beta, covariance(noise, x, w))
    scale = np.exp(beta) * beta * (1 + beta)
    assert got.noise == pytest.approx(expected, rel=1e-11, abs=1e-14 * scale)
    alone = ns.measure.budget(ns.Model(5, ns.Softmax(2.0)), x, beta, w)
    assert got.attention == alone.attention


@pytest.mark.parametrize("name", NOISES)
def test_the_budget_is_the_derivative_of_the_mean_energy(name):
    """E(T) − E(0) − ∫ budget dt has mean zero, up to O(1/L) of the layers.

    4.9 standard errors, and 2 % of the parts for the layers; with 15 % of either missing the mean
    would be off by more.
    """
    model = ns.Model(6, ns.Softmax(beta=2.0, value=2.0), NOISES[name])
    x = ns.sphere.normalize(ns.sphere.uniform(8, 6, seed=2) + 1.2 * np.eye(6)[0])
    data = ns.ensemble(
        model, x, replicates=12_000, horizon=0.2, layers=64, seed=5,
        observe=[ns.Energy(2.0), ns.Budget(2.0)],
    )  # fmt: skip
    paid = data.budget.integrate("time")
    gained = data.energy[:, -1] - data.energy[:, 0]
    error = (gained - paid.sum("contribution")).to_numpy()
    parts = np.abs(paid.mean("replicate")).to_numpy()
    allowed = BOUND * error.std() / np.sqrt(error.size) + 0.02 * parts.sum()
    assert abs(error.mean()) < allowed
    assert np.all(0.15 * parts > allowed)


@pytest.mark.parametrize("dim", [2, 3, 4, 5])
def test_independent_budget_in_linear_time(dim, rng):
    model = ns.Model(dim, ns.Softmax(2.0), ns.IndependentNoise(0.7))
    for x in (ns.sphere.uniform(600, dim), ns.sphere.normalize(np.eye(dim)[[0] * 9] + 0.01)):
        w = rng.dirichlet(np.ones(len(x)))
        direct, linear = (
            ns.measure.budget(model, x, 2.0, w, method=m) for m in ("direct", "harmonic")
        )
        np.testing.assert_allclose(linear, direct, rtol=1e-11, atol=1e-11)
    value = ns.Model(dim, noise=ns.ValueNoise())
    with pytest.raises(ns.ArgumentError, match="no ValueNoise"):
        ns.measure.budget(value, x, 2.0, method="harmonic")


def test_merged_tokens_part_under_independent_noise():
    """N tokens at one place: dE/dt = ½ β e^β (1 − 1/N)(d−1)s²."""
    x = np.tile(ns.sphere.uniform(1, 5), (10, 1))
    model = ns.Model(5, noise=ns.IndependentNoise(0.5))
    expected = 0.5 * 2.0 * np.exp(2.0) * 0.9 * 4 * 0.25
    assert ns.measure.budget(model, x, 2.0).noise == pytest.approx(expected, rel=1e-13)
    together = ns.Model(5, noise=ns.ValueNoise())
    assert ns.measure.budget(together, x, 2.0).noise == 0
    run = ns.simulate(together, x, horizon=1.0, layers=10)
    np.testing.assert_allclose(run.tokens, np.repeat(run.tokens[:, :1], 10, axis=1), atol=1e-14)


def test_independent_tokens_forget_at_the_rate_of_brownian_motion():
    """E⟨X_t, X_0⟩ = e^{−s²(d−1)t/2}, and e^{−s²(d−1)t} times the start for a pair's cosine."""
    scale, dim, horizon = 0.8, 4, 1.0
    x = ns.sphere.normalize(np.array([[1.0, 0, 0, 0], [1.0, 0.5, 0, 0]]))
    data = ns.ensemble(
        ns.Model(dim, noise=ns.IndependentNoise(scale)), x, replicates=20_000, horizon=horizon,
        layers=400, seed=3, save=[400], observe=[ns.Tokens()],
    )  # fmt: skip
    end = data.tokens.to_numpy()[:, -1]
    rate = scale**2 * (dim - 1)
    for values, expected in (
        ((end * x).sum(axis=2)[:, 0], np.exp(-0.5 * rate * horizon)),
        ((end[:, 0] * end[:, 1]).sum(axis=1), np.exp(-rate * horizon) * (x[0] @ x[1])),
    ):
        error = values.std() / np.sqrt(values.size)
        assert abs(values.mean() - expected) < BOUND * error + 2e-3  # the layers: O(1/L)
        assert BOUND * error + 2e-3 < 0.15 * expected


@pytest.mark.parametrize(("dim", "beta", "published"), [(3, 1.0, 0.2224), (4, 1.5, 0.1811)])
def test_two_tokens_end_as_antipodes_as_often_as_the_theory_says(dim, beta, published):
    """arXiv:2601.21942: the share of antipodal pairs, from orthogonal tokens.

    4.9 standard errors of 4000 runs, and 0.01 for the layers. Power: with the averages' weights
    of β/2 in place of β the share would be off by more.
    """
    expected = ns.two_token.antipodal_probability(dim, beta)
    assert expected == pytest.approx(published, abs=1e-4)
    data = ns.ensemble(
        ns.Model(dim, noise=ns.ValueNoise(beta)), np.eye(dim)[:2], replicates=4000, horizon=40.0,
        layers=2000, seed=7, save=[2000], observe=[ns.Tokens()],
    )  # fmt: skip
    end = data.tokens.to_numpy()[:, -1]
    cosine = (end[:, 0] * end[:, 1]).sum(axis=1)
    allowed = BOUND * np.sqrt(expected * (1 - expected) / 4000) + 0.01
    assert np.mean(np.abs(cosine) > 0.9) > 0.98  # nearly all have ended
    assert abs(np.mean(cosine < 0) - expected) < allowed
    assert abs(ns.two_token.antipodal_probability(dim, 0.5 * beta) - expected) > allowed


@pytest.mark.parametrize("name", NOISES)
def test_a_test_token_beside_one_cluster(name):
    """There ValueNoise is a constant field, and both have λ_1 = −s²(d−1)/2."""
    noise, dim, horizon = NOISES[name], 4, 1.0
    data = ns.ensemble(
        ns.Model(dim, noise=noise), ns.sphere.uniform(1, dim), replicates=2000, horizon=horizon,
        layers=400, seed=1, observe=[ns.Lyapunov(1)],
    )  # fmt: skip
    values = data.lyapunov.to_numpy()[:, -1, 0]
    expected = -0.5 * noise.scale**2 * (dim - 1)
    assert abs(values.mean() - expected) < BOUND * values.std() / np.sqrt(2000) + 0.01


@pytest.mark.parametrize("name", NOISES)
def test_runs_keep_their_promises(name):
    model = ns.Model(5, ns.Softmax(1.0), NOISES[name])
    x, options = ns.sphere.uniform(40, 5), {"horizon": 0.5, "layers": 8, "seed": 3}
    run = ns.simulate(model, x, **options)
    assert np.array_equal(run.tokens, ns.simulate(model, x, threads=1, **options).tokens)
    many = ns.ensemble(
        model, x, replicates=3, save=[8], observe=[ns.Tokens()], **options
    ).tokens.to_numpy()
    assert np.array_equal(run.tokens[-1], many[0, -1])
    assert not np.allclose(many[0, -1], many[1, -1])
    single = ns.simulate(model, x, dtype="float32", **options)
    np.testing.assert_allclose(single.tokens, run.tokens, atol=1e-5)
    # A path of finer increments, met by runs of other depths.
    coarse, fine = (
        ns.simulate(model, x, horizon=0.01, layers=k, path_layers=64, seed=3).tokens[-1]
        for k in (32, 64)
    )
    assert np.abs(coarse - fine).max() < 0.1 * np.abs(fine - x).max()
    assert ns.Model.from_toml(model.to_toml()) == model


def test_weights_are_those_of_the_averages(rng):
    """A token of no weight does not act on the others."""
    model, x = ns.Model(4, noise=ns.ValueNoise(2.0)), ns.sphere.uniform(10, 4)
    w = np.append(rng.dirichlet(np.ones(9)), 0.0)
    options = {"horizon": 1.0, "layers": 5}
    with_it = ns.simulate(model, x, weights=w, **options)
    without = ns.simulate(model, x[:9], weights=w[:9], **options)
    np.testing.assert_allclose(with_it.tokens[:, :9], without.tokens, atol=1e-12)


def test_independent_noise_of_a_token_does_not_depend_on_the_others():
    model, x = ns.Model(4, noise=ns.IndependentNoise()), ns.sphere.uniform(300, 4)
    options = {"horizon": 1.0, "layers": 5}
    all_, some = (ns.simulate(model, y, **options).tokens for y in (x, x[:17]))
    assert np.array_equal(all_[:, :17], some)


def test_value_noise_in_linear_time():
    model, x = ns.Model(3, noise=ns.ValueNoise(4.0)), ns.sphere.uniform(20_000, 3)
    options = {"horizon": 1.0, "layers": 3, "save": [3]}
    fast, slow = (ns.simulate(model, x, method=m, **options).tokens for m in ("auto", "direct"))
    assert not np.array_equal(fast, slow)
    np.testing.assert_allclose(fast, slow, atol=1e-10)


@pytest.mark.parametrize("noise", [ns.ValueNoise(), ns.IndependentNoise()], ids=["value", "own"])
def test_what_needs_a_kernel_says_so(noise):
    model = ns.Model(3, noise=noise)
    with pytest.raises(ns.ArgumentError, match=f"kernel: {type(noise).__name__} has none, since"):
        _ = model.kernel
    assert ns.energy_bound(model, [0.0, 1.0], 1.0) is None
    with pytest.raises(ns.ArgumentError, match=r"scale must be .*got -1"):
        type(noise)(scale=-1.0)
    with pytest.raises(ns.ArgumentError, match="scale"):
        type(noise)(scale=np.nan)
