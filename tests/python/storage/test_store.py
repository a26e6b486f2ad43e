"""Zarr stores: the same content as a netCDF file, whole or not there, damage found."""

import numpy as np
import pytest
import xarray as xr

import noisync as ns
from noisync.storage import store

pytest.importorskip("zarr")


@pytest.fixture
def saved(small_run, tmp_path):
    path = tmp_path / "run.zarr"
    small_run.save(path)
    return path


def test_a_run_comes_back_as_it_was(small_run, saved, tmp_path):
    assert ns.load(saved) == small_run
    assert ns.load(saved).origin == small_run.origin
    small_run.save(tmp_path / "run.nc")
    file = xr.open_dataset(tmp_path / "run.nc")
    xr.testing.assert_identical(xr.open_zarr(saved, chunks=None).load(), file.load())
    file.close()


def test_an_ensemble_comes_back_as_it_was(tmp_path):
    model = ns.Model(3, ns.Softmax(query=np.eye(3), key=2 * np.eye(3)), ns.MLP("relu", 8))
    data = ns.ensemble(
        model, ns.sphere.Uniform(5, 3), replicates=3, horizon=1.0, layers=4,
        observe=[ns.Energy((1.0, 2.0)), ns.OrderParameters()],
    )  # fmt: skip
    ns.save(data, tmp_path / "x.zarr")
    xr.testing.assert_identical(ns.load(tmp_path / "x.zarr"), data)


def test_an_older_store_stands_until_the_new_one_is_whole(small_run, saved, monkeypatch):
    def fail(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "sync", fail)
    with pytest.raises(ns.ArgumentError, match=r"path: cannot write .*No space left"):
        small_run.save(saved)
    monkeypatch.undo()
    assert ns.load(saved) == small_run
    small_run.save(saved)
    assert ns.load(saved) == small_run
    assert [path.name for path in saved.parent.iterdir()] == ["run.zarr"]


def test_damage_is_found(saved):
    files = [path for path in saved.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ns.ArgumentError, match="path"):
            ns.load(saved)
        path.write_bytes(whole)
    files[0].unlink()
    with pytest.raises(ns.ArgumentError, match="path"):
        ns.load(saved)


def test_what_is_refused(small_run, saved, tmp_path, monkeypatch):
    (saved / "link").symlink_to("/etc/passwd")
    with pytest.raises(ns.ArgumentError, match="is a link"):
        ns.load(saved)
    with pytest.raises(ns.ArgumentError, match=r"cannot read .*No such file"):
        ns.load(tmp_path / "none.zarr")
    (tmp_path / "other.zarr").mkdir()
    with pytest.raises(ns.ArgumentError, match="it is no store of noisync"):
        small_run.save(tmp_path / "other.zarr")
    monkeypatch.setattr(store.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ns.ArgumentError, match=r"needs zarr \(pip install noisync\[zarr\]\)"):
        small_run.save(tmp_path / "run.zarr")
