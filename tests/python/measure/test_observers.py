"""What is seen along a run is what the functions of a configuration say of its states."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

import noisync as ns

MODEL = ns.Model(4, ns.Softmax(beta=2.0), ns.GaussianField("sigmoid", 0.3, 0.2))
OBSERVERS = [
    ns.Energy(2.0), ns.Energy((0.5, 3.0), name="energies"), ns.Budget(1.5), ns.Cosines(7),
    ns.OrderParameters(), ns.Clusters(0.3), ns.Energy([900.0], name="scaled", scaled=True),
]  # fmt: skip


def seen(x, weights=None):
    """All of them for one state."""
    labels = ns.measure.clusters(x, 0.3)
    masses = np.bincount(labels, weights)
    return {
        "energy": ns.measure.energy(x, 2.0, weights),
        "energies": ns.measure.energy(x, (0.5, 3.0), weights),
        "budget": ns.measure.budget(MODEL, x, 1.5, weights),
        "cosines": ns.measure.cosines(x, 7).counts,
        "order": ns.measure.order_parameters(x, weights),
        "clusters": (masses.size, masses.max() if weights is not None else masses.max() / len(x)),
        "scaled": ns.measure.energy(x, [900.0], weights, scaled=True),
    }


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_along_a_run(dtype, rng):
    weights = rng.dirichlet(np.ones(20))
    run = ns.simulate(
        MODEL, ns.sphere.uniform(20, 4), horizon=1.0, layers=6, observe=OBSERVERS,
        weights=weights, dtype=dtype,
    )  # fmt: skip
    for k, x in enumerate(run.tokens):
        for name, values in seen(x, weights).items():
            np.testing.assert_allclose(run.observed[name][k], values, rtol=1e-13, err_msg=name)


def test_in_an_ensemble_with_labels():
    data = ns.ensemble(
        MODEL, ns.sphere.Uniform(20, 4), replicates=3, horizon=1.0, layers=6,
        observe=[*OBSERVERS, ns.Cosines(5, name="coarse")], save=[0, 6],
    )  # fmt: skip
    assert data.budget.dims == ("replicate", "time", "contribution")
    assert list(data.contribution) == ["attention", "noise"]
    assert list(data.energies_beta) == [0.5, 3.0]
    assert list(data.parameter) == ["mean", "leading", "effective_rank"]
    assert list(data.statistic) == ["count", "heaviest"]
    assert data.cosines.dtype == np.int64
    np.testing.assert_allclose(data.coarse_cosine, [-0.8, -0.4, 0, 0.4, 0.8])
    x = ns.sphere.Uniform(20, 4).samples(0, 2, 1)[0]
    for name, values in seen(x).items():
        np.testing.assert_allclose(data[name][2, 0], values, rtol=1e-13, err_msg=name)


def test_several_energies_are_those_one_by_one():
    states = np.stack([ns.sphere.uniform(30, 3, seed) for seed in range(4)])
    betas = [0.1, 1.0, 5.0]
    together = ns.measure.energy(states, betas)
    assert together.shape == (4, 3)
    for k, beta in enumerate(betas):
        np.testing.assert_array_equal(together[:, k], ns.measure.energy(states, beta))


@pytest.mark.parametrize("method", ["direct", "harmonic"])
def test_scaled_energies(method):
    x = ns.sphere.uniform(40, 3)
    plain, scaled = (
        ns.measure.energy(x, [1.0, 20.0], scaled=s, method=method) for s in (False, True)
    )
    np.testing.assert_allclose(scaled, plain * np.exp([-1.0, -20.0]), rtol=1e-13)


@given(n=st.integers(1, 40), d=st.integers(2, 60), seed=st.integers(0, 99))
def test_order_parameters(n, d, seed):
    x = ns.sphere.uniform(n, d, seed)
    w = np.random.default_rng(seed).dirichlet(np.ones(n))
    p = np.linalg.eigvalsh((x.T * w) @ x)
    p = np.clip(p, 1e-300, None)
    order = ns.measure.order_parameters(x, w)
    np.testing.assert_allclose(
        order, [np.linalg.norm(w @ x), p.max(), np.exp(-np.sum(p * np.log(p)))], rtol=1e-9
    )


def test_order_of_a_point_a_pair_and_a_frame():
    point = np.tile([[0.6, 0.8, 0.0]], (5, 1))
    np.testing.assert_allclose(ns.measure.order_parameters(point), (1, 1, 1))
    pair = np.array([[0.0, 1.0], [0.0, -1.0]])
    np.testing.assert_allclose(ns.measure.order_parameters(pair), (0, 1, 1), atol=1e-15)
    np.testing.assert_allclose(ns.measure.order_parameters(np.eye(4)), (0.5, 0.25, 4))


@given(n=st.integers(1, 60), seed=st.integers(0, 99), angle=st.floats(0.01, 4))
def test_clusters_are_single_linkage(n, seed, angle):
    x = ns.sphere.uniform(n, 3, seed)
    labels = ns.measure.clusters(x, angle)
    counts = np.bincount(labels)
    assert counts.min() > 0
    assert np.all(np.diff(counts) <= 0)
    if n > 1:
        chords = linkage(x, "single")
        reach = 2 * np.sin(min(angle, np.pi) / 2) + (1e-9 if angle >= np.pi else 0)
        expected = fcluster(chords, reach, "distance")
        np.testing.assert_array_equal(labels[:, None] == labels, expected[:, None] == expected)


def test_two_tight_clusters():
    near = np.array([[1.0, 0.0, 0.0]])
    x = ns.sphere.normalize(
        np.concatenate([near + 1e-9 * ns.sphere.uniform(3, 3), -near + 1e-9 * np.eye(3)[[1, 2]]])
    )
    assert list(ns.measure.clusters(x, 1e-6)) == [0, 0, 0, 1, 1]
    assert list(ns.measure.clusters(x[::-1], 1e-6)) == [1, 1, 0, 0, 0]
    assert len(set(ns.measure.clusters(x, 1e-10))) == 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.Energy([]), "beta must be a number or a list of numbers"),
        (lambda: ns.Energy([1.0, -1.0]), "beta must be a positive"),
        (lambda: ns.Energy(800.0), "beta must be at most 700.*got 800.*scaled=True"),
        (lambda: ns.Cosines(0), "bins must be"),
        (lambda: ns.Clusters(-0.1), "angle must be"),
        (lambda: ns.Budget(0.0), "beta must be a positive"),
        (lambda: ns.measure.clusters(np.eye(3), 0), "angle must be"),
        (lambda: ns.measure.energy(np.eye(3), [[1.0]]), "beta must be a number or a list"),
        (lambda: ns.measure.budget(None, np.eye(3)), "model must be a Model"),
        (lambda: ns.measure.budget(MODEL, np.eye(3)), "4"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises((ns.ArgumentError, ns.errors.ArgumentTypeError), match=message):
        make()


def test_an_energy_is_the_same_whatever_else_is_observed():
    """Energies share a pass over the pairs, and a budget's pass gives the energy at its β."""
    x = ns.sphere.uniform(150, 4)
    run = ns.simulate(
        MODEL, x, horizon=1.0, layers=2,
        observe=[
            ns.Energy(3.0, "b"), ns.Budget(2.0), ns.Energy((1.0, 2.0), "a"),
            ns.Energy(3.0, "s", scaled=True), ns.Energy(2.0, "with"), ns.Budget(3.0, "other", True),
        ],
    )  # fmt: skip
    for name, beta, scaled in (("b", 3, False), ("a", (1, 2), False), ("s", 3, True)):
        expected = ns.measure.energy(x, beta, scaled=scaled)
        np.testing.assert_array_equal(run.observed[name][0], expected)
    np.testing.assert_array_equal(run.observed["with"], run.observed["a"][:, 1])
    np.testing.assert_array_equal(run.observed["budget"][0], ns.measure.budget(MODEL, x, 2.0))


def test_a_function_may_return_an_integer_first():
    """max(0, z) is an int at first and a float later; neither the layer nor a thread decides."""
    model = ns.Model(2, ns.Softmax(beta=1.0))
    x = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])

    def rectified(tokens):
        return max(0, float(tokens[1, 0]))

    run = ns.simulate(model, x, horizon=1.0, layers=4, observe=[rectified])
    np.testing.assert_array_equal(run.observed["rectified"], np.maximum(run.tokens[:, 1, 0], 0))
    assert run.observed["rectified"][-1] > 0.01

    data = ns.ensemble(
        ns.Model(2, noise=ns.MLP("relu", 8, 1.0, 1.0)), ns.sphere.Uniform(2, 2), replicates=64,
        horizon=1.0, layers=2, threads=4, observe=[rectified, ns.Tokens()],
    )  # fmt: skip
    np.testing.assert_array_equal(data.rectified, np.maximum(data.tokens[:, :, 1, 0], 0))


@pytest.mark.parametrize("name", ["time", "layer", "replicate"])
def test_names_of_coordinates_are_refused_before_anything_runs(name):
    called = []

    def function(tokens):
        called.append(tokens)
        return 0.0

    function.__name__ = name
    model = ns.Model(2, ns.Softmax())
    x = ns.sphere.uniform(2, 2)
    for observer in (function, ns.Energy(name=name)):
        message = f"an observer cannot be called '{name}'"
        with pytest.raises(ns.ArgumentError, match=message):
            ns.simulate(model, x, horizon=1.0, layers=1, observe=[observer])
        with pytest.raises(ns.ArgumentError, match=message):
            ns.ensemble(model, x, replicates=2, horizon=1.0, layers=1, observe=[observer])
    assert not called


def test_observers_have_schedules_of_their_own():
    x = ns.sphere.uniform(10, 4)
    observers = [
        ns.Energy(2.0), ns.Energy(2.0, "some", layers=3), ns.OrderParameters(layers=[5, 1]),
        ns.Function(lambda tokens: tokens[0], "first", layers=[7]), ns.Tokens("late", layers=[7]),
        ns.Lyapunov(2, layers=4),
    ]  # fmt: skip
    run = ns.simulate(MODEL, x, horizon=1.4, layers=7, save=2, observe=observers)
    expected = {
        "energy": range(8), "some": [0, 3, 6, 7], "order": [1, 5], "first": [7], "late": [7],
        "lyapunov": [0, 4, 7],
    }  # fmt: skip
    for name, layers in expected.items():
        series = run.observed[name]
        np.testing.assert_array_equal(series.layer, layers)
        np.testing.assert_allclose(series.time, 0.2 * np.array(layers))
    np.testing.assert_array_equal(run.observed["some"], run.observed["energy"][[0, 3, 6, 7]])
    np.testing.assert_array_equal(run.observed["late"][0], run.tokens[-1])
    np.testing.assert_array_equal(run.observed["first"][0], run.tokens[-1, 0])

    # By default they keep to `save` in an ensemble; own layers make an own dimension.
    data = ns.ensemble(MODEL, x, replicates=2, horizon=1.4, layers=7, save=2, observe=observers)
    np.testing.assert_array_equal(data.layer, [0, 2, 4, 6, 7])
    assert data.energy.dims == ("replicate", "time")
    assert data.some.dims == ("replicate", "time_some")
    assert data.order.dims == ("replicate", "time_order", "parameter")
    for name in ("some", "order", "first", "late", "lyapunov"):
        np.testing.assert_array_equal(data[f"layer_{name}"], expected[name])
        np.testing.assert_array_equal(data[name][0], run.observed[name])
    np.testing.assert_array_equal(data.energy[0], run.observed["energy"][[0, 2, 4, 6, 7]])


def test_variables_are_called_and_described_alike_everywhere(tmp_path):
    """A run, an ensemble and a file: the same names, dimensions, labels and attributes."""
    x = ns.sphere.uniform(6, 4)
    observers = [
        ns.Energy((1.0, 2.0)), ns.Energy(3.0, "cold"), ns.Budget(2.0), ns.Cosines(5),
        ns.OrderParameters(), ns.Clusters(0.2), ns.Lyapunov(2), ns.Function(np.sum, "total"),
    ]  # fmt: skip
    options = {"horizon": 1.0, "layers": 3, "observe": observers}
    run = ns.simulate(MODEL, x, **options)
    run.save(tmp_path / "run.nc")
    loaded = ns.load(tmp_path / "run.nc").observed
    data = ns.ensemble(MODEL, x, replicates=2, **options)
    dataset = run.to_dataset()
    assert list(run.observed) == [o.name for o in observers]
    for name, series in run.observed.items():
        assert series.dims[0] == "time"
        assert series.name == name
        assert series.attrs["long_name"]
        assert series.attrs["dim"] == 4
        for other in (loaded[name], data[name][0].drop_vars("replicate"), dataset[name]):
            xr.testing.assert_identical(other, series)
    assert run.observed["energy"].dims == ("time", "beta")
    assert run.observed["budget"].dims == ("time", "contribution")
    assert list(run.observed["budget"].contribution.to_numpy()) == ["attention", "noise"]
    assert run.observed["cold"].attrs["beta"] == 3.0
    assert run.observed["lyapunov"].dims == ("time", "exponent")


def test_functions_are_named_by_a_dict():
    x = ns.sphere.uniform(6, 4)
    run = ns.simulate(
        MODEL, x, horizon=1.0, layers=2, observe={"spread": lambda t: t.std(), "e": ns.Energy(2.0)}
    )
    assert list(run.observed) == ["spread", "e"]
    np.testing.assert_array_equal(run.observed["spread"], [t.std() for t in run.tokens])
    with pytest.raises(ns.ArgumentError, match="name must be letters"):
        ns.simulate(MODEL, x, horizon=1.0, layers=2, observe={"a b": np.sum})


@pytest.mark.parametrize(
    ("observe", "message"),
    [
        ([ns.Energy(layers=[9])], "layers of the observer 'energy' must list layers from 0 to 2"),
        ([ns.Energy(name="beta"), ns.Energy([1.0, 2.0])], "'beta' is a dimension of the observer"),
        ([ns.Function(np.sum, "a"), ns.Energy(name="a_1")], "'a_1' is a dimension of the observer"),
        ([ns.Energy(name="time_b"), ns.Budget(name="b")], "'time_b' is a dimension"),
        ([ns.Lyapunov(1), ns.Lyapunov(1, name="b")], "vectors for one observer"),
        ([np.sum, np.sum], "two observers are called 'sum'"),
        (ns.Energy(), "observe must be a sequence of observers and functions, or a dict"),
        ("energy", "observe must be a sequence"),
    ],
)
def test_observers_that_do_not_go_together(observe, message):
    x = ns.sphere.uniform(6, 4)
    with pytest.raises(ns.NoisyncError, match=message):
        ns.simulate(MODEL, x, horizon=1.0, layers=2, observe=observe)


@pytest.mark.parametrize("layers", [0, -1, 2.5, [-1], ["a"]])
def test_layers_of_an_observer_are_checked(layers):
    with pytest.raises(ns.NoisyncError, match="layers must be"):
        ns.Energy(layers=layers)
