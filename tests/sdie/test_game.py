import logging

import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.sdie.actions import action_of, identity_of
from flawscope.sdie.game import Calls, Game, State
from flawscope.sdie.memory import Memory, content_key
from flawscope.sdie.seen import see
from flawscope.segment.base import Segmentation
from flawscope.segment.regions import RegionSegmenter


def test_the_next_image_depends_on_image_and_action_alone(small_bank, speckled) -> None:
    """Theorem 2: bit for bit, whatever was played before and whatever is remembered."""
    image, _ = speckled
    weights = [np.array(row) / 10 for row in ([4, 3, 2, 1], [0, 5, 0, 5], [1, 1, 1, 7])]
    one = Game(small_bank, image, RegionSegmenter(), 3)
    states = [one.first]
    for row in weights:
        one.responses(states[-1])
        states.append(one.step(states[-1], row))
    other = Game(small_bank, image, RegionSegmenter(), 3, memory=Memory(0))
    for state, row, following in zip(states, weights, states[1:], strict=False):
        again = other.step(State(state.plane.copy(), state.round), row)
        assert again.plane.tobytes() == following.plane.tobytes()
        assert following.plane.tobytes() == small_bank.mix(state.plane, row).tobytes()


def test_identity_leaves_the_image_alone(small_bank, speckled) -> None:
    game = Game(small_bank, speckled[0], RegionSegmenter(), 1)
    only = np.eye(4)[identity_of(small_bank)]
    after, weights, parameters = game.play(game.first, action_of(only))
    np.testing.assert_allclose(weights, only, atol=1e-7)
    np.testing.assert_allclose(after.plane, game.first.plane, atol=1e-6)
    assert parameters is None


@pytest.mark.parametrize("weights", [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
def test_action_of_is_the_inverse_of_the_simplex(toy, weights) -> None:
    game = Game(toy.bank, toy.image(), toy.segmenter(), 1)
    np.testing.assert_allclose(game.play(game.first, action_of(weights))[1], weights, atol=1e-6)


def test_the_segmenter_is_asked_once_for_one_image(toy) -> None:
    segmenter, calls = toy.segmenter(), Calls()
    game = Game(toy.bank, toy.image(), segmenter, 2, calls=calls)
    first = game.look(game.first)
    state = game.step(game.first, toy.best)
    assert game.look(state) is game.look(State(state.plane.copy(), 1))
    assert game.look(game.first) is first
    assert calls.count == len(segmenter.asked) == 2


def test_round_0_shows_the_image_as_it_came_and_later_rounds_keep_its_colours(small_bank) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(5000, 60000, (30, 40, 3), np.uint16)
    game = Game(small_bank, image, RegionSegmenter(), 1)
    assert game.shown(game.first) is game.image
    assert game.shown(game.first).dtype == np.uint16
    later = game.shown(game.step(game.first, [0.25] * 4))
    assert later.dtype == np.float32
    assert later.shape == (30, 40, 3)
    hue = image[:, :, 0].astype(np.float64) - image[:, :, 1]
    assert np.corrcoef(hue.ravel(), (later[:, :, 0] - later[:, :, 1]).ravel())[0, 1] > 0.99


def test_nan_probabilities_count_as_0_and_are_noted_once(toy, caplog) -> None:
    class Broken(toy.segmenter):
        def segment(self, image, prompts=None):
            probability = np.full((1, *image.shape[:2]), 0.9, np.float32)
            probability[0, 0, :2] = np.nan, np.inf
            return Segmentation(probability, float("nan"), np.ones_like(probability[0]))

    calls = Calls()
    game = Game(toy.bank, toy.image(), Broken(), 2, calls=calls)
    with caplog.at_level(logging.WARNING, "flawscope"):
        seen = [game.look(game.first), game.look(game.step(game.first, toy.best))]
    assert [one.undefined for one in seen] == [2, 2]
    assert seen[0].segmentation.evidence is not None  # is kept
    assert calls.undefined == 4
    assert not seen[0].foreground[0, :2].any()
    assert seen[0].foreground[1:].all()
    assert seen[0].segmentation.quality == 0.0
    assert [record.message for record in caplog.records] == [
        "the segmenter 'toy' gave undefined probabilities; they count as 0"
    ]


def test_a_segmenter_that_returns_nothing_sees_nothing() -> None:
    seen = see(Segmentation(np.zeros((0, 3, 4), np.float32)), 0.5, (3, 4))
    assert seen.foreground.shape == (3, 4)
    assert not seen.foreground.any()


def test_any_of_several_classes_is_foreground() -> None:
    probability = np.array([[[0.3, 0.3]], [[0.3, 0.1]]], np.float32)
    assert see(Segmentation(probability), 0.5, (1, 2)).foreground.tolist() == [[True, False]]


def test_games_without_rounds_and_banks_without_identity_are_refused(toy) -> None:
    with pytest.raises(UsageError, match="0 rounds"):
        Game(toy.bank, toy.image(), toy.segmenter(), 0)
    toy.bank.names = ("a", "b", "c")
    with pytest.raises(UsageError, match="no identity"):
        identity_of(toy.bank)


def test_memory_counts_all_that_an_answer_holds(toy) -> None:
    class Knowing(toy.segmenter):
        def segment(self, image, prompts=None):
            size = image.shape[:2]
            return Segmentation(np.zeros((1, *size), np.float32), 0.5, np.zeros(size, np.float32))

    memory = Memory()
    game = Game(toy.bank, toy.image(), Knowing(), 1, memory=memory)
    game.look(State(game.first.plane / 2, 1))
    assert memory.held == 40 * 40 * (4 + 4 + 1)


def test_planes_of_one_content_and_other_shapes_are_two(toy) -> None:
    memory = Memory()
    asked: list[tuple[int, ...]] = []

    class Noting(toy.segmenter):
        def segment(self, image, prompts=None):
            asked.append(image.shape[:2])
            return super().segment(image, prompts)

    segmenter = Noting()
    for shape in ((4, 6), (6, 4)):
        image = np.full((*shape, 3), 0.25, np.float32)
        game = Game(toy.bank, image, segmenter, 2, memory=memory, firsts=memory)
        assert game.look(game.first).foreground.shape == shape
        assert game.responses(game.first).shape[1:] == shape
        changed = State(np.full(shape, 0.5, np.float32), 1)
        assert game.look(changed).foreground.shape == shape
    assert asked == [(4, 6), (4, 6), (6, 4), (6, 4)]
    assert content_key(np.zeros(2, np.float64)) != content_key(np.zeros(4, np.float32))


def test_memory_forgets_what_was_used_least_recently() -> None:
    memory, made = Memory(limit=20), []

    def get(key: str) -> str:
        return memory.get(key, lambda: made.append(key) or key, lambda _: 10)

    for key in "abacab":
        get(key)
    assert "".join(made) == "abcb"  # c took the place of b, the least recent
    assert len(memory) == 2
    assert memory.held == 20


def test_an_enhanced_plane_is_shown_even_as_round_0(toy) -> None:
    shot = toy.shot()
    game = Game(toy.bank, shot.image, shot.segmenter, 1)
    enhanced = game.step(game.first, toy.best)
    again = State(enhanced.plane, 0)
    np.testing.assert_array_equal(game.shown(again), game.shown(enhanced))
    np.testing.assert_array_equal(game.look(again).foreground, game.look(enhanced).foreground)
    assert game.shown(State(game.first.plane, 4)) is game.image
