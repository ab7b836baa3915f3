"""Segmenters that know the supports of a class, and for each support one that has not seen its mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from flawscope.fewshot.tasks import Picture
from flawscope.segment.base import Segmenter
from flawscope.segment.embedder import Embedder
from flawscope.segment.prompted import Prompted, PrototypeSegmenter, Use, Witnessed
from flawscope.segment.support import Fit, SupportModel
from flawscope.segment.support_maps import FeatureKind

Known = Callable[[SupportModel], Segmenter]
"""Makes the segmenter of a task from what its supports look like."""


def fitting(features: FeatureKind, segmenter: Segmenter | None) -> Fit:
    """How supports are learnt from; features other than ``filters`` come from a SAM's encoder."""
    embedder = None if features == "filters" else _embedder(segmenter)
    return partial(SupportModel.fit, features=features, embedder=embedder)


def support_model(supports: Sequence[Picture], fit: Fit = SupportModel.fit) -> SupportModel:
    """What the supports of a class look like; raises DataError for one without a defect or without background."""
    return fit(
        [one.image for one in supports],
        [one.mask for one in supports],
        names=[one.name for one in supports],
    )


def knowing(segmenter: Segmenter | None, use: Sequence[Use] | None) -> Known:
    """How a segmenter comes to know supports.

    Args:
        segmenter: without supports; None stands for the map of likeness to them.
        use: the prompts it gets from them; None leaves it to itself, with the supports as witnesses.
    """
    if segmenter is None:
        return PrototypeSegmenter
    if use is None:
        return lambda model: Witnessed(segmenter, model)
    return lambda model: Prompted(segmenter, model, tuple(use))


def with_others(known: Known, model: SupportModel, count: int) -> tuple[Segmenter, list[Segmenter]]:
    """The segmenter that knows all supports, and for each support, the one that knows the others.

    A single support has no others; ``SupportModel.without`` says what is done then.
    """
    return known(model), [known(model.without(index)) for index in range(count)]


def _embedder(segmenter: Segmenter | None) -> Embedder:
    from flawscope.segment.embedder import SamEmbedder
    from flawscope.segment.sam import SamSegmenter

    assert isinstance(segmenter, SamSegmenter), "check_prompting refuses others"
    return SamEmbedder(segmenter)
