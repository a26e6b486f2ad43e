"""The exact law of a pair, against closed forms, another solver, and its own structure."""

import time as clock

import numpy as np
import pytest
from scipy import integrate, interpolate, sparse, special

import noisync as ns
from noisync.theory import chebyshev
from noisync.theory.pair import points, radau, solver

U0 = np.array([-1.0, -0.9, -0.3, 0.0, 0.4, 0.9, 0.999, 1.0])


def identity_coefficients(d, bias):
    """G_0 and G_1, polynomials where κ(u) = u/d + σ_W²."""
    P = np.polynomial.Polynomial
    u, k, one = P([0, 1]), P([bias, 1 / d]), 1 / d + bias
    return k * (d - 2 + u**2) - one * (d - 1) * u, (1 - u**2) * (one - u * k)


@pytest.mark.parametrize("activation", ns.activations.NAMES)
@pytest.mark.parametrize("law", [(2, 0.0, 0.0), (5, 0.0, 0.0), (64, 0.1, 0.1), (3, 1.5, 0.0)])
def test_the_series_in_the_angle(activation, law):
    kernel = ns.Kernel(activation, *law)
    check_series(kernel)


@pytest.mark.parametrize("dim", [2, 128])
def test_the_series_near_its_singularity(dim):
    """A kink and a small bias: the kernel's singularity is 0.01 √d beyond θ = π."""
    check_series(ns.Kernel("relu", dim, sigma_u=0.01))


def check_series(kernel):
    u = np.concatenate([np.random.default_rng(1).uniform(-1, 1, 20), [-1, 1, 1 - 1e-9, -0.99999]])
    x = 2 * np.arccos(u) / np.pi - 1
    series = np.polynomial.chebyshev.chebval(x, kernel.angular_series)
    np.testing.assert_allclose(series, kernel(u), rtol=0, atol=5e-14 * kernel.variance)
    right = u[(u >= 0) & (u < 0.99)]  # nearer to 1 the rounding of u shows: κ' goes like √(1−u)
    x = 4 * np.arccos(right) / np.pi - 1
    series = np.polynomial.chebyshev.chebval(x, kernel.angular_slope_series)
    np.testing.assert_allclose(series, kernel.derivative(right), rtol=0, atol=1e-12 * kernel.slope)


def test_a_series_that_does_not_converge_is_reported(monkeypatch):
    monkeypatch.setattr(chebyshev, "_DEGREES", (32, 64))
    with pytest.warns(ns.KernelAccuracyWarning, match="as a function of the angle was resolved to"):
        ns.Kernel("relu", 2, sigma_u=0.0123).angular_series  # noqa: B018


def test_constants_and_time_zero():
    kernel = ns.Kernel("silu", 6, 0.2, 0.1)
    one = kernel.pair_expectation(np.ones_like, U0, [0.0, 1.0, 50.0])
    np.testing.assert_allclose(one, 1.0, rtol=1e-12)
    np.testing.assert_array_equal(kernel.pair_expectation(np.exp, U0, 0.0), np.exp(U0))


def test_shapes_are_those_of_time_and_cosines():
    kernel = ns.Kernel("relu", 4)
    u0, time = np.linspace(-1, 1, 6).reshape(2, 3), np.array([[3.0], [0.0], [1.0], [1.0]])
    result = kernel.pair_expectation(np.exp, u0, time)
    assert result.shape == (4, 1, 2, 3)
    np.testing.assert_array_equal(result[2], result[3])
    for k in range(4):  # the order of the times does not matter
        alone = kernel.pair_expectation(np.exp, u0[1, 2], time[k, 0])
        assert alone.shape == ()
        assert result[k, 0, 1, 2] == pytest.approx(alone, abs=3e-8)
    assert kernel.pair_expectation(np.exp, [], 1.0).shape == (0,)
    assert kernel.mean_energy(1.0, []).shape == (0,)
    assert kernel.mean_energy(1.0, time, u0).shape == (4, 1)


@pytest.mark.parametrize(("d", "sigma_w"), [(2, 0.0), (3, 0.4), (7, 0.1)])
def test_short_times_by_the_taylor_series(d, sigma_w):
    """Identity: G_0, G_1 and all 𝓛ⁿf are polynomials, so Σ tⁿ𝓛ⁿf/n! is exact for small t."""
    G0, G1 = identity_coefficients(d, sigma_w**2)
    kernel = ns.Kernel("identity", d, 0.0, sigma_w)
    t = 0.01 / kernel.variance / d
    f = np.polynomial.Polynomial([0.3, -1.0, 0.0, 2.0])
    term, expected = f, f(U0)
    for n in range(1, 12):
        term = (G0 * term.deriv() + G1 * term.deriv(2)) * (t / n)
        expected = expected + term(U0)
    assert np.abs(term(U0)).max() < 1e-12  # the series has converged
    np.testing.assert_allclose(kernel.pair_expectation(f, U0, t), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_two_dimensions_to_the_end(sigma):
    """d = 2: θ is a martingale, absorbed at 0 and, if the field is odd, at π, with chance θ_0/π.

    So E f(u_∞) = f(1) + (f(−1) − f(1)) θ_0/π for tanh without biases.
    """
    kernel = ns.Kernel("tanh", 2, sigma, 0.0)
    end = kernel.pair_expectation(np.exp, U0, 1e4 / kernel.variance)
    chance = np.arccos(U0) / np.pi if sigma == 0 else 0.0
    np.testing.assert_allclose(end, np.e + (np.exp(-1) - np.e) * chance, rtol=0, atol=1e-8)


def test_an_odd_field_cannot_tell_a_token_from_its_opposite():
    kernel = ns.Kernel("tanh", 5)
    time = np.array([0.3, 3.0, 30.0]) / kernel.variance
    ours = kernel.pair_expectation(lambda u: np.exp(2 * u), U0, time)
    mirrored = kernel.pair_expectation(lambda u: np.exp(-2 * u), -U0, time)
    np.testing.assert_allclose(ours, mirrored, rtol=0, atol=1e-8 * np.e**2)


@pytest.mark.parametrize("law", [("relu", 5, 0.0, 0.0), ("sigmoid", 32, 0.1, 0.1), ("tanh", 3)])
def test_semigroup(law):
    """P_{s+t} f = P_s P_t f, with P_t f interpolated by a polynomial in the angle."""
    kernel = ns.Kernel(*law)
    t = 0.5 / (kernel.variance * kernel.dim)
    theta = 0.5 * np.pi * (1 - np.cos(np.pi * (np.arange(60) + 0.5) / 60))
    values = kernel.pair_expectation(np.exp, np.cos(theta), t)
    inner = np.polynomial.Chebyshev.fit(theta, values, 59, domain=[0, np.pi])
    twice = kernel.pair_expectation(lambda u: inner(np.arccos(u)), U0, 2 * t)
    np.testing.assert_allclose(twice, kernel.pair_expectation(np.exp, U0, 3 * t), rtol=0, atol=1e-7)


def finite_volumes(kernel, f, time, cells):
    """F at cell centres in θ: 𝓛 = (1/w) ∂_θ (p ∂_θ), p = e^{∫B/A}, w = p/A: no flux at the ends."""
    edge = np.linspace(0, np.pi, cells + 1)
    edge = np.pi * np.sinh(4 * edge / np.pi) / np.sinh(4)  # finer near 0
    centre = 0.5 * (edge[1:] + edge[:-1])
    both = np.sort(np.concatenate([edge[1:-1], centre]))
    d, u = kernel.dim, np.cos(both)
    sample = 0.5 * np.pi * (1 - np.cos(np.linspace(0, np.pi, 300)))
    k, one = (
        interpolate.make_interp_spline(sample, kernel(np.cos(sample)), k=7)(both),
        kernel.variance,
    )
    G0, G1 = k * (d - 2 + u**2) - one * (d - 1) * u, (1 - u**2) * (one - u * k)
    A = G1 / np.sin(both) ** 2
    B = -A / np.tan(both) - G0 / np.sin(both)
    log_p = integrate.cumulative_simpson(B / A, x=both, initial=0)
    # p at the inner edges, relative to w of the neighbours
    log_edge, log_centre = log_p[1::2], log_p[::2]
    volume = np.diff(edge) / A[::2]
    flux = 1 / np.diff(centre)
    up = np.exp(log_edge - log_centre[:-1]) * flux / volume[:-1]
    down = np.exp(log_edge - log_centre[1:]) * flux / volume[1:]
    main = np.append(-up, 0.0) - np.insert(down, 0, 0.0)
    matrix = sparse.diags([main, up, down], [0, 1, -1], format="csc")
    solution = integrate.solve_ivp(
        lambda t, y: matrix @ y, (0, time), f(np.cos(centre)), method="BDF", jac=matrix,
        rtol=1e-8, atol=1e-9,
    )  # fmt: skip
    return centre, solution.y[:, -1]


@pytest.mark.parametrize(
    "law",
    [
        ("sigmoid", 2, 0.0, 0.0),
        ("relu", 3, 0.0, 0.0),
        ("tanh", 4, 0.3, 0.1),
        ("silu", 8, 0.1, 0.1),
        ("relu", 8, 0.3, 0.0),
        ("sigmoid", 32, 0.1, 0.1),
    ],
)
def test_against_finite_volumes(law):
    """A second-order scheme at two resolutions, extrapolated: good to about 1e-5."""
    kernel = ns.Kernel(*law)
    time = 1 / kernel.variance if kernel.dim < 10 else 0.1 / kernel.variance
    theta = np.array([0.2, 0.7, 1.5, 2.2, 3.0])
    results = []
    for cells in (1200, 2400):
        centre, values = finite_volumes(kernel, np.exp, time, cells)
        results.append(interpolate.CubicSpline(centre, values)(theta))
    expected = (4 * results[1] - results[0]) / 3
    assert np.abs(results[1] - results[0]).max() < 4e-3
    ours = kernel.pair_expectation(np.exp, np.cos(theta), time)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("d", [3, 5, 16])
def test_where_an_odd_field_ends(d):
    """P(u_∞ = −1) = ∫_0^θ S'/∫_0^π S', S' = exp(−∫ B/A): the scale function, by quadrature.

    In y = log tan(θ/2), where S' has exponential tails; S' is even in y.
    """
    kernel = ns.Kernel("tanh", d)
    y = np.linspace(-30, 0, 6001)
    theta = 2 * np.arctan(np.exp(y))
    far = theta > 0.05
    ratio = np.full(y.shape, (kernel.variance - kernel.slope) / (kernel.variance + kernel.slope))
    u = np.cos(theta[far])
    k, one = kernel(u), kernel.variance
    # −(B/A) dθ/dy = (d−2)(κ − κ(1)u)/A
    ratio[far] = (k - one * u) / (one - u * k)
    density = np.exp(integrate.cumulative_simpson((d - 2) * ratio, x=y, initial=0)) * np.sin(theta)
    scale = integrate.cumulative_simpson(density, x=y, initial=0)
    chance = 0.5 * np.interp([-3.0, -1.0, -0.2], y, scale) / scale[-1]
    u0 = np.cos(2 * np.arctan(np.exp([-3.0, -1.0, -0.2])))
    end = kernel.pair_expectation(lambda u: 0.5 * (1 - u), u0, 1e4 / kernel.variance)
    np.testing.assert_allclose(end, chance, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    "law", [("relu", 5, 0.0, 0.0), ("relu", 64, 0.1, 0.1), ("tanh", 2, 0.0, 0.0), ("silu", 3, 0.5)]
)
def test_near_tokens_grow_apart_at_the_coercivity(law):
    """E[1 − u_t] = (1 − u_0) e^{λ̄t} to first order in 1 − u_0."""
    kernel = ns.Kernel(*law)
    time = np.array([0.1, 0.5, 1.0]) / (kernel.dim * kernel.variance)
    gap = 2.0**-46  # corrections are of order √gap where the activation has a kink
    energy = kernel.mean_energy(1.0, time, 1 - gap)
    rate = np.log(energy / (0.5 * np.e * gap)) / time
    np.testing.assert_allclose(rate, kernel.coercivity, atol=1e-6 * kernel.dim * kernel.variance)


def test_energies_stay_relatively_accurate_down_to_1e_minus_30():
    kernel = ns.Kernel("sigmoid", 64, 0.1, 0.1)
    time = np.array([3.0, 4.0])  # energies of 1e-22 and 1e-29
    energy = kernel.mean_energy(1.0, time)
    assert 1e-30 < energy[1] < 1e-25
    assert np.log(energy[1] / energy[0]) == pytest.approx(kernel.coercivity, rel=1e-5)


@pytest.mark.parametrize("beta", [0.5, 5.0])
@pytest.mark.parametrize(
    "law", [("relu", 5, 0.0, 0.0), ("relu", 64, 0.1, 0.1), ("tanh", 2, 0.0, 0.0), ("silu", 8, 1.0)]
)
def test_the_energy_is_below_its_bound(law, beta):
    kernel = ns.Kernel(*law)
    time = np.linspace(0, 2 / kernel.variance / kernel.dim, 9)
    for u0 in (None, -0.9, 0.99):
        energy = kernel.mean_energy(beta, time, u0)
        bound = np.exp(kernel.dissipation_rate(beta) * time) * energy[0]
        assert np.all(energy <= bound * (1 + 1e-7))


@pytest.mark.parametrize("d", [2, 3, 8, 128, 100_000])
@pytest.mark.parametrize("beta", [1.0, 20.0])
def test_independent_tokens_at_time_zero(d, beta):
    """½(e^β − E e^{βu}), E e^{βu} = ₀F₁(d/2, β²/4) for uniform u."""
    energy = ns.Kernel("sigmoid", d).mean_energy(beta, 0.0)
    expected = 0.5 * (np.exp(beta) - special.hyp0f1(d / 2, beta**2 / 4))
    assert energy == pytest.approx(expected, rel=1e-9)


def test_the_energy_of_independent_tokens_by_quadrature():
    """d = 3: u is uniform on [−1, 1]."""
    kernel = ns.Kernel("relu", 3, 0.2, 0.1)
    node, weight = special.roots_legendre(200)
    time = np.array([0.5, 2.0]) / kernel.variance
    law = kernel.pair_expectation(lambda u: np.exp(2 * u), node, time)
    expected = 0.5 * (np.exp(2) - 0.5 * law @ weight)
    np.testing.assert_allclose(kernel.mean_energy(2.0, time), expected, rtol=1e-6)


def test_the_energy_of_tokens_is_the_mean_over_their_pairs(monkeypatch):
    monkeypatch.setattr(points, "_CHUNK", 100)
    kernel = ns.Kernel("gelu", 6, 0.1, 0.3)
    x, w = ns.sphere.uniform(20, 6, seed=3), np.random.default_rng(0).dirichlet(np.ones(20))
    time = np.array([0.0, 0.4, 2.0]) / kernel.variance
    law = kernel.pair_expectation(lambda u: np.exp(1.5 * u), np.clip(x @ x.T, -1, 1), time)
    uniform = 0.5 * (np.exp(1.5) - law.mean(axis=(1, 2)))
    np.testing.assert_allclose(kernel.mean_energy(1.5, time, x @ x.T), uniform, atol=1e-7)
    weighted = 0.5 * (np.exp(1.5) - np.einsum("tij,i,j", law, w, w))
    ours = kernel.mean_energy(1.5, time, x @ x.T, np.outer(w, w))
    np.testing.assert_allclose(ours, weighted, atol=1e-7)
    assert ours[0] == pytest.approx(ns.measure.energy(x, 1.5, w), rel=1e-8)


@pytest.mark.parametrize(
    ("activation", "law"),
    [(activation, (2, 0.01, 0.0)) for activation in ns.activations.NAMES]
    + [(activation, (128, 0.1, 0.1)) for activation in ("relu", "sigmoid", "silu", "tanh")],
)
def test_no_warning_and_another_resolution_agrees(activation, law, monkeypatch):
    """Warnings are errors here: two resolutions agree to 1e-8; a third, with other steps, to 3e-8.

    (It is rounding in a few hundred steps that the third one adds.)
    """
    kernel = ns.Kernel(activation, *law)
    time = np.array([0.01, 0.3, 4.0, 20.0]) / kernel.variance
    start = clock.perf_counter()
    ours = kernel.pair_expectation(np.exp, U0, time)
    energy = kernel.mean_energy(1.0, time)
    print(f"{kernel}: {clock.perf_counter() - start:.2f} s")
    monkeypatch.setattr(solver, "DEGREES", (20, 25, 31))
    monkeypatch.setattr(radau, "_TOLERANCE", 1e-11)
    again = kernel.pair_expectation(np.exp, U0, time)
    np.testing.assert_allclose(ours, again, rtol=0, atol=3e-8 * np.e)
    np.testing.assert_allclose(energy, kernel.mean_energy(1.0, time), rtol=1e-7, atol=1e-29)


def test_a_function_with_a_kink_is_reported():
    kernel = ns.Kernel("relu", 4)
    message = "the law of a pair was computed to a relative accuracy of"
    with pytest.warns(ns.KernelAccuracyWarning, match=message):
        kink = kernel.pair_expectation(lambda u: np.abs(u - 0.1), 0.3, 5.0)
    with pytest.warns(ns.KernelAccuracyWarning, match=message):
        jump = kernel.pair_expectation(lambda u: np.sign(u - 0.1), 0.3, 5.0)
    smooth = kernel.pair_expectation(lambda u: np.sqrt((u - 0.1) ** 2 + 1e-2), 0.3, 5.0)
    assert kink == pytest.approx(smooth, abs=5e-2)
    assert -1 < jump < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 0.0, 1.0), "f must be a function of an array of cosines, got 1.0"),
        ((lambda u: 1.0, 0.0, 1.0), r"f must map an array to an array of the same shape, got \(\)"),
        ((lambda u: u * np.nan, 0.0, 1.0), r"f\(u\) must be finite, got nan at index 0"),
        ((lambda u: 1j * u, 0.0, 1.0), r"f\(u\) must be an array of real numbers, got complex128"),
        ((np.exp, 1.1, 1.0), r"u0 must lie in \[-1, 1\], got 1.1"),
        ((np.exp, 0.0, [1.0, -2.0]), "time must be non-negative, got -2"),
        ((np.exp, 0.0, np.inf), "time must be finite, got inf"),
        ((np.exp, 0.0, "now"), "time must be an array of real numbers"),
    ],
)
def test_bad_input_to_an_expectation(arguments, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.Kernel("relu", 4).pair_expectation(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1.0), "beta must be a positive number, got 0"),
        ((701, 1.0), "beta must be at most 700"),
        ((1.0, -1.0), "time must be non-negative, got -1"),
        ((1.0, 1.0, [2.0]), r"u0 must lie in \[-1, 1\], got 2"),
        ((1.0, 1.0, []), r"u0 must hold at least one cosine, got shape \(0,\)"),
        ((1.0, 1.0, None, [1.0]), "weights belong to the cosines u0"),
        (
            (1.0, 1.0, [0.1, 0.2], [1.0]),
            r"weights must have shape \(2,\) like u0, got shape \(1,\)",
        ),
        ((1.0, 1.0, [0.1, 0.2], [2.0, -1.0]), "weights must be non-negative, got -1 at index 1"),
        ((1.0, 1.0, [0.1, 0.2], [0.5, 0.4]), "weights must sum to 1, got 0.9"),
    ],
)
def test_bad_input_to_the_energy(arguments, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.Kernel("relu", 4).mean_energy(*arguments)
