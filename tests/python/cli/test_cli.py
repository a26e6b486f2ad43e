"""The command line, as a user types it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from signals import Signal

import noisync as ns
from noisync import _core
from noisync.cli import main

ROOT = Path(__file__).parents[3]
ALICE = ROOT / "tests" / "data" / "tokens_minilm_alice.npy"

CONFIG = """
[model]
dim = 3
attention = { type = "softmax", beta = 2.0, value = -1.0 }
noise = { type = "mlp", activation = "tanh", width = 16 }

[tokens]
uniform = 10
seed = 4

[run]
horizon = 1.0
layers = 6
seed = 2

[observe]
energy = [1.0, 3.0]
"""


@pytest.fixture
def config(tmp_path):
    def write(text=CONFIG, **replacements):
        for old, new in replacements.values():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "run.toml"
        path.write_text(text)
        return str(path)

    return write


def test_simulate_is_the_python_call(config, tmp_path, capsys):
    out = tmp_path / "run.nc"
    picture = tmp_path / "run.png"
    assert main(["simulate", config(), "--out", str(out), "--plot", str(picture)]) == 0
    run = ns.load(out)
    model = ns.Model(dim=3, attention=ns.Softmax(2.0, value=-1.0), noise=ns.MLP("tanh", 16))
    same = ns.simulate(model, ns.sphere.uniform(10, 3, 4), horizon=1.0, layers=6, seed=2)
    np.testing.assert_array_equal(run.tokens, same.tokens)
    np.testing.assert_array_equal(run.observed["energy_3"], same.energy(3.0))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "last saved state, t = 1: energy" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["attractive", "repulsive"])
def test_real_tokens_as_in_the_readme(name, tmp_path, capsys):
    config = ROOT / "docs" / "examples" / f"alice_{name}.toml"
    out = tmp_path / "run.nc"
    assert main(["simulate", str(config), "--tokens", str(ALICE), "--out", str(out)]) == 0
    run = ns.load(out)
    assert run.tokens.shape == (49, 256, 384)
    assert run.model.noise == ns.MLP("silu", run.model.noise.width, 0.1, 0.1)
    assert run.model.attention.value == {"attractive": 1.0, "repulsive": -1.0}[name]
    first = np.mean(run.pair_cosines()[0])
    assert first == pytest.approx(0.090, abs=5e-4)  # known of these embeddings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("layers = 6", "layer = 6"), "run: unknown key 'layer' (did you mean 'layers'?)"),
        (("[observe]", "[observer]"), "unknown key 'observer' (did you mean 'observe'?)"),
        (("layers = 6\n", ""), "run: the key 'layers' is missing"),
        (("layers = 6", "layers = 0"), "layers must be a positive integer, got 0"),
        (("uniform = 10", "unifrom = 10"), "tokens: unknown key 'unifrom'"),
        (("uniform = 10\nseed = 4", ""), "tokens: give 'file' or 'uniform'"),
        (("uniform = 10", 'uniform = 10\nfile = "x.npy"'), "either 'file' or 'uniform'"),
        (("uniform = 10", 'normalize = "yes"'), "tokens.normalize must be true or false"),
        (("uniform = 10\nseed = 4", 'file = "none.npy"'), "tokens: cannot read"),
        (("[model]", "[model"), "is not valid TOML"),
        (("tanh", "tahn"), "did you mean 'tanh'?"),
        (("[run]", "[walk]"), "unknown key 'walk'"),
        (("energy = [1.0, 3.0]", "energy = 1.0"), "observe.energy must be a list of numbers"),
        (("energy = [1.0, 3.0]", 'energy = ["a"]'), "beta must be a positive number, got 'a'"),
        (("uniform = 10", "file = 3"), "tokens.file must be the name of a file, got 3"),
        (("[tokens]", "[[tokens]]"), "tokens must be a table"),
    ],
)
def test_bad_configurations(config, capsys, change, message):
    assert main(["simulate", config(change=change)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_bad_files(config, tmp_path, capsys):
    assert main(["simulate", str(tmp_path / "none.toml")]) == 2
    assert "config: cannot read" in capsys.readouterr().err
    broken = tmp_path / "broken.npy"
    broken.write_bytes(b"\x93NUMPY not really")
    assert main(["simulate", config(), "--tokens", str(broken)]) == 2
    assert "tokens: cannot read" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    for arguments in (
        ["simulate", config(), "--out", str(tmp_path / "file" / "run.nc")],
        ["simulate", config(), "--plot", str(tmp_path / "missing" / "run.png")],
        ["reproduce", "table", "--out", str(tmp_path / "file" / "results")],
        ["reproduce", "table", "--out", str(tmp_path / "file")],
    ):
        assert main(arguments) == 2
        assert "cannot write" in capsys.readouterr().err


def test_pictures_are_refused_before_the_run(config, tmp_path, capsys):
    out = str(tmp_path / "run.png")
    for arguments, message in (
        (["--plot", str(tmp_path / "a.xyz")], "plot: the name must end in one of"),
        (["--plot", out, "--out", out], "out and plot must be two files"),
    ):
        assert main(["simulate", config(), *arguments]) == 2
        assert message in capsys.readouterr().err
    last = config(change=("layers = 6", "layers = 6\nsave = [6]"))
    assert main(["simulate", last, "--plot", out]) == 2
    assert "at least 2 saved states, got 1" in capsys.readouterr().err
    assert not (tmp_path / "run.png").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_a_readable_file(
    ctrl_c, config, tmp_path, capsys, monkeypatch, number, status
):
    class Interrupt:
        @staticmethod
        def from_setting(value):
            return [ns.Function(Signal(number, calls=value))]

    monkeypatch.setitem(ns.Observer.kinds, "interrupt", Interrupt)
    out = tmp_path / "run.nc"
    many = ("layers = 6", "layers = 20000000\nsave = 1000")
    long = config(change=many, quiet=("energy = [1.0, 3.0]", "interrupt = 2500"))
    assert main(["simulate", long, "--out", str(out)]) == status
    assert "what was computed until then is in" in capsys.readouterr().err
    loaded = ns.load(out)
    assert loaded.layer[2] == 2000
    assert loaded.state.layer >= 2499


def test_theory(capsys):
    assert main(["theory", "--activation", "relu", "--dim", "64", "--sigma-u", "0.1",
                 "--sigma-w", "0.1", "--beta", "2"]) == 0  # fmt: skip
    printed = capsys.readouterr().out
    kernel = ns.Kernel("relu", 64, 0.1, 0.1)
    assert f"{kernel.lyapunov_exponent:+.10e}" in printed
    assert f"{kernel.dissipation_rate(2.0):+.10e}" in printed
    assert main(["theory", "--activation", "rlu", "--dim", "64"]) == 2
    assert "did you mean 'relu'?" in capsys.readouterr().err


def test_info(capsys):
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert ns.__version__ in printed
    assert _core.level in printed


def test_json(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["version"], facts["level"]) == (ns.__version__, _core.level)
    options = ["--activation", "tanh", "--dim", "5", "--sigma-u", "0.1", "--input-scale", "2"]
    assert main(["theory", *options, "--beta", "2", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    kernel = ns.Kernel("tanh", 5, 0.1, input_scale=2.0)
    assert facts["lyapunov_spectrum"] == kernel.lyapunov_spectrum.tolist()
    assert facts["dissipation_rate"] == kernel.dissipation_rate(2.0)
    assert main(["theory", "--all", "--dim", "3", "--sigma", "0.1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["coords"]["dim"]["data"] == [3]


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_level_can_be_forced_and_an_unknown_one_is_refused():
    level = _core.built_levels()[0]
    forced = run_python("from noisync import _core; print(_core.level)", NOISYNC_SIMD=level)
    assert forced.stdout.strip() == level
    refused = run_python("import noisync", NOISYNC_SIMD="sse9")
    assert refused.returncode != 0
    assert "NOISYNC_SIMD=sse9: this installation of noisync has the SIMD levels" in refused.stderr


def test_a_cpu_that_lacks_the_level_gets_a_sentence():
    code = (
        "from noisync import _cpu\n"
        "_cpu.missing_features = lambda level: ['avx512f']\n"
        "import importlib, noisync._core as core\n"
        "importlib.reload(core)"
    )
    refused = run_python(code)
    assert "needs avx512f, which this CPU lacks" in refused.stderr
    assert "Reinstall it from source" in refused.stderr


def test_progress_bars_stay_out_of_pipes(config):
    done = subprocess.run(
        [sys.executable, "-m", "noisync", "simulate", config()], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert "\r" not in done.stdout


def test_observers_of_a_configuration(tmp_path):
    config = tmp_path / "run.toml"
    table = (
        '[model]\ndim = 3\n[model.noise]\ntype = "mlp"\nactivation = "tanh"\nwidth = 8\n'
        "[tokens]\nuniform = 6\n[run]\nhorizon = 1.0\nlayers = 4\n[observe]\n"
    )
    config.write_text(
        table + "energy = [1.0, 2.5]\nbudget = [1.0]\ncosines = 5\norder = true\n"
        "clusters = 0.2\nlyapunov = 2\n"
    )
    run = ns.config.read(config).simulate()
    shapes = {name: values.shape for name, values in run.observed.items()}
    assert shapes == {
        "energy_1": (5,), "energy_2.5": (5,), "budget_1": (5, 2), "order": (5, 3),
        "cosines": (5, 5), "clusters": (5, 2), "lyapunov": (5, 2),
    }  # fmt: skip
    for line, message in (
        ("energi = [1.0]", "unknown key 'energi'"),
        ("budget = 1.0", "observe.budget must be a list of numbers"),
        ("order = 1", "observe.order must be true or false"),
        ("cosines = 0", "bins must be"),
    ):
        config.write_text(table + line)
        with pytest.raises(ns.ArgumentError, match=message):
            ns.config.read(config)
