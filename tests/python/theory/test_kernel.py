"""The theory, against closed forms, high precision, and an independent quadrature."""

import warnings

import mpmath
import numpy as np
import pytest
import reference
from scipy import special

import noisync as ns
from noisync.sphere.harmonics import gegenbauer, harmonic_dimension
from noisync.theory import layer_exponent

U = np.array([-1.0, -0.9, -0.5, 0.0, 0.3, 0.9, 0.99, 0.9999, 1 - 1e-8, 1.0])
LAWS = [(5, 0.0, 0.0), (64, 0.1, 0.1), (3, 1.5, 0.0), (2, 0.0, 0.7), (8, 0.3, 0.2, 8**0.5, 0.5)]

MP = {
    "relu": lambda z: z if z > 0 else mpmath.mpf(0),
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "gelu": lambda z: z * mpmath.ncdf(z),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
    "erf": mpmath.erf,
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "identity": lambda z: z,
    "sin": mpmath.sin,
}


def closed_form(activation, u, d, sigma_u, sigma_w, input_scale=1.0, output_scale=1.0):
    q, c = input_scale**2 / d + sigma_u**2, input_scale**2 * u / d + sigma_u**2
    rho = np.clip(c / q, -1, 1)
    relu = q / (2 * np.pi) * (np.sqrt(1 - rho**2) + rho * (np.pi - np.arccos(rho)))
    value = {
        "identity": c,
        "relu": relu,
        "leaky_relu": 0.01**2 * c + 2 * 0.01 * 0.99 * c / 2 + 0.99**2 * relu,
        "erf": 2 / np.pi * np.arcsin(2 * c / (1 + 2 * q)),
        "sin": (np.exp(c - q) - np.exp(-c - q)) / 2,
    }[activation]
    return output_scale**2 * value + sigma_w**2


def cartesian(f, d, sigma_u, u, input_scale=1.0):
    """E f(Z) f(Z') by product rules in the four quadrants of (z, z'): another way altogether."""
    q, c = input_scale**2 / d + sigma_u**2, input_scale**2 * u / d + sigma_u**2
    node, weight = special.roots_legendre(400)
    half = 6 * np.sqrt(q) * (node + 1)
    z = np.concatenate([-half[::-1], half])
    w = 6 * np.sqrt(q) * np.concatenate([weight[::-1], weight])
    determinant = q * q - c * c
    exponent = -(q * z[:, None] ** 2 - 2 * c * np.outer(z, z) + q * z[None, :] ** 2) / 2
    density = np.exp(exponent / determinant) / (2 * np.pi * np.sqrt(determinant))
    return (w * f(z)) @ density @ (w * f(z))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity", "erf", "sin"])
def test_values_with_a_closed_form(activation, law):
    kernel = ns.Kernel(activation, *law)
    expected = closed_form(activation, U, *law)
    np.testing.assert_allclose(kernel(U), expected, rtol=0, atol=1e-12 * kernel.variance)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("activation", ns.activations.NAMES)
def test_values_and_derivatives_by_another_quadrature(activation, law):
    d, sigma_u, sigma_w, g_i, g_o = (*law, 1.0, 1.0)[:5]
    kernel = ns.Kernel(activation, *law)
    u = np.array([-0.6, 0.0, 0.4])
    phi, slope = reference.ACTIVATIONS[activation], ns.activations.resolve(activation).derivative
    expected = [g_o**2 * cartesian(phi, d, sigma_u, t, g_i) + sigma_w**2 for t in u]
    np.testing.assert_allclose(kernel(u), expected, rtol=1e-11, atol=1e-13 * kernel.variance)
    slopes = [(g_o * g_i) ** 2 * cartesian(slope, d, sigma_u, t, g_i) / d for t in u]
    np.testing.assert_allclose(kernel.derivative(u), slopes, rtol=1e-11)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("activation", ns.activations.NAMES)
def test_variance_and_slope_to_thirty_digits(activation, law):
    d, sigma_u, sigma_w, g_i, g_o = map(mpmath.mpf, (*law, 1.0, 1.0)[:5])
    with mpmath.workdps(30):
        q = g_i**2 / d + sigma_u**2
        phi = MP[activation]

        def mean(f):
            points = [-14 * mpmath.sqrt(q), -mpmath.sqrt(q), 0, mpmath.sqrt(q), 14 * mpmath.sqrt(q)]
            return mpmath.quad(lambda z: f(z) ** 2 * mpmath.npdf(z, 0, mpmath.sqrt(q)), points)

        variance = g_o**2 * mean(phi) + sigma_w**2
        slope = mean(lambda z: mpmath.diff(phi, z, h=mpmath.mpf(10) ** -12)) * (g_o * g_i) ** 2 / d
    kernel = ns.Kernel(activation, *law)
    assert kernel.variance == pytest.approx(float(variance), rel=1e-12)
    assert kernel.slope == pytest.approx(float(slope), rel=1e-10)
    assert kernel(1.0) == pytest.approx(kernel.variance, rel=1e-12)
    assert kernel.derivative(1.0) == pytest.approx(kernel.slope, rel=1e-12)


@pytest.mark.parametrize(
    ("d", "sigma_u", "sigma_w"), [(5, 0.0, 0.0), (64, 0.1, 0.2), (2, 1.0, 1.0)]
)
def test_relu_rates_in_closed_form(d, sigma_u, sigma_w):
    # arXiv:2604.26898, §4.2, with κ(1) = q/2 + σ_W² and κ'(1) = 1/(2d), q = 1/d + σ_U².
    kernel = ns.Kernel("relu", d, sigma_u, sigma_w)
    bias = sigma_u**2 + 2 * sigma_w**2
    assert kernel.lyapunov_exponent == pytest.approx(-1 / (2 * d) - (d - 1) * bias / 4, rel=1e-12)
    assert kernel.coercivity == pytest.approx(1 / d - (d - 3) * bias / 2, rel=1e-12)


@pytest.mark.parametrize("d", [2, 3, 10])
def test_the_spectrum(d):
    kernel = ns.Kernel("tanh", d, 0.2, 0.1)
    spectrum = kernel.lyapunov_spectrum
    assert spectrum.shape == (d - 1,)
    assert spectrum[0] == kernel.lyapunov_exponent
    np.testing.assert_allclose(np.diff(spectrum), -kernel.slope)
    # The sum is the mean contraction of volume; λ_1 and the coercivity are tied.
    assert kernel.lyapunov_exponent == pytest.approx(
        kernel.coercivity / 2 - kernel.variance - kernel.slope, rel=1e-12
    )


@pytest.mark.parametrize("beta", [0.1, 1.0, 5.0])
@pytest.mark.parametrize(
    "law", [("relu", 5, 0.0, 0.0), ("relu", 64, 0.1, 0.1), ("erf", 3, 0.4, 0.0)]
)
def test_dissipation_rate_by_the_formula_itself(law, beta):
    d = law[1]
    kernel = ns.Kernel(*law)
    u = np.concatenate([np.linspace(-1, 0.99, 4000), 1 - np.geomspace(1e-2, 1e-5, 200)])
    k, one = closed_form(law[0], u, *law[1:]), closed_form(law[0], 1.0, *law[1:])
    G = k * (d - 2 + u**2) - one * (d - 1) * u + beta * (1 - u**2) * (one - u * k)
    brute = -np.min(beta * np.exp(beta * u) * G / (np.exp(beta) - np.exp(beta * u)))
    assert kernel.dissipation_rate(beta) == pytest.approx(max(brute, kernel.coercivity), abs=2e-6)
    assert kernel.dissipation_rate(beta) >= kernel.coercivity


@pytest.mark.parametrize(("d", "degree"), [(2, 8), (3, 8), (5, 8), (9, 6), (64, 6)])
@pytest.mark.parametrize("sigma_u", [0.0, 0.3])
def test_schoenberg_coefficients_in_high_precision(d, degree, sigma_u):
    """c_n = N_n E[κ P_n] for ReLU, where 50 digits leave no room for cancellation.

    1e-10 of κ(1) is promised; both ways of computing c_n are 50 times better here.
    """
    with mpmath.workdps(50):
        q = mpmath.mpf(1) / d + mpmath.mpf(sigma_u) ** 2

        def kappa(t):
            rho = (mpmath.cos(t) / d + mpmath.mpf(sigma_u) ** 2) / q
            angle = mpmath.acos(min(max(rho, -1), 1))
            return q / (2 * mpmath.pi) * (mpmath.sin(angle) + rho * (mpmath.pi - angle))

        def polynomial(n, u):
            previous, current = mpmath.mpf(1), u
            if n == 0:
                return previous
            for k in range(1, n):
                following = ((2 * k + d - 2) * u * current - k * previous) / (k + d - 2)
                previous, current = current, following
            return current

        area = mpmath.beta(mpmath.mpf(d - 1) / 2, mpmath.mpf(1) / 2)
        expected = [
            harmonic_dimension(n, d) / area * mpmath.quad(
                lambda t, n=n: kappa(t) * polynomial(n, mpmath.cos(t)) * mpmath.sin(t) ** (d - 2),
                mpmath.linspace(0, mpmath.pi, 9),
            )
            for n in range(degree + 1)
        ]  # fmt: skip
    kernel = ns.Kernel("relu", d, sigma_u)
    expected = np.array([float(c) for c in expected])
    np.testing.assert_allclose(
        kernel.schoenberg(degree), expected, rtol=1e-9, atol=2e-12 * kernel.variance
    )


@pytest.mark.parametrize("activation", ["silu", "tanh", "sigmoid", "softplus"])
@pytest.mark.parametrize("d", [2, 3, 8, 128])
def test_schoenberg_series_of_smooth_activations(activation, d):
    kernel = ns.Kernel(activation, d, 0.1, 0.2)
    c = kernel.schoenberg(40)
    assert np.all(c >= 0)
    assert c.sum() == pytest.approx(kernel.variance, rel=1e-11)
    u = np.linspace(-1, 1, 11)
    np.testing.assert_allclose(c @ gegenbauer(40, d, u), kernel(u), rtol=1e-10)


def test_schoenberg_series_of_scaled_inputs_and_outputs():
    kernel = ns.Kernel("tanh", 5, 0.4, 0.2, 1.3, 0.7)
    c = kernel.schoenberg(40)
    u = np.linspace(-1, 1, 11)
    np.testing.assert_allclose(c @ gegenbauer(40, 5, u), kernel(u), rtol=1e-10)
    same = ns.Kernel("tanh", 5, 0.4, 0.2 / 0.7, 1.3).schoenberg(40)
    np.testing.assert_allclose(c, 0.49 * same, rtol=1e-11, atol=1e-15)


def test_scales_of_the_law():
    """Scaling all of the network's normals by g_i is a dimension smaller by g_i², for κ(1)."""
    assert ns.Kernel("tanh", 8, input_scale=2).variance == ns.Kernel("tanh", 2).variance
    kernel = ns.MLP("relu", 4, 0.1, 0.2, input_scale=3.0, output_scale=0.5).kernel(7)
    assert kernel == ns.Kernel("relu", 7, 0.1, 0.2, 3.0, 0.5)
    assert repr(kernel).endswith("sigma_w=0.2, input_scale=3.0, output_scale=0.5)")
    assert ns.GaussianField("relu", 0.1, 0.2, input_scale=3.0, output_scale=0.5).kernel(7) == kernel


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ({"input_scale": 0.0}, "input_scale must be a positive number, got 0"),
        ({"output_scale": -1.0}, "output_scale must be a positive number, got -1"),
        ({"input_scale": 70.0}, "input_scale must be at most 60, 30√d, for the theory, got 70"),
    ],
)
def test_scales_that_do_not_serve(scales, message):
    with pytest.raises(ns.ArgumentError, match=message):
        ns.Kernel("relu", 4, **scales)


def test_schoenberg_without_output_bias_changes_the_constant_only():
    with_bias = ns.Kernel("tanh", 4, 0.1, 0.5).schoenberg(5)
    without = ns.Kernel("tanh", 4, 0.1, 0.0).schoenberg(5)
    np.testing.assert_allclose(with_bias - without, [0.25, 0, 0, 0, 0, 0], atol=1e-14)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("relu", lambda z: np.maximum(z, 0)),
        ("silu", reference.ACTIVATIONS["silu"]),
        ("sin", np.sin),
    ],
)
def test_a_function_is_as_good_as_a_name(name, function):
    ours, named = ns.Kernel(function, 6, 0.2, 0.1), ns.Kernel(name, 6, 0.2, 0.1)
    assert ours.lyapunov_exponent == pytest.approx(named.lyapunov_exponent, rel=1e-10)
    np.testing.assert_allclose(ours(U), named(U), rtol=1e-12)
    np.testing.assert_allclose(
        ours.derivative([-0.5, 0.7]), named.derivative([-0.5, 0.7]), rtol=1e-9
    )


def test_a_given_derivative_is_used():
    kernel = ns.Kernel(np.tanh, 6, derivative=lambda z: 0 * z)
    assert kernel.slope == 0.0


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (np.sign, "activation must be continuous for kappa' to exist, got a jump of 2 at zero"),
        (lambda z: z * np.nan, "activation must be finite, got nan at"),
        (lambda z: "a", "activation must map a float64 array"),
    ],
)
def test_unusable_functions(function, message):
    with pytest.raises(ns.NoisyncError, match=message):
        _ = ns.Kernel(function, 5).lyapunov_exponent


def test_a_kink_away_from_zero_is_reported():
    with pytest.warns(ns.KernelAccuracyWarning, match="the activation is not smooth on"):
        slope = ns.Kernel(lambda z: np.maximum(z - 0.1, 0), 3).slope
    assert slope == pytest.approx(special.ndtr(-0.1 * np.sqrt(3)) / 3, rel=1e-2)


def test_the_rates_of_a_function():
    ours, named = ns.Kernel(np.tanh, 3), ns.Kernel("tanh", 3)
    assert ours.dissipation_rate(1.0) == pytest.approx(named.dissipation_rate(1.0), rel=1e-9)


@pytest.mark.parametrize("sigma_u", [3.0, 10.0, 30.0])
def test_wide_biases(sigma_u):
    kernel = ns.Kernel("erf", 5, sigma_u)
    q = 1 / 5 + sigma_u**2
    slope = 4 / (np.pi * np.sqrt(1 + 4 * q)) / 5
    assert kernel.slope == pytest.approx(slope, rel=1e-12)
    u = np.array([-0.5, 0.5])
    np.testing.assert_allclose(kernel(u), closed_form("erf", u, 5, sigma_u, 0.0), rtol=1e-10)


def test_a_tail_that_does_not_fall_off_is_reported():
    with pytest.warns(ns.KernelAccuracyWarning, match="reached a relative accuracy"):
        _ = ns.Kernel(np.exp, 5, sigma_u=5).variance


def test_a_function_that_is_hard_to_integrate_is_reported():
    kernel = ns.Kernel(lambda z: np.maximum(z - 0.1, 0), 6)
    with pytest.warns(ns.KernelAccuracyWarning, match="reached a relative accuracy of"):
        value = kernel(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert value < kernel.variance


def test_the_layer_exponent_tends_to_the_lyapunov_exponent():
    for law in [("sigmoid", 64, 0.0, 0.0), ("relu", 5, 0.1, 0.1), ("tanh", 2, 0.0, 0.0)]:
        kernel = ns.Kernel(*law)
        errors = [kernel.layer_exponent(h) - kernel.lyapunov_exponent for h in (2e-4, 1e-4)]
        assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)
        assert abs(errors[1]) < 1e-2 * abs(kernel.lyapunov_exponent)


@pytest.mark.parametrize(("dim", "error"), [(2, 5e-5), (3, 5e-6), (4, 1e-6)])
def test_the_layer_exponent_is_as_accurate_as_it_says(dim, error, monkeypatch):
    for variance, slope in ((0.05, 0.05), (0.05, 0.01), (0.01, 0.05)):
        coarse = layer_exponent.layer_exponent(dim, variance, slope, 1.0)
        with monkeypatch.context() as patch:
            patch.setattr(layer_exponent, "_NODES", 26)
            fine = layer_exponent.layer_exponent(dim, variance, slope, 1.0)
        assert abs(coarse - fine) < error


def test_shapes_are_kept():
    kernel = ns.Kernel("relu", 3)
    assert kernel(np.zeros((2, 3))).shape == (2, 3)
    assert kernel(0.5).shape == ()
    assert "relu" in repr(kernel)


@pytest.mark.parametrize("dim", [2, 3, 4, 8, 100])
def test_the_layer_exponent_of_the_thinnest_layers(dim):
    """Of order Δ from the limit: below rounding, which must not be divided by Δ."""
    kernel = ns.Kernel("sigmoid", dim, 0.1, 0.1)
    for step in (1e-9, 1e-12, 1e-16, 1e-100, 1e-300):
        off = kernel.layer_exponent(step) / kernel.lyapunov_exponent - 1
        assert abs(off) < 1e-12 + 1e2 * step, step


@pytest.mark.filterwarnings("error")
def test_the_dissipation_rate_of_any_beta():
    for kernel, limit in ((ns.Kernel("relu", 8), 0.125), (ns.Kernel("sigmoid", 64, 0.3, 0.3), 0.0)):
        for beta in (1e4, 1e154, 1e308):
            assert kernel.dissipation_rate(beta) == pytest.approx(limit, abs=1e-15)
