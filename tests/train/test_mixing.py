import pytest
import torch

from flawscope.train.mixing import cut_mix


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Four images that are nothing but their number, with masks that are too."""
    numbers = torch.arange(4.0).view(4, 1, 1, 1)
    return numbers.expand(4, 3, 40, 60).clone(), numbers.expand(4, 2, 40, 60).clone()


def test_a_rectangle_of_the_image_before_comes_with_its_mask() -> None:
    torch.manual_seed(0)
    images, target = cut_mix(*batch(), 1.0)
    for number in range(4):
        other = float((number - 1) % 4)
        taken = images[number, 0] == other
        assert (images[number] == torch.where(taken, other, float(number))).all()
        assert (target[number] == torch.where(taken, other, float(number))).all()
        rows, columns = taken.any(dim=1), taken.any(dim=0)
        assert int(taken.sum()) == int(rows.sum()) * int(columns.sum())  # a rectangle
        assert 0.13 < float(taken.float().mean()) < 0.52


def test_never_leaves_the_batch_as_it_is_and_the_generator_says_which() -> None:
    same, _ = cut_mix(*batch(), 0.0)
    assert torch.equal(same, batch()[0])
    torch.manual_seed(3)
    one, _ = cut_mix(*batch(), 0.5)
    torch.manual_seed(3)
    again, _ = cut_mix(*batch(), 0.5)
    assert torch.equal(one, again)
    torch.manual_seed(4)
    assert not torch.equal(cut_mix(*batch(), 0.5)[0], one)


def test_how_often() -> None:
    torch.manual_seed(1)
    mixed = sum(
        int((cut_mix(*batch(), 0.25)[0] != batch()[0]).flatten(1).any(dim=1).sum()) for _ in range(250)
    )
    assert mixed / 1000 == pytest.approx(0.25, abs=0.05)
