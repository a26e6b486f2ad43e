"""Causal masks: against the plain formula, and what they do to tokens."""

import numpy as np
import pytest
import reference

import noisync as ns
from noisync.attention.summation import summation

MASKS = [
    ns.Causal(),
    ns.Causal(include_self=False),
    ns.Causal(decay=3.0),
    ns.Causal(include_self=False, decay=3.0),
]


def plain(attention, x, w):
    d = x.shape[1]
    scalar = attention.query is None
    value = attention.value * np.eye(d) if np.isscalar(attention.value) else attention.value
    if isinstance(attention, ns.L2):
        root = np.sqrt(attention.beta) * np.eye(d) if scalar else None
        matrices = (root, root) if scalar else (attention.query, attention.key)
        return reference.distance_attention(x, w, *matrices, value, attention.mask)
    query = attention.beta * np.eye(d) if scalar else attention.query
    key = np.eye(d) if scalar else attention.key
    normalized = isinstance(attention, ns.Softmax)
    return reference.attention(x, w, query, key, value, normalized=normalized, mask=attention.mask)


def weights_of(n, rng):
    """Some of them 0, the first among them."""
    w = rng.random(n) * (np.arange(n) % 4 > 0) if n > 1 else np.ones(1)
    return w / w.sum()


@pytest.mark.parametrize("mask", MASKS, ids=repr)
@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized, ns.L2])
@pytest.mark.parametrize("n", [1, 2, 24, 25, 63, 65, 200])
@pytest.mark.parametrize("d", [2, 5, 8, 9, 64])
def test_scalar_logits(mask, kind, n, d, rng):
    x = ns.sphere.uniform(n, d, seed=n + d)
    attention = kind(beta=2.0, value=-0.5, mask=mask)
    for w in (np.full(n, 1 / n), weights_of(n, rng)):
        expected = plain(attention, x, w)
        drift = ns.attention_drift(attention, x, w)
        np.testing.assert_allclose(drift, expected, rtol=1e-12, atol=1e-13)
        single = ns.attention_drift(attention, x.astype(np.float32), w)
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, expected, atol=3e-5)


@pytest.mark.parametrize("mask", MASKS, ids=repr)
@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized, ns.L2])
@pytest.mark.parametrize("heads", [1, 6])
def test_matrices_and_weights(mask, kind, heads, rng):
    n, d = 150, 6
    x, w = ns.sphere.uniform(n, d), weights_of(n, rng)
    query, key = rng.standard_normal((2, heads, d))
    value = rng.standard_normal((d, d))
    attention = kind(query=query, key=key, value=value, mask=mask)
    expected = plain(attention, x, w)
    np.testing.assert_allclose(
        ns.attention_drift(attention, x, w), expected, rtol=1e-11, atol=1e-13
    )
    one, two, three = (ns.attention_drift(attention, x, w, threads=t) for t in (1, 2, 3))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("mask", MASKS, ids=repr)
@pytest.mark.parametrize("beta", [500.0, -500.0])
@pytest.mark.parametrize("d", [3, 12])
def test_low_temperatures_neither_overflow_nor_vanish(mask, beta, d):
    x = ns.sphere.uniform(100, d)
    attention = ns.Softmax(beta, mask=mask)
    expected = plain(attention, x, 0.01)
    np.testing.assert_allclose(ns.attention_drift(attention, x), expected, rtol=1e-9, atol=1e-11)
    single = ns.attention_drift(attention, x.astype(np.float32))
    np.testing.assert_allclose(single, expected, atol=2e-2)


def test_with_all_in_sight_the_last_token_feels_no_mask(rng):
    x, w = ns.sphere.uniform(50, 4), rng.dirichlet(np.ones(50))
    for kind in (ns.Softmax, ns.Unnormalized, ns.L2):
        masked = ns.attention_drift(kind(2.0, mask=ns.Causal()), x, w)
        np.testing.assert_allclose(masked[-1], ns.attention_drift(kind(2.0), x, w)[-1], rtol=1e-13)


def test_a_token_that_sees_no_weight_does_not_move():
    x = ns.sphere.uniform(6, 3)
    w = [0.0, 0.0, 0.5, 0.0, 0.25, 0.25]
    for kind in (ns.Softmax, ns.Unnormalized, ns.L2):
        for include_self, still in ((True, 2), (False, 3)):
            attention = kind(1.5, mask=ns.Causal(include_self))
            drift = ns.attention_drift(attention, x, w)
            assert not drift[:still].any()
            assert drift[still:].any(axis=1).all()
            run = ns.simulate(ns.Model(3, attention), x, weights=w, horizon=1.0, layers=4)
            np.testing.assert_allclose(run.tokens[-1][:still], x[:still], atol=1e-15)


@pytest.mark.parametrize("mask", MASKS, ids=repr)
@pytest.mark.parametrize("kind", [ns.Softmax, ns.Unnormalized])
@pytest.mark.parametrize("d", [2, 3])
def test_all_tokens_gather_at_the_first(mask, kind, d):
    """Token 1 never moves, and all come to it, for β ≤ 2 (MODEL.md §2)."""
    x = ns.sphere.uniform(8, d, seed=3)
    model = ns.Model(d, kind(beta=1.5, mask=mask))
    run = ns.simulate(model, x, horizon=120.0, layers=600, save=600)
    last = run.tokens[-1]
    np.testing.assert_allclose(last[0], x[0], atol=1e-13)
    assert np.linalg.norm(last - x[0], axis=1).max() < 1e-6
    # Power: without a mask they gather elsewhere.
    free = ns.simulate(ns.Model(d, kind(beta=1.5)), x, horizon=120.0, layers=600, save=600)
    assert np.linalg.norm(free.tokens[-1] - x[0], axis=1).min() > 0.1


@pytest.mark.parametrize("mask", MASKS, ids=repr)
def test_repelled_the_second_token_goes_opposite_the_first(mask):
    x = ns.sphere.uniform(8, 3, seed=3)
    model = ns.Model(3, ns.Softmax(beta=0.5, value=-1.0, mask=mask))
    run = ns.simulate(model, x, horizon=120.0, layers=600, save=600)
    last = run.tokens[-1]
    np.testing.assert_allclose(last[0], x[0], atol=1e-13)
    np.testing.assert_allclose(last[1], -x[0], atol=1e-9)
    assert np.linalg.norm(last.mean(axis=0)) < 0.5  # nothing gathers


def test_general_matrices_gather_too(rng):
    x = ns.sphere.uniform(6, 3, seed=1)
    query, key = rng.standard_normal((2, 2, 3))
    model = ns.Model(3, ns.Softmax(query=query, key=key, mask=ns.Causal()))
    run = ns.simulate(model, x, horizon=200.0, layers=1000, save=1000)
    assert np.linalg.norm(run.tokens[-1] - x[0], axis=1).max() < 1e-6


@pytest.mark.parametrize("mask", MASKS, ids=repr)
def test_the_budget_of_a_masked_attention(mask, rng):
    x, w = ns.sphere.uniform(40, 4), rng.dirichlet(np.ones(40))
    attention = ns.Softmax(2.0, value=-0.7, mask=mask)
    budget = ns.measure.budget(ns.Model(4, attention), x, 1.5, w)
    expected, _ = reference.budget(x, w, 1.5, lambda y: plain(attention, y, w), None)
    assert budget.attention == pytest.approx(expected, rel=1e-10)
    run = ns.simulate(
        ns.Model(4, attention), x, weights=w, horizon=0.1, layers=1, observe=[ns.Budget(1.5)]
    )
    assert float(run.observed["budget"][0, 0]) == budget.attention


def test_a_mask_goes_direct_where_it_is_left_to_noisync():
    attention = ns.Softmax(4.0, mask=ns.Causal())
    assert summation(attention, 3, 10**6, "auto", 1e-9).method == "direct"
    x = ns.sphere.uniform(9, 3)
    for kind in (ns.Softmax, ns.Unnormalized, ns.L2):
        with pytest.raises(ns.ArgumentError, match=r"'harmonic' sums over all tokens and serves n"):
            ns.attention_drift(kind(4.0, mask=ns.Causal()), x, method="harmonic")
    heads = [ns.Softmax(4.0), attention]
    with pytest.raises(ns.ArgumentError, match=r"serves no mask, got mask=Causal\(include_self=T"):
        ns.simulate(ns.Model(3, heads), x, horizon=1.0, layers=1, method="harmonic")


def test_growth_is_not_known_under_a_mask():
    assert ns.attention_growth(ns.Softmax(2.0, mask=ns.Causal()), 2.0) is None
    assert ns.attention_growth(ns.L2(1.0, -1.0, mask=ns.Causal()), 2.0) is None
    assert ns.attention_growth(ns.Softmax(2.0, 0.0, mask=ns.Causal()), 2.0) == 0.0


def test_masked_models_round_trip():
    model = ns.Model(3, [ns.Softmax(2.0, mask=mask) for mask in MASKS])
    for copy in (ns.Model.from_dict(model.to_dict()), ns.Model.from_toml(model.to_toml())):
        assert copy == model
        assert copy.attention[3].mask == ns.Causal(include_self=False, decay=3.0)
        assert hash(copy) == hash(model)
    assert ns.Softmax(mask=ns.Causal()) != ns.Softmax()
    text = 'dim = 3\n[attention]\ntype = "softmax"\nmask = { type = "causal", decay = 1 }'
    assert ns.Model.from_toml(text).attention == ns.Softmax(mask=ns.Causal(decay=1.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.Causal(decay=-0.5), "decay must be a non-negative number, got -0.5"),
        (lambda: ns.Causal(decay=np.nan), "decay must be a non-negative number, got nan"),
        (lambda: ns.Causal(decay="slow"), "decay must be a non-negative number, got 'slow'"),
        (lambda: ns.Causal(1), "include_self must be True or False, got 1"),
        (lambda: ns.Softmax(mask="causal"), "mask must be Causal or None, got 'causal'"),
        (lambda: ns.Softmax(mask=True), "mask must be Causal or None, got True"),
        (
            lambda: ns.Model.from_toml('dim = 3\nattention.type = "l2"\nattention.mask = "causal"'),
            "model.attention.mask must be a table, got 'causal'",
        ),
        (
            lambda: ns.Model.from_dict(
                {"dim": 3, "attention": {"type": "l2", "mask": {"type": "causal", "decai": 1}}}
            ),
            r"model.attention.mask: unknown key 'decai' \(did you mean 'decay'\?\)",
        ),
    ],
)
def test_bad_masks(make, message):
    with pytest.raises(ns.NoisyncError, match=message):
        make()
