"""What simulate and the measures refuse, each with a sentence."""

import multiprocessing
import warnings

import numpy as np
import pytest

import noisync as ns

MODEL = ns.Model(dim=3, attention=ns.Softmax(), noise=ns.MLP("relu", 8))
X = ns.sphere.uniform(20, 3)


def changed(index, value):
    x = X.copy()
    x[index] = value
    return x


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (ns.sphere.uniform(5, 4), r"tokens must have dim 3 like the model, got shape \(5, 4\)"),
        (np.empty((0, 3)), "tokens must hold at least one token"),
        (X[0], r"tokens must have shape \(n, dim\), got shape \(3,\)"),
        (X[None], r"tokens must have shape \(n, dim\), got shape \(1, 20, 3\)"),
        (np.ones((4, 1)), "tokens must have dim of at least 2"),
        (
            changed(17, 0.98 * X[17]),
            r"tokens: row 17 has norm 0.98, expected 1 \(see ns.sphere.norm",
        ),
        (changed((4, 1), np.nan), r"tokens must be finite, got nan at index \(4, 1\)"),
        (changed((0, 0), -np.inf), r"tokens must be finite, got -inf at index \(0, 0\)"),
        (X.astype(complex), "tokens must be an array of real numbers, got complex128"),
        ("tokens", "tokens must be an array of real numbers"),
        ([[1, 2], [3]], "tokens must be an array of real numbers"),
        (None, "tokens must be"),
    ],
)
def test_tokens(tokens, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.simulate(MODEL, tokens, horizon=1.0, layers=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": 0}, "layers must be a positive integer, got 0"),
        ({"layers": 2.0}, "layers must be a positive integer, got 2.0"),
        ({"layers": 2**33}, "layers must be at most 4294967295"),
        ({"horizon": -1.0}, "horizon must be a positive number, got -1"),
        ({"horizon": 0}, "horizon must be a positive number, got 0"),
        ({"horizon": np.inf}, "horizon must be a positive number, got inf"),
        ({"horizon": "1"}, "horizon must be a positive number, got '1'"),
        ({"seed": -1}, "seed must be a non-negative integer, got -1"),
        ({"seed": 2**64}, "seed must be at most"),
        ({"replicate": -1}, "replicate must be a non-negative integer, got -1"),
        ({"weights": np.full(20, 0.1)}, "weights must sum to 1, got 2"),
        ({"weights": np.full(19, 1 / 19)}, r"weights must have shape \(20,\), got shape \(19,\)"),
        ({"weights": [-0.5, 1.5] + [0] * 18}, "weights must be non-negative, got -0.5 at index 0"),
        ({"weights": [np.nan] * 20}, "weights must be finite"),
        ({"save": 0}, "save must be a positive integer, got 0"),
        ({"save": [0, 5]}, "save must list layers from 0 to 2, got 5"),
        ({"save": [-1]}, "save must be a non-negative integer, got -1"),
        ({"save": "all"}, "save must be a positive integer, got 'all'"),
        ({"dtype": "float16"}, "dtype must be one of float32, float64, got 'float16'"),
        ({"threads": 0}, "threads must be a positive integer, got 0"),
        ({"observe": [3]}, "observe: an observer is an object such as ns.Energy"),
        (
            {"observe": [ns.Energy]},
            "observe: an observer is an object such as ns.Energy.*got <class",
        ),
        (
            {"observe": [lambda x: {"a": 1}]},
            "observer_0 must return real numbers, got dtype object",
        ),
        ({"observe": ns.Energy()}, "observe must be a sequence of observers"),
        ({"observe": [ns.Energy(), ns.Energy(2.0)]}, "two observers are called 'energy'"),
        ({"observe": [lambda x: np.zeros(len(seen(x)))]}, "must return the same shape"),
    ],
)
def test_arguments(arguments, message):
    CALLS.clear()
    with pytest.raises(ns.NoisyncError, match=message):
        ns.simulate(MODEL, X, **{"horizon": 1.0, "layers": 2, **arguments})


CALLS = []


def seen(x):
    CALLS.append(x)
    return CALLS


def test_a_model_is_needed():
    with pytest.raises(ns.ArgumentTypeError, match="model must be a Model, got 'relu'"):
        ns.simulate("relu", X, horizon=1.0, layers=2)


def test_one_token_and_two_dimensions_are_valid():
    model = ns.Model(dim=2, attention=ns.Softmax(), noise=ns.MLP("relu", 1))
    run = ns.simulate(model, [[0, 1]], horizon=1, layers=3)
    assert run.tokens.shape == (4, 1, 2)


def test_a_trajectory_that_does_not_fit_is_refused_before_it_is_computed():
    with pytest.raises(ns.ArgumentError, match=r"needs \d+.* GiB .* keep fewer"):
        ns.simulate(MODEL, X, horizon=1.0, layers=4_000_000_000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ns.measure.energy(2 * X), "x: row 0 has norm 2, expected 1"),
        (lambda: ns.measure.energy(X, 0.0), "beta must be a positive number, got 0"),
        (lambda: ns.measure.energy(X, 800.0), "beta must be at most 700"),
        (lambda: ns.measure.energy(X, 1.0, [1.0]), r"weights must have shape \(20,\)"),
        (lambda: ns.measure.cosines(X, 0), "bins must be a positive integer, got 0"),
        (lambda: ns.sphere.uniform(0, 3), "n must be a positive integer, got 0"),
        (lambda: ns.sphere.uniform(3, 1), "dim must be an integer of at least 2, got 1"),
        (lambda: ns.sphere.uniform(3, 3, seed=0.5), "seed must be a non-negative integer"),
        (lambda: ns.sphere.normalize([[0.0, 0.0]]), "x: row 0 is zero and has no direction"),
        (lambda: ns.sphere.normalize([0.0, 0.0]), "x is zero and has no direction"),
        (lambda: ns.sphere.normalize([1.0]), r"x must have shape \(\.\.\., dim\)"),
        (lambda: ns.attention_drift(ns.Softmax(), X, method="fast"), "method must be one of auto"),
        (
            lambda: ns.attention_drift("softmax", X),
            "attention must be Softmax, .* or Sinkhorn",
        ),
        (lambda: ns.attention_drift(ns.Softmax(value=np.eye(4)), X), "value must have 3 columns"),
        (lambda: ns.sample_field("mlp", X), "noise must be .*MLP"),
        (lambda: ns.sample_field(MODEL.noise, X, layers=0), "layers must be a positive integer"),
        (lambda: ns.Kernel("relu", 1), "dim must be an integer of at least 2, got 1"),
        (lambda: ns.Kernel("rleu", 3), r"did you mean 'relu'"),
        (lambda: ns.Kernel(3, 3), "activation must be a name or a function"),
        (lambda: ns.Kernel("relu", 3, sigma_u=-0.1), "sigma_u must be a non-negative number"),
        (lambda: ns.Kernel("relu", 3)(1.5), r"u must lie in \[-1, 1\], got 1.5"),
        (lambda: ns.Kernel("relu", 3)(np.nan), "u must be finite"),
        (lambda: ns.Kernel("relu", 3).dissipation_rate(0), "beta must be a positive number, got 0"),
        (lambda: ns.Kernel("relu", 3).schoenberg(-1), "degree must be a non-negative integer"),
        (lambda: ns.Kernel("relu", 3).layer_exponent(0), "step must be a positive number, got 0"),
        (lambda: ns.Kernel(lambda z: 1.0, 3).variance, "activation must map an array"),
    ],
)
def test_measures_and_theory(call, message):
    with pytest.raises(ns.NoisyncError, match=message):
        call()


def test_the_exceptions_are_the_builtin_ones_too():
    with pytest.raises(ValueError, match="layers"):
        ns.simulate(MODEL, X, horizon=1.0, layers=0)
    with pytest.raises(TypeError, match="layers"):
        ns.simulate(MODEL, X, horizon=1.0, layers="2")


def test_overflowing_attention_is_an_error_not_an_infinity():
    with pytest.raises(ns.SimulationError, match="attention of token 0 is not finite"):
        ns.attention_drift(ns.Unnormalized(beta=800.0), X)


def test_a_forked_process_computes_with_one_thread():
    ns.simulate(MODEL, X, horizon=1.0, layers=2, threads=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of forking with threads
        with multiprocessing.get_context("fork").Pool(1) as pool:
            energy = pool.apply_async(ns.measure.energy, (X,)).get(timeout=30)
            refused = pool.apply_async(ns.measure.energy, (X,), {"threads": 2})
            with pytest.raises(ns.ArgumentError, match="threads must be 1 in a forked process"):
                refused.get(timeout=30)
    assert energy == ns.measure.energy(X)


def test_complex_numbers_are_not_cut_to_their_real_part():
    for value in (1 + 2j, np.complex128(1 + 2j), np.complex64(1), np.array(1 + 2j)):
        with pytest.raises(ns.ArgumentTypeError, match="beta must be a finite number"):
            ns.Softmax(beta=value)
    with pytest.raises(ns.ArgumentTypeError, match="its values are complex"):
        ns.Kernel(lambda z: z + 1j, 3).variance  # noqa: B018


def test_masked_entries_are_refused():
    masked = np.ma.array(X, mask=False)
    assert ns.measure.energy(masked) == ns.measure.energy(X)
    masked[3] = np.ma.masked
    with pytest.raises(ns.ArgumentError, match="x must have no masked entries, got 3"):
        ns.measure.energy(masked)


def test_replicates_of_a_law_end_at_32_bits():
    law = ns.sphere.Uniform(2, 3)
    assert law.samples(0, 2**32 - 2, 2).shape == (2, 2, 3)
    with pytest.raises(ns.ArgumentError, match="count must be at most 2, got 3"):
        law.samples(0, 2**32 - 2, 3)


def test_the_core_checks_what_it_would_read():
    """Shapes that no public function passes on."""
    core = ns._core
    measure = core.energy_measure([1.0], False, [[1.0, 0.5]], 4)
    with pytest.raises(ValueError, match="the measure is for tokens of dimension 4, got 3"):
        core.measure(measure, X, np.full(20, 0.05), 1)

    def run(*requests, tangents=0, token=0, weights=20):
        dynamics = core.Dynamics(
            attention=None, noise=None, scheme="layer", thickness=1.0, span=1, seed=0,
            first_replicate=0, shares_path=False, tangent_token=token, tangent_tokens=1,
            weights=np.full(weights, 1 / weights),
        )  # fmt: skip
        states = core.States(
            tokens=X[None].copy(), vectors=np.zeros((1, tangents, 3)),
            growth=np.zeros((1, tangents)), least_jacobian=None, layers=np.zeros(1, int),
            layers_summed_directly=np.zeros(1, int), seen=np.full(1, -1),
        )  # fmt: skip
        core.advance(
            dynamics, states, last=1, requests=list(requests), threads=1, side_by_side=False,
            progress=None,
        )  # fmt: skip

    schedule = core.Schedule.regular(1, 1)
    run(core.MeasureRequest(schedule, core.order_measure(), [np.empty((1, 2, 3))]))
    with pytest.raises(ValueError, match="the measure is for tokens of dimension 4, got 3"):
        run(core.MeasureRequest(schedule, measure, [np.empty((1, 2))]))
    with pytest.raises(ValueError, match="outputs must hold what the measure gives"):
        run(core.MeasureRequest(schedule, core.order_measure(), [np.empty((1, 2, 2))]))
    with pytest.raises(ValueError, match="outputs must be a C-contiguous array of 6 numbers"):
        run(core.MeasureRequest(schedule, core.order_measure(), [np.empty((1, 1, 3))]))
    with pytest.raises(ValueError, match="for a number of tokens of 21, got 20"):
        run(core.MeasureRequest(schedule, core.token_measure(21, 3), [np.empty((1, 2, 63))]))
    growth = core.MeasureRequest(schedule, core.growth_measure(2), [np.empty((1, 2, 2))])
    run(growth, tangents=2)
    with pytest.raises(ValueError, match="for a number of tangent vectors of 2, got 0"):
        run(growth)
    for token, tangents in ((20, 1), (-1, 1), (0, 3)):
        with pytest.raises(ValueError, match="tangent_token must be below 20, tangents at most 2"):
            run(token=token, tangents=tangents)
    with pytest.raises(ValueError, match=r"weights must have shape \(20,\)"):
        run(weights=19)
