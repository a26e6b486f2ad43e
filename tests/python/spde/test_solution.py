"""What a solution of the SPDE says of itself."""

import numpy as np
import pytest

import noisync as ns


def solve(dim=3, noise=None, horizon=0.5, layers=5, degree=20, density=None, **options):
    model = ns.Model(dim, ns.Softmax(beta=1.0), noise or ns.MLP("tanh", 32))
    law = density or ns.sphere.Uniform(1, dim)
    return ns.spde.solve(
        model, law, degree=degree, horizon=horizon, layers=layers, seed=2, **options
    )


def test_the_start_is_the_law():
    mean = np.array([0.6, 0.0, 0.8])
    law = ns.sphere.VonMisesFisher(1, mean, 3.0)
    solution = solve(density=law, degree=40)
    moments = solution.moments
    np.testing.assert_allclose(moments.mean[0], (1 / np.tanh(3) - 1 / 3) * mean, atol=1e-13)
    assert moments.second.shape == (6, 3, 3)
    np.testing.assert_allclose(np.trace(moments.second, axis1=1, axis2=2), 1, atol=1e-13)
    points = ns.sphere.uniform(50, 3, seed=1).reshape(5, 10, 3)
    density = solution.density(points)
    assert density.shape == (6, 5, 10)
    np.testing.assert_allclose(density[0], law.density(points), rtol=1e-9)
    np.testing.assert_allclose(solution.node_density[0], law.density(solution.nodes), rtol=1e-12)
    harmonics = solution.harmonics(1)
    np.testing.assert_allclose(harmonics[:, 0], 1, atol=1e-13)
    # Those of degree 1 are √d times the coordinates, in some order and with some signs.
    sizes = np.linalg.norm(harmonics[:, 1:], axis=1)
    np.testing.assert_allclose(sizes, np.sqrt(3) * np.linalg.norm(moments.mean, axis=1), rtol=1e-12)


def test_the_energy_of_the_uniform_law():
    """½ (e^β − sinh(β)/β) on S²."""
    solution = solve()
    for beta in (0.5, 4.0):
        exact = 0.5 * (np.exp(beta) - np.sinh(beta) / beta)
        assert solution.energy(beta)[0] == pytest.approx(exact, rel=1e-12)


def test_resolution_is_the_share_of_the_upper_degrees():
    solution = solve(dim=2, degree=26, save=[0, 5])
    cut = 13
    angles = np.arctan2(solution.nodes[:, 1], solution.nodes[:, 0])
    waves = np.exp(1j * np.outer(np.arange(cut + 1), angles))
    shares = []
    for x in solution.tokens:
        size = (np.abs(waves @ (solution.quadrature[:, None] * x)) ** 2).sum(axis=1)
        shares.append(size[9:].sum() / size[1:].sum())  # 2 · 13 / 3 < 9
    assert shares[1] > 1e-12
    np.testing.assert_allclose(solution.resolution[1], shares[1], rtol=1e-10)
    assert solution.resolution[0] < 1e-25
    assert solution.resolved[0]


def test_a_solution_past_what_its_degree_resolves_says_so():
    solution = solve(horizon=6.0, layers=60, degree=12)
    assert solution.resolved[0]
    assert not solution.resolved[-1]
    data = solution.to_dataset()
    assert data.attrs["resolved"] == 0
    assert data.attrs["resolved_until"] == solution.resolved_until
    assert solution.resolved_until < 6
    assert f"resolved until t = {solution.resolved_until:g}" in repr(solution)
    np.testing.assert_array_equal(
        solution.resolved, (solution.resolution <= 1e-6) & (solution.min_jacobian > 0)
    )


def test_a_layer_that_folds_says_so():
    solution = solve(noise=ns.MLP("tanh", 16), horizon=60.0, layers=3)
    assert solution.min_jacobian[-1] < 0
    assert not solution.resolved[-1]
    assert np.all(np.diff(solution.min_jacobian) <= 0)


def test_labels_survive_a_file(tmp_path):
    solution = solve(observe=[ns.Energy(1.0), ns.OrderParameters()], save=[0, 2, 5])
    data = solution.to_dataset()
    assert data.sizes["time"] == 3
    assert "jacobian" not in data
    data.to_netcdf(tmp_path / "solution.nc")
    np.testing.assert_array_equal(data["node_density"], solution.node_density)
    assert solution.observed["energy"].sizes == {"time": 6}
    for array in (solution.nodes, solution.log_jacobian, solution.weights, solution.tokens):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_in_single_precision():
    double, single = solve(save=[5]), solve(save=[5], dtype="float32")
    np.testing.assert_allclose(single.tokens, double.tokens, atol=1e-5)
    np.testing.assert_allclose(single.node_density, double.node_density, rtol=1e-4)
    np.testing.assert_allclose(single.resolution, double.resolution, rtol=1e-2)


def test_degrees_beyond_the_rule_are_refused():
    with pytest.raises(ns.ArgumentError, match="degree must be at most 20, got 21"):
        solve().harmonics(21)
    with pytest.raises(ns.ArgumentError, match="points: row 0 has norm 2"):
        solve().density([[2.0, 0.0, 0.0]])
