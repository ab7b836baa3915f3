"""The standard sheet: which degradations, and how strong each degree is."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from flawscope.errors import UsageError
from flawscope.evaluate.robustness.geometry import rotate, scale
from flawscope.evaluate.robustness.tones import blur, gain_and_offset, illumination, jpeg, salt_and_pepper
from flawscope.images import Image, Mask

Pair = tuple[Image, Mask]


@dataclass(frozen=True, slots=True)
class Degradation:
    """One way in which images get worse.

    Attributes:
        name: for ``--only`` and in JSON.
        title: for tables, with the unit.
        degrees: its strengths, degree 1 first; degree 0 is the image untouched.
        untouched: the strength that changes nothing, as tables write it.
        apply: from an image, its mask, a strength and a generator to both degraded.
    """

    name: str
    title: str
    degrees: tuple[float, ...]
    untouched: str
    apply: Callable[[Image, Mask, float, np.random.Generator], Pair]

    def degrade(self, image: Image, mask: Mask, degree: int, name: str, seed: int = 0) -> Pair:
        """An image and its mask at a degree.

        Args:
            image: in the convention of ``flawscope.images``.
            mask: of the same size.
            degree: 0 to ``len(degrees)``.
            name: of the image; what is random follows from it, the seed, the degradation and the degree alone.
            seed: of all images.
        """
        if degree == 0:
            return image, mask
        words = [zlib.crc32(word.encode()) for word in (self.name, name)]
        return self.apply(
            image, mask, self.degrees[degree - 1], np.random.default_rng([seed, degree, *words])
        )


def _noise(image: Image, mask: Mask, strength: float, rng: np.random.Generator) -> Pair:
    return salt_and_pepper(image, strength, rng), mask


def _blur(image: Image, mask: Mask, strength: float, _: np.random.Generator) -> Pair:
    return blur(image, strength), mask


def _gain(image: Image, mask: Mask, strength: float, _: np.random.Generator) -> Pair:
    return gain_and_offset(image, gain=strength), mask


def _offset(image: Image, mask: Mask, strength: float, _: np.random.Generator) -> Pair:
    return gain_and_offset(image, offset=strength), mask


def _light(image: Image, mask: Mask, strength: float, rng: np.random.Generator) -> Pair:
    return illumination(image, strength, float(rng.uniform(0, 360))), mask


def _jpeg(image: Image, mask: Mask, strength: float, _: np.random.Generator) -> Pair:
    return jpeg(image, int(strength)), mask


def _rotate(image: Image, mask: Mask, strength: float, _: np.random.Generator) -> Pair:
    return rotate(image, mask, strength)


def _scale(image: Image, mask: Mask, strength: float, _: np.random.Generator) -> Pair:
    return scale(image, mask, strength)


SHEET: dict[str, Degradation] = {
    one.name: one
    for one in (
        Degradation("noise", "salt and pepper, share of pixels", (0.01, 0.05, 0.1, 0.2), "0", _noise),
        Degradation("blur", "Gaussian blur, sigma in px", (0.5, 1.0, 2.0, 4.0), "0", _blur),
        Degradation("gain", "gain", (0.5, 0.75, 1.33, 2.0), "1", _gain),
        Degradation("offset", "offset, share of white", (-0.2, -0.1, 0.1, 0.2), "0", _offset),
        Degradation("light", "light falling off across, strength", (0.2, 0.4, 0.6), "0", _light),
        Degradation("jpeg", "JPEG, quality", (70, 50, 30, 10), "none", _jpeg),
        Degradation("rotate", "rotation, degrees", (5, 15, 45, 90), "0", _rotate),
        Degradation("scale", "scale", (0.5, 0.75, 1.5, 2.0), "1", _scale),
    )
}
"""By name. The direction of the light is drawn for each image, 0 to 360 degrees."""


def choose(names: Sequence[str] | None) -> tuple[Degradation, ...]:
    """Those named, in the order of the sheet; all without names.

    Raises:
        UsageError: an unknown name, or none left.
    """
    if names is None:
        return tuple(SHEET.values())
    unknown = [name for name in names if name not in SHEET]
    if unknown or not names:
        raise UsageError(
            f"no degradation named '{unknown[0]}'" if unknown else "no degradation is named",
            where="--only",
            remedy=f"There are: {', '.join(SHEET)}",
        )
    return tuple(one for one in SHEET.values() if one.name in names)
