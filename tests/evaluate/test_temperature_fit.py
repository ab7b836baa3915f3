"""Temperatures are recovered, checked on pixels that were not fitted, and refused where nothing limits them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from flawscope.errors import DataError
from flawscope.evaluate.seen_pixels import Pixels, SeenPixels, halves, see_pixels
from flawscope.evaluate.temperature_check import fit_and_check
from flawscope.evaluate.temperature_fit import Likelihood


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=0))
    return raised / raised.sum(axis=0)


def image(seed: int, temperature: float, classes: int = 1, count: int = 4000, group: str = "") -> Pixels:
    """Truth drawn by calibrated logits; the answers are those logits times the temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (classes + 1, count))
    logits[0] += 1
    chances = softmax(logits).cumsum(axis=0)
    truth = (rng.random(count) > chances[:-1]).sum(axis=0).astype(np.uint8)
    answered = softmax(logits * temperature)[1:].astype(np.float32)
    return Pixels(group or f"piece {seed}", answered, truth, 1.0)


def seen(images: Sequence[Pixels], merged: bool = False) -> SeenPixels:
    return SeenPixels("toy", "set", merged, list(images))


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("classes", [1, 3])
def test_the_factor_is_recovered(factor: float, classes: int) -> None:
    images = [image(seed, factor, classes) for seed in range(20)]
    assert Likelihood.of(images, merged=False).best() == pytest.approx(factor, rel=0.03)


def test_merged_classes_say_it_too() -> None:
    images = [image(seed, 2.0, classes=2) for seed in range(20)]
    merged = [
        Pixels(one.group, one.probability, (one.truth > 0).astype(np.uint8), one.weight) for one in images
    ]
    assert Likelihood.of(merged, merged=True).best() == pytest.approx(2.0, rel=0.05)


def test_the_loss_by_hand() -> None:
    pixels = Pixels("a", np.array([[0.8, 0.4]], np.float32), np.array([1, 0], np.uint8), 1.0)
    loss = Likelihood.of([pixels], merged=False).loss(1.0)
    assert loss == pytest.approx((-np.log(0.8) - np.log(0.6)) / 2, rel=1e-5)
    heavy = Pixels("b", np.array([[0.5]], np.float32), np.array([1], np.uint8), 3.0)
    both = Likelihood.of([pixels, heavy], merged=False).loss(1.0)
    assert both == pytest.approx((-np.log(0.8) - np.log(0.6) - 3 * np.log(0.5)) / 5, rel=1e-5)


def test_each_half_is_checked_by_the_temperature_of_the_other() -> None:
    """One half answers twice too surely, the other is calibrated: the exchanged temperatures mend neither."""
    images = [image(seed, 3.0) for seed in range(8)]
    fitted = fit_and_check(seen(images), resamples=100)
    ece = fitted.figures["ece"]
    assert fitted.temperature == pytest.approx(3.0, rel=0.05)
    assert all(part == pytest.approx(3.0, rel=0.08) for part in fitted.of_halves)
    assert ece.before > 0.05
    assert ece.after < 0.02
    assert ece.change == pytest.approx(ece.after - ece.before)
    assert ece.intervals["change"][1] < 0
    first, second = halves(images)
    unlike = [image(seed, 3.0 if seed in first else 1.0) for seed in range(8)]
    crossed = fit_and_check(seen(unlike), resamples=0)
    assert crossed.of_halves == (pytest.approx(3.0, rel=0.08), pytest.approx(1.0, rel=0.08))
    # the sure half stays as it was, and the calibrated one is spoilt: no fit on the pixels themselves would say so
    assert crossed.figures["ece"].after > crossed.figures["ece"].before
    assert crossed.figures["ece"].intervals == {}
    assert second


def test_halves_share_no_piece_and_both_show_defects() -> None:
    images = [image(seed, 1.0, count=50, group=f"piece {seed // 3}") for seed in range(18)]
    clean = [Pixels(f"clean {n}", np.zeros((1, 5), np.float32), np.zeros(5, np.uint8), 1.0) for n in range(6)]
    for seed in range(5):
        first, second = halves([*images, *clean], seed)
        groups = [{[*images, *clean][place].group for place in part} for part in (first, second)]
        assert not groups[0] & groups[1]
        assert sorted(first + second) == list(range(24))
        assert all(sum(group.startswith("piece") for group in part) == 3 for part in groups)
    with pytest.raises(DataError, match="fewer than two pieces with a defect"):
        halves([images[0], *clean])


@pytest.mark.parametrize(
    ("answered", "says"), [(0.99, "answered rightly"), (0.01, "the answers tell nothing")]
)
def test_what_nothing_limits_is_refused(answered: float, says: str) -> None:
    truth = np.array([1, 0] * 50, np.uint8)
    probability = np.where(truth > 0, answered, 1 - answered)[None].astype(np.float32)
    with pytest.raises(DataError, match=says):
        Likelihood.of([Pixels("a", probability, truth, 1.0)], merged=False).best()


def test_pixels_of_a_dataset(small_set, brightness, monkeypatch: pytest.MonkeyPatch) -> None:
    found = see_pixels(brightness(), small_set)
    assert [pixels.group for pixels in found.images] == ["piece", "piece", "\0images/c", "\0images/clean"]
    assert all(pixels.probability.shape == (1, 24 * 32) and pixels.weight == 1 for pixels in found.images)
    assert [int(pixels.truth.sum()) for pixels in found.images] == [64, 16, 36, 0]
    from flawscope.evaluate import seen_pixels

    monkeypatch.setattr(seen_pixels, "AT_LEAST", 10)
    monkeypatch.setattr(seen_pixels, "AN_IMAGE", 100)
    few = see_pixels(brightness(), small_set)
    assert few.notes == ["at most 100 pixels of an image are used, drawn at random"]
    assert few.images[0].probability.shape == (1, 100)
    assert few.images[0].weight == 24 * 32 / 100
    again = see_pixels(brightness(), small_set)
    np.testing.assert_array_equal(few.images[0].truth, again.images[0].truth)


def test_a_bad_image_costs_a_line(small_set, brightness) -> None:
    small_set.samples[0].image.write_bytes(b"")
    found = see_pixels(brightness(), small_set)
    assert len(found.images) == 3
    assert "a.png: the file is empty" in found.failures[0]
    for sample in small_set.samples:
        sample.image.write_bytes(b"")
    with pytest.raises(DataError, match="none of its images could be used"):
        see_pixels(brightness(), small_set)


def test_classes_are_compared_as_evaluate_compares_them(small_set, brightness) -> None:
    several = see_pixels(brightness(labels=("red", "green")), small_set)
    assert several.merged
    assert several.notes[0].startswith("classes are merged into one")
    assert several.images[0].probability.shape == (2, 24 * 32)
