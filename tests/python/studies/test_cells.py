"""Studies go on from their checkpoints, cell by cell, bit for bit."""

import signal
import threading

import pytest

import noisync as ns
from noisync.cli import main
from noisync.studies import cells

SYNCHRONIZATION = {
    "activations": ["tanh"], "dims": [5], "sigmas": [0.3], "values": [1.0, 0.0], "tokens": 6,
    "horizon": 1.0, "layers": 80, "thickness": 1.0, "replicates": 4, "phase_dim": 5,
    "phase_sigmas": [0.3], "phase_values": [0.5, -0.5], "phase_replicates": 2,
}  # fmt: skip
DEPTH_WIDTH = {
    "tokens": 3, "depths": [2, 4], "refinement": 2, "widths": [8, 16], "width_layers": 2,
    "replicates": 3,
}  # fmt: skip
TRANSITION = {
    "dims": [3], "betas": [1.0, 2.0], "replicates": 3, "tokens": [2, 4], "group_dims": [3],
    "group_betas": [2.0], "group_replicates": 2, "horizon": 4.0, "thickness": 1.0,
}  # fmt: skip
KINDS = {"dim": 3, "tokens": 5, "width": 8, "layers": 4, "saved": 2, "replicates": 2}
ACTIVATIONS = {"activations": {"mine": "relu", "tanh": "tanh"}, "dims": [3], "sigmas": [0.1, 0.2]}
STUDIES = {
    "activation_rates": (ns.studies.activation_rates, ACTIVATIONS, 2),
    "synchronization": (ns.studies.synchronization, SYNCHRONIZATION, 4),
    "depth_width": (ns.studies.depth_width, DEPTH_WIDTH, 5),
    "two_token_transition": (ns.studies.two_token_transition, TRANSITION, 4),
    "noise_kinds": (ns.studies.noise_kinds, KINDS, 6),
}


class StoppedError(ns.NoisyncError):
    pass


@pytest.fixture
def counted(monkeypatch):
    """Cells that are computed, and the one at which there is an error."""
    computed = []
    of = cells.Cells.of

    def counting(self, key, compute):
        def once():
            if len(computed) == counting.fails:
                raise StoppedError
            computed.append(key)
            return compute()

        return of(self, key, once)

    counting.fails = -1
    counting.computed = computed
    monkeypatch.setattr(cells.Cells, "of", counting)
    return counting


@pytest.mark.parametrize("name", STUDIES)
def test_no_cell_is_computed_twice(name, counted, tmp_path):
    study, options, count = STUDIES[name]
    expected = study(**options)
    assert (expected.attrs["finished"], len(counted.computed)) == (1, count)
    counted.computed.clear()
    path = tmp_path / "study.ckpt"
    for fails in (0, 1, count - 1):
        counted.fails = fails
        with pytest.raises(StoppedError):
            study(**options, checkpoint=path)
        assert len(counted.computed) == fails
    counted.fails = -1
    data = ns.resume(path, threads=1)
    assert len(set(counted.computed)) == len(counted.computed) == count
    assert data.identical(expected)
    assert study(**options, checkpoint=path).identical(expected)
    assert len(counted.computed) == count
    other = {"sigmas": [0.5]} if name == "activation_rates" else {"seed": 1}
    with pytest.raises(ns.ArgumentError, match=r"of another call: .* there and .* here"):
        study(**(options | other), checkpoint=path)


def test_what_a_study_had_is_in_its_exception(counted, tmp_path):
    counted.fails = 3
    with pytest.raises(StoppedError) as stopped:
        ns.studies.synchronization(**SYNCHRONIZATION)
    data = stopped.value.dataset
    assert data.attrs["finished"] == 0
    assert data.phase_share.isnull().any()
    assert not data.rate_runs.isnull().any()


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_whose_time_is_up(name, counted, tmp_path):
    study, options, _count = STUDIES[name]
    path = tmp_path / "study.ckpt"
    data = study(**options, checkpoint=path, stop_after=1e-9)
    assert data.attrs["finished"] == 0
    assert not counted.computed
    assert ns.resume(path).identical(study(**options))


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
def test_sigterm_in_a_study(counted, tmp_path, monkeypatch):
    path = tmp_path / "study.ckpt"
    of = cells.Cells.of

    def terminated(self, key, compute):
        if key == "phase 0":
            signal.raise_signal(signal.SIGTERM)
        return of(self, key, compute)

    monkeypatch.setattr(cells.Cells, "of", terminated)
    with pytest.raises(ns.Terminated) as stopped:
        ns.studies.synchronization(**SYNCHRONIZATION, checkpoint=path)
    assert stopped.value.dataset.attrs["finished"] == 0
    monkeypatch.setattr(cells.Cells, "of", of)
    assert ns.resume(path).attrs["finished"] == 1
    assert len(counted.computed) == 4


def test_the_command_line(tmp_path, capsys):
    config = tmp_path / "study.toml"
    config.write_text("\n".join(f"{name} = {value}" for name, value in DEPTH_WIDTH.items()))
    path, out = tmp_path / "study.ckpt", tmp_path / "out"
    arguments = ["study", "depth-width", str(config), "--out", str(out), "--checkpoint", str(path)]
    assert main([*arguments, "--seed", "3", "--stop-after", "1e-9"]) == 4
    assert f"noisync resume {path} goes on" in capsys.readouterr().err
    assert [file.name for file in out.iterdir()] == ["depth-width-partial.nc"]
    assert main(["resume", str(path), "--out", str(out)]) == 0
    assert "report: " in capsys.readouterr().out
    data = ns.load(out / "depth-width.nc")
    assert data.identical(ns.studies.depth_width(**DEPTH_WIDTH, seed=3))
    assert (out / "depth-width.md").read_text(encoding="utf-8").startswith("#")
