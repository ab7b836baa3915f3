"""The segmenter of each class: opened once, refused where it has seen the material; and what may prompt it.

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
from flawscope.errors import UsageError
from flawscope.fewshot.materials import material_of_class, refuse_seen, trained_on, trained_on_folder
from flawscope.sdie.artefact_description import DESCRIPTION, read_description
from flawscope.sdie.segmenter_place import NETWORK, PROMPTABLE, SAM, kind_and_text, located
from flawscope.segment import describe, open_segmenter
from flawscope.segment.base import Segmenter
from flawscope.segment.description import made_with
from flawscope.segment.grabcut import GRABCUT
from flawscope.segment.opening import promptable_folder, promptable_models
from flawscope.segment.prompted import PROTOTYPE, USES, Use
from flawscope.segment.regions import REGIONS
from flawscope.segment.support_maps import FeatureKind


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
    _made_with: dict[str, str] = field(default_factory=dict)

    def check(self, one: FewShotClass) -> None:
        """Raise what ``for_class`` raises, where the spec needs a segmenter at all."""
        if self.spec != PROTOTYPE:
            self.for_class(one)

    def for_class(self, one: FewShotClass) -> Segmenter:
        """The segmenter of a class, without prompts.

        Raises:
            UsageError: there is none of this name, or it has seen the material of the class.
            WeightsError: its weights are missing or cannot be used.
            MissingExtraError: what runs it is not installed.
        """
        material = material_of_class(one)
        spec = self._spec_for(material)
        refuse_seen(spec, self._seen(spec), one.name, material)
        return self._opened(spec)

    def made_with(self, classes: Sequence[FewShotClass]) -> list[str]:
        """Names and fingerprints of the segmenters of some classes, each once; raises as ``for_class``."""
        if self.spec == PROTOTYPE:
            return [PROTOTYPE]
        told = []
        for one in classes:
            segmenter, spec = self.for_class(one), self._spec_for(material_of_class(one))
            if spec not in self._made_with:  # reads its weights
                self._made_with[spec] = made_with(segmenter)
            told.append(self._made_with[spec])
        return list(dict.fromkeys(told))

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
            self._open[spec] = open_segmenter(spec, device=self.device, also=(PROTOTYPE, PROMPTABLE))
        return self._open[spec]

    def _seen(self, spec: str) -> frozenset[str]:
        kind, _, rest = spec.partition(":")
        if kind == PROMPTABLE:
            return trained_on_folder(promptable_folder(rest))
        if kind == SAM and rest:
            from flawscope.segment.sam_files import find_folder

            return trained_on_folder(find_folder(rest))
        return trained_on(describe(self._opened(spec)).provenance)


def needs_prompts(spec: str) -> bool:
    """Whether a segmenter is prompted from the supports unless told otherwise."""
    return spec == GRABCUT or spec.partition(":")[0] == PROMPTABLE


def takes_prompts(spec: str) -> bool:
    """Whether a segmenter can be prompted from the supports."""
    return spec.partition(":")[0] in (GRABCUT, REGIONS, SAM, PROMPTABLE)


def check_prompting(
    spec: str, prompted: bool, use: Sequence[Use] = USES, features: FeatureKind = "filters"
) -> None:
    """Raise UsageError when a segmenter cannot be used with, or without, prompts, or has no such features."""
    kind = spec.partition(":")[0]
    if features != "filters" and kind not in (SAM, PROMPTABLE):
        raise UsageError(
            f"features of an embedding need sam or promptable as segmenter, not '{spec}'",
            where=f"--prompt-features {features}",
            remedy="Use filters",
        )
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


def refuse_enhancer(spec: str) -> None:
    """Raise UsageError when a spec is the folder of an enhancer: it is learnt for a segmenter, and is none here."""
    kind, text = kind_and_text(spec)
    folder = Path(text).expanduser()
    if spec == PROMPTABLE or kind not in (NETWORK, SAM) or not (folder / DESCRIPTION).is_file():
        return
    named = read_description(folder).segmenter
    raise UsageError(
        "what 'fewshot learn' left, an enhancer with its segmenter, and not a segmenter to learn for",
        where=f"--segmenter {spec}",
        remedy=("" if named is None else f"Give that segmenter: --segmenter {located(named, folder)}. ")
        + "The enhancer goes to predict, evaluate and inspect",
    )
