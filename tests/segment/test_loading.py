"""From names, files and folders to a segmenter whose answers are known in advance."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

import flawscope
from flawscope.errors import UsageError, WeightsError
from flawscope.images import write_image
from flawscope.segment import Segmenter, load, loading
from flawscope.segment.header import Header
from flawscope.segment.preprocess import network_input, probabilities

Weights = Callable[..., Path]


def square(height: int = 32, width: int = 32) -> np.ndarray:
    image = np.zeros((height, width), dtype=np.uint8)
    image[8:16, 4:20] = 255
    return image


def test_a_bright_square_is_found_exactly(bright_weights: Weights) -> None:
    segmenter = flawscope.load(bright_weights())
    assert isinstance(segmenter, Segmenter)
    answer = segmenter.predict(square())
    np.testing.assert_array_equal(answer.mask, square() // 255)
    (defect,) = answer.defects
    assert (defect.label, defect.box, defect.area) == ("bright", (4, 8, 16, 8), 128)
    assert defect.score == pytest.approx(1 / (1 + np.exp(-20)), abs=1e-6)
    assert (answer.weights, answer.threshold) == ("bright", 0.5)


def test_sizes_other_than_the_network_input_are_stretched_and_back(bright_weights: Weights) -> None:
    image = np.zeros((128, 64), dtype=np.uint8)
    image[32:64, 16:32] = 255
    answer = flawscope.load(bright_weights()).predict(image)
    assert answer.mask.shape == (128, 64)
    assert answer.probability is not None
    assert answer.probability.shape == (1, 128, 64)
    union = np.logical_or(answer.mask, image > 0).sum()
    assert np.logical_and(answer.mask, image > 0).sum() / union > 0.85


def test_two_classes_by_colour(bright_weights: Weights) -> None:
    image = np.zeros((32, 32, 3), dtype=np.uint8)
    image[:8, :, 0], image[16:24, :, 1] = 255, 255
    answer = flawscope.load(bright_weights("two", labels=("red", "green"))).predict(image)
    expected = np.zeros((32, 32), dtype=np.uint8)
    expected[:8], expected[16:24] = 1, 2
    np.testing.assert_array_equal(answer.mask, expected)
    assert {defect.label for defect in answer.defects} == {"red", "green"}


def test_sixteen_bits_reach_the_network(bright_weights: Weights) -> None:
    """A step of 40 in 65536 around one half moves the probability; in 8 bits it would not exist."""
    image = np.array([[32768, 32808]], dtype=np.uint16).repeat(16, axis=1).repeat(32, axis=0)
    answer = flawscope.load(bright_weights()).predict(image)
    assert answer.probability is not None
    assert answer.probability[0, 0, -1] - answer.probability[0, 0, 0] == pytest.approx(
        40 / 65535 * 40 / 4, rel=0.02
    )


def test_files_threshold_and_header(bright_weights: Weights, tmp_path: Path) -> None:
    PillowImage.fromarray(square()).save(tmp_path / "a.png")
    segmenter = flawscope.load(str(bright_weights("strict", threshold=0.9, provenance={"data": "drawn"})))
    answer = segmenter.predict(tmp_path / "a.png")
    assert answer.source == str(tmp_path / "a.png")
    assert answer.threshold == 0.9
    assert segmenter.predict(str(tmp_path / "a.png"), 1.0).defects == ()
    assert segmenter.header.provenance == {"data": "drawn"}


def test_a_batch_says_what_single_images_say(bright_weights: Weights) -> None:
    segmenter = load(bright_weights())
    images = [np.dstack([square(height, width)] * 3) for height, width in ((32, 32), (40, 25), (17, 90))]
    for one, image in zip(segmenter.segment_batch(images), images, strict=True):
        np.testing.assert_allclose(one.probability, segmenter.segment(image).probability, atol=1e-6)


def test_default_is_the_shipped_name(bright_weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bright_weights()
    monkeypatch.setattr(loading, "shipped_weights", lambda: {"ocinet-tiny": path})
    assert load().path == path
    assert load("ocinet-tiny").path == path
    with pytest.raises(WeightsError, match=r"ocinet-huge: no such weights\. .*\(ocinet-tiny\)"):
        load("ocinet-huge")


def test_a_run_folder_means_its_best_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"without weights/best\.safetensors"):
        loading.find_weights(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "last.safetensors").touch()
    assert loading.find_weights(tmp_path).name == "last.safetensors"
    (tmp_path / "weights" / "best.safetensors").touch()
    assert loading.find_weights(tmp_path).name == "best.safetensors"
    assert loading.find_weights(tmp_path / "weights").name == "best.safetensors"


def test_damaged_onnx(tmp_path: Path, bright_weights: Weights) -> None:
    whole = bright_weights().read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"hello"):
        (tmp_path / "a.onnx").write_bytes(content)
        with pytest.raises(WeightsError, match=r"a\.onnx: not loadable as an ONNX network"):
            load(tmp_path / "a.onnx")


def test_onnx_of_others(tmp_path: Path, bright_weights: Weights) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bright_weights())
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match="without Flawscope's header"):
        load(tmp_path / "a.onnx")


def test_onnx_whose_header_contradicts_its_shapes(tmp_path: Path, bright_weights: Weights) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bright_weights())
    header = json.loads(model.metadata_props[0].value)
    for change, words in (
        ({"imgsz": [64, 64]}, "its header says 3x64x64 to 1 channels"),
        ({"labels": ["a", "b"]}, "its header says 3x32x32 to 3 channels"),
    ):
        model.metadata_props[0].value = json.dumps(header | change)
        onnx.save(model, tmp_path / "a.onnx")
        with pytest.raises(WeightsError, match=words):
            load(tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "flawscope/weights/9"}, "schema"),
        ({"threshold": 2}, "threshold"),
        ({"colour": 1}, "colour"),
    ],
)
def test_onnx_of_another_version(
    tmp_path: Path, bright_weights: Weights, change: dict[str, object], words: str
) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bright_weights())
    model.metadata_props[0].value = json.dumps(json.loads(model.metadata_props[0].value) | change)
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match=f"header is not valid .*{words}"):
        load(tmp_path / "a.onnx")


def test_other_suffixes_and_devices(tmp_path: Path, bright_weights: Weights) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(WeightsError, match=r"'\.txt' is not a weights format"):
        load(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="no such device: 'gpu'"):
        load(bright_weights(), device="gpu")
    with pytest.raises(UsageError, match=r"--device cuda:99"):
        load(bright_weights(), device="cuda:99")


def test_network_input_by_hand() -> None:
    header = Header(model="toy", imgsz=(1, 2), labels=("a",))
    image = np.array([[[255, 0, 51]]], dtype=np.uint8)
    expected = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    fed = network_input(image, header)
    assert fed.shape == (3, 1, 2)
    assert fed.dtype == np.float32
    np.testing.assert_allclose(fed[:, 0, 0], expected, rtol=1e-6)
    np.testing.assert_array_equal(fed[:, :, 0], fed[:, :, 1])


def test_probabilities_leave_the_background_out() -> None:
    activated = np.array([[[0.5]], [[0.3]], [[0.2]]], dtype=np.float32)
    maps = probabilities(activated, 2, 3)
    assert maps.shape == (2, 2, 3)
    np.testing.assert_allclose(maps[:, 0, 0], [0.3, 0.2])
    assert probabilities(activated[:1], 2, 3).shape == (1, 2, 3)


def test_a_file_that_seems_to_want_white_is_warned_about(
    tmp_path: Path, bright_weights: Weights, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_image(tmp_path / "a.png", np.full((32, 32), 4080, dtype=np.uint16))
    segmenter = load(bright_weights())
    assert not segmenter.predict(file).mask.any()
    assert [record.getMessage() for record in caplog.records] == [
        f"{file}: brightest value 4080 of 65535; a 12-bit camera? Give --white 4095"
    ]
    caplog.clear()
    assert segmenter.predict(file, white=4095).mask.all()
    assert caplog.records == []
