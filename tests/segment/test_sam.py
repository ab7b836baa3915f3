"""SAM and SAM 2 through the true loading code, against transformers' own processors and models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.segment import Prompts

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("torchvision", reason="transformers' own processors need it")

from flawscope.segment.sam import SamSegmenter, load_sam  # noqa: E402
from flawscope.segment.sam_everything import Everything  # noqa: E402

SIDE = 64
Folders = Callable[[str], Path]
KINDS = pytest.mark.parametrize("kind", ["sam", "sam2"])


def picture(height: int = 40, width: int = 60, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = np.kron(rng.random((height // 4 + 1, width // 4 + 1, 3)), np.ones((4, 4, 1)))[:height, :width]
    return (smooth * 255).astype(np.uint8)


def points(*xy: tuple[float, float], labels: tuple[int, ...] | None = None) -> Prompts:
    given = np.array(xy, dtype=np.float32)
    return Prompts(points=given, point_labels=np.array(labels or (1,) * len(xy)))


def processor(kind: str) -> Any:
    if kind == "sam":
        square = {"height": SIDE, "width": SIDE}
        images = transformers.SamImageProcessor(
            size={"longest_edge": SIDE}, pad_size=square, mask_size={"longest_edge": 32}
        )
        return transformers.SamProcessor(images)
    return transformers.Sam2Processor(
        transformers.Sam2ImageProcessor(size={"height": SIDE, "width": SIDE}), target_size=SIDE
    )


def reference(kind: str, folder: Path, image: np.ndarray, **prompts: Any) -> tuple[np.ndarray, float]:
    """The best mask's probabilities and predicted IoU by transformers alone, from floats: nothing is rounded."""
    model = (
        {"sam": transformers.SamModel, "sam2": transformers.Sam2Model}[kind].from_pretrained(folder).eval()
    )
    floats = torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)
    inputs = processor(kind)(floats, return_tensors="pt", do_rescale=False, **prompts)
    original = inputs.pop("original_sizes")
    resized = inputs.pop("reshaped_input_sizes", None)
    with torch.no_grad():
        answer = model(**{name: v.float() if v.is_floating_point() else v for name, v in inputs.items()})
    sizes = (original, resized) if kind == "sam" else (original,)
    masks = processor(kind).image_processor.post_process_masks([answer.pred_masks[0]], *sizes, binarize=False)
    quality = answer.iou_scores[0, 0]
    best = int(quality.argmax())
    return masks[0][0, best].sigmoid().numpy(), float(quality[best])


@KINDS
@pytest.mark.parametrize("shape", [(40, 60), (90, 31), (64, 64)])
@pytest.mark.parametrize(
    ("given", "same"),
    [
        (points((20, 11)), {"input_points": [[[[20, 11]]]], "input_labels": [[[1]]]}),
        (
            points((20, 11), (3, 30), labels=(1, 0)),
            {"input_points": [[[[20, 11], [3, 30]]]], "input_labels": [[[1, 0]]]},
        ),
        (Prompts(boxes=np.array([[5, 6, 20, 25]])), {"input_boxes": [[[5, 6, 25, 31]]]}),
        (
            Prompts(np.array([[9.0, 9.0]]), np.array([1]), np.array([[5.0, 6.0, 20.0, 25.0]])),
            {"input_boxes": [[[5, 6, 25, 31]]], "input_points": [[[[9, 9]]]], "input_labels": [[[1]]]},
        ),
    ],
    ids=["point", "points", "box", "both"],
)
def test_answers_are_those_of_transformers(
    kind: str, shape: tuple[int, int], given: Prompts, same: dict[str, Any], sam_folder: Folders
) -> None:
    image = picture(*shape)
    segmenter = load_sam(sam_folder(kind), device="cpu")
    answer = segmenter.segment(image, given)
    probability, quality = reference(kind, sam_folder(kind), image, **same)
    assert probability.std() > 0.02, "a constant map would prove nothing"
    np.testing.assert_allclose(answer.probability[0], probability, atol=2e-5)
    assert answer.quality == pytest.approx(min(max(quality, 0.0), 1.0), abs=2e-5)


@KINDS
@pytest.mark.parametrize("shape", [(40, 60), (200, 130), (12, 500)])
def test_input_is_that_of_the_processor(kind: str, shape: tuple[int, int], sam_folder: Folders) -> None:
    image = picture(*shape)
    engine = load_sam(sam_folder(kind), device="cpu").engine
    ours = engine.frame(image).pixels(image, engine.files.mean, engine.files.std)
    theirs = processor(kind)(image, return_tensors="pt")["pixel_values"][0].numpy()
    one_step = 1 / 255 / 0.224  # torch resizes 8 bits in fixed point, rounding after each direction
    np.testing.assert_allclose(ours, theirs, atol=one_step)


def test_a_mask_prompt_is_the_log_odds_on_the_padded_square(sam_folder: Folders) -> None:
    """Square of 64, cells of 8: the prompt encoder reads 32 x 32, and a 40 x 60 image fills 22 rows of it."""
    rough = np.zeros((40, 60), dtype=np.float32)
    rough[10:30, 20:40] = 1
    image = picture()
    segmenter = load_sam(sam_folder("sam"), device="cpu")
    logits = segmenter.engine.frame(image).mask_logits(rough, 32)
    assert logits.shape == (32, 32)
    assert logits[11, 16] == pytest.approx(np.log(0.999 / 0.001), rel=1e-4)
    assert logits[0, 0] == logits[31, 31] == pytest.approx(-np.log(0.999 / 0.001), rel=1e-4)
    model = transformers.SamModel.from_pretrained(sam_folder("sam")).eval()
    pixels = segmenter.engine.frame(image).pixels(
        image, segmenter.engine.files.mean, segmenter.engine.files.std
    )
    with torch.no_grad():
        direct = model(torch.from_numpy(pixels)[None], input_masks=torch.from_numpy(logits)[None, None])
    best = int(direct.iou_scores[0, 0].argmax())
    expected = segmenter.engine.frame(image).to_original(direct.pred_masks[:, 0, best : best + 1])
    answer = segmenter.segment(image, Prompts(mask=rough))
    np.testing.assert_allclose(answer.probability, expected[0].sigmoid().numpy(), atol=2e-5)


@KINDS
def test_half_precision_weights_run_as_floats(kind: str, sam_folder: Folders, tmp_path: Path) -> None:
    model = {"sam": transformers.SamModel, "sam2": transformers.Sam2Model}[kind].from_pretrained(
        sam_folder(kind)
    )
    model.half().save_pretrained(tmp_path / "half")
    model.float().save_pretrained(tmp_path / "rounded")
    stored = (tmp_path / "half" / "model.safetensors").stat().st_size
    assert stored < 0.6 * (tmp_path / "rounded" / "model.safetensors").stat().st_size
    half, rounded = (load_sam(tmp_path / name, device="cpu") for name in ("half", "rounded"))
    assert {value.dtype for value in half.engine.model.parameters()} == {torch.float32}
    one, two = (found.segment(picture(), points((20, 11))) for found in (half, rounded))
    np.testing.assert_allclose(one.probability, two.probability, atol=1e-6)


def counting(segmenter: SamSegmenter) -> list[int]:
    """Fills with the batch size of every run of the encoder."""
    sizes: list[int] = []

    def note(_module: object, given: tuple[Any, ...], options: dict[str, Any]) -> None:
        sizes.append(len(given[0] if given else options["pixel_values"]))

    segmenter.engine.model.vision_encoder.register_forward_pre_hook(note, with_kwargs=True)
    return sizes


@KINDS
def test_several_prompts_on_an_image_encode_it_once(kind: str, sam_folder: Folders) -> None:
    segmenter = load_sam(sam_folder(kind), device="cpu")
    sizes = counting(segmenter)
    for place in ((5, 5), (20, 11), (5, 5)):
        segmenter.segment(picture(), points(place))
    segmenter.segment(picture().copy())
    segmenter.embed(picture())
    assert sizes == [1]
    changed = picture()
    changed[0, 0, 0] ^= 1
    segmenter.segment(changed, points((5, 5)))
    assert sizes == [1, 1]
    segmenter.segment_batch([picture(seed=7), picture(), picture(30, 20), picture(seed=7)])
    assert sizes == [1, 1, 2]


def test_the_cache_is_bounded_and_can_be_off(sam_folder: Folders) -> None:
    one_image = 16 * 8 * 8 * 4
    small = load_sam(sam_folder("sam"), device="cpu", cache_bytes=2 * one_image)
    sizes = counting(small)
    for seed in (1, 2, 1, 3, 1, 2):  # 2 has left when it comes again
        small.embed(picture(seed=seed))
    assert len(sizes) == 4
    assert (len(small.engine.cache), small.engine.cache.size) == (2, 2 * one_image)
    off = load_sam(sam_folder("sam"), device="cpu", cache_bytes=0)
    sizes = counting(off)
    off.embed(picture())
    off.embed(picture())
    assert len(sizes) == 2
    tight = load_sam(sam_folder("sam"), device="cpu", cache_bytes=1)
    sizes = counting(tight)
    for place in ((5, 5), (20, 11)):
        tight.segment(picture(), points(place))
    assert len(sizes) == 1


@KINDS
def test_a_batch_answers_as_one_by_one(kind: str, sam_folder: Folders) -> None:
    images = [picture(), picture(90, 31, 1), picture(64, 64, 2), picture(20, 20, 3)]
    prompts = [
        points((20, 11)),
        None,
        Prompts(boxes=np.array([[1, 2, 30, 30], [20, 20, 9, 9]])),
        points((3, 3), (9, 9)),
    ]
    easy = Everything(points_per_side=3, pred_iou_thresh=-99.0, stability_score_thresh=0.0)
    together = load_sam(sam_folder(kind), device="cpu", everything=easy).segment_batch(images, prompts)
    alone = load_sam(sam_folder(kind), device="cpu", everything=easy)
    for image, given, answer in zip(images, prompts, together, strict=True):
        expected = alone.segment(image, given)
        np.testing.assert_allclose(answer.probability, expected.probability, atol=2e-5)
        assert answer.quality == pytest.approx(expected.quality, abs=2e-5)


def test_boxes_are_objects_and_the_answer_is_their_union(sam_folder: Folders) -> None:
    segmenter = load_sam(sam_folder("sam"), device="cpu")
    image, first, second = picture(), [5.0, 6.0, 20.0, 25.0], [30.0, 3.0, 20.0, 12.0]
    together = segmenter.segment(
        image,
        Prompts(
            points=np.array([[9.0, 9.0], [55.0, 35.0], [33.0, 4.0]]),
            point_labels=np.array([1, 1, 0]),
            boxes=np.array([first, second]),
        ),
    )
    parts = [
        segmenter.segment(image, Prompts(np.array([[9.0, 9.0]]), np.array([1]), np.array([first]))),
        segmenter.segment(image, Prompts(np.array([[33.0, 4.0]]), np.array([0]), np.array([second]))),
        segmenter.segment(image, points((55, 35), (33, 4), labels=(1, 0))),
    ]
    expected = np.maximum.reduce([part.probability for part in parts])
    np.testing.assert_allclose(together.probability, expected, atol=2e-5)
    assert together.quality == pytest.approx(np.mean([part.quality for part in parts]), abs=2e-5)


def test_features_are_the_encoders_without_the_padding(sam_folder: Folders) -> None:
    image = picture(40, 60)  # fills 43 rows of 64, which 6 of 8 cells touch
    segmenter = load_sam(sam_folder("sam"), device="cpu")
    features = segmenter.embed(image)
    assert (features.shape, features.dtype) == ((16, 6, 8), np.float32)
    assert segmenter.cell_px(image) == pytest.approx((8 * 40 / 43, 8 * 60 / 64))
    inputs = processor("sam")(
        torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1),
        return_tensors="pt",
        do_rescale=False,
    )
    model = transformers.SamModel.from_pretrained(sam_folder("sam")).eval()
    direct = model.get_image_embeddings(inputs["pixel_values"])[0].numpy()
    np.testing.assert_allclose(features, direct[:, :6], atol=2e-5)
    two = segmenter.embed_batch([image, picture(64, 64)])
    assert [one.shape for one in two] == [(16, 6, 8), (16, 8, 8)]


def test_sixteen_bits_reach_the_encoder(sam_folder: Folders) -> None:
    image = np.full((64, 64), 30000, dtype=np.uint16)
    brighter = image + np.uint16(40)  # both are 117 in 8 bits
    segmenter = load_sam(sam_folder("sam"), device="cpu")
    frame, files = segmenter.engine.frame(image), segmenter.engine.files
    step = frame.pixels(np.dstack([brighter] * 3), files.mean, files.std) - frame.pixels(
        np.dstack([image] * 3), files.mean, files.std
    )
    np.testing.assert_allclose(step[0], 40 / 65535 / 0.229, rtol=1e-2)


def test_the_folders_normalisation_is_used(sam_folder: Folders, tmp_path: Path) -> None:
    import json
    import shutil

    for name, content in (
        ("preprocessor_config.json", {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 4]}),
        (
            "processor_config.json",
            {"image_processor": {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 4]}},
        ),
    ):
        folder = tmp_path / name
        shutil.copytree(sam_folder("sam"), folder)
        (folder / name).write_text(json.dumps(content))
        files = load_sam(folder, device="cpu").engine.files
        np.testing.assert_allclose(files.mean, [0.1, 0.2, 0.3])
        np.testing.assert_allclose(files.std, [1, 2, 4])


def test_sizes_come_from_the_config(make_sam: Callable[..., Any], tmp_path: Path) -> None:
    make_sam(side=128, patch=16, hidden=32).save_pretrained(tmp_path)
    segmenter = load_sam(tmp_path, device="cpu")
    assert segmenter.embed(picture(50, 100)).shape == (32, 4, 8)
    assert segmenter.segment(picture(50, 100), points((3, 3))).probability.shape == (1, 50, 100)


@pytest.mark.parametrize(
    ("prompts", "what"),
    [
        (Prompts(points=np.array([[1.0, 1.0]])), "1 points have 0 labels"),
        (points((1, 1), labels=(2,)), "neither 0 nor 1"),
        (points((np.nan, 1)), "not a finite number"),
        (Prompts(boxes=np.array([[3.0, 3.0, -1.0, 2.0]])), "negative width or height"),
        (Prompts(mask=np.zeros((3, 3), np.float32)), r"a mask of \(3, 3\)"),
        (Prompts(mask=np.full((40, 60), np.nan, np.float32)), "outside 0 to 1"),
    ],
)
def test_prompts_that_do_not_fit(prompts: Prompts, what: str, sam_folder: Folders) -> None:
    with pytest.raises(UsageError, match=what):
        load_sam(sam_folder("sam"), device="cpu").segment(picture(), prompts)


def test_half_arithmetic_is_for_the_gpu(sam_folder: Folders) -> None:
    with pytest.raises(UsageError, match="float16 needs a GPU"):
        load_sam(sam_folder("sam"), device="cpu", precision="float16")
    with pytest.raises(UsageError, match="no such precision: 'int8'"):
        load_sam(sam_folder("sam"), device="cpu", precision="int8")


def test_it_says_what_it_is(sam_folder: Folders) -> None:
    one, two = (
        load_sam(sam_folder("sam"), device="cpu"),
        load_sam(sam_folder("sam2"), device="cpu", title="t"),
    )
    assert one.name == f"sam:{sam_folder('sam').name}"
    assert two.name == "t"
    assert (one.describe().method, two.describe().method) == (
        "SAM, input 64 x 64 px",
        "SAM 2, input 64 x 64 px",
    )
    assert one.describe().fingerprint != two.describe().fingerprint
