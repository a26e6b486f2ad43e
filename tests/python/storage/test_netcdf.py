"""Files of strangers: what is not as it was written, or reaches for more, is refused."""

import random

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

import noisync as ns
from noisync.storage.seal import seal


@pytest.fixture
def saved(small_run, tmp_path):
    path = tmp_path / "run.nc"
    small_run.save(path)
    return path


def test_every_altered_bit_is_found(small_run, saved):
    """600 damages; each that changes a byte is refused in one line."""
    whole = saved.read_bytes()
    chance = random.Random(0)
    for _ in range(600):
        damaged = bytearray(whole)
        place, kind = chance.randrange(len(whole)), chance.randrange(5)
        length = chance.choice([1, 8, 64, 4096])
        if kind == 0:
            damaged[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del damaged[place:]
        elif kind == 2:
            damaged[place : place + length] = bytes(length)
        elif kind == 3:
            del damaged[place : place + length]
        else:
            damaged[place : place + length] = chance.randbytes(length)
        saved.write_bytes(damaged)
        if damaged == whole:
            assert ns.load(saved) == small_run
            continue
        with pytest.raises(ns.ArgumentError, match=r"path: '.*run.nc' (is|was)") as refused:
            ns.load(saved)
        assert "\n" not in str(refused.value)


def test_a_file_that_was_opened_for_writing_has_lost_its_checksum(saved):
    with netCDF4.Dataset(saved, "r+") as file:
        file["tokens"][0, 0, 0] = 0.5
    with pytest.raises(ns.ArgumentError, match="no checksum"):
        ns.load(saved)


def hostile(path, change):
    """Write a file that says it is whole and holds something that it should not."""
    change(path)
    seal(path)
    return path


def with_file(action):
    def change(path):
        with h5py.File(path, "w") as file:
            action(file)

    return change


def external(file):
    file.create_dataset("x", (3,), "f8", external=[("/etc/passwd", 0, 24)])


def linked(file):
    file["x"] = h5py.ExternalLink("/etc/passwd", "x")


def virtual(file):
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3,))
    file.create_virtual_dataset("x", layout)


def huge(file):
    file.create_dataset("x", (2**40,), "f8")


def huge_but_compressed(file):
    file.create_dataset("x", (2**40,), "f8", chunks=(2**20,), compression="gzip")


def group(file):
    file.create_group("x")


def compound(file):
    file.create_dataset("x", (1,), np.dtype([("a", "f8")]))


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (external, "lies in another file"),
        (linked, "is a link out of the file"),
        (virtual, "lies in another file"),
        (huge, "holds less than its shape says"),
        (huge_but_compressed, "needs 8192.0 GiB"),
        (group, "is no variable"),
        (compound, "has dtype"),
    ],
)
def test_what_a_stranger_might_put_into_a_file(action, reason, tmp_path):
    path = hostile(tmp_path / "x.nc", with_file(action))
    with pytest.raises(ns.ArgumentError, match=f"path.*{reason}"):
        ns.load(path)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("layers", 0, "layers must be a positive integer"),
        ("horizon", np.nan, "horizon must be a positive number"),
        ("horizon", "long", "horizon must be a positive number"),
        ("seed", "x", "invalid literal"),
        ("state_layer", -1, "state_layer must be"),
        ("state_layer", 3, "layer must increase from 0 to 3"),
        ("scheme", "heun", "scheme must be one of"),
        ("model", "dim = [", "model: not valid TOML"),
        ("model", "dim = 4", "tokens must have dim 4"),
        ("model", 'dim = 3\nattention = {type = "softmax", query = "variable model.q"}', "missing"),
        ("model", None, "model"),
    ],
)
def test_attributes_that_make_no_run(small_run, tmp_path, name, value, reason):
    data = small_run.to_dataset()
    data.attrs[name] = value
    if value is None:
        del data.attrs[name]
    ns.save(data, tmp_path / "x.nc")
    with pytest.raises(ns.ArgumentError, match=rf"path: .*{reason}"):
        ns.load(tmp_path / "x.nc")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data.assign(tokens=1.1 * data.tokens), "norm 1.1"),
        (lambda data: data.assign(tokens=np.nan * data.tokens), "must be finite"),
        (lambda data: data.assign(tokens=data.tokens.astype(int)), "norm"),
        (lambda data: data.assign(weights=2 * data.weights), "weights must sum to 1"),
        (lambda data: data.drop_vars("weights"), "weights"),
        (lambda data: data.drop_vars("tokens"), "tokens"),
        (lambda data: data.isel(component=[0, 1]), "dim"),
        (lambda data: data.isel(time=slice(None, None, -1)), "layer must increase"),
        (lambda data: data.assign_coords(layer=("time", 0.5 * data.layer.data)), "layer must"),
    ],
)
def test_variables_that_make_no_run(small_run, tmp_path, change, reason):
    ns.save(change(small_run.to_dataset()), tmp_path / "x.nc")
    with pytest.raises(ns.ArgumentError, match=rf"path: .*{reason}"):
        ns.load(tmp_path / "x.nc")


def test_datasets_come_back_as_they_were(tmp_path):
    data = xr.Dataset(
        {
            "real": (("a", "b"), np.array([[np.nan, 1.0], [-0.0, np.inf]])),
            "single": ("a", np.array([1.5, 2.5], np.float32)),
            "truth": ("a", np.array([True, False])),
            "empty": (("none", "a"), np.empty((0, 2))),
            "number": 3,
        },
        {"a": ["relu", "λ"], "big": ("b", [2**60, -1]), "replicate": ("b", np.arange(2))},
        {"study": "x", "count": 3, "list": [1.0, 2.0], "text": "σ\nβ"},
    )
    data["real"].attrs = {"units": "days since 2000-01-01", "scale_factor": 2.0}
    ns.save(data, tmp_path / "x.nc")
    again = ns.load(tmp_path / "x.nc")
    xr.testing.assert_identical(again, data)
    assert [again[name].dtype for name in again] == [data[name].dtype for name in data]
    ns.save(again, tmp_path / "x.nc")
    xr.testing.assert_identical(ns.load(tmp_path / "x.nc"), data)
