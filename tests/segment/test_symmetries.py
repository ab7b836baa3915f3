import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.images import Image
from flawscope.segment import Prompts, Segmentation, Symmetries, describe


class Brightness:
    """Answers with the red channel of an image, wherever it is turned to; and says 1 in the top left corner."""

    name, labels, threshold = "brightness", ("defect",), 0.5

    def __init__(self, corner: bool = False) -> None:
        self.corner = corner
        self.looks = 0

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        self.looks += 1
        probability = image[None, ..., 0].astype(np.float32) / 255
        if self.corner:
            probability[0, 0, 0] = 1.0
        return Segmentation(probability)


def picture() -> Image:
    return np.random.default_rng(0).integers(0, 200, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("copies", [2, 4, 8])
def test_answers_are_turned_back(copies: int) -> None:
    inner = Brightness()
    image = picture()
    answer = Symmetries(inner, copies).segment(image).probability
    assert answer.shape == (1, 5, 7)
    assert answer[0] == pytest.approx(image[..., 0] / 255, abs=1e-6)
    assert inner.looks == copies


def test_what_depends_on_the_position_is_averaged() -> None:
    answer = Symmetries(Brightness(corner=True), 8).segment(np.zeros((4, 6, 3), np.uint8)).probability[0]
    corners = [answer[0, 0], answer[0, -1], answer[-1, 0], answer[-1, -1]]
    assert corners == pytest.approx([0.25] * 4)  # two of the eight copies put each corner at the top left
    assert answer.sum() == pytest.approx(1.0)


def test_it_says_what_it_is_and_refuses_what_it_cannot() -> None:
    assert "mean over 4 symmetries" in describe(Symmetries(Brightness(), 4)).method
    with pytest.raises(UsageError, match="2, 4 or 8"):
        Symmetries(Brightness(), 3)
    with pytest.raises(UsageError, match="without prompts"):
        Symmetries(Brightness()).segment(picture(), Prompts())
