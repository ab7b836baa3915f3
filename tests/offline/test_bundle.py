"""A folder for a line PC is made, checked, and installed from with the network cut."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.specifiers import SpecifierSet

from flawscope import __version__
from flawscope.cli.app import run
from flawscope.enhance.presets import bank
from flawscope.errors import DownloadError, FlawscopeError, UsageError
from flawscope.offline import wheels
from flawscope.offline.bundle import make_bundle
from flawscope.offline.target import PYTHONS
from flawscope.sdie.artefact import save_artefact
from flawscope.sdie.policy import ConstantPolicy

NO_NETWORK = ["unshare", "-rn"]
"""Runs a command in an empty network namespace of its own."""


def cut_network() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False).returncode == 0


def write_wheel(
    folder: Path, name: str, version: str, needs: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> None:
    """A wheel that pip can install, with ``needs`` as its Requires-Dist and ``more`` files."""
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {one}" for one in needs] + ["Provides-Extra: openvino"]
    files = {
        **{one.format(info=info): text for one, text in (more or {}).items()},
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for file, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{file},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)


INDEX = {
    "screen": ("2.0", ['colours>=0.4; platform_system == "Windows"']),
    "colours": ("0.4.6", ['typing; python_version >= "3.13"']),
    "typing": ("1.0", []),
    "wide": ("1.0", []),
    "openvino": ("2026.4", ['telemetry; extra == "talk"', 'wide; sys_platform == "darwin"']),
}
"""What can be had, and what it needs."""


@pytest.fixture
def without_index(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """pip's part played by little wheels, without dependencies that are for another machine; what it was asked."""
    asked: list[list[str]] = []
    command = {
        "flawscope_little.py": 'def main():\n    import sys\n    print("works:", *sys.argv[1:])\n',
        "{info}/entry_points.txt": "[console_scripts]\nflawscope = flawscope_little:main\n",
    }

    def pip(*words: str | Path) -> None:
        asked.append([str(word) for word in words])
        if words[0] == "wheel":
            folder = Path(words[words.index("--wheel-dir") + 1])
            needs = ["screen>=1.0", 'openvino>=2026.4; extra == "openvino"']
            write_wheel(folder, "flawscope", __version__, needs, command)
            return
        folder = Path(words[words.index("--dest") + 1])
        own, *more = words[words.index("--dest") + 2 :]
        more = ["screen", *more, *(["openvino"] if "[openvino]" in str(own) else [])]
        for name in {re.split("[<>=]", str(one))[0] for one in more}:
            write_wheel(folder, name, *INDEX[name])

    monkeypatch.setattr(wheels, "_pip", pip)
    monkeypatch.setattr(wheels, "_source", lambda _: Path("source"))
    return asked


def names(folder: Path) -> list[str]:
    return sorted(file.name.partition("-")[0] for file in (folder / "wheels").iterdir())


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
    assert list((tmp_path / "line").rglob("openvino-2026.4.dist-info")), "an .xml needs it"
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
    downloads = [words for words in without_index if words[0] == "download"]
    for download in downloads:
        assert {"--platform=win_amd64", "--python-version=3.12", "--only-binary=:all:"} <= set(download)
        assert "--constraint" in download
    assert [words[-1].partition(" ")[0] for words in downloads] == ["flawscope", "colours>=0.4"]
    assert names(tmp_path / "bundle") == ["colours", "flawscope", "screen"]
    told = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert told["platforms"] == ["win_amd64"]
    done = install(tmp_path / "bundle", tmp_path / "line")
    assert done.returncode == 2
    assert "the folder was made for Python 3.12" in done.stderr


@pytest.mark.parametrize(
    ("python", "platforms", "more"),
    [
        (None, [], []),
        ("3.12", ["manylinux_2_28_x86_64", "manylinux2014_x86_64"], []),
        (None, ["macosx_14_0_arm64"], ["wide"]),
        ("3.12", ["win_amd64"], ["colours"]),
        ("3.13", ["win_arm64"], ["colours", "typing"]),
    ],
)
def test_what_only_the_line_pc_needs_is_collected_too(
    tmp_path: Path,
    without_index: list[list[str]],
    weights: list[Path],
    python: str | None,
    platforms: list[str],
    more: list[str],
) -> None:
    make_bundle(tmp_path / "bundle", weights, python=python, platforms=platforms)
    assert names(tmp_path / "bundle") == sorted(["flawscope", "openvino", "screen", *more])


def test_a_wheel_that_pip_does_not_bring_ends_the_search(
    tmp_path: Path, without_index: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INDEX, "colours", ("0.3", []))
    with pytest.raises(DownloadError, match=r"no wheel for colours>=0\.4"):
        make_bundle(tmp_path / "bundle", platforms=["win_amd64"])


@pytest.mark.parametrize(
    ("python", "platforms", "line"),
    [
        ("3", [], "'3' is not a Python"),
        ("3.12.1", [], "is not a Python"),
        (None, ["windows"], "'windows' is not a platform"),
        (None, ["win_amd64", "macosx_14_0_arm64"], "different systems"),
    ],
)
def test_a_machine_that_is_none_is_told_before_any_download(
    tmp_path: Path, without_index: list[list[str]], python: str | None, platforms: list[str], line: str
) -> None:
    with pytest.raises(UsageError, match=line):
        make_bundle(tmp_path / "bundle", python=python, platforms=platforms)
    assert without_index == []


def enhancer(folder: Path, segmenter: str | None) -> Path:
    """Mixes two filters for a segmenter."""
    return save_artefact(
        folder,
        ConstantPolicy(np.array([0.5, 0.5])),
        bank(filters=("identity", "unsharp")),
        preset="cma",
        rounds=2,
        segmenter=segmenter,
    )


def test_an_exported_enhancer_goes_along_whole(
    tmp_path: Path, without_index: list[list[str]], weights: list[Path]
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for file in (weights[1], weights[1].with_suffix(".bin")):
        shutil.copy(file, folder)
    made = make_bundle(tmp_path / "bundle", [enhancer(folder, str(folder / "other.xml"))])
    assert {"openvino"} < set(names(tmp_path / "bundle"))
    assert made.weights == tuple(
        f"weights/mine/{name}" for name in ("other.bin", "other.xml", "policy.safetensors", "sdie.json")
    )
    for name in made.weights:
        assert (tmp_path / "bundle" / name).read_bytes() == (folder / Path(name).name).read_bytes()
    assert json.loads((tmp_path / "bundle" / "bundle.json").read_text())["weights"] == ["mine"]
    regions = make_bundle(tmp_path / "second", [enhancer(tmp_path / "regions", "regions")])
    assert len(regions.weights) == 2


@pytest.mark.parametrize(
    ("segmenter", "line"),
    [
        ("network:{outside}/net.onnx", "its network 'net.onnx' is not exported into it"),
        ("network:run.safetensors", "its network 'run.safetensors' is not exported into it"),
        ("network:alone.xml", r"alone\.bin: no such file"),
        ("network:gone.onnx", "is not there"),
        ("sam:some/model", "runs on torch alone"),
        (None, "names no segmenter"),
    ],
)
def test_an_enhancer_that_could_not_run_there_is_refused(
    tmp_path: Path, without_index: list[list[str]], weights: list[Path], segmenter: str | None, line: str
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("run.safetensors", "alone.xml"):
        (folder / name).touch()
    wanted = segmenter and segmenter.format(outside=tmp_path)
    with pytest.raises(FlawscopeError, match=line):
        make_bundle(tmp_path / "bundle", [enhancer(folder, wanted)])
    assert without_index == []


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
    (tmp_path / "run").mkdir()
    with pytest.raises(UsageError, match="not an exported file"):
        make_bundle(tmp_path / "bundle", [tmp_path / "run"])
    with pytest.raises(UsageError, match="two weights files have one name"):
        make_bundle(tmp_path / "bundle", [weights[0], weights[0]])
    (tmp_path / "other.bin").unlink()
    with pytest.raises(UsageError, match=r"other\.bin: no such file"):
        make_bundle(tmp_path / "bundle", weights)
    with pytest.raises(UsageError, match="there is something there already"):
        make_bundle(tmp_path)
    assert without_index == []


def test_nothing_stays_when_wheels_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*words: str | Path) -> None:
        raise DownloadError("pip could not collect the wheels", where="pip")

    monkeypatch.setattr(wheels, "_pip", offline)
    with pytest.raises(DownloadError):
        make_bundle(tmp_path / "here" / "bundle")
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.slow
def test_the_real_thing_in_an_empty_network_namespace(tmp_path: Path) -> None:
    if not cut_network():
        pytest.skip("network namespaces cannot be made here")
    pytest.importorskip("openvino")
    from flawscope.export.openvino import from_onnx, write_openvino
    from flawscope.segment.exported import ExportedNetwork
    from flawscope.segment.loading import find_weights

    onnx, pair, folder = find_weights("ocinet-tiny"), tmp_path / "pair.xml", tmp_path / "enhancer"
    folder.mkdir()
    for file in (pair, folder / "net.xml"):
        write_openvino(from_onnx(onnx.read_bytes()), ExportedNetwork(onnx).header, file)
    enhancer(folder, str(folder / "net.xml"))
    try:
        make_bundle(tmp_path / "bundle", [onnx, pair, folder])
    except DownloadError as error:
        pytest.skip(f"no package index: {error}")
    shutil.rmtree(folder)
    done = install(tmp_path / "bundle", tmp_path / "line")
    assert done.returncode == 0, done.stderr
    assert "Everything the base install needs works" in done.stdout
    flawscope = str(tmp_path / "line" / "bin" / "flawscope")
    drawn = [*NO_NETWORK, flawscope, "data", "synth", "--out", str(tmp_path / "drawn"), "--count", "2"]
    assert subprocess.run(drawn, capture_output=True, check=False).returncode == 0
    for weights in ("ocinet-tiny.onnx", "pair.xml", "enhancer"):
        out = tmp_path / "found" / weights
        found = [
            *NO_NETWORK,
            flawscope,
            *("predict", str(tmp_path / "drawn" / "images"), "--out", str(out)),
            *("--weights", str(tmp_path / "line" / "weights" / weights)),
        ]
        done = subprocess.run(found, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len((out / "results.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("python", ["3.9", "3.10", "3.14"])
def test_a_python_that_cannot_be_is_told_at_once(
    python: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flawscope.offline.bundle.collect", pytest.fail)
    missing = str(tmp_path / "missing.onnx")  # the Python is looked at first
    out = str(tmp_path / "pc")
    assert run(["offline", "--out", out, "--python", python, "--weights", missing]) == 2
    said = f"error: --python: Flawscope does not run on Python {python}. Give 3.11 to 3.13\n"
    assert capsys.readouterr().err == said


def test_the_pythons_are_those_of_the_package() -> None:
    needed = SpecifierSet(metadata("flawscope")["Requires-Python"])
    assert [python for python in (f"3.{minor}" for minor in range(30)) if python in needed] == list(PYTHONS)


def test_shipped_weights_need_not_be_packed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flawscope.offline.bundle.collect", lambda *_, **__: None)
    monkeypatch.chdir(tmp_path)
    Path("mine.onnx").write_bytes(b"network")
    assert run(["offline", "--out", "pc", "--weights", "ocinet-tiny", "--weights", "mine.onnx"]) == 0
    told = capsys.readouterr().out
    assert "ocinet-tiny comes along by itself: shipped weights are inside Flawscope" in told
    assert [file.name for file in Path("pc/weights").iterdir()] == ["mine.onnx"]
    assert json.loads(Path("pc/bundle.json").read_text())["weights"] == ["mine.onnx"]
