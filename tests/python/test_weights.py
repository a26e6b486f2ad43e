"""Weighted tokens: a measure is what its tokens and weights say, however it is cut into tokens.

Two tokens of weight w/2 at one place are one of weight w. A token of weight 0 is a test token: it
moves as any token at its place would, and changes nobody else.
"""

from __future__ import annotations

import numpy as np
import pytest

import noisync as ns

DIM = 3


class Tokens:
    """Tokens with weights; the same each cut in two; the same with test tokens among them."""

    def __init__(self, n, dim=DIM, spread=None):
        rng = np.random.default_rng(n)
        self.x = ns.sphere.uniform(n, dim, seed=n)
        if spread is not None:
            self.x = ns.sphere.normalize(self.x[0] + spread * self.x)
        self.w = rng.dirichlet(np.ones(n))
        self.halves = np.repeat(self.x, 2, axis=0), np.repeat(self.w / 2, 2)
        # Test tokens at the start, in the middle and at the end.
        self.own = np.sort(rng.choice(np.arange(1, n + 7), n, replace=False))
        everything = ns.sphere.uniform(n + 8, dim, seed=n + 1)
        everything[self.own] = self.x
        weights = np.zeros(n + 8)
        weights[self.own] = self.w
        self.tested = everything, weights


SMALL, LARGE = Tokens(11), Tokens(3000)
TIGHT = Tokens(40, spread=1e-3)

ATTENTIONS = {
    "softmax": ns.Softmax(beta=2.0),
    "unnormalised": ns.Unnormalized(beta=1.5, value=-1.0),
    "matrices": ns.Softmax(query=[[1, 0.5, 0]], key=[[0, 1, 2]], value=np.diag([1.0, 2, 3])),
    "L2": ns.L2(beta=1.0),
    "Sinkhorn": ns.Sinkhorn(beta=1.5, tolerance=1e-13),
    "heads": [ns.Softmax(beta=1.0), ns.Unnormalized(beta=0.5, value=-1.0)],
    "steep": ns.Softmax(query=50 * np.eye(3), key=50 * np.eye(3)),
}


@pytest.mark.parametrize("name", ATTENTIONS)
@pytest.mark.parametrize("tokens", [SMALL, TIGHT, LARGE], ids=["small", "tight", "large"])
@pytest.mark.parametrize("method", ["direct", "auto"])
def test_attention(name, tokens, method):
    def drift(x, w):
        return ns.attention_drift(ATTENTIONS[name], x, w, method=method)

    plain = drift(tokens.x, tokens.w)
    # Rounding errors are relative to ‖V‖, which is 1 or more, not to a sum of heads that cancels.
    atol = 3e-14 * max(np.abs(plain).max(), 1) if method == "direct" else 2e-12
    np.testing.assert_allclose(drift(*tokens.halves)[::2], plain, rtol=0, atol=atol)
    np.testing.assert_allclose(drift(*tokens.tested)[tokens.own], plain, rtol=0, atol=atol)


def test_a_test_token_feels_what_a_token_at_its_place_would():
    x, w = SMALL.x, SMALL.w
    drift = ns.attention_drift(ns.Softmax(beta=2.0), np.append(x, x[:1], axis=0), np.append(w, 0))
    np.testing.assert_allclose(drift[-1], drift[0], rtol=1e-14)


MODELS = {
    "mlp": ns.Model(DIM, ns.Softmax(beta=1.0), ns.MLP("tanh", 32, sigma_u=0.1)),
    "field": ns.Model(DIM, ns.Unnormalized(beta=1.0), ns.GaussianField("erf", sampler="harmonic")),
    "values": ns.Model(DIM, ns.Softmax(beta=1.0), ns.ValueNoise(beta=0.5)),
}


@pytest.mark.parametrize("beta", [1e-6, 1.0, 30.0])
@pytest.mark.parametrize("tokens", [SMALL, TIGHT, LARGE], ids=["small", "tight", "large"])
@pytest.mark.parametrize("method", ["direct", "auto"])
def test_energy(tokens, beta, method):
    energy = ns.measure.energy(tokens.x, beta, tokens.w, method=method)
    for x, w in (tokens.halves, tokens.tested):
        np.testing.assert_allclose(ns.measure.energy(x, beta, w, method=method), energy, rtol=1e-12)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("tokens", [SMALL, TIGHT], ids=["small", "tight"])
def test_budget(name, tokens):
    plain = ns.measure.budget(MODELS[name], tokens.x, 2.0, tokens.w)
    for x, w in (tokens.halves, tokens.tested):
        np.testing.assert_allclose(ns.measure.budget(MODELS[name], x, 2.0, w), plain, rtol=1e-9)


def test_order_parameters():
    plain = ns.measure.order_parameters(LARGE.x, LARGE.w)
    for x, w in (LARGE.halves, LARGE.tested):
        np.testing.assert_allclose(ns.measure.order_parameters(x, w), plain, rtol=1e-12)


def test_cosines():
    masses, edges = ns.measure.cosines(LARGE.x, 9, LARGE.w)
    np.testing.assert_allclose(masses.sum(), 1, rtol=1e-12)
    for x, w in (LARGE.halves, LARGE.tested):
        np.testing.assert_allclose(ns.measure.cosines(x, 9, w).counts, masses, rtol=1e-12)
    # The definition, on few tokens; and equal weights against counts.
    products = np.clip(SMALL.x @ SMALL.x.T, -1, 1)
    np.fill_diagonal(products, 1)
    expected = np.histogram(products, edges, weights=np.outer(SMALL.w, SMALL.w))[0]
    np.testing.assert_allclose(ns.measure.cosines(SMALL.x, 9, SMALL.w).counts, expected, rtol=1e-12)
    counts = ns.measure.cosines(SMALL.x, 9).counts
    equal = ns.measure.cosines(SMALL.x, 9, np.full(11, 1 / 11)).counts
    np.testing.assert_allclose(equal, (2 * counts + 11 * (np.arange(9) == 8)) / 121, rtol=1e-12)
    assert counts.dtype == np.int64


def test_clusters():
    angles = np.array([0.0, 0.15, 0.3, 2.0, 2.1, 4.0])
    x = np.column_stack([np.cos(angles), np.sin(angles)])
    np.testing.assert_array_equal(ns.measure.clusters(x, 0.2), [0, 0, 0, 1, 1, 2])
    # By mass; the token in between, of weight 0, links nothing and belongs to the nearer one; the
    # last one to none.
    labels = ns.measure.clusters(x, 0.2, [0.1, 0.0, 0.2, 0.3, 0.4, 0.0])
    assert labels.tolist()[0] == 2
    assert labels.tolist()[1] in (1, 2)
    assert labels.tolist()[2:] == [1, 0, 0, -1]
    equal = ns.measure.clusters(LARGE.x, 0.08, np.full(3000, 1 / 3000))
    plain = ns.measure.clusters(LARGE.x, 0.08)
    assert len(set(zip(equal, plain, strict=True))) == plain.max() + 1
    labels = ns.measure.clusters(LARGE.x, 0.08, LARGE.w)
    masses = np.bincount(labels, LARGE.w)
    assert np.all(np.diff(masses) <= 0)
    np.testing.assert_array_equal(
        ns.measure.clusters(LARGE.halves[0], 0.08, LARGE.halves[1])[::2], labels
    )
    np.testing.assert_array_equal(
        ns.measure.clusters(LARGE.tested[0], 0.08, LARGE.tested[1])[LARGE.own], labels
    )


OBSERVERS = [
    ns.Energy(beta=1.0),
    ns.Budget(beta=1.0),
    ns.OrderParameters(),
    ns.Clusters(angle=0.3),
    ns.Cosines(bins=6, weighted=True),
]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("scheme", ["layer", "euler"])
def test_runs(name, scheme):
    def run(x, w, token):
        return ns.simulate(
            MODELS[name], x, weights=w, horizon=1.0, layers=12, seed=3, scheme=scheme,
            observe=[*OBSERVERS, ns.Lyapunov(k=2, token=token)],
        )  # fmt: skip

    plain = run(SMALL.x, SMALL.w, 4)
    halves = run(*SMALL.halves, 9)
    np.testing.assert_array_equal(halves.tokens[:, ::2], halves.tokens[:, 1::2])
    tested = run(*SMALL.tested, int(SMALL.own[4]))
    for other, own in ((halves, slice(None, None, 2)), (tested, SMALL.own)):
        np.testing.assert_allclose(other.tokens[:, own], plain.tokens, rtol=0, atol=1e-12)
        np.testing.assert_allclose(other.energy(2.0), plain.energy(2.0), rtol=1e-11)
        for observer in plain.observed:
            np.testing.assert_allclose(
                other.observed[observer], plain.observed[observer], rtol=1e-9, atol=1e-12
            )


def test_a_test_token_follows_the_flow():
    # At the place of a token it stays with it, and has its Lyapunov exponents.
    x, w = np.append(SMALL.x, SMALL.x[3:4], axis=0), np.append(SMALL.w, 0)
    common = {"horizon": 1.0, "layers": 10, "seed": 1}
    run = ns.simulate(MODELS["mlp"], x, weights=w, observe=[ns.Lyapunov(2, token=11)], **common)
    np.testing.assert_allclose(run.tokens[:, 11], run.tokens[:, 3], rtol=0, atol=1e-14)
    own = ns.simulate(
        MODELS["mlp"], SMALL.x, weights=SMALL.w, observe=[ns.Lyapunov(2, token=3)], **common
    )
    np.testing.assert_allclose(run.observed["lyapunov"], own.observed["lyapunov"], rtol=1e-9)


def test_ensembles_and_files(tmp_path):
    common = {"horizon": 0.5, "layers": 4, "seed": 2, "observe": OBSERVERS}
    data = ns.ensemble(
        MODELS["mlp"], SMALL.tested[0], weights=SMALL.tested[1], replicates=3, **common
    )
    plain = ns.ensemble(MODELS["mlp"], SMALL.x, weights=SMALL.w, replicates=3, **common)
    for name in ("energy", "budget", "order", "clusters", "cosines"):
        np.testing.assert_allclose(data[name], plain[name], rtol=1e-9, atol=1e-12)
    run = ns.simulate(MODELS["mlp"], SMALL.tested[0], weights=SMALL.tested[1], **common)
    run.save(tmp_path / "run.nc")
    loaded = ns.load(tmp_path / "run.nc")
    np.testing.assert_array_equal(loaded.weights, SMALL.tested[1])
    np.testing.assert_array_equal(loaded.energy(1.0), run.energy(1.0))


def test_noise_of_values_at_weighted_tokens():
    noise = ns.ValueNoise(beta=1.0)
    plain = ns.sample_field(noise, SMALL.x, weights=SMALL.w, layers=2)
    halves = ns.sample_field(noise, SMALL.halves[0], weights=SMALL.halves[1], layers=2)
    tested = ns.sample_field(noise, SMALL.tested[0], weights=SMALL.tested[1], layers=2)
    np.testing.assert_allclose(halves[:, ::2], plain, rtol=1e-12)
    np.testing.assert_allclose(tested[:, SMALL.own], plain, rtol=1e-12)


def test_figures_show_weights():
    axes = ns.plot.tokens(
        SMALL.tested[0][:, :2] / np.linalg.norm(SMALL.tested[0][:, :2], axis=1)[:, None],
        weights=SMALL.tested[1],
    )
    areas = axes.collections[0].get_sizes()
    assert areas[0] == areas.min()
    assert areas[SMALL.own[np.argmax(SMALL.w)]] == areas.max()
    run = ns.simulate(MODELS["mlp"], SMALL.x, weights=SMALL.w, horizon=0.5, layers=4)
    with pytest.raises(ns.ArgumentError, match="weights must be left out for a Trajectory"):
        ns.plot.tokens(run, weights=SMALL.w)
    plane = ns.plot.leading_plane(SMALL.x, SMALL.w)
    np.testing.assert_allclose(ns.plot.leading_plane(*SMALL.tested), plane, atol=1e-12)
    moments = np.einsum("i,ia,ib->ab", SMALL.w, SMALL.x, SMALL.x)
    values = np.linalg.eigvalsh(moments)[::-1]
    np.testing.assert_allclose(plane.T @ moments @ plane, np.diag(values[:2]), atol=1e-12)
    ns.plot.cosines(run)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: ns.measure.cosines(SMALL.x, 5, w), "weights"),
        (lambda w: ns.measure.clusters(SMALL.x, 0.1, w), "weights"),
        (lambda w: ns.sample_field(ns.ValueNoise(), SMALL.x, weights=w), "weights"),
        (lambda w: ns.plot.tokens(SMALL.x, weights=w), "weights"),
        (lambda w: ns.plot.leading_plane(SMALL.x, w), "weights"),
        (lambda w: ns.measure.energy(SMALL.x, 1.0, w), "weights"),
        (lambda w: ns.attention_drift(ns.Softmax(), SMALL.x, w), "weights"),
        (lambda w: ns.simulate(MODELS["mlp"], SMALL.x, horizon=1, layers=1, weights=w), "weights"),
    ],
)
@pytest.mark.parametrize(
    "wrong", [np.zeros(11), np.full(11, 1.0), np.full(3, 1 / 3), np.append(np.full(10, 0.2), -1)]
)
def test_bad_weights(call, message, wrong):
    with pytest.raises(ns.ArgumentError, match=message):
        call(wrong)


def test_bad_flag():
    with pytest.raises(ns.ArgumentTypeError, match="weighted must be True or False, got 1"):
        ns.Cosines(weighted=1)
