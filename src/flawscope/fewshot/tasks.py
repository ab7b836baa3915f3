"""Few-shot tasks as the study shows them: grey, 200x200, masks by nearest neighbour (``spec``: the paper's form)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.data.fewshot import FOLDS, FewShotClass, FewShotManifest, fold, read_manifest
from flawscope.data.samples import Sample, open_data
from flawscope.enhance.planes import clip, to_plane
from flawscope.errors import DataError, UsageError
from flawscope.images import Image, resize

SIDE = 200
"""Height and width in pixels of every image of the study."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One labelled image in the study's form.

    Attributes:
        name: unique within its class.
        image: ``(200, 200, 3)`` ``float32`` in 0 to 1, three equal channels.
        mask: ``(200, 200)`` ``bool``.
    """

    name: str
    image: Image
    mask: npt.NDArray[np.bool_]


def read_picture(sample: Sample) -> Picture:
    """Read a sample as grey and resize it; raises ImageError or DataError."""
    image, mask = sample.read()
    plane = clip(resize(to_plane(image), SIDE, SIDE))
    small = cv2.resize((mask > 0).astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST_EXACT)
    return Picture(sample.name, np.repeat(plane[:, :, None], 3, axis=2), np.asarray(small > 0))


@dataclass(frozen=True, slots=True)
class Source:
    """Where the tasks of a study come from: a manifest file, or a few-shot dataset with its folds.

    Attributes:
        path: the manifest, or the dataset's folder.
        fold: of a dataset, from 1; 0 takes all its classes at once, as SDIE does.
        support_seed: of a dataset: draws the supports; None takes the first by file name.
        is_data: a dataset's folder instead of a manifest.
    """

    path: Path
    fold: int = 0
    support_seed: int | None = None
    is_data: bool = False

    @property
    def name(self) -> str:
        """What to call it in tables; the same for every copy of the file."""
        if not self.is_data:
            return self.path.stem
        drawn = "" if self.support_seed is None else f"-seed{self.support_seed}"
        return f"{self.path.resolve().name}-{f'fold{self.fold}' if self.fold else 'all'}{drawn}"

    def read(self, shots: int) -> FewShotManifest:
        """The tasks, each with at least ``shots`` supports; raises DataError or UsageError."""
        if self.is_data:
            return tasks_of_dataset(self.path, shots, number=self.fold, seed=self.support_seed)
        manifest = read_manifest(self.path)
        manifest.shots(shots)  # complains of too few
        return manifest


def tasks_of_dataset(path: Path, shots: int, *, number: int = 0, seed: int | None = None) -> FewShotManifest:
    """Tasks from FSSD-12 or Surface-Defect-4i: some images of each class support, the others query.

    Args:
        path: the dataset's folder.
        shots: support images of each class.
        number: fold whose held-out classes are taken, from 1; 0 takes every class of the published folds.
        seed: draws the supports; None takes the first in the order of file names.

    Raises:
        DataError: no such dataset, a class is missing, or has too few images with a defect.
        UsageError: no such fold.
    """
    data = open_data(path)
    if data.layout not in FOLDS:
        raise DataError(
            f"read as '{data.layout}', which has no published folds",
            where=path,
            remedy=f"Give one of: {', '.join(FOLDS)}; or a manifest with --manifest",
        )
    if number:
        _, data = fold(data, number)
    names = [kind for one in FOLDS[data.layout] for kind in one]
    if number:
        names = list(FOLDS[data.layout][number - 1])
    classes: list[FewShotClass] = []
    for name in names:
        samples = sorted((s for s in data.labelled() if s.kind == name), key=lambda s: s.image.name)
        if len(samples) <= shots:
            raise DataError(
                f"class '{name}' has {len(samples)} labelled images, not more than {shots} shots", where=path
            )
        order = list(range(len(samples)))
        if seed is not None:
            order = np.random.default_rng((seed, len(classes))).permutation(len(samples)).tolist()
        support = tuple(samples[index] for index in order[:shots])
        query = tuple(samples[index] for index in sorted(order[shots:]))
        classes.append(FewShotClass(name, support, query))
    return FewShotManifest(
        tuple(classes), f"{data.layout}, {'fold ' + str(number) if number else 'all'}", path
    )


def restrict(manifest: FewShotManifest, classes: Sequence[str], limit: int | None) -> FewShotManifest:
    """The tasks of some classes (none named: all), each with its first ``limit`` queries."""
    chosen = tuple(manifest[name] for name in classes) if classes else manifest.classes
    if limit is not None:
        if limit < 1:
            raise UsageError(f"{limit} query images", where="--limit", remedy="Give 1 or more")
        chosen = tuple(replace(one, query=one.query[:limit]) for one in chosen)
    for one in chosen:
        if not one.query:
            raise DataError(f"class '{one.name}' has no query images", where=manifest.path)
    return replace(manifest, classes=chosen)
