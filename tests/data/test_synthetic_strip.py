"""Strips drawn block by block: exact boxes, no edges between blocks, memory that does not grow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from flawscope.cli.app import run
from flawscope.data.synthetic.strip import BLOCK, write_strip


def test_the_long_scratch_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    rows = 8 * BLOCK + 77
    advanced: list[int] = []
    drawn = write_strip(
        tmp_path / "a.tif", rows, 300, seed=2, surface="tile", density=0, advance=advanced.append
    )
    image = tifffile.imread(tmp_path / "a.tif")
    assert (image.shape, image.dtype, sum(advanced)) == ((rows, 300), np.uint8, rows)
    (line,) = drawn
    x, y, width, height = line["box"]
    assert (line["label"], y, height) == ("scratch", rows // 4, rows // 4)
    clean = np.median(image, axis=1, keepdims=True)
    brightest = (image - clean)[y : y + height].argmax(axis=1)
    assert ((brightest >= x) & (brightest < x + width)).mean() > 0.98


def test_blocks_join_without_an_edge(tmp_path: Path) -> None:
    write_strip(tmp_path / "a.tif", 10 * BLOCK, 200, seed=1, surface="rail", density=0)
    image = tifffile.imread(tmp_path / "a.tif").astype(np.float32)
    steps = np.abs(np.diff(image, axis=0)).mean(axis=1)
    borders = steps[BLOCK - 1 :: BLOCK]
    assert borders.max() < 1.5 * np.median(steps)


def test_defects_lie_inside_their_boxes_and_the_strip(tmp_path: Path) -> None:
    clean = write_strip(tmp_path / "clean.tif", 6 * BLOCK, 256, seed=4, surface="tile", density=0)
    drawn = write_strip(tmp_path / "a.tif", 6 * BLOCK, 256, seed=4, surface="tile", kinds=["pit"], density=1)
    assert len(drawn) > len(clean)
    for defect in drawn:
        x, y, width, height = defect["box"]
        assert 0 <= x < x + width <= 256
        assert 0 <= y < y + height <= 6 * BLOCK
    assert [defect["box"][1] for defect in drawn] == sorted(defect["box"][1] for defect in drawn)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_strip(tmp_path / f"{name}.tif", 700, 64, seed=seed)
    a, b, c = (tifffile.imread(tmp_path / f"{name}.tif") for name in "abc")
    assert (a == b).all()
    assert (a != c).any()


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, told = tmp_path / "coil.tif", tmp_path / "coil.json"
    arguments = ["--metres", "0.3", "--mm-per-px", "0.25", "--width", "100", "--json", str(told)]
    assert run(["data", "strip", "--out", str(out), *arguments]) == 0
    report = json.loads(told.read_text())
    assert (report["rows"], report["width"]) == (1200, 100)
    assert "1,200 rows of 100 px, 0.3 m" in capsys.readouterr().out
    assert tifffile.imread(out).shape == (1200, 100)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--out", "a.png"], "a.png: a strip is written as TIFF. Give --out FILE.tif"),
        (["--out", "a.tif", "--mm-per-px", "0"], "--mm-per-px 0: a pixel has a size above 0"),
        (["--out", "a.tif", "--surface", "wood"], "no surface named 'wood'"),
    ],
)
def test_bad_input(
    arguments: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", "strip", *arguments]) == 2
    assert line in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
