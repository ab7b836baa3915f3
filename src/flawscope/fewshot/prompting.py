"""Segmenters that know the supports of a class, and for each support one that has not seen its mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flawscope.errors import UsageError
from flawscope.fewshot.tasks import Picture
from flawscope.segment.base import Segmenter
from flawscope.segment.embedder import Embedder
from flawscope.segment.prompted import Prompted, PrototypeSegmenter, Use, Witnessed
from flawscope.segment.support import SupportModel
from flawscope.segment.support_maps import FeatureKind


def support_model(
    supports: Sequence[Picture], features: FeatureKind = "filters", segmenter: Segmenter | None = None
) -> SupportModel:
    """What the supports of a class look like; features other than ``filters`` come from a SAM's encoder.

    Raises:
        DataError: a support without a defect or without background.
        UsageError: the segmenter has no such features.
    """
    return SupportModel.fit(
        [one.image for one in supports],
        [one.mask for one in supports],
        features=features,
        embedder=None if features == "filters" else _embedder(segmenter),
    )


def prompted_from(
    segmenter: Segmenter, supports: Sequence[Picture], use: Sequence[Use], features: FeatureKind = "filters"
) -> tuple[Segmenter, list[Segmenter]]:
    """The segmenter prompted from all supports, and for each support, prompted from the others.

    A single support has no others; ``SupportModel.without`` says what is done then.
    """
    model = support_model(supports, features, segmenter)
    return _with_others(model, len(supports), lambda one: Prompted(segmenter, one, tuple(use)))


def witnessed_by(
    segmenter: Segmenter, supports: Sequence[Picture], features: FeatureKind = "filters"
) -> tuple[Segmenter, list[Segmenter]]:
    """The segmenter without prompts, with all supports as witnesses, and for each support, with the others."""
    model = support_model(supports, features, segmenter)
    return _with_others(model, len(supports), lambda one: Witnessed(segmenter, one))


def prototypes_from(supports: Sequence[Picture]) -> tuple[Segmenter, list[Segmenter]]:
    """The similarity map as segmenter, of all supports and of the others of each."""
    return _with_others(support_model(supports), len(supports), PrototypeSegmenter)


def _with_others(
    model: SupportModel, count: int, make: Callable[[SupportModel], Segmenter]
) -> tuple[Segmenter, list[Segmenter]]:
    return make(model), [make(model.without(index)) for index in range(count)]


def _embedder(segmenter: Segmenter | None) -> Embedder:
    from flawscope.segment.embedder import SamEmbedder
    from flawscope.segment.sam import SamSegmenter

    if not isinstance(segmenter, SamSegmenter):
        raise UsageError(
            "features of an embedding need sam or promptable as segmenter",
            where="--prompt-features",
            remedy="Use filters",
        )
    return SamEmbedder(segmenter)
