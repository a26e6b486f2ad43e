"""Points on the sphere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import noisync as ns


@given(
    x=hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int64]),
        st.tuples(st.integers(1, 8), st.integers(2, 6)),
        elements=st.integers(-1000, 1000),
    )
)
def test_normalize(x):
    if np.any(np.all(x == 0, axis=1)):
        with pytest.raises(ns.ArgumentError, match=r"row \d+ is zero"):
            ns.sphere.normalize(x)
        return
    unit = ns.sphere.normalize(x)
    assert unit.dtype == (np.float32 if x.dtype == np.float32 else np.float64)
    norms = np.linalg.norm(unit.astype(float), axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-7 if x.dtype == np.float32 else 4e-16)
    assert np.all(np.sum(unit * x, axis=1) > 0)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_normalize_neither_overflows_nor_underflows(scale):
    np.testing.assert_allclose(ns.sphere.normalize([[3 * scale, 4 * scale]]), [[0.6, 0.8]])


@pytest.mark.parametrize("dim", [2, 3, 10])
def test_uniform_is_uniform(dim):
    # The first coordinate is ±√B, B ~ Beta(1/2, (d−1)/2): Kolmogorov–Smirnov, false alarm 1e-6.
    x = ns.sphere.uniform(100_000, dim, seed=1)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=4e-16)
    for component in (0, dim - 1):
        square = x[:, component] ** 2
        assert stats.kstest(square, stats.beta(0.5, (dim - 1) / 2).cdf).pvalue > 1e-6
        assert stats.binomtest(int(np.sum(x[:, component] > 0)), len(x)).pvalue > 1e-6


def test_normalize_takes_any_leading_axes(rng):
    x = rng.normal(size=(2, 3, 4, 5))
    unit = ns.sphere.normalize(x)
    assert unit.shape == x.shape
    np.testing.assert_array_equal(unit[1, 2], ns.sphere.normalize(x[1, 2]))
    np.testing.assert_array_equal(unit[1, 2, 3], ns.sphere.normalize(x[1, 2, 3]))
    x[1, 0, 2] = 0
    with pytest.raises(ns.ArgumentError, match=r"x: row \(1, 0, 2\) is zero"):
        ns.sphere.normalize(x)


@pytest.mark.parametrize("x", [3.0, [[1.0]], np.empty((0, 3)), np.empty((2, 0, 3))])
def test_normalize_refuses_what_holds_no_vector(x):
    with pytest.raises(ns.ArgumentError, match="x must"):
        ns.sphere.normalize(x)
