from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from flawscope.data import leakage
from flawscope.data.check import check
from flawscope.data.leakage import Pair, clusters, find_pairs
from flawscope.data.likeness import SYMMETRIES, likeness, turned
from flawscope.data.samples import SegmentationData, open_data


def texture(seed: int, height: int = 160, width: int = 200) -> np.ndarray:
    """Steel-like noise of one kind: the same statistics and shading for every seed, other structures."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 2.0)
    shade = np.linspace(90, 160, width)[None, :]
    grey = shade + 25 * noise / noise.std() + rng.normal(0, 3, (height, width))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def pairs_of(*images: np.ndarray, splits: list[str | None] | None = None) -> list[Pair]:
    described = [likeness(image) for image in images]
    return list(find_pairs(described, splits or [None] * len(images)).pairs)


def test_the_symmetries_are_what_their_names_say() -> None:
    square = np.array([[1, 2], [3, 4]])
    expected = {
        "none": [[1, 2], [3, 4]],
        "rotate 90": [[2, 4], [1, 3]],
        "rotate 180": [[4, 3], [2, 1]],
        "rotate 270": [[3, 1], [4, 2]],
        "flip left-right": [[2, 1], [4, 3]],
        "transpose": [[1, 3], [2, 4]],
        "flip top-bottom": [[3, 4], [1, 2]],
        "transpose and rotate 180": [[4, 2], [3, 1]],
    }
    assert {name: turned(square, number).tolist() for number, name in enumerate(SYMMETRIES)} == expected


@pytest.mark.parametrize("symmetry", range(8), ids=SYMMETRIES)
def test_a_turned_copy_is_found_with_its_transform(symmetry: int) -> None:
    image = texture(1)
    copy = np.ascontiguousarray(turned(image.transpose(2, 0, 1), symmetry).transpose(1, 2, 0))
    (pair,) = pairs_of(image, texture(2), copy)
    assert (pair.first, pair.second, pair.transform, pair.kind) == (0, 2, SYMMETRIES[symmetry], "identical")
    assert pair.similarity > 0.999


def recompressed(image: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], cv2.IMREAD_COLOR)


def halved(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (130, 104), interpolation=cv2.INTER_AREA)


def relit(image: np.ndarray) -> np.ndarray:
    darker = image * 0.5 * np.linspace(0.7, 1.0, image.shape[0])[:, None, None] + 20
    return np.rint(darker).astype(np.uint8)


def sixteen_bit(image: np.ndarray) -> np.ndarray:
    return image.astype(np.uint16) * 257


@pytest.mark.parametrize("change", [recompressed, halved, relit, sixteen_bit])
def test_a_changed_and_turned_copy_is_still_a_copy(change: Callable[[np.ndarray], np.ndarray]) -> None:
    image = texture(3)
    copy = change(np.ascontiguousarray(np.rot90(image)))
    (pair,) = pairs_of(image, texture(4), copy)
    assert (pair.first, pair.second, pair.transform, pair.kind) == (0, 2, "rotate 90", "copy")


def test_images_of_one_texture_under_one_lamp_are_no_copies() -> None:
    assert pairs_of(*[texture(seed) for seed in range(40)]) == []


def test_a_blend_of_two_images_is_alike_to_both_and_a_copy_of_none() -> None:
    first, second = texture(5), texture(6)
    blend = ((first.astype(np.uint16) + second) // 2).astype(np.uint8)
    found = pairs_of(first, second, blend)
    assert [(pair.first, pair.second, pair.kind) for pair in found] == [(0, 2, "alike"), (1, 2, "alike")]


def test_plain_images_pair_only_when_equal_in_every_pixel_and_constant_ones_never() -> None:
    plain = np.full((64, 64, 3), 100, dtype=np.uint8)
    plain[:32] += 1
    other = np.full((64, 64, 3), 100, dtype=np.uint8)
    other[:31] += 1
    constant = np.full((64, 64, 3), 7, dtype=np.uint8)
    found = pairs_of(plain, other, plain.copy(), constant, constant.copy())
    assert [(pair.first, pair.second, pair.kind) for pair in found] == [(0, 2, "identical")]


def test_images_of_a_few_pixels_are_not_taken_for_copies() -> None:
    rng = np.random.default_rng(0)
    tiny = [rng.integers(0, 256, (4, 4, 3), dtype=np.uint8) for _ in range(60)]
    assert pairs_of(*tiny, np.zeros((1, 1, 3), np.uint8)) == []


def test_pairs_are_found_within_and_across_blocks_and_unreadable_images_are_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leakage, "_BLOCK", 3)
    described = [likeness(texture(seed)) for seed in (0, 0, 1, 2, 3, 4, 1)]
    told: list[int] = []
    outcome = find_pairs([*described, None], [None] * 8, advance=told.append)
    assert [(pair.first, pair.second) for pair in outcome.pairs] == [(0, 1), (2, 6)]
    assert outcome.complete
    assert sum(told) == 7


def test_a_crowd_of_copies_is_cut_and_said_to_be_with_pairs_across_splits_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leakage, "MOST_PARTNERS", 2)
    described = [likeness(texture(0))] * 6
    outcome = find_pairs(described, ["train", "train", "train", "train", "test", "test"])
    assert not outcome.complete
    assert [(pair.first, pair.second) for pair in outcome.pairs if pair.first == 0] == [(0, 4), (0, 5)]


def test_clusters_join_through_others() -> None:
    pairs = [Pair(0, 3, 0, 1.0, "copy"), Pair(3, 4, 0, 1.0, "copy"), Pair(1, 2, 0, 1.0, "copy")]
    assert sorted(clusters(pairs, 6)) == [[0, 3, 4], [1, 2]]


def real(name: str) -> Path:
    root = os.environ.get("FLAWSCOPE_DATA")
    if not root or not (Path(root) / name).exists():
        pytest.skip("needs FLAWSCOPE_DATA with the real datasets")
    return Path(root) / name


def images_alone(data: SegmentationData) -> SegmentationData:
    """Copies are searched among the images; reading the masks would take as long again."""
    return replace(data, samples=tuple(replace(sample, truth=None) for sample in data.samples))


@pytest.mark.slow
def test_neu_seg_leaks_and_at_least_780_test_images_are_named() -> None:
    report = check(images_alone(open_data(real("neu-seg"))))
    named = set()
    for pair in report.across():
        for index in (pair.first, pair.second):
            if pair.kind != "alike" and report.data.samples[index].split == "test":
                named.add(index)
    assert 780 <= len(named) <= 812
    assert report.leaked()["test"]["with_copy"] == len(named)
    assert report.serious


@pytest.mark.slow
def test_the_splits_of_sd_saliency_900_and_magnetic_tile_hold_no_copies_across() -> None:
    for name, most_alike in (("sd-saliency-900", 4), ("magnetic-tile", 20)):
        report = check(images_alone(open_data(real(name), splits=real(f"splits/{name}.json"))))
        assert [pair for pair in report.across() if pair.kind != "alike"] == []
        assert len(report.across()) <= most_alike
