"""Noises that add: fields, kernels, budgets and files of several at once."""

import pickle

import numpy as np
import pytest
import reference

import noisync as ns

#: Kinds of every sort, two of them alike.
PARTS = [
    ns.MLP("tanh", 24, 0.3, 0.2),
    ns.ValueNoise(1.5, 0.6),
    ns.MLP("tanh", 24, 0.3, 0.2),
    ns.IndependentNoise(0.4),
]
FIELDS = [ns.MLP("relu", 30, 0.3, 0.2), ns.GaussianField("sigmoid", 0.1), ns.MLP("tanh", 8)]


def plain(y, seed, replicate, layer):
    """The field of PARTS with equal weights, from the documented streams."""
    w, at = np.full(len(y), 1 / len(y)), (seed, replicate, layer)
    return (
        reference.mlp(y, "tanh", 24, 0.3, 0.2, *at)
        + reference.value_noise(y, w, 1.5, 0.6, *at, part=1)
        + reference.mlp(y, "tanh", 24, 0.3, 0.2, *at, part=2)
        + reference.independent_noise(y, 0.4, *at, part=3)
    )


def test_fields_are_those_of_the_documented_streams():
    x = ns.sphere.uniform(40, 5, seed=3)
    for dtype, tolerance in ((np.float64, 1e-13), (np.float32, 1e-5)):
        fields = ns.sample_field(PARTS, x.astype(dtype), layers=3, seed=2**40 + 1, replicate=4)
        assert fields.dtype == dtype
        for layer, field in enumerate(fields):
            expected = plain(x, 2**40 + 1, 4, layer)
            np.testing.assert_allclose(field, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("first", [*PARTS[:2], ns.GaussianField("tanh", 0.1), PARTS[3]])
def test_the_first_part_meets_the_noise_that_it_meets_alone(first):
    x = ns.sphere.uniform(30, 4)
    nothing = ns.IndependentNoise(0.0)
    alone = ns.sample_field(first, x, layers=2, seed=5)
    np.testing.assert_array_equal(ns.sample_field([first, nothing], x, layers=2, seed=5), alone)
    np.testing.assert_array_equal(ns.sample_field((first,), x, layers=2, seed=5), alone)
    later = ns.sample_field([nothing, first], x, layers=2, seed=5)
    assert np.abs(later - alone).max() > 0.1
    run = {"horizon": 1.0, "layers": 4, "seed": 2}
    one, list_of_one = (ns.simulate(ns.Model(4, noise=n), x, **run) for n in (first, [first]))
    np.testing.assert_array_equal(one.tokens, list_of_one.tokens)


def test_the_covariance_is_the_sum():
    """Of MLPs alike, a Gaussian field, random values and independent noise, at three tokens.

    40,000 layers, 81 entries, each within 5.7 standard errors: false alarm 1e-6. Were the two
    networks one, drawn twice, or a part missing, the same data would refuse it.
    """
    parts = [*PARTS, ns.GaussianField("relu", 0.2)]
    x, layers = ns.sphere.uniform(3, 3, seed=1), 40_000
    fields = ns.sample_field(parts, x, layers=layers, seed=2, threads=1).reshape(-1, 9)
    a = ns.attention_drift(ns.Softmax(1.5), x)
    u = np.clip(x @ x.T, -1, 1)
    network, field = PARTS[0].kernel(3), parts[-1].kernel(3)
    expected = 2 * network(u) + field(u) + 0.6**2 * a @ a.T + 0.4**2 * np.eye(3)
    products = fields[:, :, None] * fields[:, None]
    error = products.std(axis=0) / np.sqrt(layers)
    scores = (products.mean(axis=0) - np.kron(expected, np.eye(3))) / error
    assert np.abs(scores).max() < 5.7
    for missing in (2 * network(u), field(u), 0.4**2 * np.eye(3), 0.6**2 * a @ a.T):
        assert np.abs(scores + np.kron(missing, np.eye(3)) / error).max() > 5.7


def test_layers_and_schemes_take_sums():
    x, model = ns.sphere.uniform(6, 5), ns.Model(5, ns.Softmax(2.0), PARTS)
    run = ns.simulate(model, x, horizon=1.0, layers=2, seed=7)
    step = reference.layer(
        run.tokens[1], 0.5, lambda y: ns.attention_drift(model.attention, y),
        lambda y: plain(y, 7, 0, 1),
    )  # fmt: skip
    np.testing.assert_allclose(run.tokens[2], step, atol=1e-13)
    run = ns.simulate(model, x, horizon=1.0, layers=1, seed=7, scheme="euler")
    moved = x + ns.attention_drift(model.attention, x) + plain(x, 7, 0, 0)
    np.testing.assert_allclose(run.tokens[1], reference.normalize(moved), atol=1e-13)


def test_runs_keep_their_promises(rng):
    model = ns.Model(4, ns.Softmax(1.0), [*PARTS, ns.GaussianField("relu", sampler="exact")])
    x, w = ns.sphere.uniform(40, 4), rng.dirichlet(np.ones(40))
    options = {"horizon": 0.5, "layers": 8, "seed": 3, "weights": w, "observe": [ns.Lyapunov(2)]}
    run = ns.simulate(model, x, **options)
    alone = ns.simulate(model, x, threads=1, **options)
    np.testing.assert_array_equal(run.tokens, alone.tokens)
    np.testing.assert_array_equal(run.observed["lyapunov"], alone.observed["lyapunov"])
    options["observe"] = [ns.Tokens(), ns.Lyapunov(2)]
    many = ns.ensemble(model, x, replicates=3, save=[8], **options)
    np.testing.assert_array_equal(run.tokens[-1], many.tokens[0, -1])
    np.testing.assert_array_equal(run.observed["lyapunov"][-1], many.lyapunov[0, -1])
    assert not np.allclose(many.tokens[0], many.tokens[1])
    del options["observe"]
    single = ns.simulate(model, x, dtype="float32", **options)
    np.testing.assert_allclose(single.tokens, run.tokens, atol=1e-5)
    coarse, fine = (
        ns.simulate(model, x, horizon=0.01, layers=k, path_layers=64, seed=3).tokens[-1]
        for k in (32, 64)
    )
    assert np.abs(coarse - fine).max() < 0.1 * np.abs(fine - x).max()


def test_samplers_are_chosen_for_each_part():
    model = ns.Model(16, noise=[ns.GaussianField("relu"), ns.MLP("relu", 4)])
    run = ns.simulate(model, ns.sphere.uniform(8, 16), horizon=1.0, layers=1)
    assert [part.kind for part in run.model.noise] == ["gaussian_field", "mlp"]
    assert run.model.noise[0].sampler == "exact"
    assert isinstance(run.model.noise, tuple)


def test_models_round_trip(tmp_path):
    model = ns.Model(5, noise=PARTS)
    assert model.noise == tuple(PARTS)
    assert model == ns.Model(5, noise=tuple(PARTS))
    assert model != ns.Model(5, noise=PARTS[::-1])
    assert ns.Model.from_toml(model.to_toml()) == model
    assert ns.Model.from_dict(model.to_dict()) == model
    assert hash(ns.Model.from_dict(model.to_dict())) == hash(model)
    assert pickle.loads(pickle.dumps(model)) == model
    run = ns.simulate(model, ns.sphere.uniform(4, 5), horizon=1.0, layers=2)
    run.save(tmp_path / "run.nc")
    assert ns.load(tmp_path / "run.nc").model == run.model == model


def sum_of(name, kernels, *arguments):
    values = [getattr(kernel, name) for kernel in kernels]
    return sum(value(*arguments) if arguments else value for value in values)


def test_kernels_add():
    d, u = 5, np.linspace(-1, 1, 9)
    kernel = ns.Model(d, noise=FIELDS).kernel
    kernels = [part.kernel(d) for part in FIELDS]
    assert isinstance(kernel, ns.Kernel)
    assert kernel.dim == d
    assert kernel.terms == tuple(kernels)
    assert kernel == kernels[0] + kernels[1] + kernels[2] == pickle.loads(pickle.dumps(kernel))
    assert kernel != kernels[0] + kernels[1]
    np.testing.assert_allclose(kernel(u), sum(k(u) for k in kernels), rtol=1e-14)
    np.testing.assert_allclose(kernel.derivative(u), sum_of("derivative", kernels, u), rtol=1e-14)
    for name in ("variance", "slope", "lyapunov_exponent", "lyapunov_spectrum", "coercivity"):
        np.testing.assert_allclose(getattr(kernel, name), sum_of(name, kernels), rtol=1e-13)
    np.testing.assert_allclose(kernel.schoenberg(6), sum_of("schoenberg", kernels, 6), rtol=1e-13)
    assert not kernel.odd
    assert kernels[2].odd
    assert (kernels[2] + ns.Kernel("erf", d)).odd
    assert repr(kernels[0] + kernels[2]).count("Kernel(") == 2
    theta = np.linspace(0, np.pi, 40)
    np.testing.assert_allclose(
        kernel.at_angle(theta), kernel(np.cos(theta)), rtol=0, atol=1e-13 * kernel.variance
    )


def test_equal_kernels_are_one_of_twice_the_size():
    """κ + κ = 2κ: every rate doubles, and the law of a pair at time t is that of κ at 2t."""
    one = ns.Kernel("relu", 4, 0.3, 0.2)
    two = one + one
    assert two.dissipation_rate(2.0) == pytest.approx(2 * one.dissipation_rate(2.0), rel=1e-9)
    assert two.layer_exponent(0.1) == pytest.approx(2 * one.layer_exponent(0.2), rel=1e-12)
    u0, times = np.array([-0.5, 0.2, 0.9]), np.array([0.3, 2.0])
    np.testing.assert_allclose(
        two.pair_expectation(np.exp, u0, times), one.pair_expectation(np.exp, u0, 2 * times),
        rtol=1e-8,
    )  # fmt: skip
    np.testing.assert_allclose(
        two.mean_energy(2.0, times), one.mean_energy(2.0, 2 * times), rtol=1e-8
    )


def test_rates_of_different_kernels():
    """λ̄'(β) by its definition on a grid; the slope of the pair law by its generator."""
    kernel, d, beta = ns.Model(5, noise=FIELDS).kernel, 5, 2.0
    u = np.cos(np.linspace(0.002, np.pi, 4001))
    value, one = kernel.at_angle(np.arccos(u)), kernel.variance
    g0 = value * (d - 2 + u**2) - one * (d - 1) * u
    g1 = (1 - u**2) * (one - u * value)
    rates = -beta * np.exp(beta * u) * (g0 + beta * g1) / (np.exp(beta) - np.exp(beta * u))
    expected = max(rates.max(), kernel.coercivity)
    assert kernel.dissipation_rate(beta) == pytest.approx(expected, rel=1e-5)
    at, short = np.array([-0.7, 0.1, 0.8]), 1e-4
    law = kernel.pair_expectation(lambda v: np.exp(beta * v), at, [0.0, short, 2 * short])
    slope = (4 * law[1] - 3 * law[0] - law[2]) / (2 * short)
    g0 = kernel(at) * (d - 2 + at**2) - one * (d - 1) * at
    g1 = (1 - at**2) * (one - at * kernel(at))
    np.testing.assert_allclose(slope, beta * np.exp(beta * at) * (g0 + beta * g1), rtol=1e-4)


def test_the_bound_is_that_of_the_sum():
    model = ns.Model(5, ns.Softmax(2.0), FIELDS)
    rate = model.kernel.dissipation_rate(2.0)
    np.testing.assert_allclose(
        ns.energy_bound(model, [0.0, 1.0], 0.5, 2.0), [0.5, 0.5 * np.exp(rate)]
    )
    assert ns.energy_bound(ns.Model(5, ns.Softmax(2.0), PARTS), [1.0], 0.5, 2.0) is None


@pytest.mark.parametrize("n", [2, 27, 300])
@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_budgets_add(n, beta, rng):
    parts = [*FIELDS, ns.IndependentNoise(0.4), ns.ValueNoise(1.5, 0.6)]
    x, w = ns.sphere.uniform(n, 5), rng.dirichlet(np.ones(n))
    u = np.clip(x @ x.T, -1, 1)
    a = ns.attention_drift(ns.Softmax(1.5), x, w, method="direct")
    fields = ns.Model(5, noise=FIELDS).kernel.at_angle(np.arccos(u))
    covariance = fields + 0.36 * a @ a.T + 0.16 * np.eye(n)
    got = ns.measure.budget(ns.Model(5, ns.Softmax(1.0), parts), x, beta, w)
    expected = reference.noise_budget(x, w, beta, covariance)
    assert got.noise == pytest.approx(expected, rel=1e-10)
    alone = [ns.measure.budget(ns.Model(5, noise=part), x, beta, w).noise for part in parts]
    assert got.noise == pytest.approx(sum(alone), rel=1e-12)


def test_budgets_add_in_linear_time():
    parts = [ns.MLP("tanh", 8, 0.3), ns.IndependentNoise(0.4), ns.GaussianField("sigmoid", 0.2)]
    x = ns.sphere.uniform(500, 3)
    direct, linear = (
        ns.measure.budget(ns.Model(3, ns.Softmax(2.0), parts), x, 2.0, method=m)
        for m in ("direct", "harmonic")
    )
    np.testing.assert_allclose(linear, direct, rtol=1e-11, atol=1e-11)
    for slow in (ns.ValueNoise(), ns.MLP("relu", 8)):
        with pytest.raises(ns.ArgumentError, match="a noise of few harmonics"):
            ns.measure.budget(ns.Model(3, noise=[*parts, slow]), x, 2.0, method="harmonic")


def test_the_budget_is_the_derivative_of_the_mean_energy():
    """E(T) − E(0) − ∫ budget dt has mean zero, up to O(1/L) of the layers.

    4.9 standard errors (false alarm 1e-6), and 2 % of the noise for the layers; with any one of the
    three parts missing the mean would be off by more.
    """
    parts = [ns.MLP("sigmoid", 32), ns.ValueNoise(2.0, 0.5), ns.IndependentNoise(0.4)]
    x = ns.sphere.normalize(ns.sphere.uniform(8, 6, seed=2) + 1.2 * np.eye(6)[0])
    data = ns.ensemble(
        ns.Model(6, noise=parts), x, replicates=5000, horizon=0.2, layers=24, seed=5,
        observe=[ns.Energy(2.0), ns.Budget(2.0)],
    )  # fmt: skip
    paid = data.budget.sel(contribution="noise").integrate("time").to_numpy()
    error = (data.energy[:, -1] - data.energy[:, 0]).to_numpy() - paid
    allowed = 4.9 * error.std() / np.sqrt(error.size) + 0.02 * abs(paid.mean())
    assert abs(error.mean()) < allowed
    for part in parts:
        alone = ns.measure.budget(ns.Model(6, noise=part), x, 2.0).noise
        assert abs(0.2 * alone) > 2 * allowed


def test_kernel_errors_are_weighted_by_the_variances():
    d = 3
    cut = ns.GaussianField("tanh", sampler="harmonic", tolerance=1e-3)
    wide = ns.GaussianField("relu", 0.2, sampler="features", width=100)
    exact = ns.MLP("sigmoid", 8)
    sizes = [part.kernel(d).variance for part in (cut, wide, exact)]
    model = ns.Model(d, noise=[cut, wide, exact])
    left_out = cut.kernel_error(d) * sizes[0] + wide.kernel_error(d) * sizes[1]
    assert model.kernel_error == pytest.approx(left_out / sum(sizes), rel=1e-13)
    assert ns.Model(d, noise=[exact, exact]).kernel_error is None
    assert ns.Model(d, noise=[cut, ns.IndependentNoise()]).kernel_error is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.Model(3, noise=[]), "noise must hold at least one part, got an empty list"),
        (lambda: ns.Model(3, noise=()), "noise must hold at least one part"),
        (lambda: ns.Model(3, noise=[ns.MLP("relu", 8), None]), r"noise\[1\] must be .*got None"),
        (lambda: ns.Model(3, noise=[[ns.MLP("relu", 8)]]), r"noise\[0\] must be .*got \["),
        (lambda: ns.Model(3, noise={"mlp": 8}), "noise must be .*or None, got {'mlp': 8}"),
        (lambda: ns.Model(3, noise=[ns.MLP("relu", 1)] * 257), "noise must hold at most 256 parts"),
        (lambda: ns.Model(2**24, noise=ns.MLP("relu", 2**27)), "width must be at most 67108864 in"),
        (lambda: ns.Model.from_dict({"dim": 3, "noise": []}), "noise must hold at least one part"),
        (
            lambda: ns.Model.from_dict({"dim": 3, "noise": [{"type": "mpl"}]}),
            r"model.noise\[0\].type must be .*did you mean 'mlp'",
        ),
        (lambda: ns.sample_field([], np.eye(3)), "noise must hold at least one part"),
        (lambda: ns.sample_field(None, np.eye(3)), "noise must be a noise .*got None"),
        (lambda: ns.Kernel("relu", 3) + ns.Kernel("relu", 4), "one dim, got 3 and 4"),
        (lambda: ns.Kernel("relu", 3) + 1, "unsupported operand"),
        (
            lambda: (ns.Kernel("relu", 3) + ns.Kernel("tanh", 3)).sigma_u,
            "sigma_u: this kernel is a sum of 2, and each of its `terms` has one of its own",
        ),
        (
            lambda: ns.Model(3, noise=[ns.MLP("relu", 8), ns.ValueNoise()]).kernel,
            "kernel: ValueNoise has none, since the covariance",
        ),
        (
            lambda: ns.Model(3, noise=[ns.IndependentNoise(), ns.MLP("relu", 8)]).kernel,
            "kernel: IndependentNoise has none",
        ),
    ],
)
def test_bad_sums(make, message):
    with pytest.raises((ns.NoisyncError, TypeError), match=message) as error:
        make()
    assert isinstance(error.value, (ValueError, TypeError))
