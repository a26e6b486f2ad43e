"""Pictures: every function draws what it says and returns Axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

import noisync as ns


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_energy_draws_the_energy_and_the_bound():
    model = ns.Model(dim=5, attention=ns.Softmax(2.0), noise=ns.MLP("sigmoid", 16))
    run = ns.simulate(model, ns.sphere.uniform(9, 5), horizon=1, layers=8)
    axes = ns.plot.energy(run, 2.0, bound=True)
    assert isinstance(axes, Axes)
    energy, bound = axes.lines
    np.testing.assert_array_equal(energy.get_ydata(), run.energy(2.0))
    np.testing.assert_array_equal(energy.get_xdata(), run.time)
    expected = ns.energy_bound(model, run.time, run.energy(2.0)[0], 2.0)
    np.testing.assert_array_equal(bound.get_ydata(), expected)
    assert axes.get_yscale() == "log"


def test_a_bound_that_grows_is_not_drawn(small_run):
    assert small_run.model.kernel.dissipation_rate(2.0) > 0
    assert len(ns.plot.energy(small_run, 2.0, bound=True).lines) == 1


def test_cosines_draws_shares_of_pairs(small_run):
    axes = ns.plot.cosines(small_run, bins=20)
    mesh = axes.collections[0].get_array()
    assert mesh.shape == (20, 9)
    np.testing.assert_allclose(mesh.sum(axis=0), 1)


@pytest.mark.parametrize("dim", [2, 3, 7])
def test_tokens_in_every_dimension(dim):
    x = ns.sphere.uniform(15, dim)
    axes = ns.plot.tokens(x)
    assert axes.name == ("3d" if dim == 3 else "rectilinear")
    if dim == 2:
        np.testing.assert_array_equal(axes.collections[0].get_offsets(), x)
    if dim == 7:
        plane = ns.plot.leading_plane(x)
        np.testing.assert_allclose(plane.T @ plane, np.eye(2), atol=1e-14)
        np.testing.assert_allclose(axes.collections[0].get_offsets(), x @ plane)


def test_every_function_draws_where_it_is_told(small_run):
    figure, axes = plt.subplots(1, 3)
    assert ns.plot.energy(small_run, ax=axes[0]) is axes[0]
    assert ns.plot.cosines(small_run, ax=axes[1]) is axes[1]
    assert ns.plot.tokens(small_run, basis=np.eye(3)[:, :2], ax=axes[2]) is axes[2]
    figure.canvas.draw()


def test_a_state_is_chosen(small_run):
    plane = np.eye(3)[:, :2]
    axes = ns.plot.tokens(small_run, state=2, basis=plane)
    np.testing.assert_allclose(axes.collections[0].get_offsets(), small_run.tokens[2] @ plane)


def test_bad_input(small_run):
    with pytest.raises(ns.ArgumentError, match="state must index one of the 9 saved states"):
        ns.plot.tokens(small_run, state=9)
    with pytest.raises(ns.ArgumentError, match=r"basis must have shape \(3, 2\)"):
        ns.plot.tokens(small_run, basis=np.eye(3))
    with pytest.raises(ns.ArgumentError, match="ax must be three-dimensional"):
        ns.plot.tokens(small_run, ax=plt.subplots()[1])
    single = ns.simulate(small_run.model, ns.sphere.uniform(1, 3), horizon=1, layers=2)
    with pytest.raises(ns.ArgumentError, match="at least 2 tokens"):
        ns.plot.cosines(single)
    assert isinstance(ns.plot.energy(single), Axes)


def test_things_that_are_no_run_or_axes(small_run):
    for draw in (ns.plot.energy, ns.plot.cosines):
        with pytest.raises(ns.ArgumentTypeError, match="run must be a Trajectory, got an array of"):
            draw(np.eye(3))
        with pytest.raises(ns.ArgumentTypeError, match="ax must be matplotlib Axes, got 3"):
            draw(small_run, ax=3)
