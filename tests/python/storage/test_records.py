"""Records and checkpoints: what is torn or altered is found, and the one before is taken."""

import io
import subprocess
import sys

import numpy as np
import pytest

import noisync as ns
from noisync.storage.folder import Folder
from noisync.storage.records import DamagedError, Record, read_record, write_record


def test_records_come_back_as_they_were():
    arrays = {
        "a": np.arange(6.0).reshape(2, 3)[:, ::2],
        "b": np.zeros((3, 0), np.float32),
        "c": np.array(7, np.int64),
        "d": np.array([True, False]),
    }
    file = io.BytesIO()
    write_record(file, Record({"x": [1, "λ", None, 0.1]}, arrays))
    write_record(file, Record({}))
    size = file.tell()
    file.seek(0)
    first = read_record(file, size)
    assert first.header == {"x": [1, "λ", None, 0.1]}
    for name, array in arrays.items():
        assert first.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(first.arrays[name], array)
        assert first.arrays[name].shape == array.shape
    assert read_record(file, size - file.tell()) == Record({})


def test_every_altered_bit_of_a_record_is_found():
    file = io.BytesIO()
    write_record(file, Record({"n": 1}, {"a": np.arange(3)}))
    whole = file.getvalue()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedError):
            read_record(io.BytesIO(damaged), len(damaged))
    for length in range(len(whole)):
        with pytest.raises(DamagedError):
            read_record(io.BytesIO(whole[:length]), length)


def state(number):
    return Record({"number": number}, {"x": np.full(4, number)})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.ckpt"
    with Folder.begin("checkpoint", path, Record({"kind": "test"}), state(0)) as folder:
        for number in (1, 2, 3):
            folder.append([Record({"of": number}, {"y": np.arange(number)})], state(number))
    assert [each.name for each in tmp_path.iterdir()] == ["run.ckpt"]
    return path


def restored(path):
    found = []

    def restore(state, records):
        assert state.arrays["x"].tolist() == [state.header["number"]] * 4
        found[:] = [state.header["number"], [record.header["of"] for record in records]]

    with Folder.reopen("checkpoint", path) as folder:
        folder.restore(restore)
    return found


def alter(file, place=-1):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def test_a_state_counts_its_records(path):
    assert restored(path) == [3, [1, 2, 3]]
    size = (path / "records").stat().st_size
    with (path / "records").open("ab") as records:
        records.write(b"a tail that was not counted")
    assert restored(path) == [3, [1, 2, 3]]
    with Folder.reopen("checkpoint", path) as folder:
        folder.restore(lambda state, records: list(records))
        folder.append([], state(4))
    assert (path / "records").stat().st_size == size


def test_where_the_newest_state_is_damaged_the_one_before_is_taken(path):
    alter(path / "state-1")
    assert restored(path) == [2, [1, 2]]
    # From there it goes on, and the damaged one is replaced.
    with Folder.reopen("checkpoint", path) as folder:
        folder.restore(lambda state, records: list(records))
        folder.append([Record({"of": 33})], state(33))
    assert restored(path) == [33, [1, 2, 33]]
    (path / "state-0").unlink()
    assert restored(path) == [33, [1, 2, 33]]


def test_where_its_records_are_damaged_the_state_before_is_taken(path):
    alter(path / "records")
    assert restored(path) == [2, [1, 2]]
    alter(path / "records", 100)
    with pytest.raises(ns.ArgumentError, match=r"checkpoint: '.*run.ckpt' is damaged"):
        restored(path)


def test_other_damages_are_sentences(path, tmp_path):
    alter(path / "call")
    with pytest.raises(ns.ArgumentError, match="is damaged: a checksum does not fit"):
        restored(path)
    (path / "call").unlink()
    with pytest.raises(ns.ArgumentError, match="is no checkpoint of noisync"):
        restored(path)
    with pytest.raises(ns.ArgumentError, match=r"cannot read .*No such file"):
        restored(tmp_path / "missing")
    with pytest.raises(ns.ArgumentError, match=r"cannot write .*No such file"):
        Folder.begin("checkpoint", tmp_path / "missing" / "x", Record({}), state(0))


def test_what_cannot_be_appended_leaves_the_checkpoint_as_it_was(path):
    class FullError(Exception):
        pass

    def records():
        yield Record({"of": 4}, {"y": np.zeros(10_000)})
        raise FullError

    with Folder.reopen("checkpoint", path) as folder:
        folder.restore(lambda state, records: list(records))
        with pytest.raises(FullError):
            folder.append(records(), state(4))
        assert folder.path == path
        folder.append([Record({"of": 5})], state(5))
    assert restored(path) == [5, [1, 2, 3, 5]]


def test_a_link_is_no_part_of_a_checkpoint(path, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (path / "records").rename(elsewhere)
    (path / "records").symlink_to(elsewhere)
    with pytest.raises(ns.ArgumentError, match="records is a link"):
        Folder.reopen("checkpoint", path)


def test_two_processes_do_not_share_a_checkpoint(path):
    with Folder.reopen("checkpoint", path):
        with pytest.raises(ns.ArgumentError, match="is in use by another process"):
            Folder.reopen("checkpoint", path)
        other = subprocess.run(
            [sys.executable, "-c", "import sys; from pathlib import Path\n"
             "from noisync.storage.folder import Folder\n"
             "Folder.reopen('checkpoint', Path(sys.argv[1]))", path],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "is in use by another process" in other.stderr
    restored(path)
