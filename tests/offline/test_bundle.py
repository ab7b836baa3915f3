"""A folder for a line PC is made, checked, and installed from with the network cut."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from flawscope import __version__
from flawscope.errors import DownloadError, UsageError
from flawscope.offline import bundle
from flawscope.offline.bundle import make_bundle

NO_NETWORK = ["unshare", "-rn"]
"""Runs a command in an empty network namespace of its own."""


def cut_network() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False).returncode == 0


def little_wheel(folder: Path) -> None:
    """A wheel called flawscope whose command says where it is."""
    info = f"flawscope-{__version__}.dist-info"
    files = {
        "flawscope_little.py": 'def main():\n    import sys\n    print("works:", *sys.argv[1:])\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: flawscope\nVersion: {__version__}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nflawscope = flawscope_little:main\n",
    }
    lines = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(folder / f"flawscope-{__version__}-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


@pytest.fixture
def without_index(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """pip's part played by a little wheel; what it was asked."""
    asked: list[list[str]] = []

    def pip(*words: str | Path) -> None:
        asked.append([str(word) for word in words])
        if words[0] == "wheel":
            little_wheel(Path(words[words.index("--wheel-dir") + 1]))

    monkeypatch.setattr(bundle, "_pip", pip)
    monkeypatch.setattr(bundle, "_source", lambda _: Path("source"))
    return asked


@pytest.fixture
def weights(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "net.onnx", tmp_path / "other.xml", tmp_path / "other.bin"]
    for file in files:
        file.write_bytes(file.name.encode())
    return files[:2]


def install(folder: Path, into: Path) -> subprocess.CompletedProcess[str]:
    before = NO_NETWORK if cut_network() else []
    command = [*before, sys.executable, str(folder / "install.py"), "--into", str(into)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_line_pc_is_installed_from_the_folder(
    tmp_path: Path, without_index: list[list[str]], weights: list[Path]
) -> None:
    made = make_bundle(tmp_path / "bundle", weights)
    assert made.weights == ("weights/net.onnx", "weights/other.xml", "weights/other.bin")
    done = install(tmp_path / "bundle", tmp_path / "line")
    assert done.returncode == 0, done.stderr
    assert "works: doctor" in done.stdout
    assert f"--weights {tmp_path / 'line' / 'weights' / 'net.onnx'}" in done.stdout
    assert (tmp_path / "line" / "weights" / "other.bin").read_bytes() == b"other.bin"
    again = install(tmp_path / "bundle", tmp_path / "line")
    assert again.returncode == 2
    assert again.stderr == (f"error: {tmp_path / 'line'} is not empty. Choose another folder with --into\n")


def test_versions_are_those_installed_here_and_those_of_the_line_pc(
    tmp_path: Path, without_index: list[list[str]]
) -> None:
    made = make_bundle(tmp_path / "bundle", python="3.12", platforms=["win_amd64"])
    assert made.python == "3.12"
    (download,) = [words for words in without_index if words[0] == "download"]
    assert {"--platform=win_amd64", "--python-version=3.12", "--only-binary=:all:"} <= set(download)
    told = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert told["platforms"] == ["win_amd64"]
    done = install(tmp_path / "bundle", tmp_path / "line")
    assert done.returncode == 2
    assert "the folder was made for Python 3.12" in done.stderr


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        (lambda folder: (folder / "weights" / "net.onnx").write_bytes(b"net.onnz"), "is damaged"),
        (lambda folder: (folder / "weights" / "net.onnx").unlink(), "is missing"),
        (lambda folder: (folder / "bundle.json").write_text("{"), "Copy the whole folder again"),
        (lambda folder: (folder / "bundle.json").unlink(), "Copy the whole folder again"),
    ],
)
def test_a_folder_that_was_not_copied_whole_is_told(
    tmp_path: Path, without_index: list[list[str]], weights: list[Path], harm, line: str
) -> None:
    make_bundle(tmp_path / "bundle", weights)
    harm(tmp_path / "bundle")
    done = install(tmp_path / "bundle", tmp_path / "line")
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "line").exists()


def test_bad_input_is_told_before_any_download(
    tmp_path: Path, without_index: list[list[str]], weights: list[Path]
) -> None:
    with pytest.raises(UsageError, match="not an exported file"):
        make_bundle(tmp_path / "bundle", [tmp_path / "run.safetensors"])
    (tmp_path / "other.bin").unlink()
    with pytest.raises(UsageError, match=r"other\.bin: no such file"):
        make_bundle(tmp_path / "bundle", weights)
    with pytest.raises(UsageError, match="there is something there already"):
        make_bundle(tmp_path)
    assert without_index == []


def test_nothing_stays_when_wheels_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*words: str | Path) -> None:
        raise DownloadError("pip could not collect the wheels", where="pip")

    monkeypatch.setattr(bundle, "_pip", offline)
    with pytest.raises(DownloadError):
        make_bundle(tmp_path / "here" / "bundle")
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.slow
def test_the_real_thing_in_an_empty_network_namespace(tmp_path: Path) -> None:
    if not cut_network():
        pytest.skip("network namespaces cannot be made here")
    from flawscope.segment.loading import find_weights

    try:
        make_bundle(tmp_path / "bundle", [find_weights("ocinet-tiny")])
    except DownloadError as error:
        pytest.skip(f"no package index: {error}")
    done = install(tmp_path / "bundle", tmp_path / "line")
    assert done.returncode == 0, done.stderr
    assert "Everything the base install needs works" in done.stdout
    flawscope = str(tmp_path / "line" / "bin" / "flawscope")
    drawn = [*NO_NETWORK, flawscope, "data", "synth", "--out", str(tmp_path / "drawn"), "--count", "2"]
    assert subprocess.run(drawn, capture_output=True, check=False).returncode == 0
    found = [
        *NO_NETWORK,
        flawscope,
        *("predict", str(tmp_path / "drawn" / "images"), "--out", str(tmp_path / "found")),
        *("--weights", str(tmp_path / "line" / "weights" / "ocinet-tiny.onnx")),
    ]
    done = subprocess.run(found, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "found" / "results.jsonl").read_text().splitlines()) == 2
