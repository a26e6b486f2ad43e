"""Models: values that compare, validate and round-trip."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import noisync as ns

reals = st.floats(-100, 100)
attentions = st.none() | st.builds(
    lambda kind, beta, value: kind(beta=beta, value=value),
    st.sampled_from([ns.Softmax, ns.Unnormalized]),
    reals,
    reals,
)
parts = st.builds(
    ns.MLP,
    st.sampled_from(ns.activations.NAMES),
    st.integers(1, 10**6),
    st.floats(0, 10),
    st.floats(0, 10),
) | st.builds(ns.IndependentNoise, st.floats(0, 10))
noises = st.none() | parts | st.lists(parts, min_size=1, max_size=3)


@given(dim=st.integers(2, 10**4), attention=attentions, noise=noises)
def test_round_trips(dim, attention, noise):
    model = ns.Model(dim=dim, attention=attention, noise=noise)
    for copy in (ns.Model.from_dict(model.to_dict()), ns.Model.from_toml(model.to_toml())):
        assert copy == model
        assert hash(copy) == hash(model)


def test_matrices_round_trip(rng):
    Q, K, V = rng.standard_normal((3, 4, 4))
    model = ns.Model(dim=4, attention=ns.Softmax(query=Q, key=K, value=V))
    assert ns.Model.from_toml(model.to_toml()) == model
    assert model != ns.Model(dim=4, attention=ns.Softmax(query=Q, key=K, value=K))


def test_kinds_differ():
    assert ns.Softmax() != ns.Unnormalized()
    assert ns.Softmax() == ns.Softmax(beta=1.0, value=1.0)
    assert len({ns.Softmax(), ns.Softmax(beta=1.0), ns.Softmax(2.0)}) == 2


def test_models_are_frozen(rng):
    model = ns.Model(dim=3, noise=ns.MLP("relu", 8))
    with pytest.raises(AttributeError):
        model.dim = 4
    Q = rng.standard_normal((3, 3))
    attention = ns.Softmax(query=Q, key=Q)
    Q[0, 0] = 7
    assert attention.query[0, 0] != 7
    with pytest.raises(ValueError, match="read-only"):
        attention.query[0, 0] = 7


def test_the_kernel_is_the_one_of_the_noise():
    noise = ns.MLP("relu", 8, sigma_u=0.1, sigma_w=0.2)
    kernel = ns.Model(dim=5, noise=noise).kernel
    assert kernel.variance == ns.Kernel("relu", 5, 0.1, 0.2).variance
    with pytest.raises(ns.ArgumentError, match="the model has no noise"):
        _ = ns.Model(dim=5).kernel


def test_the_kernel_error_is_the_one_of_the_noise():
    field = ns.GaussianField("tanh", sampler="harmonic", tolerance=1e-3)
    assert ns.Model(dim=3, noise=field).kernel_error == field.kernel_error(3) > 0
    for noise in (None, ns.MLP("tanh", 8), ns.ValueNoise(), ns.IndependentNoise()):
        assert ns.Model(dim=3, noise=noise).kernel_error is None
    with pytest.raises(ns.ArgumentError, match="'auto' has no error of its own"):
        _ = ns.Model(dim=3, noise=ns.GaussianField("tanh")).kernel_error


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.Model(dim=1), "dim must be an integer of at least 2, got 1"),
        (lambda: ns.Model(dim=2.5), "dim must be an integer of at least 2, got 2.5"),
        (lambda: ns.Model(dim=3, attention="softmax"), "attention must be Softmax, Unnorm"),
        (lambda: ns.Model(dim=3, noise=1.0), "noise must be .*MLP, .*or None, got 1.0"),
        (lambda: ns.Softmax(beta=np.nan), "beta must be a finite number, got nan"),
        (lambda: ns.Softmax(beta="cold"), "beta must be a finite number, got 'cold'"),
        (lambda: ns.Softmax(query=np.eye(3)), "key must be given where query is, got None"),
        (lambda: ns.Softmax(1.0, query=np.eye(3), key=np.eye(3)), "beta must be left out"),
        (lambda: ns.Softmax(query=np.eye(3), key=np.eye(2)), r"same shape, got \(3, 3\)"),
        (lambda: ns.Softmax(value=np.ones((2, 3))), r"value must be a number or square"),
        (lambda: ns.Softmax(value=[[1, np.inf], [0, 1]]), r"value must be finite, got inf at"),
        (
            lambda: ns.Model(dim=4, attention=ns.Softmax(value=np.eye(3))),
            r"value must have 4 columns like the tokens, got shape \(3, 3\)",
        ),
        (lambda: ns.MLP("relu", 0), "width must be a positive integer, got 0"),
        (lambda: ns.MLP("relu", True), "width must be a positive integer, got True"),
        (lambda: ns.MLP("relu", 8, sigma_u=-1), "sigma_u must be a non-negative number, got -1"),
        (lambda: ns.MLP("relu", 8, sigma_w=np.inf), "sigma_w must be a non-negative number"),
        (lambda: ns.MLP("rellu", 8), r"got 'rellu' \(did you mean 'relu'\?\)"),
        (lambda: ns.MLP("Tanh", 8), r"\(did you mean 'tanh'\?\)"),
        (lambda: ns.MLP(None, 8), "activation must be one of elu, .*, got None"),
        (lambda: ns.Model.from_dict({"dim": 3, "nois": {}}), r"did you mean 'noise'"),
        (lambda: ns.Model.from_dict({}), "the key 'dim' is missing"),
        (lambda: ns.Model.from_dict([1]), r"model must be a table, got \[1\]"),
        (lambda: ns.Model.from_toml("dim = "), "model: not valid TOML"),
        (lambda: ns.MLP("swish", 8), r"got 'swish' \(did you mean 'silu'\?\)"),
        (lambda: ns.Model.from_dict({"dim": 3, "noise": {"type": "mpl"}}), "did you mean 'mlp'"),
        (lambda: ns.Model.from_dict({"dim": 3, "noise": {}}), "the key 'type' is missing"),
        (lambda: ns.Model.from_dict({"dim": 3, "noise": 4}), "model.noise must be a table"),
        (
            lambda: ns.Model.from_dict({"dim": 3, "noise": {"type": "mlp", "widht": 4}}),
            r"model.noise: unknown key 'widht' \(did you mean 'width'\?\)",
        ),
        (
            lambda: ns.Model.from_dict({"dim": 3, "noise": {"type": "mlp", "width": 4}}),
            "model.noise: the key 'activation' is missing",
        ),
    ],
)
def test_bad_models(make, message):
    with pytest.raises(ns.NoisyncError, match=message) as error:
        make()
    assert isinstance(error.value, (ValueError, TypeError))
