"""Few-shot tasks: manifests of support and query images, and the published folds of two sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flawscope.data.masks import MaskFile
from flawscope.data.samples import Sample, SegmentationData
from flawscope.data.splits import SplitEntry, load_json
from flawscope.errors import DataError, UsageError

FSSD12_FOLDS: tuple[tuple[str, ...], ...] = (
    ("Am", "Ia", "Ld", "Op"),
    ("Os", "Ws", "Pa", "Pk"),
    ("Ri", "Rp", "Sc", "Se"),
)
"""Classes 1-4, 5-8 and 9-12 of FSSD-12; fold ``i`` holds out the i-th four."""

SURFACE_DEFECT_4I_FOLDS: tuple[tuple[str, ...], ...] = (
    ("AI_Rm", "MT_Uneven", "Ld", "Am"),
    ("leather", "Steel_Pa", "Rail", "Steel_Sc"),
    ("Al_Con", "MT_Break", "MT_Fray", "tile"),
)
"""Classes 1-4, 5-8 and 9-12 of Surface-Defect-4i; fold ``i`` holds out the i-th four."""

FOLDS = {"fssd-12": FSSD12_FOLDS, "surface-defect-4i": SURFACE_DEFECT_4I_FOLDS}
"""Published folds by the name of the layout."""


@dataclass(frozen=True, slots=True)
class FewShotClass:
    """One class of defect: a few images to learn from and many to be judged on.

    Attributes:
        name: the class.
        support: samples whose masks may be seen; 1-shot uses the first.
        query: samples to segment.
    """

    name: str
    support: tuple[Sample, ...]
    query: tuple[Sample, ...]

    def shots(self, count: int) -> FewShotClass:
        """The same class with the first ``count`` of its support; UsageError when it has fewer."""
        if not 1 <= count <= len(self.support):
            raise UsageError(
                f"{count} shots of '{self.name}', which has {len(self.support)} support images",
                remedy=f"Choose 1 to {len(self.support)}",
            )
        return replace(self, support=self.support[:count])


@dataclass(frozen=True, slots=True)
class FewShotManifest:
    """Classes with fixed support and query images.

    Attributes:
        classes: in the file's order.
        note: what its author wrote about it.
        path: the file.
    """

    classes: tuple[FewShotClass, ...]
    note: str
    path: Path

    def shots(self, count: int) -> FewShotManifest:
        """The same tasks with ``count`` support images a class."""
        return replace(self, classes=tuple(one.shots(count) for one in self.classes))

    def __getitem__(self, name: str) -> FewShotClass:
        for one in self.classes:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.classes)
        raise DataError(f"no class '{name}'", where=self.path, remedy=f"There are: {known}")


def read_manifest(path: str | Path, root: str | Path | None = None) -> FewShotManifest:
    """Read ``{"note": ..., "classes": {name: {"support": [...], "query": [...]}}}``.

    Entries have ``image`` and ``mask`` (defect above 127), relative to ``root``; without it, to the folder of the
    file or the one above, whichever has the first image.

    Raises:
        DataError: not of the form, a file is missing, or an image is both support and query of a class.
    """
    file = Path(path)
    content = load_json(file)
    if not isinstance(content, dict) or not isinstance(content.get("classes"), dict):
        raise DataError("not a few-shot manifest", where=file, remedy='It is JSON with the key "classes"')
    if not content["classes"]:
        raise DataError("a manifest without a class", where=file, remedy='Name one under "classes"')
    classes: list[FewShotClass] = []
    home = None if root is None else Path(root)
    for name, parts in content["classes"].items():
        entries = {part: _entries(parts, part, name, file) for part in ("support", "query")}
        if home is None and entries["support"]:
            home = _home(file, entries["support"][0].image)
        support, query = (
            tuple(_sample(entry, part, name, home or file.parent, file) for entry in entries[part])
            for part in ("support", "query")
        )
        both = {sample.image for sample in support} & {sample.image for sample in query}
        if both:
            raise DataError(f"{name}: {min(both)} is support and query at once", where=file)
        classes.append(FewShotClass(name, support, query))
    return FewShotManifest(tuple(classes), str(content.get("note", "")), file)


def _entries(parts: Any, part: str, name: str, file: Path) -> list[SplitEntry]:
    try:
        return [SplitEntry.model_validate(entry) for entry in parts[part]]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{name}: '{part}' is not a list of images with masks", where=file) from error


def _home(file: Path, first: str) -> Path:
    for folder in (file.parent, file.resolve().parent.parent):
        if (folder / first).is_file():
            return folder
    raise DataError(
        f"{first} is neither beside it nor in the folder above",
        where=file,
        remedy="Put the manifest there, or write the paths from its own folder",
    )


def _sample(entry: SplitEntry, part: str, name: str, root: Path, file: Path) -> Sample:
    if entry.mask is None:
        raise DataError(f"{name}: {entry.image} has no mask", where=file)
    image, mask = root / entry.image, root / entry.mask
    for needed in (image, mask):
        if not needed.is_file():
            raise DataError(f"names a file that does not exist: {needed}", where=file)
    called = Path(entry.image).with_suffix("").as_posix()
    return Sample(called, image, MaskFile(mask), name, part, entry.group, entry.subset)


def fold(
    data: SegmentationData, number: int, folds: tuple[tuple[str, ...], ...] | None = None
) -> tuple[SegmentationData, SegmentationData]:
    """Base and novel samples of a published fold.

    Args:
        data: FSSD-12, Surface-Defect-4i, or any dataset whose kinds the folds name.
        number: which fold, from 1.
        folds: kinds held out by each fold; by default those published for the dataset's layout.

    Returns:
        Samples of all other classes, to train on, and samples of the held-out classes. Clean images belong to
        neither.
    """
    table = folds if folds is not None else FOLDS.get(data.layout)
    if table is None:
        raise UsageError(f"no published folds for the layout '{data.layout}'", remedy="Give them as 'folds'")
    if not 1 <= number <= len(table):
        raise UsageError(f"there is no fold {number}", remedy=f"Choose 1 to {len(table)}")
    novel = table[number - 1]
    base = [kind for other in table if other is not novel for kind in other]
    return data.where(lambda s: s.kind in base), data.where(lambda s: s.kind in novel)
