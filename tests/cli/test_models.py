"""The verb ``models`` as a user calls it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.nets.presets import PRESETS


def test_list_gives_every_row_with_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--json", "-"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["schema"] == "flawscope/models/1"
    rows = {row["name"]: row for row in report["models"]}
    assert list(rows) == list(PRESETS)
    assert len(rows) == 20
    assert rows["ocinet"]["parameters"] == 29_952_278
    assert rows["base-c-s-p-single"]["parameters"] == 29_444_180
    assert all(row["multiply_adds"] > 1e8 and row["licence"] and row["source"] for row in rows.values())
    assert rows["ocinet-tiny"]["input_size"] == [256, 256]
    assert "ocinet-global-global-local" in printed.err
    tiny = next(weights for weights in report["weights"] if weights["name"] == "ocinet-tiny")
    assert (tiny["model"], tiny["labels"], tiny["imgsz"]) == ("ocinet-tiny", ["defect"], [224, 224])
    assert "smp:unet:resnet18" in printed.err


def test_list_prints_paper_counts_beside_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("base-rscam"))
    assert line.split()[1:4] == ["28.177", "28.176", "15.85"]


def test_list_writes_json_to_a_file(tmp_path: Path) -> None:
    assert run(["models", "list", "--json", str(tmp_path / "models.json")]) == 0
    assert len(json.loads((tmp_path / "models.json").read_text())["models"]) == 20


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "show", "base-lskm", "--json", "-"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["model"]["paper_row"] == "Base+LSKM"
    assert "28,507,414 (the paper prints 28.507 M)" in printed.err
    assert 'OCINet, Table III, row "Base+LSKM"' in printed.err


def test_show_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "show", "ocinet-smal"]) == 2
    assert capsys.readouterr().err.startswith("error: there is no model 'ocinet-smal'. Did you mean ocinet")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image = np.random.default_rng(0).integers(60, 120, (50, 70), dtype=np.uint8)
    image[10:30, 20:50] = 240
    mask = np.zeros_like(image)
    mask[10:30, 20:50] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    cv2.imwrite(str(tmp_path / "image.png"), image)
    return tmp_path / "image.png"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch = pytest.importorskip("torch")
    pytest.importorskip("timm")
    from flawscope import nets
    from flawscope.segment.header import Header
    from flawscope.segment.network import save_safetensors

    torch.manual_seed(0)
    header = Header(model="ocinet-nano", imgsz=(64, 96), labels=("pit", "crack"))
    net = nets.build("ocinet-nano", channels=3)
    return save_safetensors(net, header, tmp_path / "nano.safetensors", half=True)


def test_features_draws_a_picture(
    picture: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "features.png"
    mask = str(picture.with_name("mask.png"))
    arguments = ["models", "features", str(picture), "--weights", str(weights), "--out", str(out)]
    assert run([*arguments, "--mask", mask, "--json", "-"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["stages"] == ["adjusted", "channel", "spatial", "pixel"]
    assert all(0 <= area <= 1 for levels in report["prominence"].values() for area in levels)
    assert [len(levels) for levels in report["prominence"].values()] == [4] * 4
    assert "after spatial    level 1 0." in printed.err
    drawn = cv2.imread(str(out))
    assert min(drawn.shape[:2]) > 400
    saturation = cv2.cvtColor(drawn, cv2.COLOR_BGR2HSV)[:, :, 1]
    assert (saturation[:, drawn.shape[1] // 4 :] > 100).mean() > 0.3

    numbers = tmp_path / "numbers.png"
    cv2.imwrite(str(numbers), (cv2.imread(mask, 0) > 0).astype(np.uint8) * 2)  # class 2 of 2, nearly black
    assert run([*arguments, "--mask", str(numbers), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["prominence"] == report["prominence"]

    assert run(arguments) == 0
    assert "level 1" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"out": "features.jpg"}, "the picture is written as PNG"),
        ({"weights": "none.safetensors"}, "no such"),
        ({"image": "none.png"}, "none.png: no such file"),
        ({"mask": "small.png"}, "small.png: is (5, 7), the image (50, 70)"),
    ],
)
def test_features_complains_in_one_line(
    picture: Path,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    complaint: str,
) -> None:
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((5, 7), np.uint8))
    given = {
        "image": picture,
        "weights": weights,
        "out": tmp_path / "f.png",
        "mask": picture.with_name("mask.png"),
    }
    given |= {key: tmp_path / name for key, name in changed.items()}
    arguments = ["--weights", str(given["weights"]), "--out", str(given["out"]), "--mask", str(given["mask"])]
    assert run(["models", "features", str(given["image"]), *arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not given["out"].exists()


def test_convert_published_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("timm")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    out = tmp_path / "w.safetensors"
    assert run(["models", "convert", str(tmp_path / "other.pth"), "--out", str(out)]) == 2
    assert "does not fit as a published OCINet checkpoint" in capsys.readouterr().err
    assert run(["models", "convert", str(tmp_path / "other.pth"), "--out", str(tmp_path / "w.pth")]) == 2
    assert "weights are written as .safetensors" in capsys.readouterr().err
    assert not out.exists()


def test_converted_weights_answer_as_the_published_ones(
    tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("timm")
    from flawscope import nets
    from flawscope.segment.header import read_safetensors_header
    from flawscope.segment.network import load_network

    torch.manual_seed(0)
    published = nets.build("ocinet", shared_first_head=True).eval()
    monkeypatch.setattr(nets, "load_published", lambda path: published, raising=False)
    out = tmp_path / "w.safetensors"
    assert run(["models", "convert", "published.pth", "--out", str(out), "--label", "scar"]) == 0
    header = read_safetensors_header(out)
    assert (header.model, header.imgsz, header.labels) == ("ocinet", (352, 352), ("scar",))
    image = torch.randn(1, 3, 32, 64)
    with torch.no_grad():
        assert torch.equal(load_network(out).eval()(image)[0], published(image)[0])
