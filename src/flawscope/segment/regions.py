"""Segmentation without weights: graph-based regions, of which the largest is taken for the background.

The regions are Felzenszwalb and Huttenlocher's, "Efficient Graph-Based Image Segmentation", IJCV 2004. The rule
that makes two classes of them is SDIE's for "segment everything".
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError
from flawscope.images import Image, Mask, check_image, to_float
from flawscope.segment.base import Prompts, Segmentation
from flawscope.segment.description import Description
from flawscope.segment.prompting import check_prompts

REGIONS = "regions"


def graph_regions(
    image: Image, *, sigma: float = 0.5, k: float = 300.0, min_size: int = 100
) -> npt.NDArray[np.int32]:
    """Regions whose inner differences are small beside those across their borders.

    Args:
        image: in the convention of ``flawscope.images``; taken as 0 to 255 in floats, so 16 bits count.
        sigma: pixels, of the Gaussian blur before; at least 0.01.
        k: how strongly large regions are preferred, in steps of 0 to 255 times pixels; at least 0.01.
        min_size: pixels; a smaller region joins the neighbour it differs least from.

    Returns:
        ``(height, width)`` numbers from 0, one a region.
    """
    segmenter = cv2.ximgproc.segmentation.createGraphSegmentation(sigma=sigma, k=k, min_size=min_size)
    return np.asarray(segmenter.processImage(to_float(image) * np.float32(255)), dtype=np.int32)


def all_but_dominant(numbers: npt.NDArray[np.int32]) -> Mask:
    """1 outside the region with the most pixels, which is the background; the lowest number wins a tie.

    Args:
        numbers: ``(height, width)``, from 0; pixels that no region claims have a number of their own.
    """
    mask: Mask = (numbers != np.bincount(numbers.ravel()).argmax()).astype(np.uint8)
    return mask


def mean_by_region(
    numbers: npt.NDArray[np.int32], values: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """``(height, width)``: on each pixel the mean of ``values`` over its region."""
    sizes = np.bincount(numbers.ravel())
    means = np.bincount(numbers.ravel(), values.ravel()) / np.maximum(sizes, 1)
    return means.astype(np.float32)[numbers]


@dataclass(frozen=True)
class RegionSegmenter:
    """Every graph-based region but the largest is a defect; a :class:`flawscope.segment.Segmenter`.

    Its answers are 0 and 1: a region says no more. An image of one region has no defect. The defaults are OpenCV's.

    Prompted by a mask it is another method: finer regions, each as likely a defect as the mask says on average.

    Attributes:
        sigma: pixels, of the Gaussian blur before; at least 0.01.
        k: how strongly large regions are preferred; at least 0.01.
        min_size: pixels; a smaller region joins a neighbour, so that no defect is smaller than this.
        prompted_k, prompted_min_size: the same, where there is a mask prompt.

    Raises:
        UsageError: a parameter is out of its range.
    """

    sigma: float = 0.5
    k: float = 300.0
    min_size: int = 100
    prompted_k: float = 100.0
    prompted_min_size: int = 20

    def __post_init__(self) -> None:
        for name, value, least in (
            ("sigma", self.sigma, 0.01),
            ("k", self.k, 0.01),
            ("min_size", self.min_size, 1),
            ("prompted_k", self.prompted_k, 0.01),
            ("prompted_min_size", self.prompted_min_size, 1),
        ):
            if not least <= value < float("inf"):
                raise UsageError(f"{name} must be at least {least}, not {value}", where=REGIONS)

    @property
    def name(self) -> str:
        """``"regions"``."""
        return REGIONS

    @property
    def labels(self) -> tuple[str, ...]:
        """One class."""
        return ("defect",)

    @property
    def threshold(self) -> float:
        """Between 0 and 1, the only answers."""
        return 0.5

    def describe(self) -> Description:
        """The method and its parameters."""
        parameters = f"sigma {self.sigma:g}, k {self.k:g}, min_size {self.min_size}"
        return Description(f"graph-based regions, {parameters}", self.labels)

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """0 on the largest region, 1 elsewhere; given a mask, its mean in each region. Other prompts are ignored.

        Raises:
            ImageError: the image cannot be used.
            UsageError: the prompts do not fit together or the image.
        """
        image = check_image(image)
        checked = check_prompts(prompts, *image.shape[:2])
        if checked is None or checked.mask is None:
            numbers = graph_regions(image, sigma=self.sigma, k=self.k, min_size=self.min_size)
            return Segmentation(all_but_dominant(numbers)[None].astype(np.float32))
        numbers = graph_regions(image, sigma=self.sigma, k=self.prompted_k, min_size=self.prompted_min_size)
        return Segmentation(mean_by_region(numbers, checked.mask)[None])
