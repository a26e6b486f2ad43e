"""Runs go on from their checkpoints after any end, bit for bit, and refuse those of others."""

import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from kill import ATTENTIONS, NOISES, NORMALIZATIONS, Case, cases, followed, model_of
from signals import Signal

import noisync as ns
from noisync.run import call
from noisync.run.keeper import Keeper

VALIDATION = Path(__file__).parents[2] / "validation"


class BreakdownError(Exception):
    pass


class Fragile:
    """A function of the tokens that fails when it is called for the `fails`-th time, or never."""

    __name__ = "fragile"

    def __init__(self, fails=0):
        self.fails = fails
        self.calls = 0
        self._lock = threading.Lock()  # runs side by side call from several threads

    def __call__(self, tokens):
        with self._lock:
            self.calls += 1
            fails = self.calls == self.fails
        if fails:
            raise BreakdownError
        return tokens[0].astype(np.float64) ** 2


MODEL = ns.Model(3, ns.Softmax(2.0, value=-0.5), ns.MLP("tanh", 16, 0.1, 0.2))
LAW = ns.sphere.Uniform(7, 3)
OBSERVE = [ns.Energy((0.5, 2.0)), ns.Lyapunov(2), ns.Cosines(4, layers=3), ns.Tokens("x", [0, 5])]
OPTIONS = {"horizon": 1.0, "layers": 12, "seed": 3}


def start(path, function, kind="simulate", **options):
    observe = [*OBSERVE, function]
    arguments = {**OPTIONS, "observe": observe, "checkpoint": path, **options}
    if kind == "ensemble":
        return ns.ensemble(MODEL, LAW, replicates=5, **arguments)
    return ns.simulate(MODEL, LAW, **arguments)


def same(first, second):
    return first.identical(second) if hasattr(first, "identical") else first == second


def with_breakdowns(path, run, fails=(5, 4)):
    """Break a run down at its first call and at later ones, and go on to its end.

    Runs side by side may be over before as many calls: an error stops the others when they hear it.
    """
    with pytest.raises(BreakdownError):
        run(path, Fragile(1))
    for number in fails:
        with suppress(BreakdownError):
            run(path, Fragile(number))
    return run(path, Fragile())


@pytest.mark.parametrize("case", cases(), ids=lambda case: "-".join(map(str, case)))
def test_every_noise_and_attention_goes_on_bit_for_bit(case, tmp_path):
    model = model_of(case)
    options = {
        "horizon": 1.0, "layers": 9, "dtype": case.dtype, "threads": case.threads,
        "scheme": case.scheme, "save": 4,
    }  # fmt: skip

    def run(path, function):
        observe = [
            ns.Energy(1.0), ns.OrderParameters(layers=2), ns.Function(function, layers=1),
            *followed(case),
        ]  # fmt: skip
        law = ns.sphere.Uniform(8, 4)
        arguments = {**options, "observe": observe, "checkpoint": path}
        if case.kind == "ensemble":
            return ns.ensemble(model, law, replicates=3, **arguments)
        return ns.simulate(model, law, **arguments)

    assert same(with_breakdowns(tmp_path / "run.ckpt", run), run(None, Fragile()))


@pytest.mark.parametrize("kind", ["simulate", "ensemble"])
@pytest.mark.parametrize("threads", [1, 3])
def test_resume_knows_everything_but_functions(kind, threads, tmp_path):
    path = tmp_path / "run.ckpt"
    with pytest.raises(BreakdownError):
        start(path, Fragile(11), kind, weights=np.arange(7) / 21, save=5, threads=threads)
    with pytest.raises(ns.ArgumentError, match="observe must give 'fragile' again"):
        ns.resume(path)
    with pytest.raises(BreakdownError):  # how far the others got by then is chance
        ns.resume(path, observe=[Fragile(1)], threads=2)
    result = ns.resume(path, observe={"fragile": Fragile()})
    expected = start(None, Fragile(), kind, weights=np.arange(7) / 21, save=5)
    assert same(result, expected)
    # A finished one gives its result again, and computes nothing.
    never = Fragile(1)
    assert same(ns.resume(path, observe=[never]), expected)
    assert same(start(path, never, kind, weights=np.arange(7) / 21, save=5), expected)
    assert never.calls == 0


def test_what_was_observed_survives_whatever_its_shape(tmp_path):
    def run(path, function):
        functions = {"f": function, "none": lambda x: np.empty((0, 2)), "single": lambda x: 1}
        options = {**OPTIONS, "save": [], "observe": functions, "checkpoint": path}
        return ns.simulate(MODEL, LAW, **options)

    assert same(with_breakdowns(tmp_path / "run.ckpt", run), run(None, Fragile()))


def test_an_ensemble_over_several_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(ns.run.ensemble, "_CHUNK_BYTES", 2 * 8 * 7 * 3)

    def run(path, function):
        return start(path, function, "ensemble", threads=1)

    result = with_breakdowns(tmp_path / "run.ckpt", run, fails=(30, 3, 30))
    monkeypatch.undo()
    assert same(result, start(None, Fragile(), "ensemble"))


def test_starts_that_were_given(tmp_path):
    each = LAW.samples(0, 0, 4)

    def run(path, function):
        return ns.ensemble(
            MODEL, each, replicates=4, **OPTIONS, observe=[function, ns.Energy()], checkpoint=path
        )

    path = tmp_path / "run.ckpt"
    with pytest.raises(BreakdownError):
        run(path, Fragile(20))
    assert same(ns.resume(path, observe=[Fragile()]), run(None, Fragile()))
    with pytest.raises(ns.ArgumentError, match="of another call: tokens is an array"):
        ns.ensemble(
            MODEL, LAW.samples(1, 0, 4), replicates=4, **OPTIONS,
            observe=[Fragile(), ns.Energy()], checkpoint=path,
        )  # fmt: skip


class OwnLaw:
    """A law of the user's own."""

    n, dim = 7, 3

    def samples(self, seed, first, count):
        return LAW.samples(seed, first, count)


def test_a_law_of_the_users_own_is_given_again(tmp_path):
    path = tmp_path / "run.ckpt"
    options = {**OPTIONS, "replicates": 3}
    with pytest.raises(BreakdownError):
        ns.ensemble(MODEL, OwnLaw(), **options, observe=[Fragile(20)], checkpoint=path)
    with pytest.raises(ns.ArgumentError, match="tokens must be given again: the law OwnLaw"):
        ns.resume(path, observe=[Fragile()])
    result = ns.resume(path, observe=[Fragile()], tokens=OwnLaw())
    assert same(result, ns.ensemble(MODEL, OwnLaw(), **options, observe=[Fragile()]))


# When checkpoints are written


class Slow:
    """A function that takes so long that the engine asks its watch after every layer."""

    __name__ = "slow"

    def __init__(self):
        self.began = 0.0

    def __call__(self, tokens):
        time.sleep(0.055)
        return tokens[0, 0]


@pytest.mark.parametrize("kind", ["simulate", "ensemble"])
def test_pauses_for_checkpoints_change_nothing(kind, tmp_path, monkeypatch):
    written = []
    write = Keeper.write

    def counted(self):
        written.append(self._work.seen.copy())
        write(self)

    monkeypatch.setattr(Keeper, "write", counted)
    options = {"layers": 6, "threads": 2}
    checkpoint = ns.Checkpoint(tmp_path / "run.ckpt", minutes=0)
    result = start(checkpoint, Slow(), kind, **options)
    assert len(written) > 4
    assert sum(0 <= seen.max() < 6 for seen in written) >= 1
    assert same(result, start(None, Slow(), kind, **options))


def test_the_time_between_checkpoints_grows_with_what_writing_takes(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class Work:
        def state(self):
            now[0] += 50
            return call.Record({})

        def news(self):
            return []

        def kept(self):
            pass

        def changed(self):
            return True

    keeper = Keeper(
        Work(), lambda minutes: call.Record({}), ns.Checkpoint(tmp_path / "a", minutes=5), None
    )
    keeper._next = 0.0
    assert keeper.due
    keeper.write()
    now[0] += 99 * 50 - 1
    assert not keeper.due
    now[0] += 2
    assert keeper.due
    assert keeper.pauses
    keeper._folder.close()


def test_stop_after_returns_what_there_is(tmp_path):
    path = tmp_path / "run.ckpt"
    options = {"layers": 20, "observe": [Slow(), ns.Energy()], "horizon": 1.0}
    run = ns.simulate(MODEL, LAW, **options, checkpoint=path, stop_after=1e-9)
    assert 0 <= run.state.layer < 20
    assert not run.finished
    assert run.to_dataset().attrs["finished"] == 0
    ended = ns.resume(path, observe=[Slow()])
    assert ended.finished
    assert ended == ns.simulate(MODEL, LAW, **options)
    ensemble = {**options, "replicates": 3, "threads": 1, "layers": 4}
    part = ns.ensemble(MODEL, LAW, **ensemble, stop_after=1e-9)
    assert (part.attrs["finished"], part.sizes["replicate"]) == (0, 0)


@pytest.mark.parametrize("kind", ["simulate", "ensemble"])
def test_a_token_that_leaves_the_sphere(kind, tmp_path):
    """The same sentence again, from the checkpoint."""
    model = ns.Model(dim=3, attention=ns.Softmax(beta=0.0, value=-1.0))
    function = ns.simulate if kind == "simulate" else ns.ensemble
    options = {"horizon": 3.0, "layers": 3} | ({"replicates": 2} if kind == "ensemble" else {})
    for _ in range(2):
        with pytest.raises(ns.SimulationError, match="layer 1: token 0 left the sphere"):
            function(model, [[1.0, 0, 0]], **options, checkpoint=tmp_path / "run.ckpt")


in_main_thread = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)


@in_main_thread
@pytest.mark.parametrize("kind", ["simulate", "ensemble"])
def test_sigterm_writes_a_checkpoint(kind, tmp_path):
    path = tmp_path / "run.ckpt"
    attribute = "trajectory" if kind == "simulate" else "dataset"

    class Terminating(Fragile):
        def __call__(self, tokens):
            if self.calls == 5:
                signal.raise_signal(signal.SIGTERM)
            return super().__call__(tokens)

    with pytest.raises(ns.Terminated) as stopped:
        start(path, Terminating(), kind, threads=1)
    assert getattr(stopped.value, attribute) is not None
    assert isinstance(stopped.value, KeyboardInterrupt)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    result = ns.resume(path, observe=[Fragile()])
    assert same(result, start(None, Fragile(), kind))


@in_main_thread
def test_ctrl_c_writes_a_checkpoint(ctrl_c, tmp_path):
    path = tmp_path / "run.ckpt"
    options = {"horizon": 1e3, "layers": 2_000_000, "save": 10_000, "checkpoint": path}
    with pytest.raises(KeyboardInterrupt) as stopped:
        ns.simulate(MODEL, LAW, observe=[ns.Function(Signal(signal.SIGINT), layers=[5])], **options)
    reached = stopped.value.trajectory.state.layer
    assert reached >= 5
    run = ns.resume(path, observe=[ns.Function(Signal(signal.SIGINT, calls=-1), layers=[5])],
                    stop_after=1e-9)  # fmt: skip
    assert run.state.layer >= reached


@in_main_thread
def test_a_signal_that_somebody_handles_is_theirs(tmp_path):
    caught = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))

    def raising(tokens):
        if not caught:
            signal.raise_signal(signal.SIGTERM)
        return 0.0

    try:
        run = start(tmp_path / "run.ckpt", raising, threads=1)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert run.finished
    assert caught == [signal.SIGTERM]


def test_a_disk_that_is_full_stops_no_run(tmp_path):
    path = tmp_path / "run.ckpt"
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Filling(Fragile):
        def __call__(self, tokens):
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, limit[1]))
            return super().__call__(tokens)

    try:
        with pytest.warns(ns.CheckpointWarning, match="File too large; the checkpoint before"):
            run = start(path, Filling())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    expected = start(None, Fragile())
    assert run == expected
    assert ns.resume(path, observe=[Fragile()]) == expected


def test_a_checkpoint_that_somebody_deletes_stops_no_run(tmp_path):
    path = tmp_path / "run.ckpt"

    class Deleting(Slow):
        def __call__(self, tokens):
            shutil.rmtree(path, ignore_errors=True)
            return super().__call__(tokens)

    options = {"layers": 6}
    with pytest.warns(ns.CheckpointWarning, match="No such file"):
        run = start(ns.Checkpoint(path, minutes=0), Deleting(), **options)
    assert run.finished


def test_the_spde_goes_on_too(tmp_path):
    path = tmp_path / "run.ckpt"
    model = ns.Model(2, ns.Softmax(2.0), ns.MLP("tanh", 16))
    law = ns.sphere.VonMisesFisher(1, [0.6, 0.8], 1.5)
    options = {"degree": 32, "horizon": 0.5, "layers": 6, "save": 2}
    with pytest.raises(BreakdownError):
        ns.spde.solve(model, law, **options, observe=[Fragile(4)], checkpoint=path)
    solution = ns.resume(path, observe=[Fragile()])
    expected = ns.spde.solve(model, law, **options, observe=[Fragile()])
    assert solution.trajectory == expected.trajectory
    assert solution.to_dataset().identical(expected.to_dataset())
    ns.save(solution, tmp_path / "solution.nc")
    assert ns.load(tmp_path / "solution.nc").identical(expected.to_dataset())


# What is refused


@pytest.fixture
def stopped(tmp_path):
    path = tmp_path / "run.ckpt"
    with pytest.raises(BreakdownError):
        start(path, Fragile(5))
    return path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 4}, "of another call: seed is 3 there and 4 here"),
        ({"horizon": 2.0}, "horizon is 1.0 there and 2.0 here"),
        ({"layers": 13}, "layers is 12 there and 13 here"),
        ({"replicate": 1}, "replicate is 0 there and 1 here"),
        ({"save": 3}, "save is 1 there and 3 here"),
        ({"dtype": "float32"}, "dtype is 'float64' there and 'float32' here"),
        ({"scheme": "euler"}, "scheme is 'layer' there and 'euler' here"),
        ({"tol": 1e-9}, "tol is 1e-12 there and 1e-09 here"),
        ({"weights": np.arange(7) / 21}, r"weights is None there and an array \(sha256 .*\) here"),
        ({"kind": "ensemble"}, "is of simulate, not of ensemble"),
        ({"observe": OBSERVE}, r"observe is \[Energy\(beta=\[0.5, 2.0\]"),
    ],
)
def test_a_checkpoint_of_another_call_is_refused(stopped, options, message):
    with pytest.raises(ns.ArgumentError, match=f"checkpoint: '.*run.ckpt' .*{message}"):
        start(stopped, Fragile(), **options)


def test_a_checkpoint_of_another_model_is_refused(stopped):
    other = ns.Model(3, ns.Softmax(2.5, value=-0.5), ns.MLP("tanh", 16, 0.1, 0.2))
    with pytest.raises(ns.ArgumentError, match=r"model is Model\(dim=3, attention=Softmax\(beta=2"):
        ns.simulate(other, LAW, **OPTIONS, observe=[*OBSERVE, Fragile()], checkpoint=stopped)


def test_threads_and_progress_are_no_part_of_a_call(stopped):
    assert start(stopped, Fragile(), threads=2, progress=True) == start(None, Fragile())


def test_another_version_is_refused(stopped, monkeypatch):
    monkeypatch.setattr(call, "__version__", "9.9")
    with pytest.raises(ns.ArgumentError, match=r"was written by noisync 0\..*, this is 9.9"):
        ns.resume(stopped, observe=[Fragile()])


def test_another_simd_level_is_refused_unless_it_is_allowed(stopped, monkeypatch):
    monkeypatch.setattr(call, "level", lambda: "x86-64-v1")
    with pytest.raises(ns.ArgumentError, match=r"x86-64-v1 .*NOISYNC_SIMD=.*allow_other_level"):
        ns.resume(stopped, observe=[Fragile()])
    monkeypatch.setattr("noisync.run.runs.level", lambda: "x86-64-v1")
    run = ns.resume(stopped, observe=[Fragile()], allow_other_level=True)
    assert run.origin.level.endswith("; then x86-64-v1")
    assert run == start(None, Fragile())


def test_a_damaged_checkpoint_goes_on_from_the_generation_before(stopped):
    newest = max(stopped.glob("state-*"), key=lambda path: path.stat().st_mtime_ns)
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    assert ns.resume(stopped, observe=[Fragile()]) == start(None, Fragile())


@pytest.mark.parametrize("content", [b"", b"noisync1", b"x" * 1000])
def test_other_files_are_refused(stopped, content):
    for name in ("state-0", "state-1"):
        (stopped / name).write_bytes(content)
    with pytest.raises(ns.ArgumentError, match=r"checkpoint: '.*run.ckpt' is damaged"):
        ns.resume(stopped, observe=[Fragile()])
    (stopped / "call").write_bytes(content)
    with pytest.raises(ns.ArgumentError, match=r"path: '.*run.ckpt' is damaged"):
        ns.resume(stopped, observe=[Fragile()])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": 3}, "checkpoint must be the name of a file, got 3"),
        ({"checkpoint": "/nowhere/run.ckpt"}, "checkpoint: cannot write .* No such file"),
        ({"checkpoint": __file__}, "checkpoint: .* is no checkpoint|Not a directory"),
        ({"checkpoint": str(VALIDATION)}, "checkpoint: .* is no checkpoint of noisync"),
        ({"stop_after": 0}, "stop_after must be a positive number, got 0"),
        ({"stop_after": "soon"}, "stop_after must be a positive number, got 'soon'"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ns.NoisyncError, match=message):
        ns.simulate(MODEL, LAW, **OPTIONS, **options)


def test_bad_checkpoints():
    with pytest.raises(ns.ArgumentError, match="minutes must be a non-negative number, got -1"):
        ns.Checkpoint("x", minutes=-1)
    with pytest.raises(ns.ArgumentTypeError, match="allow_other_level must be True or False"):
        ns.Checkpoint("x", allow_other_level="yes")
    with pytest.raises(ns.ArgumentError, match="path: cannot read '/nowhere': No such file"):
        ns.resume("/nowhere")


def test_every_case_that_is_killed_can_be_run(monkeypatch):
    """Ten kills meet a few of them, which ones depends on the moments."""
    monkeypatch.syspath_prepend(VALIDATION)
    import kill

    monkeypatch.setattr(kill, "LAYERS", 60)
    for case in kill.cases():
        kill.call(case, None, None)


def test_ten_kills():
    """Processes killed by SIGKILL; `make validate` kills 200 times."""
    command = [sys.executable, str(VALIDATION / "kill.py"), "--kills", "10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 kills; at most the interval at hand lost; 0 results differ" in done.stdout


def test_the_cases_of_the_kills_cover_everything():
    every = cases()
    assert {(case.noise, case.attention) for case in every} == {
        (noise, attention)
        for noise in NOISES
        for attention in ATTENTIONS
        if (noise, attention) != ("none", "none")
    }
    for field, values in (
        ("kind", {"simulate", "ensemble"}),
        ("normalization", set(NORMALIZATIONS)),
        ("scheme", {"layer", "euler", "rk4"}),
        ("dtype", {"float64", "float32"}),
        ("threads", {1, 2, 3}),
    ):
        assert {getattr(case, field) for case in every} == values
    assert {case.kind for case in every if case.noise == "exact"} == {"simulate", "ensemble"}
    assert Case._fields[0] == "kind"


def test_equal_weights_take_no_room_and_are_the_default(tmp_path):
    model, tokens = ns.Model(2, noise=ns.MLP("tanh", 8)), ns.sphere.Uniform(20_000, 2)
    options = {"horizon": 1.0, "layers": 2, "checkpoint": tmp_path / "run.ckpt"}
    run = ns.simulate(model, tokens, **options)
    assert run.weights.strides == (0,)
    assert (tmp_path / "run.ckpt" / "call").stat().st_size < 10_000
    assert ns.simulate(model, tokens, **options, weights=np.full(20_000, 1 / 20_000)) == run
