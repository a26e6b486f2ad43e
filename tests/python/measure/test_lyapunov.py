"""Lyapunov exponents measured along a path, against theory and finite differences."""

import numpy as np
import pytest

import noisync as ns

NOISES = [
    ns.MLP("sigmoid", 64, 0.1, 0.1),
    ns.GaussianField("sigmoid", 0.1, 0.1, sampler="exact"),
    ns.GaussianField("sigmoid", 0.1, 0.1, sampler="harmonic"),
]


# The exact sampler gives tangents the right law, but normals of their own: no path to compare.
@pytest.mark.parametrize("noise", NOISES[::2], ids=["mlp", "harmonic"])
@pytest.mark.parametrize("scheme", ["layer", "euler"])
def test_a_near_test_token_moves_as_the_tangent_says(noise, scheme):
    """A token of no weight at distance 1e-6 of token 0: log of its distance after 10 layers."""
    model = ns.Model(4, ns.Softmax(beta=2.0, value=-0.5), noise)
    x = ns.sphere.uniform(6, 4, seed=1)
    options = {"horizon": 0.5, "layers": 10, "scheme": scheme, "seed": 5}
    # Token 0 has no weight either: the derivative is that of a test token.
    weights = np.array([0, 0.2, 0.2, 0.2, 0.2, 0.2])
    run = ns.simulate(model, x, weights=weights, observe=[ns.Lyapunov(3)], **options)
    growth = float(run.observed["lyapunov"][-1].sum()) * 0.5  # log of the volume of three tangents
    tangents = np.linalg.svd(x[:1])[2][1:]
    distance = 1e-6
    near = ns.sphere.normalize(x[0] + distance * tangents)
    moved = ns.simulate(
        model, np.concatenate([x, near]), weights=[*weights, 0, 0, 0], save=[10], **options
    ).tokens[0]
    volume = np.linalg.svd((moved[6:] - moved[0]) / distance, compute_uv=False).prod()
    assert np.log(volume) == pytest.approx(growth, abs=2e-4)


@pytest.mark.parametrize("noise", NOISES[:2], ids=["mlp", "exact"])
def test_the_spectrum(noise):
    """60 paths of T = 20: each exponent within 4.4 standard errors of Kernel's and of its bias."""
    model = ns.Model(4, noise=noise)
    kernel = model.kernel
    horizon, layers = 20.0, 1500
    data = ns.ensemble(
        model,
        ns.sphere.Uniform(1, 4),
        replicates=60,
        horizon=horizon,
        layers=layers,
        save=[layers],
        observe=[ns.Lyapunov(3)],
    )
    exponents = data.lyapunov.to_numpy()[:, 0]
    error = exponents.std(axis=0) / np.sqrt(60)
    bias = kernel.layer_exponent(horizon / layers) - kernel.lyapunov_exponent
    measured = exponents.mean(axis=0) - bias
    assert np.all(np.abs(measured - kernel.lyapunov_spectrum) < 4.4 * error)
    # Power: one dimension more would shift it by about half of kernel.variance.
    assert np.all(error < 0.07 * kernel.variance)


def test_one_cluster_under_attention_has_lambda_minus_a():
    """V = aI and one cluster: exponents λ_i − a; without noise exactly −log(1 + aΔ)/Δ."""
    a, layers = 0.7, 50
    x = np.tile(ns.sphere.uniform(1, 3), (4, 1))
    run = ns.simulate(
        ns.Model(3, ns.Softmax(beta=3.0, value=a)), x, horizon=2.0, layers=layers,
        observe=[ns.Lyapunov(2)],
    )  # fmt: skip
    expected = -np.log1p(a * 2.0 / layers) / (2.0 / layers)
    np.testing.assert_allclose(run.observed["lyapunov"][1:], expected, rtol=1e-12)
    assert np.all(np.isnan(run.observed["lyapunov"][0]))


def test_exponents_do_not_depend_on_threads():
    model = ns.Model(3, noise=ns.MLP("relu", 300, 0.1, 0.1))
    x = ns.sphere.uniform(40, 3)
    runs = [
        ns.simulate(model, x, horizon=1.0, layers=5, threads=t, observe=[ns.Lyapunov(2)])
        for t in (1, 3)
    ]
    np.testing.assert_array_equal(runs[0].observed["lyapunov"], runs[1].observed["lyapunov"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.Lyapunov(0), "k must be a positive integer, got 0"),
        (lambda: ns.Lyapunov(1, token=-1), "token must be a non-negative integer, got -1"),
        (lambda: ns.Lyapunov(1, name="1"), "name must be letters"),
        (lambda: ns.Tokens(name=""), "name must be letters"),
    ],
)
def test_bad_observers(make, message):
    with pytest.raises(ns.ArgumentError, match=message):
        make()


def slope_of(energy, time):
    """Slope of log E between 1e-3 and 1e-28 of its start."""
    part = (energy < 1e-3 * energy[0]) & (energy > 1e-28 * energy[0])
    return np.polyfit(time[part], np.log(energy[part]), 1)[0], part


@pytest.mark.parametrize("n", [2, 64])
def test_the_energy_falls_by_28_orders_with_the_growth_of_tangents(n):
    """Along one path log E follows twice the growth of a tangent: the same noise, so within 1 %."""
    model = ns.Model(64, noise=ns.GaussianField("sigmoid"))
    run = ns.simulate(
        model, ns.sphere.uniform(n, 64, seed=2), horizon=4.6, layers=3000, seed=3, save=3000,
        observe=[ns.Energy(1.0), ns.Lyapunov(1)],
    )  # fmt: skip
    energy, time = run.observed["energy"].to_numpy(), run.observed["energy"].time.to_numpy()
    assert energy.min() < 1e-28 * energy[0]
    slope, part = slope_of(energy, time)
    growth = run.observed["lyapunov"].to_numpy()[part, 0] * time[part]
    assert slope == pytest.approx(2 * np.polyfit(time[part], growth, 1)[0], rel=0.01)


def test_the_slope_of_the_energy_is_twice_the_exponent():
    """The mean slope over 200 paths is 2λ₁ of the layers, which is 2λ₁ but for 2.3 %.

    The logarithm of a pair's gap has variance 4(κ(1) + κ'(1))t: over t ≈ 3 a slope varies by 0.6,
    the mean by 0.04, 0.26 % of 2λ₁ = −15.8. 4.9 times that are allowed.
    """
    model = ns.Model(64, noise=ns.GaussianField("sigmoid"))
    data = ns.ensemble(
        model, ns.sphere.uniform(2, 64, seed=2), replicates=200, horizon=4.6, layers=1500,
        observe=[ns.Energy(1.0)],
    )  # fmt: skip
    time = data.time.to_numpy()
    slopes = [slope_of(energy, time)[0] for energy in data.energy.to_numpy()]
    kernel = model.kernel
    assert np.mean(slopes) == pytest.approx(2 * kernel.layer_exponent(4.6 / 1500), rel=0.013)
    assert np.mean(slopes) == pytest.approx(2 * kernel.lyapunov_exponent, rel=0.023 + 0.013)
