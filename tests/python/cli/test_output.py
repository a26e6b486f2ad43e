"""The way out of the command line: nothing that was computed is lost, whatever the terminal."""

import io
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import noisync as ns
from noisync.cli import main

CONFIG = """
[model]
dim = 3
noise = { type = "mlp", activation = "tanh", width = 16 }

[tokens]
uniform = 10

[run]
horizon = 1.0
layers = 60

[observe]
energy = [1.0]
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(CONFIG)
    return str(path)


def shell(line):
    command = line.replace("noisync", f"{sys.executable} -m noisync")
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )


def test_a_reader_that_leaves_early(config, tmp_path):
    out = tmp_path / "run.nc"
    done = shell(f"noisync simulate {config} --out {out} | head -1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert ns.load(out).finished


def test_a_terminal_without_utf8(monkeypatch):
    printed = {}
    for encoding in ("ascii", "utf-8"):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
        assert main(["theory", "--all", "--dim", "5"]) == 0
        printed[encoding] = sys.stdout.buffer.getvalue().decode()
    assert printed["ascii"].isascii()
    assert "lambda_bar" in printed["ascii"]
    assert "?" not in printed["ascii"]
    assert "λ̄" in printed["utf-8"]


def test_an_output_that_is_full(config, tmp_path):
    out = tmp_path / "run.nc"
    done = shell(f"noisync simulate {config} --out {out} > /dev/full")
    assert done.returncode == 3
    assert done.stderr == "noisync: [Errno 28] No space left on device\n"
    assert ns.load(out).finished


def test_a_result_that_does_not_fit_is_kept_elsewhere(config, tmp_path, capsys, monkeypatch):
    """The disk of the file is full; that of the working folder is not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    out = tmp_path / "full" / "run.nc"
    assert main(["simulate", config, "--out", str(out)]) == 0
    old = out.read_bytes()
    write = ns.storage.files._new_file

    def full(target):
        if target.parent == out.parent and not full.checked:
            full.checked = True
            return write(target)
        if target.parent == out.parent:
            raise OSError(28, "No space left on device")
        return write(target)

    full.checked = False
    monkeypatch.setattr(ns.storage.files, "_new_file", full)
    assert main(["simulate", config, "--seed", "1", "--out", str(out)]) == 3
    error = capsys.readouterr().err
    assert "out: cannot write" not in error
    assert "cannot write" in error
    assert "No space left on device; it is in" in error
    assert out.read_bytes() == old
    kept = next(tmp_path.glob("noisync-*-run.nc"))
    assert ns.load(kept).seed == 1


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 40 KB, where this machine lets one be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40k", "none", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounts are refused")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_small_disk(config, small_disk, tmp_path):
    out = small_disk / "run.nc"
    Path(config).write_text(CONFIG.replace("layers = 60", "layers = 600"))
    done = shell(f"cd {tmp_path}; noisync simulate {config} --out {out}")
    assert done.returncode == 3
    assert f"cannot write '{out}': No space left on device; it is in '{tmp_path}" in done.stderr
    assert not list(small_disk.iterdir())
    assert ns.load(next(tmp_path.glob("noisync-*-run.nc"))).finished
    done = shell(f"noisync simulate {config} --checkpoint {small_disk / 'run.ckpt'}")
    assert done.returncode in (0, 2)
    assert "No space left on device" in done.stderr


def test_nowhere_to_go(config, tmp_path, capsys, monkeypatch):
    """Then there is a sentence, and no file is left behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        assert main(["simulate", config, "--out", str(tmp_path / "run.nc")]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "File too large" in error
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]


# Checkpoints


def test_a_run_whose_time_is_up_is_resumed(config, tmp_path, capsys):
    out, path = tmp_path / "run.nc", tmp_path / "run.ckpt"
    long = Path(config).read_text().replace("layers = 60", "layers = 20000\nsave = 5000")
    Path(config).write_text(long)
    arguments = ["--checkpoint", str(path), "--stop-after", "1e-9", "--out", str(out)]
    assert main(["simulate", config, *arguments, "--seed", "7"]) == 4
    assert f"the time was up before the end; noisync resume {path} goes on" in (
        capsys.readouterr().err
    )
    assert not ns.load(out).finished
    assert main(["resume", str(path), "--stop-after", "1e-9"]) in (0, 4)
    assert main(["resume", str(path), "--out", str(out), "--threads", "1"]) == 0
    expected = ns.config.read(config).simulate(seed=7)
    assert ns.load(out) == expected


def test_values_are_set_on_the_command_line(config, tmp_path, capsys):
    out = tmp_path / "run.nc"
    changes = ["--set", "run.layers=7", "--set", "model.noise.activation=relu"]
    assert main(["simulate", config, *changes, "--out", str(out)]) == 0
    run = ns.load(out)
    assert (run.layers, run.model.noise.activation) == (7, "relu")
    for change, message in (
        ("run.layer=7", "unknown key 'layer' (did you mean 'layers'?)"),
        ("layers", "set must be key=value, got 'layers'"),
        ("run.layers.x=1", "set: 'layers' is no table"),
        ("run.layers=many", "layers must be a positive integer, got 'many'"),
    ):
        assert main(["simulate", config, "--set", change]) == 2
        assert message in capsys.readouterr().err
    assert main(["study", "depth-width", "--set", "depth=3", "--out", str(tmp_path)]) == 2
    assert "did you mean 'depths'?" in capsys.readouterr().err


def test_a_run_does_not_replace_what_it_is_made_from(config, capsys):
    before = Path(config).read_text()
    assert main(["simulate", config, "--out", config]) == 2
    assert "out must not be" in capsys.readouterr().err
    assert Path(config).read_text() == before


def test_exit_codes(config, tmp_path, capsys):
    assert main(["resume", str(tmp_path / "none")]) == 2
    assert "path: cannot read" in capsys.readouterr().err
    text = Path(config).read_text()
    Path(config).write_text(text.replace("layers = 60", "layers = 0"))
    assert main(["simulate", config]) == 2
    # A single token repelled by itself with step 1 goes to zero.
    text = text.replace("noise = {", "attention = { type = 'softmax', beta = 1e-9, value = -1 } #")
    text = text.replace("layers = 60", "layers = 1").replace("uniform = 10", "uniform = 1")
    Path(config).write_text(text)
    assert main(["simulate", config]) == 3
    assert "left the sphere" in capsys.readouterr().err


def test_a_process_at_another_level_starts_anew_at_that_of_the_checkpoint(monkeypatch, tmp_path):
    path = tmp_path / "run.ckpt"
    model = ns.Model(dim=3, noise=ns.MLP("relu", 8))
    options = {"horizon": 1.0, "layers": 2, "checkpoint": path}
    monkeypatch.setattr("noisync.run.call.level", lambda: "x86-64-v2")
    ns.simulate(model, ns.sphere.uniform(2, 3), **options)
    monkeypatch.undo()
    started = []
    monkeypatch.setattr(ns._core, "built_levels", lambda: ["native", "x86-64-v2"])
    monkeypatch.setattr(os, "execve", lambda *arguments: started.append(arguments))
    monkeypatch.setattr(sys, "argv", ["noisync", "resume", str(path)])
    assert main(["resume", str(path)]) == 2  # had it not started anew
    (program, arguments, environment) = started[0]
    assert program == sys.executable
    assert arguments[1:] == ["-m", "noisync", "resume", str(path)]
    assert environment["NOISYNC_SIMD"] == "x86-64-v2"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_process_is_resumed(number, status, config, tmp_path):
    out, path = tmp_path / "run.nc", tmp_path / "run.ckpt"
    long = Path(config).read_text().replace("layers = 60", "layers = 200000\nsave = 100000")
    Path(config).write_text(long)
    process = subprocess.Popen(
        [sys.executable, "-m", "noisync", "simulate", config, "--checkpoint", path, "--out", out],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not path.exists() and process.poll() is None:
        pass
    process.send_signal(number)
    _, error = process.communicate()
    assert process.returncode == status, error
    assert "what was computed until then is in" in error
    assert not ns.load(out).finished
    assert main(["resume", str(path), "--out", str(out)]) == 0
    assert ns.load(out) == ns.config.read(config).simulate()
