"""Archives of strangers: good ones arrive whole, bad ones leave nothing behind."""

import io
import struct
import tarfile
import zipfile

import pytest

from flawscope.data.unpacking import Bounds, unpack
from flawscope.errors import DownloadError, OutputError


def make_zip(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def tree(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def refused(archive, out, message, **options):
    with pytest.raises(DownloadError, match=message):
        unpack(archive, out, **options)
    assert not out.exists()
    assert sorted(p.name for p in out.parent.iterdir()) == [archive.name]


def test_zip_without_its_top_folder_and_litter(tmp_path):
    members = {
        "repo-main/a.txt": "A",
        "repo-main/x/b.txt": "B",
        "__MACOSX/._a": "",
        "repo-main/.DS_Store": "",
    }
    seen = []
    count = unpack(
        make_zip(tmp_path / "a.zip", members), tmp_path / "out", progress=lambda *n: seen.append(n)
    )
    assert tree(tmp_path / "out") == {"a.txt": b"A", "x/b.txt": b"B"}
    assert (count, seen) == (2, [(1, 2), (2, 2)])


def test_only_one_folder_of_the_archive(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"top/data set/a.txt": "A", "top/code/b.txt": "B"})
    unpack(archive, tmp_path / "out", inside="data set")
    assert tree(tmp_path / "out") == {"a.txt": b"A"}
    archive = make_zip(tmp_path / "b.zip", {"top/code/b.txt": "B"})
    with pytest.raises(DownloadError, match="has no folder 'data set'"):
        unpack(archive, tmp_path / "other", inside="data set")


def test_files_at_the_top_stay_there(tmp_path):
    unpack(make_zip(tmp_path / "a.zip", {"a.txt": "A", "x/b.txt": "B"}), tmp_path / "out")
    assert tree(tmp_path / "out") == {"a.txt": b"A", "x/b.txt": b"B"}


def test_tar_gz(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as opened:
        for name, content in (("top/a.txt", b"A"), ("top/x/b.txt", b"B")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    assert unpack(tmp_path / "a.tar.gz", tmp_path / "out") == 2
    assert tree(tmp_path / "out") == {"a.txt": b"A", "x/b.txt": b"B"}


@pytest.mark.parametrize(
    "name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:\\evil.txt", "c:/evil.txt"]
)
def test_zip_members_that_lead_out(tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    archive = make_zip(folder / "a.zip", {"good.txt": "A", name: "gotcha"})
    refused(archive, folder / "out", "leads out of the target folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


def test_zip_links(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as opened:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        opened.writestr(info, "/etc/passwd")
    refused(path, tmp_path / "out", "'link' is a link or a device")


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (tarfile.SYMTYPE, "link", "is a link or a device"),
        (tarfile.LNKTYPE, "hard", "is a link or a device"),
        (tarfile.FIFOTYPE, "pipe", "is a link or a device"),
        (tarfile.CHRTYPE, "dev", "is a link or a device"),
        (tarfile.REGTYPE, "../evil", "leads out"),
        (tarfile.REGTYPE, "/evil", "leads out"),
    ],
)
def test_tar_members_that_are_not_plain_files(tmp_path, kind, name, message):
    with tarfile.open(tmp_path / "a.tar", "w") as opened:
        info = tarfile.TarInfo(name)
        info.type = kind
        info.linkname = "/etc/passwd"
        opened.addfile(info, io.BytesIO(b""))
    refused(tmp_path / "a.tar", tmp_path / "out", message)


def test_a_bomb(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(40_000_000)})
    assert archive.stat().st_size < 100_000
    refused(archive, tmp_path / "out", "over 200 times its size")


def test_a_bomb_whose_index_lies(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"zeros": bytes(40_000_000)})
    raw = bytearray(path.read_bytes())
    # The central directory says 1,000 bytes instead of 40,000,000.
    at = raw.rfind(struct.pack("<I", 40_000_000))
    raw[at : at + 4] = struct.pack("<I", 1000)
    path.write_bytes(raw)
    refused(path, tmp_path / "out", r"damaged|over 200 times")


def test_too_many_and_too_much(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {f"{n}.txt": "x" * 100 for n in range(20)})
    refused(archive, tmp_path / "out", "more than 10 files", bounds=Bounds(files=10))
    refused(archive, tmp_path / "out", r"more than 1e-06 GB", bounds=Bounds(bytes=1000))


def test_encrypted(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.txt": "A"})
    raw = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.find(signature) + offset] |= 1
    path.write_bytes(raw)
    refused(path, tmp_path / "out", "is encrypted.*password")


def test_damaged(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.bin": bytes(range(256)) * 100})
    raw = bytearray(path.read_bytes())
    raw[60] ^= 0xFF
    path.write_bytes(raw)
    refused(path, tmp_path / "out", "damaged")


def test_a_damaged_tar(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as opened:
        info = tarfile.TarInfo("a.bin")
        info.size = 100_000
        opened.addfile(info, io.BytesIO(bytes(range(250)) * 400))
    raw = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(raw[:-200])
    refused(tmp_path / "a.tar.gz", tmp_path / "out", "damaged|neither")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr("a.txt", "A")
        opened.writestr("a.txt", "B")
    refused(tmp_path / "a.zip", tmp_path / "out", "two files of one name")


def test_what_is_no_archive(tmp_path):
    path = tmp_path / "a.zip"
    path.write_text("<html>sign in</html>")
    refused(path, tmp_path / "out", "neither a zip nor a tar archive")


def test_empty(tmp_path):
    refused(make_zip(tmp_path / "a.zip", {}), tmp_path / "out", "is empty")


def test_a_target_that_cannot_be_made(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"a.txt": "A"})
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        unpack(archive, tmp_path / "file" / "out")
