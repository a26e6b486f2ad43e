"""Progress: bars, and lines in a file."""

import re
import time

import pytest

import noisync as ns
from noisync.base import progress
from noisync.base.progress import Bar, logged
from noisync.cli import main

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "


def test_lines_at_the_start_now_and_then_and_at_the_end(tmp_path, monkeypatch):
    """Also while nothing is done."""
    monkeypatch.setattr(progress, "INTERVAL", 0.02)
    path = tmp_path / "log"
    path.write_text("what stood there\n")
    with logged(path), Bar(4, "cell", shown=True, what="study") as bar:
        bar.update()
        deadline = time.monotonic() + 60
        while path.read_text().count("\n") < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        bar.update(3)
    lines = path.read_text().splitlines()
    assert lines[0] == "what stood there"
    assert re.fullmatch(STAMP + "study: 0 of 4 cells, 0 s so far", lines[1])
    assert re.match(STAMP + r"study: 1 of 4 cells, \d+ s so far, about \d+ s left", lines[2])
    assert re.match(STAMP + r"study: 4 of 4 cells, \d+ s so far$", lines[-1])


def test_what_is_not_shown_is_not_logged(tmp_path):
    with logged(tmp_path / "log"), Bar(4, "cell", shown=False) as bar:
        bar.update()
    assert (tmp_path / "log").read_text() == ""


def test_a_full_disk_ends_nothing():
    with logged(progress.Path("/dev/full")), Bar(2, "cell", shown=True) as bar:
        bar.update(2)


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(ns.ArgumentError, match="log: cannot write"), logged(tmp_path):
        pass


@pytest.mark.parametrize("command", ["simulate", "study"])
def test_the_command_logs(command, tmp_path, capsys):
    log, config = tmp_path / "log", tmp_path / "run.toml"
    if command == "simulate":
        config.write_text(
            "[model]\ndim = 3\n[tokens]\nuniform = 4\n[run]\nhorizon = 1.0\nlayers = 5\n"
        )
        arguments = ["simulate", str(config)]
    else:
        config.write_text("depths = [2, 4]\nwidths = [4, 8]\nwidth_layers = 2\nreplicates = 2\n")
        arguments = ["study", "depth-width", str(config), "--quick", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--log", str(log)]) == 0
    last = log.read_text().splitlines()[-1]
    assert re.match(STAMP + r"5 of 5 (layer|cell)s, ", last)
    assert "of 5" not in capsys.readouterr().err  # no terminal, no bar
