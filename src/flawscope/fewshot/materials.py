"""A model trained on a material is never scored on a few-shot task of that material.

It would have seen the surface, and often the very kind of defect, so its figure would say nothing about a new one.
What a class is made of is read from its name and the folders of its files; what a model was trained on, from the
note inside its weights, and inside the note of the weights those were begun with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flawscope.data.fewshot import FSSD12_FOLDS, FewShotClass
from flawscope.errors import UsageError
from flawscope.segment.header import Header, read_safetensors_header
from flawscope.train.trainable import trainable_weights

_OF_A_CLASS = {
    "steel": re.compile(r"^(steel|sd-saliency|neu-seg|neu_seg|fssd)", re.IGNORECASE),
    "tile": re.compile(r"^(tile|mt_|magnetic-tile)", re.IGNORECASE),
    "rail": re.compile(r"^(rail|nrsd|rsdd)", re.IGNORECASE),
    "aluminium": re.compile(r"^(a[li]_(rm|con)$|alumin)", re.IGNORECASE),
    "leather": re.compile(r"^leather", re.IGNORECASE),
}
"""How names of classes and of folders begin, by material."""

_STEEL_KINDS = frozenset(kind for kinds in FSSD12_FOLDS for kind in kinds)
"""FSSD-12 calls all its kinds by two letters; Surface-Defect-4i has taken over some of them under these names."""

_IN_A_NOTE = {
    "steel": re.compile(r"steel|sd-saliency|neu[-_]seg|fssd|defect-4i", re.IGNORECASE),
    "tile": re.compile(r"\btiles?\b|magnetic-tile|defect-4i|mvtec", re.IGNORECASE),
    "rail": re.compile(r"\brails?\b|nrsd|rsdd|defect-4i", re.IGNORECASE),
    "aluminium": re.compile(r"alumin|defect-4i", re.IGNORECASE),
    "leather": re.compile(r"leather|defect-4i|mvtec", re.IGNORECASE),
}
"""Words in the note of a model, by material; sets of several materials stand under each."""


def material_of(name: str, files: Iterable[Path] = ()) -> str | None:
    """The material of a class, or None when neither its name nor the folders of its files tell."""
    if name in _STEEL_KINDS:
        return "steel"
    parts = [name, *(part for file in files for part in reversed(file.parent.parts))]
    for part in parts:
        for material, pattern in _OF_A_CLASS.items():
            if pattern.match(part):
                return material
    return None


def material_of_class(one: FewShotClass) -> str | None:
    """The same for a class of a manifest."""
    return material_of(one.name, [sample.image for sample in (*one.support, *one.query)][:1])


def trained_on(provenance: Mapping[str, Any]) -> frozenset[str]:
    """Materials that a model has seen, as its note names them.

    They are those of its ``trained_on``, or else its ``dataset``, and those of the weights it was ``started_from``.
    """
    note = provenance.get("trained_on", provenance.get("dataset", ""))
    text = note if isinstance(note, str) else json.dumps(note)
    seen = {material for material, pattern in _IN_A_NOTE.items() if pattern.search(text)}
    start = provenance.get("started_from")
    if isinstance(start, Mapping):
        seen |= trained_on(start)
    return frozenset(seen)


def trained_on_folder(folder: Path) -> frozenset[str]:
    """The same for a model that is a folder: the first of its JSON files that has a note."""
    for file in sorted(folder.glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            found = content.get("provenance", content)
            if isinstance(found, dict) and found.keys() & {"trained_on", "dataset", "started_from"}:
                return trained_on(found)
    return frozenset()


def refuse_seen(
    model: str, seen: frozenset[str], name: str, material: str | None, option: str = "--segmenter"
) -> None:
    """Raise UsageError when a model, given by ``option``, has seen the material of the class ``name``."""
    if material is not None and material in seen:
        raise UsageError(
            f"{model} was trained on {material}, so it cannot be scored on the class '{name}'",
            where=option,
            remedy=f"Use a model that never saw {material}, or leave such classes out with --classes",
        )


def unseen_start(weights: str, name: str, material: str | None) -> Header:
    """The header of the weights that ``finetune`` starts from, for the class ``name``.

    Raises:
        UsageError: they have seen the material of the class.
        WeightsError: they cannot be used.
    """
    header = read_safetensors_header(trainable_weights(weights))
    refuse_seen(weights, trained_on(header.provenance), name, material, "--finetune-weights")
    return header
