import time

import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.sdie.evidence import MARKS
from flawscope.sdie.game import Game
from flawscope.sdie.observation import OBSERVATIONS, View, observation
from flawscope.segment.base import Segmentation
from flawscope.segment.regions import RegionSegmenter


def observed(name, bank, image, segmenter=None, rounds=0):
    game = Game(bank, image, segmenter or RegionSegmenter(), 4)
    state = game.first
    for _ in range(rounds):
        state = game.step(state, np.full(len(bank), 1 / len(bank)))
    return OBSERVATIONS[name](View(game, state))


def test_the_image_is_the_plane_in_8_bits(small_bank, speckled) -> None:
    seen = observed("image", small_bank, speckled[0])
    assert seen.shape == (1, 200, 200)
    np.testing.assert_array_equal(seen[0], speckled[0])


def test_any_size_is_seen_at_200(small_bank) -> None:
    ramp = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (100, 1))
    assert observed("image", small_bank, ramp).shape == (1, 200, 200)
    assert observed("evidence", small_bank, ramp).shape == (2 * MARKS + 2 * 4,)


def test_evidence_is_the_marks_what_they_gained_and_the_filters(small_bank, speckled) -> None:
    image, mask = speckled
    known = np.where(mask, 0.9, 0.2).astype(np.float32)

    class Disc:
        name, labels, threshold = "disc", ("defect",), 0.5

        def __init__(self, evidence=None) -> None:
            self.evidence = evidence

        def segment(self, image, prompts=None):
            fading = image.astype(np.float64).std() / (255 if image.dtype == np.uint8 else 1)
            map_ = np.where(mask, 0.6 + fading, 0.1).astype(np.float32)
            return Segmentation(map_[None], evidence=self.evidence)

    first = observed("evidence", small_bank, image, Disc(known))
    later = observed("evidence", small_bank, image, Disc(known), rounds=2)
    assert first.dtype == np.float32
    assert first.shape == later.shape == (2 * MARKS + 2 * 4,)
    assert OBSERVATIONS["evidence"].length(4) == len(first)
    np.testing.assert_array_equal(first[MARKS : 2 * MARKS], 0)
    np.testing.assert_allclose(later[MARKS : 2 * MARKS], later[:MARKS] - first[:MARKS], atol=1e-6)
    assert np.abs(later[MARKS : 2 * MARKS]).max() > 0.05
    np.testing.assert_allclose(first[6:10], [0.8, -0.6, 0.8, -0.6], atol=1e-5)
    np.testing.assert_allclose(first[2 * MARKS : 2 * MARKS + 2], 0, atol=1e-6)  # the identity changes nothing
    assert (np.abs(first[2 * MARKS + 2 :]) > 1e-4).all()
    alone = observed("evidence", small_bank, image, Disc())
    spread = (image / 255).std()
    np.testing.assert_allclose(alone[6:8], [0.2 + 2 * spread, -0.8], atol=1e-4)  # of the probability


@pytest.mark.parametrize("tone", [0, 128, 255])
@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_numbers_are_finite_where_there_is_nothing_to_see(small_bank, tone, answer) -> None:
    class Fixed:
        name, labels, threshold = "fixed", ("defect",), 0.5

        def segment(self, image, prompts=None):
            return Segmentation(np.full((1, *image.shape[:2]), answer, np.float32))

    vector = observed("evidence", small_bank, np.full((50, 60), tone, np.uint8), Fixed(), rounds=2)
    assert np.isfinite(vector).all()
    assert np.abs(vector).max() < 20


def test_numbers_are_fast(small_bank, speckled) -> None:
    game = Game(small_bank, speckled[0], RegionSegmenter(), 4)
    game.look(game.first), game.responses(game.first)
    spent = []
    for _ in range(20):
        started = time.process_time()
        OBSERVATIONS["evidence"](View(game, game.first))
        spent.append(time.process_time() - started)
    assert min(spent) < 0.003 * 3  # 3 ms on the reference machine, and room for slower ones


def test_round_is_the_round(small_bank, speckled) -> None:
    assert observed("round", small_bank, speckled[0], rounds=3).tolist() == [3]


def test_an_unknown_observation() -> None:
    with pytest.raises(
        UsageError, match=r"no observation named 'smell'\. Choose one of: image, evidence, round"
    ):
        observation("smell")
