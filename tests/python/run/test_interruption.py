"""Long computations stop soon when asked, and lose nothing."""

import gc
import signal
import threading
import weakref

import numpy as np
import pytest
from signals import Signal

import noisync as ns

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)


class AlarmError(Exception):
    pass


@pytest.fixture
def alarm():
    """SIGALRM raises an AlarmError."""

    def ring(_signal, _frame):
        raise AlarmError

    old = signal.signal(signal.SIGALRM, ring)
    yield signal.SIGALRM
    signal.signal(signal.SIGALRM, old)


@pytest.fixture
def gc_off():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("tokens", "model"),
    [
        (40_000, ns.Model(dim=64, attention=ns.Softmax())),
        (6_000, ns.Model(dim=2000, attention=ns.Softmax(query=np.eye(2000), key=np.eye(2000)))),
        (2_000, ns.Model(dim=64, noise=ns.MLP("erf", width=1_000_000))),
    ],
    ids=["attention", "projections", "noise"],
)
def test_a_signal_is_noticed_within_a_layer(alarm, tokens, model):
    """The layer would take seconds in one thread; the state is then still the one before it."""
    x = ns.sphere.uniform(tokens, model.dim)
    with pytest.raises(AlarmError) as stopped:
        ns.simulate(model, x, horizon=1.0, layers=2, save=[0], threads=1, observe=[Signal(alarm)])
    trajectory = stopped.value.trajectory
    assert trajectory.state.layer == 0
    np.testing.assert_array_equal(trajectory.state.tokens, x)
    np.testing.assert_array_equal(trajectory.tokens, x[None])


def test_a_signal_is_noticed_between_short_layers(alarm):
    model = ns.Model(dim=3, attention=ns.Softmax(), noise=ns.MLP("relu", 16))
    x = ns.sphere.uniform(8, 3)
    with pytest.raises(AlarmError) as stopped:
        ns.simulate(model, x, horizon=1.0, layers=20_000_000, save=[0], observe=[Signal(alarm)])
    assert stopped.value.trajectory.state.layer >= 0


def test_the_drift_alone_can_be_interrupted(alarm):
    """All pairs of so many tokens would take minutes in one thread."""
    x = ns.sphere.uniform(200_000, 64)
    threading.Timer(0.2, signal.raise_signal, [alarm]).start()
    with pytest.raises(AlarmError):
        ns.attention_drift(ns.Softmax(), x, threads=1)


def test_ctrl_c_keeps_what_was_computed(ctrl_c):
    model = ns.Model(dim=3, attention=ns.Softmax(), noise=ns.MLP("relu", 16))
    x = ns.sphere.uniform(8, 3)
    with pytest.raises(KeyboardInterrupt) as stopped:
        ns.simulate(
            model, x, horizon=1e5, layers=10_000_000, save=1000,
            observe=[ns.Energy(layers=100), Signal(signal.SIGINT, calls=1500)],
        )  # fmt: skip
    partial = stopped.value.trajectory
    assert partial.layer[1] == 1000
    again = ns.simulate(model, x, horizon=1e5 / 10_000_000 * 1000, layers=1000, save=[1000])
    np.testing.assert_allclose(partial.tokens[1], again.tokens[0], atol=1e-12)
    assert partial.observed["energy"].layer[-1] >= 1400
    # The last state is there, although it was not saved, and is that of a whole layer.
    reached = partial.state.layer
    assert 1499 <= reached < 10_000_000
    assert not partial.finished
    whole = ns.simulate(model, x, horizon=1e5 / 10_000_000 * reached, layers=reached, save=[])
    np.testing.assert_allclose(partial.state.tokens, whole.state.tokens, atol=1e-9)


def test_an_observer_that_fails_passes_its_exception_on():
    def fail_later(tokens):
        fail_later.calls += 1
        if fail_later.calls == 4:
            raise AlarmError
        return 0.0

    fail_later.calls = 0
    model = ns.Model(dim=3, noise=ns.MLP("relu", 16))
    with pytest.raises(AlarmError) as stopped:
        ns.simulate(model, ns.sphere.uniform(2, 3), horizon=1, layers=9, observe=[fail_later])
    # The state of layer 3 was saved before the observer saw it.
    partial = stopped.value.trajectory
    np.testing.assert_array_equal(partial.layer, [0, 1, 2, 3])
    np.testing.assert_array_equal(partial.observed["fail_later"].layer, [0, 1, 2])
    assert (partial.state.layer, partial.finished) == (3, False)
    np.testing.assert_array_equal(partial.state.tokens, partial.tokens[-1])


def test_a_token_that_leaves_the_sphere_stops_the_run():
    # A single token repelled by itself with step 1 goes to zero.
    model = ns.Model(dim=3, attention=ns.Softmax(beta=0.0, value=-1.0))
    with pytest.raises(ns.SimulationError, match="layer 1: token 0 left the sphere") as stopped:
        ns.simulate(model, [[1.0, 0, 0]], horizon=3.0, layers=3)
    np.testing.assert_array_equal(stopped.value.trajectory.tokens, [[[1.0, 0, 0]]])
    np.testing.assert_array_equal(stopped.value.trajectory.state.tokens, [[1.0, 0, 0]])


def test_a_failed_run_is_freed_with_its_exception(gc_off):
    """No cycle keeps the results of a run that failed alive until the collector comes."""
    model = ns.Model(dim=3, attention=ns.Softmax(beta=0.0, value=-1.0))
    kept = []

    def fail(tokens):
        raise AlarmError

    options = {"horizon": 3.0, "layers": 3}
    for observe in ([], [fail]):
        try:
            ns.simulate(model, [[1.0, 0, 0]], observe=observe, **options)
        except (AlarmError, ns.SimulationError) as error:
            kept.append(weakref.ref(error.trajectory))
        try:
            ns.ensemble(model, [[1.0, 0, 0]], replicates=2, observe=observe, **options)
        except (AlarmError, ns.SimulationError) as error:
            kept.append(weakref.ref(error.dataset))
    assert [reference() for reference in kept] == [None] * 4
