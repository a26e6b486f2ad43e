"""Attentions that add: a list is multi-head attention."""

import numpy as np
import pytest

import noisync as ns


def heads(rng, d=4):
    Q, K, V = rng.standard_normal((3, 2, d))
    value = rng.standard_normal((d, d))
    return [
        ns.Softmax(2.0, value=-0.5),
        ns.Unnormalized(1.0, value=value),
        ns.L2(query=Q, key=K),
        ns.Softmax(query=K, key=V),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_drift_is_the_sum_of_the_heads(dtype, rng):
    x, w = ns.sphere.uniform(70, 4).astype(dtype), rng.dirichlet(np.ones(70))
    every = heads(rng)
    drift = ns.attention_drift(every, x, w)
    assert drift.dtype == dtype
    expected = sum(ns.attention_drift(head, x, w) for head in every)
    np.testing.assert_array_equal(drift, expected)
    np.testing.assert_array_equal(drift, ns.attention_drift(tuple(every), x, w, threads=3))


def test_a_run_of_several_heads(rng):
    every = heads(rng)
    model = ns.Model(4, every, ns.MLP("tanh", 16))
    assert model.attention == tuple(every)
    x = ns.sphere.uniform(20, 4)
    options = {"horizon": 0.5, "layers": 1, "scheme": "euler"}
    run = ns.simulate(model, x, **options)
    field = ns.sample_field(model.noise, x)[0]
    moved = x + 0.5 * ns.attention_drift(every, x) + np.sqrt(0.5) * field
    np.testing.assert_allclose(run.tokens[1], ns.sphere.normalize(moved), atol=1e-14)


def test_one_head_of_a_list_is_that_head():
    x = ns.sphere.uniform(30, 3)
    runs = [
        ns.simulate(ns.Model(3, attention), x, horizon=1.0, layers=4)
        for attention in (ns.Softmax(2.0), [ns.Softmax(2.0)])
    ]
    np.testing.assert_array_equal(runs[0].tokens, runs[1].tokens)
    assert runs[0].model.attention == ns.Softmax(2.0)
    assert runs[1].model.attention == (ns.Softmax(2.0),)
    assert runs[0].model != runs[1].model


def test_each_head_takes_the_way_that_suits_it():
    """β = 4 in linear time, a stretched key directly: within tol of the direct sums."""
    every = [ns.Softmax(4.0), ns.Softmax(query=np.eye(3), key=np.diag([1.0, 2.0, 3.0]))]
    x = ns.sphere.uniform(3000, 3)
    direct = ns.simulate(ns.Model(3, every), x, horizon=0.1, layers=2, method="direct")
    mixed = ns.simulate(ns.Model(3, every), x, horizon=0.1, layers=2, tol=1e-9)
    assert (direct.method, mixed.method) == ("direct", "harmonic")
    np.testing.assert_allclose(mixed.tokens, direct.tokens, atol=1e-9)
    assert not np.array_equal(mixed.tokens, direct.tokens)
    with pytest.raises(ns.ArgumentError, match="'harmonic' needs QᵀK = β times an orthogonal"):
        ns.simulate(ns.Model(3, every), x, horizon=0.1, layers=2, method="harmonic")


def test_models_round_trip(rng):
    for attention in (heads(rng), heads(rng)[:1], ns.L2(2.0)):
        model = ns.Model(4, attention)
        for copy in (ns.Model.from_dict(model.to_dict()), ns.Model.from_toml(model.to_toml())):
            assert copy == model
            assert type(copy.attention) is type(model.attention)
            assert hash(copy) == hash(model)
    assert ns.Model(4, [ns.L2(), ns.Softmax()]) != ns.Model(4, [ns.Softmax(), ns.L2()])


def test_a_run_of_several_heads_is_saved_and_read(tmp_path, rng):
    run = ns.simulate(ns.Model(4, heads(rng)), ns.sphere.uniform(9, 4), horizon=1.0, layers=2)
    run.save(tmp_path / "run.nc")
    assert ns.load(tmp_path / "run.nc").model == run.model


def test_the_budget_adds_too(rng):
    every = heads(rng)
    x = ns.sphere.uniform(40, 4)
    parts = [ns.measure.budget(ns.Model(4, head), x, 1.5).attention for head in every]
    total = ns.measure.budget(ns.Model(4, every), x, 1.5).attention
    assert total == pytest.approx(sum(parts), rel=1e-10)


def test_known_growths_add():
    x = [ns.Softmax(2.0, -0.5), ns.Softmax(2.0, 1.0), ns.L2(1.0, -0.25)]
    assert ns.attention_growth(x, 2.0) == 4 * 0.5 + 4 * 0.25
    assert ns.attention_growth([*x, ns.Unnormalized(2.0)], 2.0) is None
    bound = ns.energy_bound(ns.Model(3, x), [0.0, 1.0], 1.0, 2.0)
    np.testing.assert_allclose(bound, [1.0, np.exp(3.0)])


@pytest.mark.parametrize(
    ("attention", "message"),
    [
        ([], "attention must hold at least one part, got an empty list"),
        ((), "attention must hold at least one part"),
        ([ns.Softmax(), "softmax"], r"attention\[1\] must be Softmax, .* got 'softmax'"),
        ([ns.Softmax(), None], r"attention\[1\] must be Softmax, .* got None"),
        ([ns.Softmax(), [ns.L2()]], r"attention\[1\] must be Softmax, .* got \[L2"),
        (
            [ns.Softmax(query=np.eye(3), key=np.eye(3)), ns.L2(query=np.eye(4), key=np.eye(4))],
            r"attention\[1\].query must have 3 columns like the tokens, got shape \(4, 4\)",
        ),
    ],
)
def test_bad_lists(attention, message):
    for call in (
        lambda: ns.Model(3, attention),
        lambda: ns.attention_drift(attention, ns.sphere.uniform(5, 3)),
    ):
        with pytest.raises(ns.NoisyncError, match=message):
            call()


def test_bad_tables():
    with pytest.raises(ns.ArgumentError, match="attention must hold at least one part"):
        ns.Model.from_dict({"dim": 3, "attention": []})
    with pytest.raises(ns.ArgumentError, match=r"model.attention\[1\].type must be one of"):
        ns.Model.from_toml('dim = 3\nattention = [{ type = "l2" }, { type = "l3" }]')
    with pytest.raises(ns.ArgumentError, match=r"model.attention\[0\]: unknown key 'betta'"):
        ns.Model.from_toml('dim = 3\n[[attention]]\ntype = "l2"\nbetta = 1')
