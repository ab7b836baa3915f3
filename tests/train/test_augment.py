import numpy as np
import pytest
import torch

from flawscope.images import resize
from flawscope.train.augment import resize_only, surface_augment, symmetry


def test_symmetries_are_the_eight_of_the_square() -> None:
    image = torch.arange(6.0).view(1, 2, 3)
    seen = {(*symmetry(n, image).flatten().tolist(), *symmetry(n, image).shape) for n in range(8)}
    assert len(seen) == 8
    assert torch.equal(symmetry(0, image), image)
    assert torch.equal(symmetry(4, image), image.flip(-1))


def test_resize_only_is_the_resize_of_prediction() -> None:
    generator = np.random.default_rng(1)
    image = generator.random((50, 70, 3), dtype=np.float32)
    resized, _ = resize_only(32, 32)(torch.from_numpy(image).permute(2, 0, 1), torch.zeros(1, 50, 70))
    assert np.abs(resized.permute(1, 2, 0).numpy() - resize(image, 32, 32)).max() < 1e-5


@pytest.mark.parametrize("seed", range(12))
def test_geometry_moves_image_and_mask_together(seed: int) -> None:
    image = torch.zeros(3, 60, 80)
    target = torch.zeros(1, 60, 80)
    image[:, 20:40, 30:50] = 1.0
    target[:, 20:40, 30:50] = 1.0
    torch.manual_seed(seed)
    moved, mask = surface_augment(64, 64)(image, target)
    assert moved.shape == (3, 64, 64)
    assert mask.shape == (1, 64, 64)
    assert mask.min() >= 0 and mask.max() <= 1  # noqa: PT018
    inside, outside = moved[0][mask[0] > 0.9], moved[0][mask[0] < 0.1]
    if len(inside) and len(outside):
        assert inside.mean() > outside.mean() + 0.3


def test_light_leaves_the_mask_alone() -> None:
    image, target = torch.full((3, 40, 40), 0.5), torch.ones(1, 40, 40)
    changed = []
    for seed in range(10):
        torch.manual_seed(seed)
        light, mask = surface_augment(32, 32)(image, target)
        assert torch.allclose(mask, torch.ones_like(mask), atol=1e-5)
        changed.append(float(light.mean()))
    assert np.std(changed) > 0.02


def test_crops_keep_the_least_share() -> None:
    across = torch.linspace(0, 1, 64).expand(64, 64)
    target = torch.stack([across, across.T])

    def seen(least: float, seed: int) -> float:
        torch.manual_seed(seed)
        _, (one, other) = surface_augment(64, 64, least)(torch.zeros(3, 64, 64), target)
        return float((one.max() - one.min()) * (other.max() - other.min()))

    assert min(seen(0.9, seed) for seed in range(20)) > 0.8
    assert min(seen(0.4, seed) for seed in range(20)) < 0.6


def test_dead_pixels_are_black_or_white_and_at_most_a_fifth() -> None:
    image, target = torch.full((3, 64, 64), 0.5), torch.zeros(1, 64, 64)
    shares = []
    for seed in range(30):
        torch.manual_seed(seed)
        moved, _ = surface_augment(64, 64, 1.0, dead_pixels=1.0)(image, target)
        black, white = (moved == 0).all(dim=0), (moved == 1).all(dim=0)
        shares.append(float((black | white).float().mean()))
        assert abs(float(black.float().mean() - white.float().mean())) < 0.03
    assert max(shares) < 0.23
    assert np.mean(shares) == pytest.approx(0.1, abs=0.03)
    torch.manual_seed(0)
    untouched, _ = surface_augment(64, 64, 1.0)(image, target)
    assert not ((untouched == 0) | (untouched == 1)).any()
