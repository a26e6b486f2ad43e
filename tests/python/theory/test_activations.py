"""Activations against SciPy, and their derivatives against the values."""

import mpmath
import numpy as np
import pytest
import reference

from noisync import _core, activations

Z = np.concatenate([np.linspace(-40, 40, 4001), [0.0, 1e-300, -1e-300, 1e-9, -1e-9, 700.0, -700.0]])


def test_the_documented_names_are_there():
    assert set(activations.NAMES) == set(reference.ACTIVATIONS)


@pytest.mark.parametrize("name", activations.NAMES)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 2e-15), (np.float32, 1e-6)])
def test_values(name, dtype, rtol):
    z = Z.astype(dtype)
    if name == "gelu":  # SciPy's normal distribution function loses digits in the far tail
        z = z[::10]
        with mpmath.workdps(40):
            expected = np.array([float(float(t) * mpmath.ncdf(float(t))) for t in z])
    else:
        expected = reference.ACTIVATIONS[name](z.astype(np.float64))
    # Where the result underflows in the dtype there are no relative digits left to compare.
    tiny = np.finfo(dtype).tiny / np.finfo(dtype).eps
    np.testing.assert_allclose(_core.activation(name, z), expected, rtol=rtol, atol=tiny)


@pytest.mark.parametrize("name", activations.NAMES)
def test_derivatives_match_differences_of_values(name):
    z = np.linspace(-6, 6, 1001)[np.abs(np.linspace(-6, 6, 1001)) > 0.01]
    h = 1e-5
    f = reference.ACTIVATIONS[name]
    expected = (8 * (f(z + h) - f(z - h)) - (f(z + 2 * h) - f(z - 2 * h))) / (12 * h)
    np.testing.assert_allclose(_core.activation_derivative(name, z), expected, atol=2e-10)


def test_a_shape_is_kept():
    z = np.ones((2, 3, 4), dtype=np.float32)
    result = _core.activation("tanh", z)
    assert result.shape == z.shape
    assert result.dtype == np.float32
