"""Runs: against the plain loop over layers, their symmetries, and what they keep."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

import noisync as ns

# Frozen on purpose: computed by tests/python/reference.py, so that a change of the noise stream or
# of the layer is a decision. Tokens 0..4 of S^3 after 6 layers, first two components, with exact
# quantiles for normals: the core's are within 5e-10 of them, and its tokens then within 2e-9.
GOLDEN_MODEL = ns.Model(
    dim=4,
    attention=ns.Softmax(beta=2.0, value=-1.0),
    noise=ns.MLP("tanh", width=20, sigma_u=0.3, sigma_w=0.2),
)
GOLDEN = [
    [-0.657409239539313, -0.094483058894689],
    [-0.065433047948024, -0.828446758291273],
    [-0.408217201763742, -0.689094325553157],
    [-0.706264496699685, -0.103978169785401],
    [0.472763333513831, 0.012900119354809],
]


def plain_run(model, x, horizon, layers, seed, replicate=0, w=None, numbers=reference.drawn):
    n, d = x.shape
    w = np.full(n, 1 / n) if w is None else w
    states = [x]
    for layer in range(layers):
        attend = (
            (lambda y: 0 * y)
            if model.attention is None
            else lambda y: reference.attention(
                y, w, model.attention.beta * np.eye(d), np.eye(d), model.attention.value * np.eye(d)
            )
        )
        noise = (
            (lambda y: 0 * y)
            if model.noise is None
            else lambda y, layer=layer: reference.mlp(
                y, model.noise.activation, model.noise.width, model.noise.sigma_u,
                model.noise.sigma_w, seed, replicate, layer, numbers,
            )
        )  # fmt: skip
        states.append(reference.layer(states[-1], horizon / layers, attend, noise))
    return np.array(states)


@pytest.mark.parametrize("attention", [None, ns.Softmax(beta=1.5, value=0.7)])
@pytest.mark.parametrize("noise", [None, ns.MLP("silu", 24, sigma_u=0.2, sigma_w=0.1)])
def test_layers_follow_the_plain_loop(attention, noise, rng):
    model = ns.Model(dim=5, attention=attention, noise=noise)
    x = ns.sphere.uniform(30, 5, seed=2)
    w = rng.dirichlet(np.ones(30))
    run = ns.simulate(model, x, horizon=1.3, layers=7, seed=6, replicate=2, weights=w)
    np.testing.assert_allclose(run.tokens, plain_run(model, x, 1.3, 7, 6, 2, w), atol=1e-13)
    np.testing.assert_allclose(run.time, np.linspace(0, 1.3, 8), rtol=1e-15)


def test_golden_numbers():
    x = ns.sphere.uniform(5, 4, seed=42)
    run = ns.simulate(GOLDEN_MODEL, x, horizon=2.0, layers=6, seed=2**33 + 7, replicate=1)
    np.testing.assert_allclose(run.tokens[-1][:, :2], GOLDEN, rtol=0, atol=2e-9)
    start = reference.normals(42, 0, 0, "tokens", 0, 20).reshape(5, 4)
    plain = plain_run(
        GOLDEN_MODEL, reference.normalize(start), 2.0, 6, 2**33 + 7, 1, numbers=reference.normals
    )
    np.testing.assert_allclose(plain[-1][:, :2], GOLDEN, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 5, 70, 1100])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("general", [False, True])
def test_threads_do_not_change_a_bit(n, dtype, general):
    d = 9
    attention = ns.Softmax(query=2 * np.eye(d), key=np.eye(d)) if general else ns.Softmax(beta=2.0)
    model = ns.Model(dim=d, attention=attention, noise=ns.MLP("gelu", 300, 0.1, 0.1))
    one, two, four = (
        ns.simulate(
            model, ns.sphere.uniform(n, d), horizon=1, layers=4, dtype=dtype, threads=threads
        ).tokens
        for threads in (1, 2, 4)
    )
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, four)


def test_the_layer_commutes_with_permutations(rng):
    model = ns.Model(dim=6, attention=ns.Softmax(beta=2.0), noise=ns.MLP("relu", 64, 0.1, 0.1))
    x = ns.sphere.uniform(100, 6)
    order = rng.permutation(100)
    plain = ns.simulate(model, x, horizon=1, layers=5, seed=1).tokens
    permuted = ns.simulate(model, x[order], horizon=1, layers=5, seed=1).tokens
    np.testing.assert_allclose(permuted, plain[:, order], atol=1e-13)


def test_noise_does_not_depend_on_the_number_of_tokens_or_on_what_is_saved():
    model = ns.Model(dim=6, noise=ns.MLP("relu", 64, 0.1, 0.1))
    x = ns.sphere.uniform(100, 6)
    every = ns.simulate(model, x, horizon=1, layers=9, seed=1)
    few = ns.simulate(model, x[:4], horizon=1, layers=9, seed=1, save=[9, 2])
    np.testing.assert_array_equal(few.layer, [2, 9])
    np.testing.assert_allclose(few.tokens, every.tokens[[2, 9], :4], atol=1e-13)


def test_seeds_and_replicates_are_other_noise():
    model = ns.Model(dim=3, noise=ns.MLP("relu", 8))
    x = ns.sphere.uniform(2, 3)
    ends = [
        ns.simulate(model, x, horizon=1, layers=3, seed=seed, replicate=replicate).tokens[-1]
        for seed, replicate in ((0, 0), (1, 0), (0, 1), (2**32, 0))
    ]
    for i, end in enumerate(ends):
        for other in ends[:i]:
            assert np.abs(end - other).max() > 1e-3


@given(
    n=st.integers(1, 20),
    d=st.integers(2, 12),
    layers=st.integers(1, 5),
    horizon=st.floats(1e-3, 50),
    dtype=st.sampled_from(["float32", "float64"]),
    strides=st.sampled_from(["C", "F", "reversed", "skipped"]),
)
def test_states_stay_on_the_sphere(n, d, layers, horizon, dtype, strides):
    x = ns.sphere.uniform(2 * n, d, seed=d)
    x = {"C": x[:n], "F": np.asfortranarray(x[:n]), "reversed": x[n - 1 :: -1] if n > 1 else x[:1],
         "skipped": x[::2]}[strides]  # fmt: skip
    model = ns.Model(dim=d, attention=ns.Softmax(beta=3.0), noise=ns.MLP("elu", 17, 0.5, 0.5))
    run = ns.simulate(model, x, horizon=horizon, layers=layers, dtype=dtype)
    assert run.tokens.shape == (layers + 1, n, d)
    assert run.tokens.dtype == dtype
    np.testing.assert_allclose(run.tokens[0], x, atol=1e-7 if dtype == "float32" else 0)
    norms = np.linalg.norm(run.tokens.astype(float), axis=-1)
    np.testing.assert_allclose(norms, 1, atol=1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize(
    ("save", "layers"),
    [
        (None, [0, 1, 2, 3, 4, 5, 6, 7]),
        (3, [0, 3, 6, 7]),
        ([7, 0, 7], [0, 7]),
        ([], []),
        (50, [0, 7]),
    ],
)
def test_what_is_saved(save, layers):
    model = ns.Model(dim=3, noise=ns.MLP("relu", 8))
    run = ns.simulate(model, ns.sphere.uniform(2, 3), horizon=1, layers=7, save=save)
    np.testing.assert_array_equal(run.layer, layers)
    assert run.tokens.shape == (len(layers), 2, 3)


def test_observers_see_every_layer_without_a_trajectory():
    model = ns.Model(dim=3, attention=ns.Softmax(), noise=ns.MLP("relu", 8))
    x = ns.sphere.uniform(10, 3)

    def mean_token(tokens):
        return tokens.mean(axis=0)

    run = ns.simulate(model, x, horizon=1, layers=7)
    bare = ns.simulate(
        model,
        x,
        horizon=1,
        layers=7,
        save=[],
        observe=[ns.Energy(1.0), ns.Energy(3.0, name="cold"), mean_token],
    )
    np.testing.assert_array_equal(bare.observed["energy"], run.energy(1.0))
    np.testing.assert_array_equal(bare.observed["cold"], run.energy(3.0))
    np.testing.assert_array_equal(bare.observed["mean_token"], run.tokens.mean(axis=1))
    np.testing.assert_array_equal(bare.observed["energy"].time, run.time)
    np.testing.assert_array_equal(bare.observed["energy"].layer, run.layer)


def test_results_are_immutable(small_run):
    with pytest.raises(ValueError, match="read-only"):
        small_run.tokens[0, 0, 0] = 2.0
    with pytest.raises(AttributeError):
        small_run.seed = 4
    with pytest.raises(TypeError):
        small_run.observed["x"] = 1


def test_the_input_is_left_alone():
    x = ns.sphere.uniform(10, 3)
    before = x.copy()
    ns.simulate(ns.Model(dim=3, attention=ns.Softmax()), x, horizon=1, layers=3)
    np.testing.assert_array_equal(x, before)


def test_energy_falls_by_28_orders_of_magnitude():
    model = ns.Model(dim=64, noise=ns.MLP("sigmoid", 256))
    run = ns.simulate(model, ns.sphere.uniform(64, 64), horizon=10, layers=500, save=[0, 500])
    assert run.energy()[1] < 1e-28 * run.energy()[0]


def test_a_progress_bar_counts_the_layers(capsys):
    model = ns.Model(dim=3, noise=ns.MLP("relu", 8))
    x = ns.sphere.uniform(2, 3)
    ns.simulate(model, x, horizon=1, layers=70, progress=True)
    assert "70/70" in capsys.readouterr().err
    ns.simulate(model, x, horizon=1, layers=70)
    assert capsys.readouterr().err == ""


def test_the_last_state_is_kept_whatever_is_saved():
    model = ns.Model(dim=3, attention=ns.Softmax(), noise=ns.MLP("relu", 8))
    x = ns.sphere.uniform(5, 3)
    whole = ns.simulate(model, x, horizon=1, layers=7, observe=[ns.Lyapunov(2)])
    assert whole.finished
    assert whole.state.layer == 7
    np.testing.assert_array_equal(whole.state.tokens, whole.tokens[-1])
    np.testing.assert_allclose(whole.state.growth, whole.observed["lyapunov"][-1], rtol=1e-15)
    tangents = whole.state.tangents
    np.testing.assert_allclose(tangents @ tangents.T, np.eye(2), atol=1e-14)
    np.testing.assert_allclose(tangents @ whole.state.tokens[0], 0, atol=1e-14)
    few = ns.simulate(model, x, horizon=1, layers=7, save=[2])
    assert few.tokens.shape == (1, 5, 3)
    np.testing.assert_array_equal(few.state.tokens, whole.tokens[-1])
    assert few.state.tangents is None
    with pytest.raises(ValueError, match="read-only"):
        few.state.tokens[0, 0] = 2.0


def test_a_law_of_starts_is_drawn_by_replicate():
    model = ns.Model(dim=3, noise=ns.MLP("relu", 8))
    law = ns.sphere.Uniform(5, 3)
    drawn = ns.simulate(model, law, horizon=1, layers=2, seed=4, replicate=3)
    given = ns.simulate(model, law.sample(4, 3), horizon=1, layers=2, seed=4, replicate=3)
    np.testing.assert_array_equal(drawn.tokens, given.tokens)


def test_unnormalised_attention_takes_linear_time_and_says_so():
    """The tolerance is relative to the largest sum of weights, which for β = 5 is e^β or so."""
    model = ns.Model(2, ns.Unnormalized(5.0))
    x = ns.sphere.uniform(20_000, 2)
    run = ns.simulate(model, x, horizon=0.01, layers=3, save=[])
    assert run.method == "harmonic"
    assert run.layers_summed_directly == 0


def test_a_run_says_how_often_it_fell_back():
    """β = −6 and softmax: tokens of a tight cluster have tiny sums of weights, e^{2β} of e^{−β}."""
    model = ns.Model(2, ns.Softmax(-6.0), ns.IndependentNoise(1.0))
    x = np.tile([[1.0, 0.0]], (40, 1))
    run = ns.simulate(model, x, horizon=3.0, layers=30, method="harmonic", tol=1e-12)
    assert run.method == "harmonic"
    assert 0 < run.layers_summed_directly < 30
    # The first layer alone: there was no other.
    first = ns.simulate(model, x, horizon=0.1, layers=1, method="harmonic", tol=1e-12)
    assert (first.method, first.layers_summed_directly) == ("direct", 1)
    assert ns.simulate(model, x, horizon=3.0, layers=30).layers_summed_directly == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 3}, r"simulate has no argument 'layer' \(did you mean 'layers'\?\)"),
        ({"horizon": 1.0}, "layers must be given to simulate"),
    ],
)
def test_names_of_arguments(options, message):
    with pytest.raises(ns.ArgumentTypeError, match=message):
        ns.simulate(ns.Model(dim=3), ns.sphere.uniform(2, 3), **options)


def test_shared_arguments_are_in_every_signature():
    import inspect

    for function in (ns.simulate, ns.ensemble):
        parameters = inspect.signature(function).parameters
        assert parameters["tol"].default == 1e-12
        assert parameters["layers"].default is inspect.Parameter.empty
        assert "path_layers : int, optional" in function.__doc__
        assert "{shared arguments}" not in function.__doc__
