"""Ensembles: replicates are single runs, and results are labelled, checked and never lost."""

import itertools
import signal
import threading
import time

import numpy as np
import pytest

import noisync as ns
from noisync.run import ensemble as ensembles
from noisync.run.recording import Series

MODEL = ns.Model(3, attention=ns.Softmax(beta=2.0), noise=ns.MLP("tanh", 16, 0.1, 0.2))


def mean_token(tokens):
    return tokens.mean(axis=0)


def run(**options):
    defaults = {"replicates": 5, "horizon": 1.0, "layers": 6, "seed": 3}
    return ns.ensemble(MODEL, ns.sphere.Uniform(7, 3), **(defaults | options))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("side_by_side", [True, False])
def test_a_replicate_is_a_single_run(dtype, side_by_side, monkeypatch):
    if not side_by_side:
        monkeypatch.setattr(ensembles, "_SMALL_SYSTEM", 0)
    observers = [ns.Tokens(), ns.Energy(2.0), ns.Lyapunov(2), mean_token]
    data = run(observe=observers, dtype=dtype, threads=2)
    for k in range(5):
        alone = ns.simulate(
            MODEL,
            ns.sphere.Uniform(7, 3).sample(3, k),
            horizon=1.0,
            layers=6,
            seed=3,
            replicate=k,
            dtype=dtype,
            observe=observers[1:],
        )
        np.testing.assert_array_equal(data.tokens[k], alone.tokens)
        for name in ("energy", "lyapunov", "mean_token"):
            np.testing.assert_array_equal(data[name][k], alone.observed[name])


@pytest.mark.parametrize("side_by_side", [True, False])
def test_replicates_on_one_noise_path(side_by_side, monkeypatch):
    """The noise of replicate 5 for all, the starts their own; a run and its replicate agree."""
    if not side_by_side:
        monkeypatch.setattr("noisync.run.ensemble._SMALL_SYSTEM", 0)
    model = ns.Model(3, ns.Softmax(), ns.MLP("tanh", 20))
    common = {"horizon": 1.0, "layers": 6, "seed": 4, "observe": [ns.Tokens(), ns.Lyapunov(1)]}
    law = ns.sphere.Uniform(7, 3)
    data = ns.ensemble(model, law, replicates=3, first_replicate=4, noise_replicate=5, **common)
    assert data.attrs["noise_replicate"] == "5"
    for k in (4, 5, 6):
        run = ns.simulate(model, law, replicate=k, noise_replicate=5, **common)
        assert (run.replicate, run.noise_replicate) == (k, 5)
        plain = ns.simulate(model, law.samples(4, k, 1)[0], replicate=5, **common)
        for one in (run.tokens, plain.tokens):
            np.testing.assert_array_equal(data.tokens.sel(replicate=k), one)
        np.testing.assert_array_equal(data.lyapunov.sel(replicate=k), run.observed["lyapunov"])
    own = ns.simulate(model, law, replicate=4, **common)
    assert own.noise_replicate == 4
    assert np.abs(own.tokens[-1] - data.tokens.sel(replicate=4)[-1].to_numpy()).max() > 0.01


def test_threads_chunks_and_parts_do_not_change_a_bit(monkeypatch):
    whole = run(observe=[ns.Tokens(), mean_token], threads=1)
    assert run(observe=[ns.Tokens(), mean_token], threads=4).identical(whole)
    monkeypatch.setattr(ensembles, "_CHUNK_BYTES", 1)  # as many replicates at once as threads
    assert run(observe=[ns.Tokens(), mean_token], threads=2).identical(whole)
    rest = run(observe=[ns.Tokens(), mean_token], replicates=2, first_replicate=3)
    assert rest.identical(whole.isel(replicate=[3, 4]))


def test_a_start_for_all_or_for_each():
    same = ns.sphere.uniform(4, 3)
    each = ns.sphere.Uniform(4, 3).samples(1, 0, 3)
    options = {"replicates": 3, "horizon": 1.0, "layers": 2, "observe": [ns.Tokens()]}
    first = ns.ensemble(MODEL, same, **options).tokens
    np.testing.assert_array_equal(first[:, 0], np.broadcast_to(same, (3, 4, 3)))
    assert np.ptp(first[:, -1].to_numpy(), axis=0).max() > 0.01  # the noise differs
    np.testing.assert_array_equal(ns.ensemble(MODEL, each, **options).tokens[:, 0], each)


def test_labels():
    data = run(observe=[ns.Energy(), ns.Tokens(), ns.Lyapunov(1), mean_token], save=4)
    assert dict(data.energy.sizes) == {"replicate": 5, "time": 3}
    assert data.tokens.dims == ("replicate", "time", "token", "component")
    assert data.lyapunov.dims == ("replicate", "time", "exponent")
    assert data.mean_token.dims == ("replicate", "time", "mean_token_1")
    np.testing.assert_array_equal(data.layer, [0, 4, 6])
    np.testing.assert_allclose(data.time, [0, 4 / 6, 1])
    assert ns.Model.from_toml(data.attrs["model"]) == MODEL
    assert (data.attrs["seed"], data.attrs["version"]) == ("3", ns.__version__)
    field = ns.Model(3, noise=ns.GaussianField("tanh"))
    limit = ns.ensemble(field, ns.sphere.Uniform(2, 3), replicates=2, horizon=1.0, layers=1)
    assert ns.Model.from_toml(limit.attrs["model"]).noise.sampler == "harmonic"
    assert 0 < limit.attrs["kernel_error"] < 1e-6


def test_results_survive_netcdf(tmp_path):
    import xarray as xr

    data = run(observe=[ns.Energy(), ns.Lyapunov(1)])
    data.to_netcdf(tmp_path / "e.nc", engine="netcdf4")
    with xr.open_dataset(tmp_path / "e.nc", engine="netcdf4") as again:
        xr.testing.assert_identical(again.load(), data)


def test_complete_replicates_survive_a_failure():
    """Tokens repelled with step 1: one alone goes to zero at once, two opposite ones stay."""
    model = ns.Model(3, attention=ns.Softmax(beta=0.0, value=-1.0))
    stays = [[1.0, 0, 0], [-1.0, 0, 0]]
    lost = [[1.0, 0, 0], [1.0, 0, 0]]
    message = "replicate 2, layer 1: token 0 left the sphere"
    with pytest.raises(ns.SimulationError, match=message) as stopped:
        ns.ensemble(
            model, [stays, stays, lost], replicates=3, horizon=1.0, layers=1, threads=1,
            observe=[ns.Tokens()],
        )  # fmt: skip
    data = stopped.value.dataset
    np.testing.assert_array_equal(data.replicate, [0, 1])
    np.testing.assert_allclose(data.tokens[:, -1], [stays, stays])


def test_ctrl_c_keeps_complete_replicates(ctrl_c):
    calls = itertools.count(1)

    def interrupt(tokens):
        if next(calls) == 500:
            threading.Timer(0.0, signal.raise_signal, [signal.SIGINT]).start()
        return 0.0

    with pytest.raises(KeyboardInterrupt) as stopped:
        run(replicates=10_000_000, observe=[ns.Energy(), interrupt], save=[6])
    data = stopped.value.dataset
    assert 400 <= data.sizes["replicate"] < 10_000_000
    again = run(replicates=2, observe=[ns.Energy()], save=[6])
    np.testing.assert_array_equal(data.energy[:2], again.energy)


def test_replicates_side_by_side_share_one_array(monkeypatch):
    """The first thread to call an observer allocates, slowly here; no other must do so again."""
    allocate = Series._allocated

    def slowly(*arguments):
        time.sleep(0.05)
        return allocate(*arguments)

    expected = run(replicates=8, observe=[mean_token], threads=1)
    monkeypatch.setattr(Series, "_allocated", slowly)
    assert run(replicates=8, observe=[mean_token], threads=4).identical(expected)


def test_an_observer_that_fails_passes_its_exception_on():
    def fails(tokens):
        raise ZeroDivisionError("observer")

    with pytest.raises(ZeroDivisionError, match="observer"):
        run(observe=[fails], threads=2)


def test_progress_reaches_the_number_of_replicates(capfd):
    run(replicates=3, progress=True)
    assert "3/3" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicates": 0}, "replicates must be a positive integer, got 0"),
        ({"layers": 0}, "layers must be a positive integer, got 0"),
        ({"path_layers": 9}, "path_layers must be a multiple of layers = 6, got 9"),
        ({"path_layers": 0}, "path_layers must be a positive integer, got 0"),
        ({"scheme": "heun"}, "scheme must be one of euler, layer, rk4, got 'heun'"),
        ({"scheme": "rk4"}, "scheme: 'rk4' is for models without noise"),
        ({"noise_replicate": -1}, "noise_replicate must be a non-negative integer, got -1"),
        ({"noise_replicate": 2**32}, "noise_replicate must be at most 4294967295"),
        ({"first_replicate": -1}, "first_replicate must be a non-negative integer, got -1"),
        ({"observe": [ns.Lyapunov(3)]}, "k of at most dim - 1 = 2, got 3"),
        ({"observe": [ns.Lyapunov(1, token=7)]}, "follows one of 7 tokens, got token 7"),
        (
            {"observe": [ns.Lyapunov(1), ns.Lyapunov(1, name="b")]},
            "carries tangent vectors for one observer, got 'lyapunov' and 'b'",
        ),
        ({"observe": [ns.Energy(), ns.Energy(2.0)]}, "two observers are called 'energy'"),
        ({"observe": [ns.Energy]}, "an observer is an object such as ns.Energy"),
        ({"observe": [lambda x: "a"]}, "observer_0 must return real numbers"),
        ({"save": [7]}, "save must list layers from 0 to 6, got 7"),
        (
            {"replicates": 10**9, "layers": 10**5, "observe": [ns.Energy()]},
            "keeping 'energy' of 100001 layers of 1000000000 runs needs 745065.. GiB",
        ),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ns.NoisyncError, match=message):
        run(**options)


def test_a_changing_shape_is_refused():
    def changing(tokens):
        changing.calls += 1
        return np.zeros(1 + (changing.calls > 3))

    changing.calls = 0
    message = r"changing must return the same shape at every layer, got \(2,\) after \(1,\)"
    with pytest.raises(ns.ArgumentError, match=message):
        run(observe=[changing], threads=1)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.eye(4), r"tokens must have dim 3 like the model, got shape \(4, 4\)"),
        (np.ones((5, 2, 3)), "tokens: row 0 has norm 1.73205, expected 1"),
        (np.ones((2, 2, 3)), "tokens must be one state or one for each of 5 replicates"),
        (ns.sphere.Uniform(3, 4), "tokens must have dim 3 like the model, got 4"),
    ],
)
def test_bad_starts(tokens, message):
    with pytest.raises(ns.ArgumentError, match=message):
        ns.ensemble(MODEL, tokens, replicates=5, horizon=1.0, layers=1)


class OwnLaw:
    """A law of starts as a user might write it, with whatever states it is given."""

    n, dim = 4, 3

    def __init__(self, states):
        self.states = states

    def samples(self, seed, first, count):
        return self.states(count)


GOOD = ns.sphere.uniform(4, 3)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (
            lambda count: np.tile(GOOD[:2], (count, 1, 1)),
            r"samples must have shape .* got \(3, 2, 3",
        ),
        (lambda count: GOOD, r"samples must have shape .* got \(4, 3\)"),
        (lambda count: np.tile(GOOD, (count - 1, 1, 1)), r"got \(2, 4, 3\)"),
        (lambda count: 1.1 * np.tile(GOOD, (count, 1, 1)), "samples: row 0 has norm 1.1"),
        (lambda count: np.nan * np.tile(GOOD, (count, 1, 1)), "samples must be finite"),
        (lambda count: None, "samples must be an array of real numbers"),
    ],
)
def test_a_law_of_starts_that_gives_the_wrong_thing(states, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.ensemble(MODEL, OwnLaw(states), replicates=3, horizon=1.0, layers=1)


def test_a_law_of_starts_of_the_users_own():
    law = OwnLaw(lambda count: np.tile(GOOD, (count, 1, 1)))
    options = {"replicates": 3, "horizon": 1.0, "layers": 2, "observe": [ns.Energy()]}
    assert ns.ensemble(MODEL, law, **options).equals(ns.ensemble(MODEL, GOOD, **options))


@pytest.mark.parametrize("n", [0, -1, 2.5])
def test_a_law_of_no_tokens(n):
    law = OwnLaw(lambda count: GOOD)
    law.n = n
    with pytest.raises(ns.NoisyncError, match=r"tokens\.n must be a positive integer"):
        ns.ensemble(MODEL, law, replicates=3, horizon=1.0, layers=1)


def test_given_starts_go_with_their_replicates_from_any_first_one():
    each = ns.sphere.Uniform(4, 3).samples(1, 0, 3)
    options = {"horizon": 1.0, "layers": 2, "observe": [ns.Tokens()]}
    late = ns.ensemble(MODEL, each, replicates=3, first_replicate=5, **options).tokens
    np.testing.assert_array_equal(late[:, 0], each)
    alone = ns.simulate(MODEL, each[2], horizon=1.0, layers=2, replicate=7)
    np.testing.assert_array_equal(late[2], alone.tokens)


@pytest.mark.parametrize(("small", "text"), [(2048, "3/3"), (0, "18/18")])
def test_progress_says_what_it_counts(small, text, capfd, monkeypatch):
    """Runs, where they are many and short, and layers of all runs where each takes long."""
    monkeypatch.setattr(ensembles, "_SMALL_SYSTEM", small)
    run(replicates=3, progress=True)
    shown = capfd.readouterr().err
    assert text in shown
    assert ("run/s" if small else "layer/s") in shown
