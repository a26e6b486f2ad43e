"""Files appear whole or not at all, wherever they go and whatever happens meanwhile."""

import os
import resource
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import noisync as ns
from noisync.storage.files import replace_file, signals_deferred


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_old_file_stands_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(partial):
        partial.write_text("half")
        assert path.read_text() == "old"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replace_file("path", path, fail)
    assert path.read_text() == "old"
    replace_file("path", path, lambda partial: partial.write_text("new"))
    assert path.read_text() == "new"
    assert names(tmp_path) == ["file"]


def test_a_link_is_followed_and_permissions_stay(tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "file"
    target.write_text("old")
    target.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(target)
    replace_file("path", link, lambda partial: partial.write_text("new"))
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_what_is_no_regular_file_is_refused(small_run, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to("/dev/null")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    cases = {
        pipe: "it is no regular file",
        tmp_path / "link": "it is no regular file",
        tmp_path: "it is a folder",
        "/dev/full": "it is no regular file",
        tmp_path / "loop": "symbolic links",
        tmp_path / ("x" * 300): "File name too long",
        tmp_path / "missing" / "run.nc": "No such file",
    }
    before = names(tmp_path)
    for path, reason in cases.items():
        with pytest.raises(ns.ArgumentError, match=f"path: cannot write .*{reason}"):
            ns.save(small_run, path)
    assert names(tmp_path) == before
    with pytest.raises(ns.ArgumentError, match="path must be the name of a file"):
        ns.save(small_run, "a\0b")
    with pytest.raises(ns.ArgumentError, match="it is no regular file"):
        ns.load(pipe)


def test_a_full_disk_is_a_sentence_and_the_old_file_stands(small_run, tmp_path):
    path = tmp_path / "run.nc"
    small_run.save(path)
    old = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limit[1]))
        with pytest.raises(ns.ArgumentError, match=r"path: cannot write '.*run.nc': .*large"):
            small_run.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == old
    assert names(tmp_path) == ["run.nc"]
    assert ns.load(path) == small_run


def test_two_writers_and_a_reader(small_run, tmp_path):
    """Every read sees one of the two files, whole."""
    path = tmp_path / "run.nc"
    code = (
        "import sys, noisync as ns\nrun = ns.load(sys.argv[1])\n"
        "for _ in range(40): run.save(sys.argv[2])\n"
    )
    sources = []
    for seed in (1, 2):
        run = ns.simulate(small_run.model, small_run.tokens[0], horizon=1.0, layers=8, seed=seed)
        run.save(tmp_path / f"{seed}.nc")
        sources.append(run)
    sources[0].save(path)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path / f"{seed}.nc", path],
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    reads = 0
    while any(writer.poll() is None for writer in writers) or reads < 20:
        assert ns.load(path) in sources
        reads += 1
    for writer in writers:
        _, error = writer.communicate()
        assert writer.returncode == 0, error


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
def test_a_signal_waits_until_the_file_is_written(ctrl_c, tmp_path):
    path = tmp_path / "file"

    def write(partial):
        signal.raise_signal(signal.SIGINT)
        partial.write_text("whole")

    with pytest.raises(KeyboardInterrupt):
        replace_file("path", path, write)
    assert path.read_text() == "whole"
    with pytest.raises(KeyboardInterrupt), signals_deferred(), signals_deferred():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_result_that_netcdf_cannot_hold_is_a_sentence(tmp_path):
    with pytest.raises(ns.ArgumentTypeError, match="result must be a Trajectory or a Dataset"):
        ns.save(np.zeros(3), tmp_path / "x.nc")
    data = ns.ensemble(
        ns.Model(dim=3, noise=ns.MLP("relu", 8)), ns.sphere.uniform(2, 3),
        replicates=2, horizon=1.0, layers=2,
    )  # fmt: skip
    with pytest.raises(ns.ArgumentError, match="result: cannot be written"):
        ns.save(data.assign_attrs(mine={"a": 1}), tmp_path / "x.nc")
    assert not names(tmp_path)
