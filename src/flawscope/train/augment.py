"""Augmentation: random geometry on image and masks together, random light on the image alone.

Image and class maps travel as one ``(3 + K, h, w)`` tensor through the geometric transforms, all bilinear, so
that masks become soft at their borders exactly as the image does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as VF

Augment = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""``(3, h, w)`` in 0 to 1 and ``(K, h, w)`` in 0 to 1, to the same at network size."""


def symmetry(number: int, image: Tensor) -> Tensor:
    """One of the eight symmetries of the square on the last two axes; 0 is the identity, 4 to 7 mirror."""
    turned = torch.rot90(image, number % 4, dims=(-2, -1))
    return turned.flip(-1) if number >= 4 else turned


def resize_only(height: int, width: int) -> Augment:
    """No augmentation: the one resize of Flawscope on image and masks."""
    return partial(_resized, height, width)


def surface_augment(height: int, width: int, least_crop: float = 0.4, dead_pixels: float = 0.0) -> Augment:
    """Augmentation for surfaces that have no up or down.

    Symmetries of the square; a turn by any angle, reflected at the borders, in a third of the images; crops of
    ``least_crop`` to all of the area with a changed aspect; brightness, contrast, gamma, blur and noise; with
    probability ``dead_pixels`` up to a fifth of the pixels black or white.
    """
    crop = v2.RandomResizedCrop(
        (height, width),
        scale=(least_crop, 1.0),
        ratio=(0.7, 1.43),
        interpolation=v2.InterpolationMode.BILINEAR,
    )
    steps: list[v2.Transform] = [
        v2.ColorJitter(brightness=0.3, contrast=0.3),
        v2.RandomApply([v2.Lambda(_random_gamma)], p=0.5),
        v2.RandomApply([v2.GaussianBlur(kernel_size=5, sigma=(0.2, 1.2))], p=0.2),
        v2.RandomApply([v2.Lambda(_random_noise)], p=0.3),
    ]
    if dead_pixels:
        steps.append(v2.RandomApply([v2.Lambda(_dead_pixels)], p=dead_pixels))
    return partial(_moved_and_relit, crop, v2.Compose(steps))


# Functions of the module, not closures: processes that read ahead get them pickled where fork is not used.
def _resized(height: int, width: int, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    return _split(_resize(torch.cat([image, target]), height, width))


def _moved_and_relit(
    crop: v2.Transform, light: v2.Compose, image: Tensor, target: Tensor
) -> tuple[Tensor, Tensor]:
    joined = symmetry(int(torch.randint(8, ())), torch.cat([image, target]))
    if float(torch.rand(())) < 1 / 3:
        joined = _turn(joined, float(torch.empty(()).uniform_(-45, 45)))
    moved, target = _split(crop(joined))
    return light(moved).clamp(0, 1), target.clamp(0, 1)


def _split(joined: Tensor) -> tuple[Tensor, Tensor]:
    return joined[:3].contiguous(), joined[3:].contiguous()


def _resize(joined: Tensor, height: int, width: int) -> Tensor:
    if joined.shape[-2:] == (height, width):
        return joined
    return VF.resize(joined, [height, width], interpolation=v2.InterpolationMode.BILINEAR, antialias=True)


def _turn(joined: Tensor, degrees: float) -> Tensor:
    """Rotate about the centre; what comes in at the corners is the reflected image."""
    height, width = joined.shape[-2:]
    margin_y, margin_x = min(height - 1, height // 4), min(width - 1, width // 4)
    padded = VF.pad(joined, [margin_x, margin_y, margin_x, margin_y], padding_mode="reflect")
    turned = VF.rotate(padded, degrees, interpolation=v2.InterpolationMode.BILINEAR)
    return VF.center_crop(turned, [height, width])


def _random_gamma(image: Tensor) -> Tensor:
    exponent = float(torch.empty(()).uniform_(0.7, 1.4))
    return image.clamp_min(0) ** exponent


def _random_noise(image: Tensor) -> Tensor:
    spread = float(torch.empty(()).uniform_(0.0, 0.04))
    noise = torch.randn(image.shape[-2:]) * spread  # one value a pixel: these cameras are grey
    return image + noise


def _dead_pixels(image: Tensor) -> Tensor:
    share = float(torch.empty(()).uniform_(0.0, 0.2))
    drawn = torch.rand(image.shape[-2:])  # below half of the share black, up to the whole white
    return torch.where(drawn < share, (drawn > share / 2).to(image.dtype), image)
