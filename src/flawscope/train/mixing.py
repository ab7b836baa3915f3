"""CutMix on a batch: a rectangle of the next image, with its masks, in the place of one's own.

Source: CutMix (Yun et al., 2019), as French et al. (2020) use it for segmentation: masks are cut with the image,
so that no label is blended.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST, _MOST = 0.15, 0.5
"""Share of the image's area that a rectangle takes."""


def cut_mix(images: Tensor, target: Tensor, probability: float) -> tuple[Tensor, Tensor]:
    """Each image takes a rectangle from the one before it in the batch, with the given probability.

    Args:
        images: ``(b, 3, h, w)``; stays as it is.
        target: ``(b, K, h, w)``, likewise.
        probability: 0 to 1, for each image by itself.
    """
    height, width = images.shape[-2:]
    inside = torch.zeros(len(images), 1, height, width, dtype=torch.bool, device=images.device)
    for number in range(len(images)):
        if float(torch.rand(())) >= probability:
            continue
        area, aspect = torch.empty(2).uniform_(-1, 1).tolist()
        share = _LEAST + (area + 1) / 2 * (_MOST - _LEAST)
        tall = min(1.0, share**0.5 * 2 ** (aspect / 2))
        rows, columns = max(1, round(tall * height)), max(1, round(min(1.0, share / tall) * width))
        top = int(torch.randint(height - rows + 1, ()))
        left = int(torch.randint(width - columns + 1, ()))
        inside[number, :, top : top + rows, left : left + columns] = True
    return torch.where(inside, images.roll(1, 0), images), torch.where(inside, target.roll(1, 0), target)
