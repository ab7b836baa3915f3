"""Support models on images whose defects are known, and prototypes against scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from flawscope.errors import DataError, UsageError, WeightsError
from flawscope.segment import SupportModel
from flawscope.segment.prototypes import SHRINKAGE, Moments, discriminant
from flawscope.segment.support_fitting import halves
from flawscope.segment.support_level import LEVELS, UNJUDGED_LEVEL, choose_level, iou_by_level


def surface(seed: int, height: int = 80, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Grey noise with a bright stroke of random place; ``uint8`` and ``bool``."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), dtype=bool)
    row, column = rng.integers(10, height - 20), rng.integers(10, width - 40)
    mask[row : row + 6, column : column + 25] = True
    image = rng.normal(100, 8, mask.shape) + 60 * mask
    return np.clip(image, 0, 255).astype(np.uint8), mask


def fitted(count: int = 3, **options: object) -> SupportModel:
    pairs = [surface(seed) for seed in range(count)]
    return SupportModel.fit([image for image, _ in pairs], [mask for _, mask in pairs], **options)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_the_discriminant_is_sklearns() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(4, 4))
    on = (rng.normal(size=(300, 4)) @ mixing + [1, 0, 2, -1]).astype(np.float32)
    off = (rng.normal(size=(300, 4)) @ mixing * 1.5).astype(np.float32)
    both = np.concatenate([on, off])
    spread = both.astype(np.float64).std(axis=0, ddof=1)
    centred = np.concatenate([on - on.mean(0), off - off.mean(0)]) / spread
    # The same ridge, as one over the trace that sklearn's shrinkage mixes in: (1 - a) C + a tr(C) / F.
    within = centred.T @ centred / (len(both) - 2)
    ridge = SHRINKAGE / (SHRINKAGE + np.trace(within) / 4)
    judge = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=ridge, priors=[0.5, 0.5])
    head = discriminant([Moments.of(on[:100]), Moments.of(on[100:])], [Moments.of(off)])
    judge.fit(both / spread, np.repeat([1, 0], 300))
    ours = head.weights * spread
    theirs = judge.coef_[0]
    assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.999
    # Between the prototypes the logit is 0.
    middle = (on.mean(0) + off.mean(0)) / 2
    assert middle @ head.weights + head.bias == pytest.approx(0, abs=1e-4)


def test_moments_of_parts_add_up_and_constant_features_are_silent() -> None:
    values = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    parts = Moments.of(values[:20]) + Moments.of(values[20:])
    np.testing.assert_allclose(parts.covariance, np.cov(values.T), atol=1e-6)
    values[:, 1] = 7
    head = discriminant([Moments.of(values[:25])], [Moments.of(values[25:])])
    assert head.weights[1] == 0


def test_iou_by_level_by_hand() -> None:
    logits = np.array([[3.0, 1.0, 0.2, -1.0]], dtype=np.float32)
    truth = np.array([[True, True, False, False]])
    curve = dict(zip(LEVELS.tolist(), iou_by_level(logits, truth).tolist(), strict=True))
    assert (curve[-2.0], curve[0.0], curve[0.5], curve[1.0], curve[3.0]) == (0.5, 2 / 3, 1.0, 0.5, 0.0)
    # Of single levels 0.5 is best; of means three, 0 with (2/3 + 2/3 + 1) / 3 before 0.5 with (2/3 + 1 + 1/2) / 3.
    assert choose_level([(logits, truth)]) == 0


def test_halves_share_the_defect() -> None:
    mask = np.zeros((30, 40), dtype=bool)
    mask[10:14, 5:25] = True
    side = halves(mask)
    assert (mask & side).sum() == (mask & ~side).sum() == 40
    assert len(np.unique(side[:, 5:25], axis=0)) == 1  # cut across its longer axis


@pytest.mark.parametrize("count", [1, 2, 3])
def test_finds_the_same_defect_elsewhere(count: int) -> None:
    model = fitted(count)
    for seed in (20, 21):
        image, mask = surface(seed)
        similarity = model.similarity(image)
        assert similarity.dtype == np.float32
        assert similarity.shape == mask.shape
        assert 0 <= similarity.min() <= similarity.max() <= 1
        assert iou(similarity > 0.5, mask) > 0.6


def test_one_half_is_the_decision_level() -> None:
    model, (image, _) = fitted(), surface(20)
    np.testing.assert_allclose(
        model.similarity(image), expit(model.logits(image) - model.head.level), atol=1e-6
    )
    strict = replace(model, head=replace(model.head, level=2.0))
    np.testing.assert_array_equal(strict.similarity(image) > 0.5, model.logits(image) > np.float32(2))


def test_without_a_support_is_fitted_from_the_others() -> None:
    pairs = [surface(seed) for seed in range(3)]
    model = fitted(3)
    for index in range(3):
        others = [pair for number, pair in enumerate(pairs) if number != index]
        # The seed goes by position, so only few enough pixels make the two the same.
        alone = SupportModel.fit([image for image, _ in others], [mask for _, mask in others])
        left = model.without(index)
        similar = np.corrcoef(left.head.weights, alone.head.weights)[0, 1]
        assert similar > 0.99
        assert np.corrcoef(left.head.weights, model.head.weights)[0, 1] < 1
    for wrong in (-1, 3):
        with pytest.raises(UsageError, match="no support"):
            model.without(wrong)
    with pytest.raises(UsageError, match="to leave out of 0"):
        model.without(0).without(0)


def test_left_out_mask_cannot_be_seen() -> None:
    pairs = [surface(seed) for seed in range(3)]
    other = np.zeros((80, 80), dtype=bool)
    other[:5, :5] = True
    images, masks = [image for image, _ in pairs], [mask for _, mask in pairs]
    first = SupportModel.fit(images, masks).without(0)
    second = SupportModel.fit(images, [other, *masks[1:]]).without(0)
    np.testing.assert_array_equal(first.head.weights, second.head.weights)
    assert (first.head.bias, first.head.level) == (second.head.bias, second.head.level)


def test_a_single_support_leaves_half_of_itself() -> None:
    image, mask = surface(0)
    model = SupportModel.fit([image], [mask])
    assert model.head.level == model.without(0).head.level == UNJUDGED_LEVEL
    assert not np.array_equal(model.without(0).head.weights, model.head.weights)
    found = model.without(0).similarity(surface(20)[0]) > 0.5
    assert iou(found, surface(20)[1]) > 0.4


def test_the_same_seed_the_same_model_bit_for_bit() -> None:
    first, image = fitted(), surface(20)[0]
    for size in (1, 999, 12345):
        held = [np.empty(size + number) for number in range(3)]  # moves what comes next in memory
        second = fitted()
        np.testing.assert_array_equal(first.head.weights, second.head.weights)
        assert (first.head.bias, first.head.level) == (second.head.bias, second.head.level)
        np.testing.assert_array_equal(first.similarity(image), second.similarity(image))
        assert len(held) == 3


def test_arrays_hold_everything(tmp_path) -> None:
    model, (image, _) = fitted(), surface(20)
    np.savez(tmp_path / "support.npz", **model.to_arrays())
    with np.load(tmp_path / "support.npz", allow_pickle=False) as stored:
        again = SupportModel.from_arrays(dict(stored))
    np.testing.assert_array_equal(again.similarity(image), model.similarity(image))
    np.testing.assert_array_equal(again.without(1).similarity(image), model.without(1).similarity(image))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": None}, "not the arrays"),
        ({"bias": np.zeros(9)}, "not the arrays"),
        ({"level": np.full(4, np.nan)}, "not the arrays"),
        ({"kind": np.array([9])}, "not the arrays"),
        ({"version": np.array([2])}, "version 2"),
        ({"kind": np.array([1])}, "needs its embedder"),
    ],
)
def test_damaged_arrays(change: dict, message: str) -> None:
    arrays = {**fitted().to_arrays(), **change}
    with pytest.raises(WeightsError, match=message):
        SupportModel.from_arrays({name: value for name, value in arrays.items() if value is not None})


def test_large_images_are_shrunk_and_kinds_do_not_matter() -> None:
    pairs = [surface(seed) for seed in range(3)]
    big = [np.kron(image, np.ones((4, 4), np.uint8)) for image, _ in pairs]
    model = SupportModel.fit(big, [np.kron(mask, np.ones((4, 4), bool)) for _, mask in pairs], side=80)
    assert model.scale == 0.25
    image, mask = surface(20)
    deep = (np.kron(image, np.ones((4, 4), np.uint8)).astype(np.uint16) * 257)[..., None].repeat(3, axis=2)
    similarity = model.similarity(deep)
    assert similarity.shape == (320, 320)
    assert iou(similarity > 0.5, np.kron(mask, np.ones((4, 4), bool))) > 0.6


def test_what_cannot_be_learnt_from() -> None:
    image, mask = surface(0)
    for images, masks, message in (
        ([], [], "no support images"),
        ([image], [], "1 support images have 0 masks"),
        ([image, image], [mask, mask * 0], "support 2: a support image without a defect"),
        ([image], [mask[:, :40]], r"support 1: its mask is 80x40 and its image 80x80 pixels"),
        ([image], [np.ones_like(mask)], "nothing but defect"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            SupportModel.fit(images, masks)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"^photos/b\.png: a support image without a defect"):
        SupportModel.fit([image, image], [mask, mask * 0], names=["photos/a.png", "photos/b.png"])
    with pytest.raises(UsageError, match="no such features: 'colour'"):
        SupportModel.fit([image], [mask], features="colour")
    with pytest.raises(UsageError, match="need an embedder"):
        SupportModel.fit([image], [mask], features="both")


def test_a_defect_of_one_pixel_and_an_image_without_contrast() -> None:
    image = np.full((40, 40), 100, dtype=np.uint8)
    mask = np.zeros((40, 40), dtype=bool)
    image[20, 20], mask[20, 20] = 255, True
    model = SupportModel.fit([image], [mask])
    assert np.isfinite(model.similarity(np.full((40, 40), 7, np.uint8))).all()
    assert model.similarity(image).argmax() == 20 * 40 + 20
