"""A class of a manifest made ready: its supports read, and each of its images given a segmenter."""

from __future__ import annotations

from dataclasses import dataclass

from flawscope.data.fewshot import FewShotClass
from flawscope.data.samples import Sample
from flawscope.errors import DataError
from flawscope.fewshot.materials import material_of
from flawscope.fewshot.prompting import Known, fitting, knowing, support_model, with_others
from flawscope.fewshot.segmenters import Segmenters
from flawscope.fewshot.settings import StudySettings
from flawscope.fewshot.tally import Counted, Tally
from flawscope.fewshot.tasks import Picture, read_picture
from flawscope.sdie.shots import Shot
from flawscope.segment.base import Segmenter
from flawscope.segment.prompted import PROTOTYPE
from flawscope.segment.support import Fit


@dataclass(frozen=True, eq=False)
class Task:
    """One class, ready to learn from and to be judged on.

    Attributes:
        name: of the class.
        supports: its labelled images.
        shots: the same, each with the segmenter that may be asked about it: prompted from the others.
        segmenter: for the query images, prompted from all supports.
        known: makes the like of it for other supports.
        fit: learns from other supports by the same features.
        queries: to be read one by one.
        empty: supports whose mask marks nothing, which were left out.
    """

    name: str
    supports: tuple[Picture, ...]
    shots: tuple[Shot, ...]
    segmenter: Segmenter
    known: Known
    fit: Fit
    queries: tuple[Sample, ...]
    empty: tuple[str, ...] = ()


def prepare(one: FewShotClass, segmenters: Segmenters, settings: StudySettings, tally: Tally) -> Task:
    """Read the supports of a class and give each image its segmenter.

    Supports whose mask marks nothing, or everything, teach nothing: they are left out and noted. One shot means the
    first that tells something; of five, the others are used.

    Raises:
        DataError: no support image with a defect, or a file that cannot be used.
    """
    read = tuple(read_picture(sample) for sample in one.support)
    showing = tuple(support for support in read[: settings.shots] if _tells(support))
    supports = showing or tuple(support for support in read if _tells(support))[: settings.shots]
    if not supports:
        raise DataError(
            f"class '{one.name}': no support image with a defect",
            where=read[0].name,
            remedy="Take images whose masks mark a defect (values above 127) at 200x200 pixels",
        )
    empty = tuple(support.name for support in read[: settings.shots] if not _tells(support))
    plain = None if settings.segmenter == PROTOTYPE else segmenters.for_class(one)
    fit = fitting(settings.prompt_features, plain)
    model = support_model(supports, fit)
    known = knowing(plain, settings.prompt_use if settings.prompted else None)
    asked, given = with_others(known, model, len(supports))
    shots = tuple(
        Shot(support.image, support.mask, Counted(segmenter, tally), one.name, support.name)
        for support, segmenter in zip(supports, given, strict=True)
    )
    return Task(
        one.name,
        supports,
        shots,
        Counted(asked, tally),
        lambda other: Counted(known(other), tally),
        fit,
        one.query,
        empty,
    )


def _tells(support: Picture) -> bool:
    return bool(support.mask.any()) and not bool(support.mask.all())


def material_of_task(task: Task) -> str | None:
    """What the class is made of, as far as names tell."""
    return material_of(task.name, [sample.image for sample in task.queries[:1]])
