"""From a few labelled images to a map of likeness to their defects, for images without a label.

Foreground and background prototypes in feature space, as in few-shot segmentation (Snell et al., "Prototypical
Networks for Few-shot Learning", NeurIPS 2017; Wang et al., "PANet", ICCV 2019), with the metric learnt from the same
images, which makes it linear discriminant analysis of their pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from flawscope.errors import UsageError, WeightsError
from flawscope.images import Image, check_image, resize
from flawscope.segment.base import Prompts
from flawscope.segment.embedder import Embedder
from flawscope.segment.prototypes import Head
from flawscope.segment.support_fitting import WORKING_SIDE, fit_heads, read_supports, scale_of
from flawscope.segment.support_maps import KINDS, FeatureKind, feature_maps
from flawscope.segment.support_prompts import prompts_from

_VERSION = 1

Fit: TypeAlias = "Callable[..., SupportModel]"
"""Called as :meth:`SupportModel.fit` is, with images and masks; it knows the features."""


@dataclass(frozen=True, eq=False)
class SupportModel:
    """What the supports look like; made by :meth:`fit` or :meth:`from_arrays`.

    Attributes:
        head: how a pixel's features become a logit.
        left_out: the heads fitted without support 0, 1 and so on, for :meth:`without`.
        kind: which features.
        scale: images are shrunk by this before their filter features are taken.
        embedder: for features other than ``"filters"``.
    """

    head: Head
    left_out: tuple[Head, ...] = ()
    kind: FeatureKind = "filters"
    scale: float = 1.0
    embedder: Embedder | None = None

    @classmethod
    def fit(
        cls,
        images: Sequence[npt.NDArray[Any]],
        masks: Sequence[npt.NDArray[Any]],
        *,
        features: FeatureKind = "filters",
        embedder: Embedder | None = None,
        side: int = WORKING_SIDE,
        seed: int = 0,
        names: Sequence[str] = (),
    ) -> SupportModel:
        """Learn from 1 to some labelled images, in about 20 ms an image of 200 x 200.

        At most 1,500 pixels of defect and 3,000 of background count an image. The decision level is chosen by leave
        one out: the one at which maps of each support, under a model of the others, agree best with its mask. A
        single support leaves none out; its level is a constant, ``support_level.UNJUDGED_LEVEL``.

        Args:
            images: any that ``flawscope.images.check_image`` accepts.
            masks: ``(h, w)`` each; what is not 0 is defect.
            features: of the filters, of the embedder, or both.
            embedder: such as ``SamEmbedder``; needed for all but ``"filters"``.
            side: pixels; when the longest side of the supports is larger, all images are shrunk by the same factor
                for their filter features.
            seed: of the choice of pixels.
            names: what to call the images in messages; without them ``support 1`` and so on.

        Raises:
            DataError: no supports, an image and a mask of two sizes, or a support without any defect or background.
            ImageError: an array is no image.
            UsageError: unknown features, or an embedder is missing.
        """
        if features not in KINDS:
            raise UsageError(f"no such features: '{features}'", remedy=f"Use {', '.join(KINDS)}")
        supports = read_supports(images, masks, names)
        scale = scale_of(supports, side)
        head, left_out = fit_heads(supports, features, embedder, scale, seed)
        return cls(head, left_out, features, scale, embedder)

    def logits(self, image: Image) -> npt.NDArray[np.float32]:
        """``(h, w)`` log-odds of defect under equal priors, at the working size."""
        maps = feature_maps(check_image(image), self.kind, self.embedder, self.scale)
        if maps.count != len(self.head.weights):
            raise WeightsError(
                f"the support model was made for {len(self.head.weights)} features, here are {maps.count}",
                remedy="Use the embedder it was fitted with",
            )
        return maps.project(self.head.weights) + np.float32(self.head.bias)

    def similarity(self, image: Image) -> npt.NDArray[np.float32]:
        """``(h, w)`` in 0 to 1 at the size of the image: the logistic of the logits above the decision level.

        One half is the level. Not calibrated: neighbouring pixels say much the same, and the prior is not the
        image's.
        """
        image = check_image(image)
        height, width = image.shape[:2]
        above = self.logits(image) - np.float32(self.head.level)
        return np.clip(resize(expit(above), height, width), 0, 1)

    def prompts(self, image: Image, *, points: int = 3, background: int = 2) -> Prompts:
        """Points, boxes and a mask for an image, see ``support_prompts.prompts_from``."""
        return prompts_from(self.similarity(image), points=points, background=background)

    def without(self, index: int) -> SupportModel:
        """The model of the other supports, whose level was chosen among those alone.

        So that something may be trained on a support with prompts that have not seen its mask. With a single support
        there are no others: the answer is the model of the half image on one side of a line through the defect, so
        its map of that half is no more honest than that of the full model.

        Raises:
            UsageError: there is no such support, or the model is itself of this kind.
        """
        if not 0 <= index < len(self.left_out):
            raise UsageError(f"no support {index} to leave out of {len(self.left_out)}")
        return replace(self, head=self.left_out[index], left_out=())

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that tell two models apart."""
        digest = hashlib.sha256()
        for name, values in sorted(self.to_arrays().items()):
            digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()[:12]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All but the embedder, as plain numeric arrays for npz or safetensors."""
        heads = (self.head, *self.left_out)
        return {
            "version": np.array([_VERSION], dtype=np.int64),
            "kind": np.array([KINDS.index(self.kind)], dtype=np.int64),
            "scale": np.array([self.scale], dtype=np.float64),
            "weights": np.stack([head.weights for head in heads]),
            "bias": np.array([head.bias for head in heads], dtype=np.float64),
            "level": np.array([head.level for head in heads], dtype=np.float64),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, npt.NDArray[Any]], embedder: Embedder | None = None
    ) -> SupportModel:
        """What :meth:`to_arrays` gave.

        Raises:
            WeightsError: something is missing, of another version or shape, or an embedder is needed.
        """
        try:
            version = int(arrays["version"][0])
            kind, scale = KINDS[int(arrays["kind"][0])], float(arrays["scale"][0])
            weights, bias, level = (arrays[name] for name in ("weights", "bias", "level"))
            if not (weights.ndim == 2 and bias.shape == level.shape == weights.shape[:1] and len(weights)):
                raise ValueError
            if not all(np.isfinite(values).all() for values in (weights, bias, level)):
                raise ValueError
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise WeightsError("not the arrays of a support model", remedy="Fit it again") from error
        if version != _VERSION:
            raise WeightsError(f"a support model of version {version}", remedy="Update Flawscope")
        if kind != "filters" and embedder is None:
            raise WeightsError(
                f"a support model with features '{kind}' needs its embedder", remedy="Give the same one"
            )
        head, *left_out = (
            Head(row.astype(np.float32), float(offset), float(cut))
            for row, offset, cut in zip(weights, bias, level, strict=True)
        )
        return cls(head, tuple(left_out), kind, scale, embedder)
