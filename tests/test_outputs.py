"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from flawscope import outputs
from flawscope.errors import OutputError
from flawscope.outputs import atomic, check_writable, dumps, output_error, write_bytes, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_written_under_its_name_with_folders_made(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a" / "b" / "c.txt", "äé\n")
    assert path.read_bytes() == b"\xc3\xa4\xc3\xa9\n"
    assert names(path.parent) == ["c.txt"]


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX")
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write_bytes(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_error_inside_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")

    def fail() -> None:
        with atomic(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_the_temporary_file_keeps_the_suffix_and_is_hidden(tmp_path: Path) -> None:
    with atomic(tmp_path / "a.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.name.startswith(".")
        assert temporary.parent == tmp_path


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as opened:
            opened.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(
        OutputError, match=r"a\.txt: could not write: no space left on device\. Free some space"
    ):
        write_text(tmp_path / "a.txt", "0123456789")
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_device_that_is_really_full(tmp_path: Path) -> None:

    def fill() -> None:
        with atomic(tmp_path / "a.txt"), Path("/dev/full").open("wb", buffering=0) as opened:
            opened.write(b"x")

    with pytest.raises(OutputError, match="no space left on device"):
        fill()
    assert names(tmp_path) == []


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(OutputError, match=r"could not write: .*\. A file stands where a folder is needed"):
        write_text(tmp_path / "a" / "b.txt", "x")


def test_what_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "x")
    for target, folder, line in (
        (tmp_path / "file", True, "file exists. A file stands where a folder is needed"),
        (tmp_path, False, "is a directory. A folder of this name is there"),
        (tmp_path / "file" / "a", False, "not a directory. A file stands where a folder is needed"),
        (tmp_path / "file" / "a" / "b", True, "not a directory"),
        (tmp_path / ("n" * 300), False, "file name too long. Choose a shorter path"),
    ):
        with pytest.raises(OutputError, match=f"{target}: could not write: {line}"):
            check_writable(target, folder=folder)
    check_writable(tmp_path / "new" / "deep" / "r.json")
    check_writable(tmp_path / "new", folder=True)
    check_writable(tmp_path / "file")
    check_writable(tmp_path, folder=True)
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some space or write elsewhere"),
        (errno.ENOTDIR, "A file stands where a folder is needed"),
        (errno.EISDIR, "A folder of this name is there"),
        (errno.EROFS, "You may not write there"),
        (errno.EACCES, "You may not write there"),
        (errno.EIO, "Choose another place"),
    ],
)
def test_the_remedy_fits_the_cause(number: int, remedy: str) -> None:
    said = str(output_error(OSError(number, os.strerror(number)), "r.json"))
    assert said.startswith(f"r.json: could not write: {os.strerror(number).lower()}. {remedy}")
    assert "--out" not in said


def test_json_has_no_nan_and_knows_numpy_and_paths(tmp_path: Path) -> None:
    payload = {
        "path": Path("a") / "b",
        "nan": float("nan"),
        "inf": np.float32("inf"),
        "array": np.array([[1, 2]], dtype=np.int16),
        "tuple": (np.float64(0.5), None, True),
        3: "number",
    }
    expected = {
        "path": "a/b",
        "nan": None,
        "inf": None,
        "array": [[1, 2]],
        "tuple": [0.5, None, True],
        "3": "number",
    }
    assert json.loads(write_json(tmp_path / "a.json", payload).read_text()) == expected
    assert dumps({"ä": 1}, indent=None) == '{"ä": 1}'


def test_long_lists_of_whole_numbers_are_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[object] = []
    look = outputs._plain

    def counted(value: object) -> object:
        looked_at.append(value)
        return look(value)

    monkeypatch.setattr(outputs, "_plain", counted)
    runs = {"rows": np.arange(1000), "starts": list(range(1000)), "ends": tuple(range(1000))}
    assert json.loads(dumps(runs)) == {name: list(range(1000)) for name in runs}
    assert len(looked_at) < 10


def test_one_value_that_is_not_plain_among_plain_ones_is_seen() -> None:
    for value, plain in (
        (float("nan"), None),
        (np.int16(7), 7),
        (Path("a") / "b", "a/b"),
        ([np.inf], [None]),
    ):
        for kind in (list, tuple):
            assert json.loads(dumps(kind([1, True, None, "x", value]))) == [1, True, None, "x", plain]
    assert json.loads(dumps({3})) == [3]
    assert dumps(np.array([True, False]), indent=None) == "[true, false]"


def test_file_names_that_are_no_utf8_survive_json(tmp_path: Path) -> None:
    name = b"bl\xe4tt.png".decode("utf-8", "surrogateescape")
    path = write_json(tmp_path / "a.json", {"name": name})
    assert json.loads(path.read_bytes().decode("utf-8"))["name"] == name
    assert write_text(tmp_path / "a.csv", name).read_bytes() == b"bl\\udce4tt.png"
