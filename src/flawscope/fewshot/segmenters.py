"""The segmenter of each class: opened once, refused where it has seen the material, prompted from the supports.

::

    regions | grabcut | sam:FOLDER | network:WEIGHTS | promptable:NAME
    promptable          of the small promptable models, the one that never saw the material of the class
    prototype           likeness to the supports of the class
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flawscope.data.fewshot import FewShotClass
from flawscope.data.samples import Sample
from flawscope.errors import DataError, UsageError
from flawscope.fewshot.materials import material_of, refuse_seen, trained_on, trained_on_folder
from flawscope.fewshot.prompting import Known, prompted_by, support_model, with_others, witnessed_by
from flawscope.fewshot.settings import StudySettings
from flawscope.fewshot.tasks import Picture, read_picture
from flawscope.images import Image
from flawscope.sdie.shots import Shot
from flawscope.segment import describe, open_segmenter
from flawscope.segment.base import Prompts, Segmentation, Segmenter
from flawscope.segment.grabcut import GRABCUT
from flawscope.segment.opening import promptable_models
from flawscope.segment.prompted import USES, PrototypeSegmenter, Use
from flawscope.segment.regions import REGIONS

PROMPTABLE, PROTOTYPES = "promptable", "prototype"
_SEEN_BY_PROMPTABLE = frozenset({"steel", "tile"})


@dataclass
class Counted:
    """A segmenter that counts what it is asked; a :class:`flawscope.segment.Segmenter`."""

    inner: Segmenter
    tally: Tally

    @property
    def name(self) -> str:
        """The segmenter's."""
        return self.inner.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The segmenter's."""
        return self.inner.labels

    @property
    def threshold(self) -> float:
        """The segmenter's."""
        return self.inner.threshold

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """What the segmenter answers."""
        self.tally.calls += 1
        return self.inner.segment(image, prompts)


@dataclass
class Tally:
    """Segmenter calls of a row so far."""

    calls: int = 0


@dataclass(frozen=True, eq=False)
class Task:
    """One class, ready to learn from and to be judged on.

    Attributes:
        name: of the class.
        supports: its labelled images.
        shots: the same, each with the segmenter that may be asked about it: prompted from the others.
        segmenter: for the query images, prompted from all supports.
        known: makes the like of it for other supports.
        queries: to be read one by one.
        empty: supports whose mask marks nothing, which were left out.
    """

    name: str
    supports: tuple[Picture, ...]
    shots: tuple[Shot, ...]
    segmenter: Segmenter
    known: Known
    queries: tuple[Sample, ...]
    empty: tuple[str, ...] = ()


@dataclass
class Segmenters:
    """Opens what a spec means for a class.

    Attributes:
        spec: one of the forms at the head of this module.
        device: see ``flawscope.segment.open_segmenter``.
    """

    spec: str
    device: str = "auto"
    _open: dict[str, Segmenter] = field(default_factory=dict)

    def check(self, one: FewShotClass) -> None:
        """Raise UsageError when the segmenter has seen the material of a class."""
        if self.spec == PROTOTYPES:
            return
        material = _material(one)
        spec = self._spec_for(material)
        refuse_seen(spec, self._seen(spec), one.name, material)

    def for_class(self, one: FewShotClass) -> Segmenter:
        """The segmenter of a class, without prompts; raises UsageError, WeightsError or MissingExtraError."""
        self.check(one)
        return self._opened(self._spec_for(_material(one)))

    def _spec_for(self, material: str | None) -> str:
        if self.spec != PROMPTABLE:
            return self.spec
        names = sorted(promptable_models())
        wanted = [name for name in names if material is None or name == f"no-{material}"]
        if not names:
            raise UsageError("no promptable model in this installation", where="--segmenter promptable")
        # a material that neither model was trained on may be scored with either
        return f"{PROMPTABLE}:{(wanted or names)[0]}"

    def _opened(self, spec: str) -> Segmenter:
        if spec not in self._open:
            self._open[spec] = open_segmenter(spec, device=self.device)
        return self._open[spec]

    def _seen(self, spec: str) -> frozenset[str]:
        kind, _, rest = spec.partition(":")
        if kind == PROMPTABLE:
            folder = promptable_models().get(rest)
            noted = frozenset() if folder is None else trained_on_folder(folder)
            return noted or _SEEN_BY_PROMPTABLE - {rest.removeprefix("no-")}
        if kind == "sam":
            return trained_on_folder(Path(rest).expanduser())
        return trained_on(describe(self._opened(spec)).provenance)


def needs_prompts(spec: str) -> bool:
    """Whether a segmenter is prompted from the supports unless told otherwise."""
    return spec == GRABCUT or spec.partition(":")[0] == PROMPTABLE


def takes_prompts(spec: str) -> bool:
    """Whether a segmenter can be prompted from the supports."""
    return spec.partition(":")[0] in (GRABCUT, REGIONS, "sam", PROMPTABLE)


def check_prompting(spec: str, prompted: bool, use: Sequence[Use] = USES) -> None:
    """Raise UsageError when a segmenter cannot be used with, or without, prompts."""
    kind = spec.partition(":")[0]
    if prompted and not takes_prompts(spec):
        raise UsageError(f"'{spec}' takes no prompts", where="--prompted", remedy="Leave it out")
    if prompted and kind == REGIONS and "mask" not in use:
        raise UsageError(
            "'regions' takes the mask alone", where="--prompt-use", remedy="Name mask among them"
        )
    if not prompted and kind == GRABCUT:
        raise UsageError(
            "'grabcut' does nothing without prompts", where="--no-prompted", remedy="Leave it out"
        )


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
            remedy="Take images whose masks mark a defect at 200x200 pixels",
        )
    empty = tuple(support.name for support in read[: settings.shots] if not _tells(support))
    plain = None if settings.segmenter == PROTOTYPES else segmenters.for_class(one)
    features = "filters" if plain is None else settings.prompt_features
    model = support_model(supports, features, plain)
    if plain is None:
        known: Known = PrototypeSegmenter
    else:
        known = prompted_by(plain, settings.prompt_use) if settings.prompted else witnessed_by(plain)
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
        one.query,
        empty,
    )


def _tells(support: Picture) -> bool:
    return bool(support.mask.any()) and not bool(support.mask.all())


def material_of_task(task: Task) -> str | None:
    """What the class is made of, as far as names tell."""
    return material_of(task.name, [sample.image for sample in task.queries[:1]])


def _material(one: FewShotClass) -> str | None:
    return material_of(one.name, [sample.image for sample in (*one.support, *one.query)][:1])
