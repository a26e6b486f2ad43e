"""Laws of initial tokens: what they draw is what their densities say."""

import json
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import reference
from mpmath import mp
from scipy import stats

import noisync as ns
from noisync import _core
from noisync.sphere import Density, Mixture, Uniform, VonMisesFisher
from noisync.storage.plain import NotGivenError, plain, restored

S = ns.sphere


def axis(dim, k=0):
    return np.eye(dim)[k]


def tilted(x):
    """The density 1 + ⟨x, e₁⟩, of mean 1 in every dimension."""
    return 1 + x[:, 0]


LAWS = [
    Uniform(64, 2),
    Uniform(64, 7),
    VonMisesFisher(64, axis(2), 3.0),
    VonMisesFisher(64, axis(3), 0.0),
    VonMisesFisher(64, axis(3), 20.0),
    VonMisesFisher(64, axis(9, 4), 30.0),
    Mixture([VonMisesFisher(64, axis(4), 50.0), Uniform(64, 4)], [0.25, 0.75]),
    Density(tilted, 3, n=64),
    Density(tilted, 5, n=64, bound=40.0),
]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_token_i_depends_on_seed_replicate_and_i_alone(law):
    whole = law.samples(2**40 + 3, 5, 3)
    assert whole.shape == (3, 64, law.dim)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=2), 1, rtol=0, atol=4e-16)
    np.testing.assert_array_equal(law.samples(2**40 + 3, 6, 1)[0], whole[1])
    np.testing.assert_array_equal(law.sample(2**40 + 3, 7), whole[2])
    np.testing.assert_array_equal(law.samples(2**40 + 3, 5, 3, rows=slice(10, 17)), whole[:, 10:17])
    assert law.samples(0, 0, 0).shape == (0, 64, law.dim)
    assert law.samples(0, 0, 2, rows=slice(9, 9)).shape == (2, 0, law.dim)
    # Replicates, and seeds that agree in their lower 32 bits, are others.
    draws = [*whole, law.sample(3, 5), law.sample(2**41 + 3, 5), law.sample(2**40 + 4, 5)]
    assert len({draw.tobytes() for draw in draws}) == len(draws)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_fewer_tokens_are_the_first_of_more(law):
    if isinstance(law, Mixture):
        few = Mixture([VonMisesFisher(9, axis(4), 50.0), Uniform(9, 4)], law.weights)
    elif isinstance(law, Uniform):
        few = Uniform(9, law.dim)
    elif isinstance(law, VonMisesFisher):
        few = VonMisesFisher(9, law.mean, law.concentration)
    else:
        few = Density(tilted, law.dim, n=9, bound=law.bound)
    np.testing.assert_array_equal(few.sample(4), law.sample(4)[:9])


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_laws_compare_by_value_and_travel(law):
    copy = pickle.loads(pickle.dumps(law))
    assert copy == law
    assert hash(copy) == hash(law)
    assert len({repr(other) for other in LAWS}) == len(LAWS)
    assert sum(other == law for other in LAWS) == 1
    with pytest.raises(FrozenInstanceError):
        law.n = 3


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_a_checkpoint_keeps_laws(law):
    arrays = {}
    kept = plain(law, arrays)
    json.dumps(kept)
    if isinstance(law, Density):  # a function has to be given again
        with pytest.raises(NotGivenError, match="tilted"):
            restored(kept, arrays)
    else:
        assert restored(kept, arrays) == law


def test_draws_over_blocks_of_rows_are_one():
    law = VonMisesFisher(2**16 + 10, axis(4), 2.0)
    np.testing.assert_array_equal(
        law.samples(1, 0, 1)[0, 2**16 - 3 :], law.samples(1, 0, 1, rows=slice(2**16 - 3, None))[0]
    )


def test_choices_are_the_documented_words():
    tokens = np.array([0, 1, 7, 2**32 - 1], dtype=np.uint64)
    drawn = _core.initial_choices(2**50 + 9, 3, 12, tokens)
    for token, pair in zip(tokens.tolist(), drawn, strict=True):
        four = reference.words(2**50 + 9, 3, 12, 15, 4 * token, 4).tolist()
        bits = [(four[0] << 32 | four[1]) >> 12, (four[2] << 32 | four[3]) >> 12]
        np.testing.assert_array_equal(pair, (np.array(bits) + 0.5) / 2**52)
    uniform = Uniform(4, 3).sample(7, 2)
    normals = _core.initial_normals(7, 2, 0, np.arange(4, dtype=np.uint64), 3)
    np.testing.assert_allclose(S.normalize(normals), uniform, rtol=0, atol=3e-16)


def cosine_law(dim, kappa):
    """The distribution function of g = 1 − ⟨m, x⟩ under von Mises–Fisher, by quadrature."""
    # In θ, g = 1 − cos θ = 2 sin²(θ/2), density e^{−κg} sin^{d−2} θ; fine where it lives.
    width = min(np.pi, 12 * np.sqrt(dim / max(kappa, 1e-300)))
    theta = np.linspace(0, width, 40_001)
    density = np.exp(-2 * kappa * np.sin(theta / 2) ** 2) * np.sin(theta) ** (dim - 2)
    mass = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return lambda angle: np.interp(angle, theta, mass / mass[-1])


@pytest.mark.parametrize(
    ("dim", "kappa"),
    [(2, 0.0), (2, 1e-8), (2, 0.7), (2, 1e6), (3, 0.0), (3, 1e-9), (3, 5.0), (3, 1e6), (4, 3.0),
     (4, 1e12), (8, 0.1), (8, 60.0), (65, 10.0), (65, 1e4)],
)  # fmt: skip
def test_von_mises_fisher_draws_its_angles(dim, kappa):
    # Kolmogorov–Smirnov of the angle to the mean: false alarm 1e-6 each. |x − m| = 2 sin(θ/2).
    mean = S.uniform(1, dim, seed=dim)[0]
    x = VonMisesFisher(40_000, mean, kappa).sample(3)
    angle = 2 * np.arcsin(np.minimum(np.linalg.norm(x - mean, axis=1) / 2, 1))
    assert stats.kstest(angle, cosine_law(dim, kappa)).pvalue > 1e-6
    # Power: a concentration off by 7 %, where there is any.
    if kappa >= 0.7:
        assert stats.kstest(angle, cosine_law(dim, 1.07 * kappa)).pvalue < 1e-6
    # The direction about the mean is uniform: along any fixed tangent t of S^{d−2}, symmetric.
    tangent = axis(dim) - mean[0] * mean
    above = int(np.sum(x @ tangent > 0))
    assert stats.binomtest(above, len(x)).pvalue > 1e-6


@pytest.mark.parametrize("dim", [2, 3, 4, 8, 64, 1300])
@pytest.mark.parametrize("kappa", [0.0, 1e-200, 1e-5, 1.0, 50.0, 590.0, 610.0, 1e6])
def test_von_mises_fisher_density_is_normalised(dim, kappa):
    with mp.workdps(40):
        norm = mp.hyp0f1(mp.mpf(dim) / 2, mp.mpf(kappa) ** 2 / 4)
        for u in (-1.0, 0.0, 1.0):
            exact = float(mp.exp(mp.mpf(kappa) * u) / norm)
            x = u * axis(dim) + np.sqrt(1 - u**2) * axis(dim, 1)
            value = VonMisesFisher(None, axis(dim), kappa).density(x)
            assert value.shape == ()
            np.testing.assert_allclose(value, exact, rtol=4e-12, atol=1e-300)


@pytest.mark.parametrize(
    "law",
    [
        VonMisesFisher(None, axis(3), 4.0),
        VonMisesFisher(None, axis(5, 2), 3.0),
        Mixture([VonMisesFisher(None, axis(4), 5.0), Uniform(None, 4)], [0.7, 0.3]),
        Density(tilted, 2),
    ],
    ids=str,
)
def test_densities_have_mean_one(law):
    nodes, weights = S.quadrature(law.dim, 40)
    np.testing.assert_allclose(weights @ law.density(nodes), 1, rtol=1e-12)
    stacked = law.density(nodes.reshape(2, -1, law.dim))
    np.testing.assert_array_equal(stacked.ravel(), law.density(nodes))


def bins_of(x):
    """The number of the cell of the sphere that each point is in."""
    u = (np.floor((x[..., 0] + 1) * 3.999999)).astype(int)
    return 4 * u + 2 * (x[..., 1] > 0.2) + (x[..., -1] + x[..., 0] > 0.3)


@pytest.mark.parametrize(
    ("law", "wrong"),
    [
        (Density(tilted, 2, n=200_000), lambda x: 1 + 0.95 * x[:, 0]),
        (Density(tilted, 3, n=200_000, bound=7.0), lambda x: 1 + 0.95 * x[:, 0]),
        (
            Mixture([VonMisesFisher(200_000, axis(3), 9.0), Uniform(200_000, 3)], [0.3, 0.7]),
            lambda x: 0.31 / 0.3 * VonMisesFisher(None, axis(3), 9.0).density(x) * 0.3 + 0.69,
        ),
    ],
    ids=["circle", "sphere", "mixture"],
)
def test_points_have_their_density(law, wrong):
    # χ² of up to 32 cells whose masses come from quadrature: false alarm 1e-6; the wrong density,
    # off by a few percent, is seen.
    nodes, weights = S.quadrature(law.dim, {2: 20_001, 3: 601}[law.dim])
    counts = np.bincount(bins_of(law.sample(8)), minlength=32)

    def pvalue(values):
        masses = np.bincount(bins_of(nodes), weights * values, minlength=32)
        large = masses > 1e-3
        observed = np.append(counts[large], counts[~large].sum())
        expected = np.append(masses[large], masses[~large].sum()) * counts.sum()
        if expected[-1] < 5:
            observed, expected = observed[:-1], expected[:-1]
        return stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue

    assert pvalue(law.density(nodes)) > 1e-6
    assert pvalue(wrong(nodes)) < 1e-6


def test_rejection_in_five_dimensions():
    # Of the density ∝ (x₁ x₂)² the squares are Dirichlet(3/2, 3/2, 1/2, 1/2, 1/2).
    law = Density(lambda x: 35 * (x[:, 0] * x[:, 1]) ** 2, 5, n=100_000)
    square = law.sample(6) ** 2
    for coordinate, exact in ((0, (1.5, 3)), (1, (1.5, 3)), (2, (0.5, 4)), (4, (0.5, 4))):
        assert stats.kstest(square[:, coordinate], stats.beta(*exact).cdf).pvalue > 1e-6


class OwnLaw:
    """A law of the user: the same points in every replicate, turned by the seed."""

    def __init__(self, n, dim, answer=None):
        self.n, self.dim, self.answer = n, dim, answer

    def samples(self, seed, first, count):
        if self.answer is not None:
            return self.answer
        return np.tile(S.uniform(self.n, self.dim, seed % 2**32), (count, 1, 1))

    def density(self, points):
        return np.where(points[..., 0] > 0, 2.0, 0.0)


class RowLaw(OwnLaw):
    """One that can be drawn by rows."""

    def samples(self, seed, first, count, rows=slice(None)):
        return super().samples(seed, first, count)[:, rows]


@pytest.mark.parametrize("kind", [OwnLaw, RowLaw])
def test_mixtures_take_laws_of_the_user(kind):
    law = Mixture([kind(50, 3), VonMisesFisher(50, axis(3), 1e8)], [0.5, 0.5])
    whole = law.samples(3, 0, 2)
    np.testing.assert_array_equal(law.samples(3, 0, 2, rows=slice(20, 33)), whole[:, 20:33])
    gathered = np.linalg.norm(whole - axis(3), axis=2) < 1e-2
    assert 10 < gathered[0].sum() < 40  # of 50, false alarm 1e-6
    assert law.density(axis(3, 0)) > 1e6
    np.testing.assert_allclose(law.density([axis(3, 1), -axis(3)]), 0)


def test_mixtures_of_mixtures_choose_anew():
    # Were the inner choice that of the outer, the third law would never be seen.
    laws = [VonMisesFisher(4000, sign * axis(3, k), 1e9) for k, sign in [(0, 1), (0, -1), (1, 1)]]
    inner = Mixture(laws[:2], [0.5, 0.5])
    x = Mixture([laws[2], inner], [0.5, 0.5]).sample(1)
    counts = [np.sum(x @ np.asarray(law.mean) > 0.9) for law in laws]
    assert stats.chisquare(counts, [1000, 1000, 2000]).pvalue > 1e-6


def test_runs_start_from_laws():
    model = ns.Model(dim=3, noise=ns.MLP("tanh", 16))
    law = VonMisesFisher(8, axis(3), 5.0)
    run = ns.simulate(model, law, horizon=0.5, layers=2, seed=4, replicate=3)
    np.testing.assert_array_equal(run.tokens[0], law.sample(4, 3))
    data = ns.ensemble(
        model, law, replicates=2, first_replicate=2, horizon=0.5, layers=2, seed=4,
        observe=[ns.Tokens()],
    )  # fmt: skip
    np.testing.assert_array_equal(data.tokens[1], run.tokens)


def peaked(x):
    """A density whose peak no quadrature sees: 1, but for a cap of a few points."""
    return np.where(x[:, 0] > 1 - 1e-9, 1e7, 1.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(0, 3), "n must be a positive integer, got 0"),
        (lambda: Uniform(5, 1), "dim must be an integer of at least 2, got 1"),
        (lambda: Uniform(10**12, 2), "n must be at most 4294967296"),
        (lambda: Uniform(2**32, 2**20).sample(), r"n: drawing 1 x 4294967296 tokens .* GiB"),
        (lambda: Uniform(None, 3).sample(), r"n must be given where tokens are drawn, .*None"),
        (lambda: Uniform(4, 3).sample(-1), "seed must be a non-negative integer, got -1"),
        (lambda: Uniform(4, 3).sample(2**64), "seed must be at most"),
        (lambda: Uniform(4, 3).sample(0, 2**32), "replicate must be at most"),
        (lambda: Uniform(4, 3).samples(0, 0, 1, slice(0, 4, 2)), "rows must be a slice of step 1"),
        (lambda: Uniform(4, 3).samples(0, 0, 1, 3), "rows must be a slice, got 3"),
        (lambda: Uniform(4, 3).density([1.0, 0.0]), r"points must have shape \(..., 3\), got"),
        (lambda: Uniform(4, 3).density([1.0, 1.0, 0.0]), "points: row 0 has norm 1.41"),
        (lambda: VonMisesFisher(4, [1.0, 1.0], 2.0), "mean: row 0 has norm 1.41"),
        (lambda: VonMisesFisher(4, [[1.0, 0.0]], 2.0), r"mean must have shape \(dim,\)"),
        (lambda: VonMisesFisher(4, [1.0, 0.0], -1.0), "concentration must be a non-negative"),
        (lambda: VonMisesFisher(4, [1.0, 0.0], 1e200), r"concentration must be at most 1e\+100"),
        (lambda: VonMisesFisher(4, [1.0, 0.0], np.nan), "concentration must be a non-negative"),
        (lambda: Mixture([], []), "components must hold at least one law"),
        (lambda: Mixture(Uniform(3, 3), [1.0]), "components must be a list of laws"),
        (lambda: Mixture([3.0], [1.0]), r"components\[0\] must be a law .* 3.0 has no n"),
        (
            lambda: Mixture([Uniform(3, 3), Uniform(4, 3)], [0.5, 0.5]),
            r"components must have the same n, got \[3, 4\]",
        ),
        (
            lambda: Mixture([Uniform(3, 3), Uniform(3, 4)], [0.5, 0.5]),
            r"components must have the same dim, got \[3, 4\]",
        ),
        (lambda: Mixture([Uniform(3, 3)], [0.9]), "weights must sum to 1, got 0.9"),
        (lambda: Mixture([Uniform(3, 3)] * 2, [-0.5, 1.5]), "weights must be non-negative"),
        (
            lambda: Mixture([OwnLaw(3, 3, np.zeros((1, 3, 3)))], [1.0]).sample(),
            r"components\[0\]: samples: row 0 has norm 0",
        ),
        (
            lambda: Mixture([OwnLaw(3, 3, np.zeros((1, 2, 3)))], [1.0]).sample(),
            r"components\[0\]: samples must have shape .* \(1, 3, 3\), got \(1, 2, 3\)",
        ),
        (lambda: Density(3.0, 3), "function must be callable, got 3.0"),
        (lambda: Density(tilted, 6), "dim must be 2 to 5, .* got 6"),
        (lambda: Density(lambda x: x[:, 0] + 2, 3), "function must have mean 1 .* got 2 on"),
        (lambda: Density(lambda x: 1 + 2e-8 + 0 * x[:, 0], 3), "function must have mean 1"),
        (lambda: Density(lambda x: 1 + 1.1 * x[:, 0], 3), r"function must be non-negative, got -0"),
        (lambda: Density(lambda x: x, 3), r"function must return .* got shape \(8192, 3\)"),
        (lambda: Density(lambda x: np.nan * x[:, 0], 3), "function must be finite"),
        (lambda: Density(tilted, 3, bound=1.5), "bound must be at least the largest .* got 1.5"),
        (lambda: Density(tilted, 3, bound=1e7), "bound must be at most 1e"),
        (lambda: Density(lambda x: 3 * np.abs(x[:, 0]) ** 0.5, 3), "function must have mean 1"),
        (
            lambda: ns.simulate(ns.Model(3), Uniform(None, 3), horizon=1.0, layers=1),
            r"tokens: a start needs the number of its tokens, and n is None in Uniform",
        ),
        (
            lambda: ns.simulate(ns.Model(3), Density(tilted, 3), horizon=1.0, layers=1),
            r"tokens: a start needs the number of its tokens",
        ),
        (
            lambda: ns.simulate(ns.Model(3), Uniform(3, 4), horizon=1.0, layers=1),
            "tokens must have dim 3 like the model, got 4",
        ),
    ],
)  # fmt: skip
def test_bad_input(make, message):
    with pytest.raises((ns.ArgumentError, ns.ArgumentTypeError), match=message):
        make()


def test_a_value_above_the_bound_names_its_point():
    law = Density(lambda x: np.where(np.abs(x[:, 0] - 0.3) < 2e-4, 9.0, 1.0), 2, n=10**5)
    # Not seen by fewer nodes than that, the strip is refused when a candidate falls into it.
    with pytest.raises(ns.ArgumentError, match=r"bound must be at least .* is 9 at \[0\.(3|29)"):
        law.sample()
