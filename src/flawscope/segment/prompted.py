"""Segmenters that need no prompts because labelled images give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError
from flawscope.images import Image, check_image
from flawscope.segment.base import Prompts, Segmentation, Segmenter
from flawscope.segment.description import Description, describe
from flawscope.segment.likeness import agreement, likeness
from flawscope.segment.support import SupportModel
from flawscope.segment.wrapper import Wrapper

Use = Literal["points", "boxes", "mask"]
USES: tuple[Use, ...] = ("points", "boxes", "mask")
PROTOTYPE = "prototype"


@dataclass(frozen=True, eq=False)
class Prompted(Wrapper):
    """A promptable segmenter that a support model prompts; a :class:`flawscope.segment.Segmenter`.

    Attributes:
        segmenter: takes prompts, such as ``SamSegmenter``, ``GrabCutSegmenter`` or ``RegionSegmenter``.
        support: what the defect looks like.
        use: which of the prompts the segmenter is given. ``RegionSegmenter`` takes the mask alone.

    Raises:
        UsageError: ``use`` is empty or names something else.
    """

    segmenter: Segmenter
    support: SupportModel
    use: Sequence[Use] = USES

    def __post_init__(self) -> None:
        if not self.use or not set(self.use) <= set(USES):
            raise UsageError(f"no such prompts: {list(self.use)}", remedy=f"Use some of {', '.join(USES)}")

    @property
    def name(self) -> str:
        """The segmenter's, and that it is prompted."""
        return f"{self.segmenter.name}+support"

    def describe(self) -> Description:
        """The segmenter's, with the support model's features."""
        inner = describe(self.segmenter)
        return replace(
            inner,
            method=f"{inner.method}; {', '.join(self.use)} from supports ({_which(self.support)})",
        )

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """What the segmenter sees, given the prompts that the supports suggest, or ``prompts`` in their place.

        Where the supports suggest no place at all the probability is 0 everywhere. The quality is the segmenter's;
        where it has none, the :func:`agreement` of its answer with the similarity map.

        Raises:
            ImageError: the image cannot be used.
            UsageError: the prompts do not fit together.
        """
        image = check_image(image)
        if prompts is not None:
            return self.segmenter.segment(image, prompts)
        suggested = self.support.prompts(image)
        similarity = suggested.mask
        assert similarity is not None, "a support model always gives a mask"
        given = chosen(suggested, self.use)
        if given is None:
            empty = np.zeros((len(self.labels), *similarity.shape), dtype=np.float32)
            return Segmentation(empty, 0.0, similarity)
        return _with_evidence(self.segmenter.segment(image, given), similarity)


@dataclass(frozen=True, eq=False)
class Witnessed(Wrapper):
    """A segmenter left to itself, with a support model as witness; a :class:`flawscope.segment.Segmenter`.

    It is not prompted. The supports only say how credible its answer is.

    Attributes:
        segmenter: any that works without prompts.
        support: what the defect looks like.
    """

    segmenter: Segmenter
    support: SupportModel

    def describe(self) -> Description:
        """The segmenter's, with the support model's features."""
        inner = describe(self.segmenter)
        return replace(inner, method=f"{inner.method}; judged by supports ({_which(self.support)})")

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """The segmenter's answer, with the similarity map as evidence; its quality as with :class:`Prompted`."""
        image = check_image(image)
        answer = self.segmenter.segment(image, prompts)
        return _with_evidence(answer, self.support.similarity(image))


@dataclass(frozen=True, eq=False)
class PrototypeSegmenter:
    """The similarity map itself as probability; a :class:`flawscope.segment.Segmenter`.

    Attributes:
        support: what the defect looks like.
    """

    support: SupportModel

    @property
    def name(self) -> str:
        """``"prototype"``."""
        return PROTOTYPE

    @property
    def labels(self) -> tuple[str, ...]:
        """One class."""
        return ("defect",)

    @property
    def threshold(self) -> float:
        """The support model's decision level."""
        return 0.5

    def describe(self) -> Description:
        """The method and its features."""
        return Description(f"prototypes of supports ({_which(self.support)})", self.labels)

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """The map; prompts are ignored. Quality: the agreement of the thresholded map with the map."""
        del prompts
        similarity = self.support.similarity(image)
        mask = (similarity > self.threshold).astype(np.float32)
        return Segmentation(similarity[None], agreement(mask, similarity), similarity)


def chosen(prompts: Prompts, use: Sequence[Use]) -> Prompts | None:
    """The prompts of the kinds in ``use``; None where these say nothing of where the defect is."""
    empty = Prompts()
    points = "points" in use
    given = Prompts(
        prompts.points if points else empty.points,
        prompts.point_labels if points else empty.point_labels,
        prompts.boxes if "boxes" in use else empty.boxes,
        prompts.mask if "mask" in use else None,
    )
    said = bool((given.point_labels == 1).any()) or len(given.boxes) > 0
    return given if said or (given.mask is not None and bool((given.mask > 0.5).any())) else None


def _which(support: SupportModel) -> str:
    return f"{support.kind}, {support.fingerprint()}"


def _with_evidence(answer: Segmentation, similarity: npt.NDArray[np.float32]) -> Segmentation:
    quality = answer.quality
    if quality is None:
        quality = likeness(answer.probability, similarity)
    return replace(answer, quality=quality, evidence=similarity)
