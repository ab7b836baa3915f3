"""The batch of each step: everything random in it follows from (seed, step), so that resuming is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from flawscope.segment.header import IMAGENET_MEAN, IMAGENET_STD
from flawscope.train.promptable.materials import Picture
from flawscope.train.promptable.prompts import Floats, Tokens, rough_mask, sample_tokens
from flawscope.train.promptable.scenes import Scene, compose

TOKEN_COUNTS = (2, 3, 4)
"""One click, or a box; two clicks, or a click and a box; three clicks, or two and a box. One a step: few shapes."""

_TOKEN_CHANCES = (0.5, 0.2, 0.3)
_MASKS = 8
"""One prompt in so many has a rough mask as well."""


@dataclass(frozen=True, slots=True)
class Source:
    """A set of pictures and how often scenes are made of it."""

    pictures: Sequence[Picture]
    share: float


@dataclass(frozen=True, slots=True)
class Batch:
    """``b`` images with ``p`` prompts each, ``n = b * p`` in the images' order.

    Attributes:
        pixels: ``(b, 3, side, side)`` normalised, padding zero.
        places: ``(n, t, 2)``.
        kinds: ``(n, t)``.
        masks: ``(n, 1, side / 2, side / 2)`` log-odds of mask prompts.
        masked: ``(n,)`` which prompts have one.
        target: ``(n, side / 2, side / 2)`` in 0 to 1.
        inside: ``(n, side / 2, side / 2)`` 0 on padding.
    """

    pixels: Tensor
    places: Tensor
    kinds: Tensor
    masks: Tensor
    masked: Tensor
    target: Tensor
    inside: Tensor


def make_batch(
    sources: Sequence[Source],
    textures: Sequence[Picture],
    side: int,
    images: int,
    prompts: int,
    seed: int,
    step: int,
) -> Batch:
    """The batch of a step: ``images`` scenes of the sources in proportion to their shares."""
    rng = np.random.default_rng((seed, step))
    count = int(rng.choice(TOKEN_COUNTS, p=_TOKEN_CHANCES))
    shares = np.array([source.share for source in sources])
    scenes = []
    for _ in range(images):
        pictures = sources[int(rng.choice(len(sources), p=shares / shares.sum()))].pictures
        scenes.append(compose(rng, pictures[int(rng.integers(len(pictures)))], textures, side))
    asked = [(scene, _ask(rng, scene)) for scene in scenes for _ in range(prompts)]
    tokens = [
        sample_tokens(rng, scene.regions[which], count, scene.filled, boxable=scene.boxable[which])
        for scene, which in asked
    ]
    return _stacked(rng, scenes, asked, tokens)


def normalised(grey: Floats, filled: tuple[int, int]) -> Floats:
    """``(3, side, side)``: the grey picture as SAM's input; zero beyond what it fills."""
    mean, std = (np.asarray(values, np.float32)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = (grey[None] - mean) / std
    pixels[:, filled[0] :] = 0
    pixels[:, :, filled[1] :] = 0
    return np.asarray(pixels, np.float32)


def halved(plane: Floats) -> Floats:
    """A plane at the resolution of the mask logits, each cell the mean of four pixels."""
    size = (plane.shape[1] // 2, plane.shape[0] // 2)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _ask(rng: np.random.Generator, scene: Scene) -> int:
    return int(rng.choice(len(scene.regions), p=scene.chances))


def _stacked(
    rng: np.random.Generator,
    scenes: Sequence[Scene],
    asked: Sequence[tuple[Scene, int]],
    tokens: Sequence[Tokens],
) -> Batch:
    half = len(scenes[0].grey) // 2
    masked = np.arange(len(asked)) % _MASKS == _MASKS - 1
    masks, inside = (
        np.zeros((len(asked), 1, half, half), np.float32),
        np.zeros((len(asked), half, half), np.float32),
    )
    for index, (scene, which) in enumerate(asked):
        if masked[index]:
            masks[index, 0] = rough_mask(rng, scene.regions[which])
        inside[index, : -(-scene.filled[0] // 2), : -(-scene.filled[1] // 2)] = 1
    return Batch(
        torch.from_numpy(np.stack([normalised(scene.grey, scene.filled) for scene in scenes])),
        torch.from_numpy(np.stack([token.places for token in tokens])),
        torch.from_numpy(np.stack([token.kinds for token in tokens])),
        torch.from_numpy(masks),
        torch.from_numpy(masked),
        torch.from_numpy(
            np.stack([halved(scene.regions[which].astype(np.float32)) for scene, which in asked])
        ),
        torch.from_numpy(inside),
    )
