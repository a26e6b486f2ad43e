"""The SPDE against solvers and numbers that share nothing with it but the noise path."""

import functools

import numpy as np
import pytest
import reference
from scipy import interpolate, special

import noisync as ns

TILTED = 0.5  # of the density 1 + TILTED x_1


def tilted(dim):
    return ns.sphere.Density(lambda x: 1 + TILTED * x[..., 0], dim)


@functools.cache
def solved(activation, dim, degree, layers=20):
    model = ns.Model(dim, ns.Softmax(beta=2.0), ns.MLP(activation, 64, 0.2, 0.2))
    return ns.spde.solve(
        model, tilted(dim), degree=degree, horizon=1.0, layers=layers, seed=3,
        save=[0, layers // 2, layers],
    )  # fmt: skip


def finite_volume(cells, activation="tanh", layers=20, seed=3):
    """Cells on the circle, remapped by the layer's own map of the angle: exact mass, order h²."""
    edges = np.linspace(0, 2 * np.pi, cells + 1)
    step = 1.0 / layers
    mass = np.diff(edges + TILTED * np.sin(edges)) / (2 * np.pi)
    centres = np.stack([np.cos(edges[:-1] + np.pi / cells), np.sin(edges[:-1] + np.pi / cells)], 1)
    points = np.stack([np.cos(edges[:-1]), np.sin(edges[:-1])], 1)
    for layer in range(layers):
        p = mass * np.exp(2.0 * (points @ centres.T))
        y = reference.normalize(points + step * (p / p.sum(1, keepdims=True)) @ centres)
        noise = reference.mlp(y, activation, 64, 0.2, 0.2, seed, 0, layer)
        z = reference.normalize(y + np.sqrt(step) * noise)
        moved = np.unwrap(np.arctan2(z[:, 1], z[:, 0]))
        assert np.all(np.diff(moved) > 0)
        before = np.concatenate([[0.0], np.cumsum(mass)])
        # The mass up to an angle, from one turn before to one after.
        turns = np.concatenate([moved + 2 * np.pi * k for k in (-1, 0, 1)])
        masses = np.concatenate([before[:-1] + k for k in (-1, 0, 1)])
        shift = 2 * np.pi * np.round(moved[0] / (2 * np.pi))
        mass = np.diff(interpolate.PchipInterpolator(turns - shift, masses)(edges))
    return mass, centres


def test_a_finite_volume_solver_on_the_circle_finds_the_same():
    solution = solved("tanh", 2, 256)
    errors = []
    for cells in (200, 400, 800):
        mass, centres = finite_volume(cells)
        assert abs(mass.sum() - 1) < 1e-12
        found = solution.density(centres)[-1] / cells
        moment = mass @ centres - solution.moments.mean[-1]
        errors.append([np.abs(moment).max(), np.abs(mass - found).sum()])
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(orders > 1.8), (errors, orders)
    assert errors[-1][0] < 1e-4
    assert errors[-1][1] < 1e-3


@pytest.mark.parametrize("dim", [2, 3, 4])
@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized])
def test_growth_of_harmonics_about_the_uniform_law(dim, kind):
    """MODEL: n(n+d−2) I_{n+d/2−1}(β)/(β I_{d/2−1}(β)), unnormalised with Γ(d/2)(2/β)^{d/2−1}."""
    beta, small, horizon, n = 2.5, 1e-7, 0.4, 2
    harmonic = lambda x: dim * x[..., 0] ** 2 - 1  # noqa: E731
    density = ns.sphere.Density(lambda x: 1 + small * harmonic(x), dim)
    solution = ns.spde.solve(
        ns.Model(dim, kind(beta=beta)), density, degree=16, horizon=horizon, layers=40,
        scheme="rk4", save=[0, 40],
    )  # fmt: skip
    order = dim / 2 - 1
    rate = n * (n + dim - 2) * special.iv(n + order, beta) / beta
    if kind is ns.Softmax:
        rate /= special.iv(order, beta)
    else:
        rate *= special.gamma(dim / 2) * (2 / beta) ** order
    size = np.einsum("m,km->k", solution.weights, harmonic(solution.tokens))
    assert np.log(size[1] / size[0]) / horizon == pytest.approx(rate, rel=1e-6)
    # The density at the nodes, from the Jacobian of the flow, grows with it.
    growth = (solution.node_density[1] - 1) / (small * harmonic(solution.tokens[1]))
    away = np.abs(harmonic(solution.tokens[1])) > 0.3
    np.testing.assert_allclose(growth[away], np.exp(rate * horizon), rtol=1e-5)


def test_means_over_noise_paths_are_those_of_the_pair_law():
    """Without attention: E ∫ x dμ_t = e^{−κ(1)(d−1)t/2} ∫ x dμ_0, and E E_β by the pair law.

    Beyond 4.5 standard errors in one of two numbers: a false alarm in 1.4e-5 of all seeds.
    """
    beta, horizon, paths = 1.0, 1.0, 150
    start = ns.sphere.VonMisesFisher(1, [0.0, 0.0, 1.0], 3.0)
    noise = ns.GaussianField("tanh", 1.0, 0.0, sampler="harmonic", tolerance=1e-4)
    model = ns.Model(3, noise=noise)
    ends = [
        ns.spde.solve(
            model, start, degree=20, horizon=horizon, layers=20, replicate=k, save=[0, 20]
        )
        for k in range(paths)
    ]
    mean = np.array([end.moments.mean[:, 2] for end in ends])
    energy = np.array([end.energy(beta) for end in ends])
    # With a_n the mean of P_n(<x, m>), two points have the cosine density Σ (2n+1) a_n² P_n(u).
    u, weight = special.roots_legendre(24)
    legendre = special.eval_legendre(np.arange(20)[:, None], u)
    cosine = ends[0].nodes @ start.mean
    a = special.eval_legendre(np.arange(20)[:, None], cosine) @ ends[0].weights
    law = weight / 2 * ((2 * np.arange(20) + 1) * a**2 @ legendre)
    factor = model.kernel.pair_expectation(lambda c: np.exp(beta * c), u, horizon)
    exact_energy = 0.5 * (np.exp(beta) - law @ factor)
    exact_mean = mean[0, 0] * np.exp(-model.kernel.variance * horizon)
    assert energy[0, 0] == pytest.approx(0.5 * (np.exp(beta) - law @ np.exp(beta * u)), rel=1e-9)
    for values, exact in ((mean, exact_mean), (energy, exact_energy)):
        error = values[:, 1].std(ddof=1) / np.sqrt(paths)
        assert abs(values[:, 1].mean() - exact) < 4.5 * error, (values[:, 1].mean(), exact, error)
        assert abs(exact - values[0, 0]) > 6 * error  # power: the change itself is seen


def test_moments_converge_spectrally_for_an_analytic_network():
    errors = {
        degree: np.abs(solved("tanh", 2, degree).moments.mean - solved("tanh", 2, 512).moments.mean)
        for degree in (16, 32, 64, 128)
    }
    sizes = [error.max() for error in errors.values()]
    assert sizes[0] < 1e-2
    assert np.all(np.array(sizes[1:]) < 0.05 * np.array(sizes[:-1]))
    assert sizes[-1] < 1e-12


def test_moments_converge_at_second_order_for_relu():
    fine = solved("relu", 2, 4096).moments.mean
    degrees = np.array([32, 64, 128, 256, 512])
    sizes = [np.abs(solved("relu", 2, int(d)).moments.mean - fine).max() for d in degrees]
    slope = np.polyfit(np.log(degrees), np.log(sizes), 1)[0]
    assert -3.0 < slope < -1.2, (sizes, slope)


def gap(solution):
    """Between the density's series at the nodes and the Jacobian's density, of the largest."""
    return np.array([
        np.abs(solution.density(nodes)[k] - solution.node_density[k]).max()
        / solution.node_density[k].max()
        for k, nodes in enumerate(solution.tokens)
    ])  # fmt: skip


def test_the_density_at_the_nodes_is_that_of_the_harmonics():
    assert np.all(gap(solved("tanh", 2, 256)) < [1e-12, 1e-9, 1e-5])


def test_the_density_at_the_nodes_meets_that_of_the_harmonics_on_the_sphere():
    """The flow stretches areas by 30 until the end: the series needs a higher degree there."""
    gaps = np.array([gap(solved("tanh", 3, degree)) for degree in (30, 60, 90)])
    assert np.all(gaps[:, 0] < 1e-12)
    assert np.all(gaps[1:, 1] < 0.1 * gaps[:-1, 1]), gaps
    assert gaps[-1, 1] < 1e-4
    assert np.all(gaps[1:, 2] < 0.6 * gaps[:-1, 2]), gaps


def test_the_weights_and_the_jacobian_give_the_uniform_measure():
    """Σ w_j J_j f(Φ(x_j)) = ∫ f dx: the quadrature of the moved sphere, spectrally."""
    solution = solved("tanh", 2, 256)
    areas = solution.quadrature * np.exp(solution.log_jacobian)
    np.testing.assert_allclose(areas.sum(axis=1), 1, atol=1e-11)
    np.testing.assert_allclose(np.einsum("km,kma->ka", areas, solution.tokens), 0, atol=1e-11)


def test_tokens_meet_the_noise_that_the_solution_meets():
    solution = solved("tanh", 2, 64)
    x = ns.sphere.uniform(5, 2, seed=9)
    together = np.concatenate([solution.nodes, x])
    weights = np.concatenate([solution.weights, np.zeros(5)])
    run = ns.simulate(
        solution.model, together, weights=weights, horizon=1.0, layers=20, seed=3, save=[0, 10, 20]
    )
    np.testing.assert_allclose(run.tokens[:, :-5], solution.tokens, atol=1e-13)
    finer = solved("tanh", 2, 512)
    weights = np.concatenate([finer.weights, np.zeros(5)])
    again = ns.simulate(
        finer.model, np.concatenate([finer.nodes, x]), weights=weights, horizon=1.0, layers=20,
        seed=3, save=[0, 10, 20],
    )  # fmt: skip
    np.testing.assert_allclose(again.tokens[:, -5:], run.tokens[:, -5:], atol=1e-8)


@pytest.mark.parametrize(
    "noise",
    [
        ns.MLP("relu", 16),
        ns.ValueNoise(0.5, 0.3),
        ns.GaussianField("relu", sampler="features", width=64),
        ns.GaussianField("tanh", sampler="harmonic"),
        ns.GaussianField("tanh"),
        None,
    ],
)
def test_every_noise_that_is_a_function_on_the_sphere(noise):
    model = ns.Model(3, ns.Softmax(beta=1.0), noise)
    common = {"degree": 12, "horizon": 0.5, "layers": 4, "seed": 1, "observe": [ns.Energy(2.0)]}
    one = ns.spde.solve(model, ns.sphere.Uniform(1, 3), threads=1, **common)
    two = ns.spde.solve(model, ns.sphere.Uniform(7, 3), threads=2, **common)
    for name in ("tokens", "log_jacobian", "min_jacobian", "weights"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_allclose(one.observed["energy"], one.energy(2.0), rtol=1e-11)
    assert one.min_jacobian[0] == 1
    assert np.all(one.min_jacobian > 0)
    assert np.all(np.diff(one.min_jacobian) <= 0)
    if isinstance(noise, ns.GaussianField):
        assert one.model.noise.sampler in ("harmonic", "features")


def test_auto_takes_features_where_harmonics_are_too_many():
    model = ns.Model(4, noise=ns.GaussianField("relu"))
    assert model.noise.on_sphere(4).sampler == "features"


REFUSED = [
    (
        {"noise": ns.GaussianField("tanh", sampler="exact")},
        "noise must be a function on the sphere",
    ),
    ({"noise": ns.IndependentNoise()}, "noise must be a function on the sphere, got Independent"),
    ({"attention": ns.Softmax(mask=ns.Causal())}, "attention must depend on the tokens through"),
    ({"attention": [ns.L2(), ns.Softmax(mask=ns.Causal())]}, "attention must depend on the tokens"),
    (
        {"noise": None, "normalization": "sqrt"},
        "spde.solve: defined for models with the normalization 'post', got 'sqrt'",
    ),
    ({"scheme": "rk4"}, "scheme: 'rk4' is for models without noise"),
    ({"degree": 3}, "degree must be an integer of at least 4, got 3"),
    ({"degree": 4.5}, "degree must be an integer of at least 4, got 4.5"),
    ({"density": ns.sphere.Uniform(3, 4)}, "density must have dim 3 like the model, got 4"),
    ({"density": 1.0}, "density must have a density, such as that of ns.sphere.Uniform, got 1.0"),
    ({"density": ns.sphere.VonMisesFisher(1, [0, 0, 1.0], 1e3)}, "degree must be large enough"),
    ({"observe": [ns.Lyapunov(1)]}, "observe: the tangent vectors that 'lyapunov' follows"),
    ({"weights": np.ones(3)}, "solve has no argument 'weights'"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_bad_input(options, message):
    options = dict(options)
    parts = {"noise": ns.MLP("tanh", 8)}
    parts |= {k: options.pop(k) for k in ("noise", "attention", "normalization") if k in options}
    options = {"degree": 8, "horizon": 1.0, "layers": 2} | options
    density = options.pop("density", ns.sphere.Uniform(1, 3))
    with pytest.raises((ns.ArgumentError, ns.ArgumentTypeError), match=message):
        ns.spde.solve(ns.Model(3, **parts), density, **options)


def test_a_dimension_without_quadrature_is_refused():
    with pytest.raises(ns.ArgumentError, match="32"):
        ns.spde.solve(ns.Model(32), ns.sphere.Uniform(1, 32), degree=8, horizon=1.0, layers=1)


def test_a_density_of_the_users_own():
    class Halves:
        dim = 2

        def __init__(self, value):
            self.value = value

        def density(self, points):
            return self.value(points)

    model = ns.Model(2, ns.Softmax())
    common = {"degree": 16, "horizon": 0.1, "layers": 1}
    half = ns.spde.solve(model, Halves(lambda x: 2.0 * (x[:, 0] > 0)), **common)
    assert (half.weights == 0).sum() == half.weights.size / 2  # test tokens, carried along
    assert half.weights.sum() == pytest.approx(1, abs=1e-14)
    with pytest.raises(ns.ArgumentError, match="density: density must return 18 numbers"):
        ns.spde.solve(model, Halves(lambda x: x), **common)
    with pytest.raises(ns.ArgumentError, match="density: density must be non-negative, got -"):
        ns.spde.solve(model, Halves(lambda x: 1 + 2 * x[:, 0]), **common)
    with pytest.raises(ns.ArgumentError, match="density: density must be finite"):
        ns.spde.solve(model, Halves(lambda x: x[:, 0] * np.nan), **common)
