from dataclasses import replace

import numpy as np
import pytest

from flawscope.enhance import bank as make_bank
from flawscope.enhance.adjustable import Adjustable
from flawscope.errors import DataError, UsageError
from flawscope.metrics import masks_fb_iou, masks_iou
from flawscope.sdie.enhanced import Enhanced
from flawscope.sdie.search import search
from flawscope.sdie.trial import Trial
from flawscope.segment.base import Segmentation


def test_cma_solves_the_toy(toy) -> None:
    segmenter = toy.segmenter()
    found = search("cma", [toy.shot(segmenter)], toy.bank, index="iou", rounds=1, budget=200)[""]
    assert found.score > 0.97
    np.testing.assert_allclose(found.weights, toy.best, atol=0.05)
    assert found.calls == len(segmenter.asked) <= 200
    assert found.raw == pytest.approx(masks_iou(*_seen_raw(toy)))


def _seen_raw(toy):
    shot = toy.shot()
    return shot.segmenter.segment(shot.image).probability[0] > 0.5, shot.mask


@pytest.mark.parametrize("method", ["random", "cma"])
@pytest.mark.parametrize("budget", [18, 25, 100])
def test_a_search_never_asks_more_than_its_budget_and_uses_it_up(toy, method, budget) -> None:
    segmenter = toy.segmenter()
    shots = [toy.shot(segmenter, source=str(number)) for number in range(3)]
    found = search(method, shots, toy.bank, rounds=2, budget=budget, seed=1)[""]
    assert found.calls == len(segmenter.asked)
    assert budget - 6 < found.calls <= budget  # 3 shots x 2 rounds would be one more mix
    assert found.history[-1][1] == found.score


def test_same_seed_same_mix(toy) -> None:
    for method in ("random", "cma"):
        mixes = [
            search(method, [toy.shot()], toy.bank, rounds=1, budget=60, seed=seed)[""].weights
            for seed in (3, 3, 4)
        ]
        np.testing.assert_array_equal(mixes[0], mixes[1])
        assert not np.array_equal(mixes[0], mixes[2])


def test_cma_leaves_the_global_generator_alone(toy) -> None:
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    search("cma", [toy.shot()], toy.bank, rounds=1, budget=40)
    assert np.random.random() == expected  # noqa: NPY002


def test_best_single_tries_each_filter_and_chooses_the_round(toy) -> None:
    shot = toy.shot()
    found = search("best-single", [shot], toy.bank, rounds=2)[""]
    assert sorted(found.weights) == [0, 0, 1]
    scores = {}
    for number in range(3):
        plane = toy.image()
        for rounds in (1, 2):
            plane = [plane, plane / 2, (plane + 1) / 2][number]
            image = np.repeat(plane[:, :, None], 3, 2)
            answer = shot.segmenter.segment(image).probability[0] > 0.5
            scores[number, rounds] = masks_fb_iou(answer, shot.mask)
    best = max(scores, key=scores.get)
    assert found.score == pytest.approx(scores[best])
    assert scores[int(found.weights.argmax()), found.rounds] == pytest.approx(scores[best])
    # the image as it came, 3 x 2, less both rounds of doing nothing, which show it again
    assert found.calls == 5


def test_where_nothing_is_better_the_image_stays_as_it_came(toy) -> None:
    class Spoilt:
        """Sees all of the defect on the image as it came, and nothing on any other."""

        name, labels, threshold = "spoilt", ("defect",), 0.5

        def segment(self, image, prompts=None):
            same = np.array_equal(image[:, :, 0], toy.image())
            return Segmentation((toy.shot().mask & same)[None].astype(np.float32))

    shot = replace(toy.shot(), segmenter=Spoilt())
    for method in ("random", "cma"):
        found = search(method, [shot], toy.bank, rounds=2, budget=20)[""]
        assert found.weights.tolist() == [1, 0, 0]
        assert (found.rounds, found.score, found.raw) == (1, 1, 1)


def test_a_mix_for_each_class(toy) -> None:
    shots = [toy.shot(name=name, source=name) for name in ("scratch", "scratch", "hole")]
    found = search("random", shots, toy.bank, rounds=1, budget=90, scope="class")
    assert list(found) == ["scratch", "hole"]
    assert found["scratch"].calls == 60
    assert found["hole"].calls == 30


def test_the_mix_found_scores_the_same_in_an_enhanced_segmenter(toy) -> None:
    shot = toy.shot()
    found = search("random", [shot], toy.bank, index="iou", rounds=3, budget=50)[""]
    enhanced = Enhanced(found.policy, toy.bank, toy.segmenter(), rounds=found.rounds)
    assert masks_iou(enhanced.segment(shot.image).probability[0] > 0.5, shot.mask) == pytest.approx(
        found.score
    )


def test_what_cannot_be_searched(toy) -> None:
    with pytest.raises(UsageError, match=r"a budget of 5 segmenter calls; one mix needs 6 \(1 images"):
        Trial([toy.shot()], toy.bank, budget=5)
    with pytest.raises(UsageError, match="a search without end"):
        search("cma", [toy.shot()], toy.bank)
    with pytest.raises(UsageError, match="no search named 'luck'"):
        search("luck", [toy.shot()], toy.bank)
    with pytest.raises(DataError, match="no labelled images"):
        search("cma", [], toy.bank, budget=10)


def test_adjustable_parameters_stay_as_they_are(toy) -> None:
    moving = (Adjustable("unsharp", "amount", 0.5, 9.0),)
    shown = []
    for adjustable in ((), moving):
        segmenter = toy.segmenter()
        filters = make_bank(filters=("identity", "unsharp"), adjustable=adjustable)
        Trial([toy.shot(segmenter)], filters, "iou", 1).score(np.array([0.5, 0.5]))
        shown.append(segmenter.asked[-1])
    np.testing.assert_array_equal(*shown)
    assert not np.array_equal(shown[0], segmenter.asked[0])
