"""One synthetic image: a surface, blemishes that are no defects, defects with their exact mask, and a camera."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from flawscope.data.synthetic.defects import KINDS, draw_defect
from flawscope.data.synthetic.noise import Generator, Plane, between, chance, cloud, grain
from flawscope.data.synthetic.surface import SURFACES, Surface, draw_surface
from flawscope.errors import UsageError
from flawscope.images import Image, Mask

_ATTEMPTS = 4


def draw(
    seed: int | Sequence[int],
    height: int,
    width: int,
    *,
    surface: str = "any",
    kinds: Sequence[str] = KINDS,
    clean_probability: float = 0.2,
) -> tuple[Image, Mask, tuple[str, ...]]:
    """Draw one image with its exact mask.

    Args:
        seed: everything random follows from it; several numbers (a seed and an index, say) are one seed.
        height: pixels, 1 or more.
        width: pixels, 1 or more.
        surface: ``"steel"``, ``"rail"``, ``"tile"``, or ``"any"`` of them.
        kinds: the kinds of defect to choose from; class numbers count them from 1 in this order.
        clean_probability: how often the image has no defect.

    Returns:
        The image, ``(height, width, 3)`` ``uint8``; the mask, ``(height, width)`` ``uint8`` class numbers; and the
        names of classes 1 to K.

    Raises:
        UsageError: an unknown surface or kind, a size below 1, or a probability outside 0 to 1.
    """
    check_drawing(height, width, surface, kinds, clean_probability)
    rng = np.random.default_rng(seed)
    ground = draw_surface(rng, height, width, str(rng.choice(SURFACES)) if surface == "any" else surface)
    light = _blemished(rng, ground)
    mask = np.zeros((height, width), dtype=np.uint8)
    if not chance(rng, clean_probability):
        light = _with_defects(rng, Surface(light, ground.angle, ground.roughness), tuple(kinds), mask)
    return _photographed(rng, light), mask, tuple(kinds)


def _with_defects(rng: Generator, ground: Surface, kinds: tuple[str, ...], mask: Mask) -> Plane:
    """Lay one to four defects, mostly of one kind, over the surface, and write their classes into ``mask``."""
    light = ground.light
    main = str(rng.choice(kinds))
    count = 1 + int(rng.geometric(0.6)) if chance(rng, 0.5) else 1
    for number in range(min(count, 4)):
        kind = main if number == 0 or chance(rng, 0.6) else str(rng.choice(kinds))
        for _ in range(_ATTEMPTS):
            layer = draw_defect(rng, kind, Surface(light, ground.angle, ground.roughness))
            inside = layer.opacity > 0.5
            if inside.any():
                mask[inside] = kinds.index(kind) + 1
                light = light + layer.opacity * (layer.shade - light)
                break
    return light


def _blemished(rng: Generator, ground: Surface) -> Plane:
    """Oil film, shadows and faint lines: part of every real surface, and none of it a defect."""
    light = ground.light
    height, width = light.shape
    size = max(min(height, width), 8)
    if chance(rng, 0.3):
        film = np.clip(cloud(rng, height, width, (size / 2, size / 2), 2) - 0.5, 0, 1.5)
        light = light + np.float32(between(rng, -0.05, 0.04)) * film
    if chance(rng, 0.2):
        dust = np.clip(cloud(rng, height, width, (3, 3), 1) - 2.8, 0, 1)
        light = light - np.float32(between(rng, 0.02, 0.08)) * dust
    # Exposed before any defect is drawn, so that none is lost in what the sensor clips.
    exposed = light * between(rng, 0.8, 1.2) + between(rng, -0.04, 0.04)
    return np.asarray(np.clip(exposed, 0, 1), dtype=np.float32)


def _photographed(rng: Generator, light: Plane) -> Image:
    """Gamma, lens blur, sensor noise, eight bits, sometimes a tint, sometimes JPEG."""
    height, width = light.shape
    exposed = (np.clip(light, 0, 1) ** between(rng, 0.8, 1.25)).astype(np.float32)
    if chance(rng, 0.5):
        exposed = np.asarray(cv2.GaussianBlur(exposed, (0, 0), between(rng, 0.3, 0.8)), dtype=np.float32)
    exposed = exposed + between(rng, 0.001, 0.012) * grain(rng, height, width)
    colour = np.repeat(exposed[:, :, None], 3, axis=2)
    if chance(rng, 0.15):
        colour = colour * rng.uniform(0.94, 1.04, 3).astype(np.float32)
    image: Image = np.ascontiguousarray(np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8))
    if chance(rng, 0.3):
        quality = int(rng.integers(60, 96))
        done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert done
        image = np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return image


def check_drawing(
    height: int, width: int, surface: str, kinds: Sequence[str], clean_probability: float
) -> None:
    """Raise UsageError where :func:`draw` would."""
    if height < 1 or width < 1:
        raise UsageError(
            f"cannot draw an image {height} pixels high and {width} wide",
            remedy="Give 1 or more for each side",
        )
    if surface not in (*SURFACES, "any"):
        raise UsageError(
            f"no surface named '{surface}'", remedy=f"There are: {', '.join(SURFACES)}, and any for a mixture"
        )
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds or len(set(kinds)) < len(kinds):
        raise UsageError(
            f"not a list of different kinds of defect: {', '.join(kinds) or 'nothing'}",
            remedy=f"There are: {', '.join(KINDS)}",
        )
    if not 0 <= clean_probability <= 1:
        raise UsageError(
            f"{clean_probability:g} is not a probability", remedy="Give a share of clean images from 0 to 1"
        )
