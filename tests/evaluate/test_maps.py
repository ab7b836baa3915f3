from pathlib import Path

import numpy as np
import pytest

from flawscope.data.samples import Sample
from flawscope.errors import DataError, ImageError, UsageError
from flawscope.evaluate import Settings, evaluate, masks_as_data, open_maps
from flawscope.images import write_image

GREY = np.zeros((10, 12), np.uint8)
GREY[2:6, 3:9] = 204  # 0.8


def truth() -> np.ndarray:
    return (GREY > 0) * np.uint8(255)


def samples(*names: str) -> list[Sample]:
    return [Sample(name=name, image=Path(f"{name}.bmp")) for name in names]


def folder(root: Path, *names: str) -> Path:
    for name in names:
        write_image(root / name, GREY)
    return root


def test_names_without_a_partner_are_reported(tmp_path) -> None:
    maps = folder(tmp_path / "maps", "a.png", "b.png", "stray.png")
    masks = tmp_path / "masks"
    for name in ("a", "b", "lonely"):
        write_image(masks / f"{name}.bmp", truth())
    evaluation = evaluate(open_maps(maps), masks_as_data(masks))
    assert evaluation.whole.images == 2
    assert evaluation.notes[:2] == [
        "1 masks without a map, left out: lonely",
        "1 maps without a mask, left out: stray.png",
    ]
    assert evaluation.figures["iou_fg_image_mean"] == 1.0
    assert evaluation.figures["mae"] == pytest.approx(0.2 * 24 / 120, abs=1e-6)
    assert evaluation.calibrated_threshold is None


def test_no_partner_at_all_is_an_error(tmp_path) -> None:
    maps = folder(tmp_path / "maps", "x.png")
    write_image(tmp_path / "masks" / "a.png", truth())
    with pytest.raises(DataError, match=r"none of its 1 maps .* for example a\.png"):
        evaluate(open_maps(maps), masks_as_data(tmp_path / "masks"))
    with pytest.raises(DataError, match="no such folder"):
        open_maps(tmp_path / "nowhere")
    (tmp_path / "void").mkdir()
    with pytest.raises(DataError, match="no mask files"):
        masks_as_data(tmp_path / "void")


def test_images_among_the_masks_are_refused(tmp_path) -> None:
    folder(tmp_path, "maps/a.png", "masks/a.png", "masks/a.bmp")
    with pytest.raises(DataError, match=r"1 names stand for several files \(first: a\)"):
        masks_as_data(tmp_path / "masks")


def test_same_stems_are_told_apart_by_their_folders(tmp_path) -> None:
    maps = open_maps(folder(tmp_path, "test/1.png", "train/1.png", "2.png"))
    paired, left = maps.pair(samples("images/test/1", "images/2"))
    assert {name: file.relative_to(tmp_path).as_posix() for name, file in paired.items()} == {
        "images/test/1": "test/1.png",
        "images/2": "2.png",
    }
    assert left == [tmp_path / "train" / "1.png"]
    with pytest.raises(DataError, match="'1' stands for several"):
        maps.pair(samples("other/1"))
    with pytest.raises(DataError, match="'2' stands for several"):
        maps.pair(samples("m/2", "n/2"))


def test_maps_may_carry_the_whole_name_of_the_image(tmp_path) -> None:
    maps = open_maps(
        folder(tmp_path, "In_1.bmp.png", "In_2.png", "In_2.bmp.png", "a/3.bmp.png", "b/3.bmp.png")
    )
    paired, left = maps.pair(samples("images/In_1", "images/In_2", "images/b/3"))
    assert {name: file.relative_to(tmp_path).as_posix() for name, file in paired.items()} == {
        "images/In_1": "In_1.bmp.png",
        "images/In_2": "In_2.png",
        "images/b/3": "b/3.bmp.png",
    }
    assert sorted(file.name for file in left) == ["3.bmp.png", "In_2.bmp.png"]


def test_maps_of_another_size_are_resized_and_noted(tmp_path) -> None:
    write_image(tmp_path / "maps" / "a.png", GREY[::2, ::2].copy())
    write_image(tmp_path / "masks" / "a.png", truth())
    evaluation = evaluate(open_maps(tmp_path / "maps"), masks_as_data(tmp_path / "masks"))
    assert evaluation.notes == ["1 maps were resized to the size of their mask: a"]
    assert evaluation.figures["iou_fg_image_mean"] > 0.5


def test_what_the_values_mean(tmp_path) -> None:
    binary = (GREY > 0).astype(np.uint8)
    write_image(tmp_path / "maps" / "a.png", binary)
    write_image(tmp_path / "masks" / "a.png", truth())
    data = masks_as_data(tmp_path / "masks")
    dark = evaluate(open_maps(tmp_path / "maps"), data)
    assert dark.figures["iou_fg_image_mean"] == 0.0
    assert "--map-values binary" in dark.notes[-1]
    assert evaluate(open_maps(tmp_path / "maps", "binary"), data).figures["mae"] == 0.0
    with pytest.raises(UsageError, match="one class only"):
        evaluate(open_maps(tmp_path / "maps", "classes"), data)


def test_sixteen_bits_keep_their_steps(tmp_path) -> None:
    file = write_image(tmp_path / "a.png", (GREY.astype(np.uint16) * 257) + np.uint16(1))
    soft, resized = open_maps(tmp_path).read(file, 10, 12, 1)
    assert soft[0, 3, 4] == pytest.approx((204 * 257 + 1) / 65535, abs=1e-7)
    assert not resized


def test_class_maps(tmp_path) -> None:
    numbers = np.zeros((10, 12), np.uint8)
    numbers[1:4, 1:4], numbers[6:9, 6:9] = 1, 2
    answer = numbers.copy()
    answer[6:9, 6:9] = 1
    write_image(tmp_path / "masks" / "a.png", numbers)
    write_image(tmp_path / "maps" / "a.png", answer)
    data = masks_as_data(tmp_path / "masks")
    assert data.labels == ("class1", "class2")
    evaluation = evaluate(open_maps(tmp_path / "maps", "classes"), data)
    ious = {row["class"]: row["iou_pooled"] for row in evaluation.classes}
    assert ious == {"background": 1.0, "class1": 0.5, "class2": 0.0}
    assert evaluation.figures["miou_classes"] == 0.25
    assert evaluation.figures["iou_fg_image_mean"] == 1.0
    # grey maps know one class only
    merged = evaluate(open_maps(tmp_path / "maps", "binary"), data)
    assert merged.labels == ("defect",)
    write_image(tmp_path / "maps" / "a.png", answer * 2 + 1)
    with pytest.raises(ImageError, match="class number 3, but there are 2 classes"):
        open_maps(tmp_path / "maps", "classes").read(tmp_path / "maps" / "a.png", 10, 12, 2)


@pytest.mark.parametrize(
    ("peer", "published"),
    [
        ("sd900-tsernet", {"mae": 0.0238, "wfm": 0.8585, "s_measure": 0.8862, "iou_fg_image_mean": 0.786}),
        ("sd900-csepnet", {"mae": 0.0229, "wfm": 0.8574, "s_measure": 0.8836, "iou_fg_image_mean": 0.779}),
    ],
)
def test_the_peers_figures_on_360_images(data_root, peer, published) -> None:
    """What PySODMetrics 1.6.2 gives for the released maps; it stretches every map to 0..1 first."""
    from flawscope.data.samples import open_data

    data = open_data(data_root / "sd-saliency-900", splits=data_root / "splits" / "sd-saliency-900.json")
    maps = open_maps(data_root / "peers" / peer)
    evaluation = evaluate(maps, data.split("test"), Settings(normalise=True, resamples=0))
    assert evaluation.whole.images == 360
    assert not evaluation.failures
    for name, figure in published.items():
        digits = 3 if name == "iou_fg_image_mean" else 4
        assert round(evaluation.figures[name], digits) == figure, name
