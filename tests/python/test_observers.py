"""What is seen along a run is what the functions of a configuration say of its states."""

import numpy as np
import pytest
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
    labels = ns.energy.clusters(x, 0.3)
    masses = np.bincount(labels, weights)
    return {
        "energy": ns.energy.interaction(x, 2.0, weights),
        "energies": ns.energy.interaction(x, (0.5, 3.0), weights),
        "budget": ns.energy.budget(MODEL, x, 1.5, weights),
        "cosines": ns.energy.cosine_histogram(x, 7).counts,
        "order": ns.energy.order_parameters(x, weights),
        "clusters": (masses.size, masses.max() if weights is not None else masses.max() / len(x)),
        "scaled": ns.energy.interaction(x, [900.0], weights, scaled=True),
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
    together = ns.energy.interaction(states, betas)
    assert together.shape == (4, 3)
    for k, beta in enumerate(betas):
        np.testing.assert_array_equal(together[:, k], ns.energy.interaction(states, beta))


@pytest.mark.parametrize("method", ["direct", "harmonic"])
def test_scaled_energies(method):
    x = ns.sphere.uniform(40, 3)
    plain, scaled = (
        ns.energy.interaction(x, [1.0, 20.0], scaled=s, method=method) for s in (False, True)
    )
    np.testing.assert_allclose(scaled, plain * np.exp([-1.0, -20.0]), rtol=1e-13)


@given(n=st.integers(1, 40), d=st.integers(2, 60), seed=st.integers(0, 99))
def test_order_parameters(n, d, seed):
    x = ns.sphere.uniform(n, d, seed)
    w = np.random.default_rng(seed).dirichlet(np.ones(n))
    p = np.linalg.eigvalsh((x.T * w) @ x)
    p = np.clip(p, 1e-300, None)
    order = ns.energy.order_parameters(x, w)
    np.testing.assert_allclose(
        order, [np.linalg.norm(w @ x), p.max(), np.exp(-np.sum(p * np.log(p)))], rtol=1e-9
    )


def test_order_of_a_point_a_pair_and_a_frame():
    point = np.tile([[0.6, 0.8, 0.0]], (5, 1))
    np.testing.assert_allclose(ns.energy.order_parameters(point), (1, 1, 1))
    pair = np.array([[0.0, 1.0], [0.0, -1.0]])
    np.testing.assert_allclose(ns.energy.order_parameters(pair), (0, 1, 1), atol=1e-15)
    np.testing.assert_allclose(ns.energy.order_parameters(np.eye(4)), (0.5, 0.25, 4))


@given(n=st.integers(1, 60), seed=st.integers(0, 99), angle=st.floats(0.01, 4))
def test_clusters_are_single_linkage(n, seed, angle):
    x = ns.sphere.uniform(n, 3, seed)
    labels = ns.energy.clusters(x, angle)
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
    assert list(ns.energy.clusters(x, 1e-6)) == [0, 0, 0, 1, 1]
    assert list(ns.energy.clusters(x[::-1], 1e-6)) == [1, 1, 0, 0, 0]
    assert len(set(ns.energy.clusters(x, 1e-10))) == 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.Energy([]), "beta must be a number or a list of numbers"),
        (lambda: ns.Energy([1.0, -1.0]), "beta must be a positive"),
        (lambda: ns.Energy(800.0), "beta must be at most 700.*got 800.*scaled=True"),
        (lambda: ns.Cosines(0), "bins must be"),
        (lambda: ns.Clusters(-0.1), "angle must be"),
        (lambda: ns.Budget(0.0), "beta must be a positive"),
        (lambda: ns.energy.clusters(np.eye(3), 0), "angle must be"),
        (lambda: ns.energy.interaction(np.eye(3), [[1.0]]), "beta must be a number or a list"),
        (lambda: ns.energy.budget(None, np.eye(3)), "model must be a Model"),
        (lambda: ns.energy.budget(MODEL, np.eye(3)), "4"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises((ns.ArgumentError, ns.errors.ArgumentTypeError), match=message):
        make()


def test_sums_at_hand_are_not_made_again(monkeypatch):
    """The energy at a budget's β comes with it; all other energies are one measure."""
    made = []
    measure = ns.observers.energy_measure

    def energy_measure(betas, *arguments, **options):
        made.append(betas)
        return measure(betas, *arguments, **options)

    monkeypatch.setattr(ns.observers, "energy_measure", energy_measure)
    x = ns.sphere.uniform(150, 4)
    run = ns.simulate(
        MODEL, x, horizon=1.0, layers=2,
        observe=[
            ns.Energy(3.0, "b"), ns.Budget(2.0), ns.Energy((1.0, 2.0), "a"),
            ns.Energy(3.0, "s", scaled=True), ns.Energy(2.0, "with"), ns.Budget(3.0, "other", True),
        ],
    )  # fmt: skip
    assert made == [[3.0, 1.0, 2.0]]
    for name, beta, scaled in (("b", 3, False), ("a", (1, 2), False), ("s", 3, True)):
        expected = ns.energy.interaction(x, beta, scaled=scaled)
        np.testing.assert_array_equal(run.observed[name][0], expected)
    np.testing.assert_array_equal(run.observed["with"], run.observed["a"][:, 1])
    np.testing.assert_array_equal(run.observed["budget"][0], ns.energy.budget(MODEL, x, 2.0))


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
