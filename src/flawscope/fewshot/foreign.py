"""Maps made by others for the query images: ``FOLDER/<class>/<stem>.png`` or ``FOLDER/<stem>.png``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data.samples import Sample
from flawscope.errors import DataError
from flawscope.evaluate.maps import MapFolder
from flawscope.fewshot.answers import ONLY, Answer
from flawscope.fewshot.preparing import Task
from flawscope.fewshot.tasks import Picture


@dataclass(frozen=True, eq=False)
class Maps:
    """Probabilities in grey (8-bit 255, 16-bit 65535 is certain) or masks; above one half is a defect."""

    folder: MapFolder
    files: dict[tuple[str, str], Path]

    def answer(self, task: Task, picture: Picture) -> dict[str, Answer]:
        """The map at the size of the study."""
        height, width = picture.mask.shape
        plane, _ = self.folder.read(self.files[task.name, picture.name], height, width, 1)
        return {ONLY: Answer(np.asarray(plane[0] > 0.5))}

    def notes(self) -> dict[str, Any]:
        """Where they came from."""
        return {"folder": self.folder.folder.name}


def open_foreign_maps(folder: str | Path, tasks: Sequence[Task]) -> Maps:
    """Find the map of every query image.

    Raises:
        DataError: no such folder, or images without a map.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError("no such folder", where=root, remedy="Give the folder of the maps with --maps")
    files, missing = {}, []
    for task in tasks:
        for sample in task.queries:
            found = find_map(root, task.name, sample)
            if found is None:
                missing.append(f"{task.name}/{sample.image.stem}")
            else:
                files[task.name, sample.name] = found
    if missing:
        raise DataError(
            f"{len(missing)} of {len(missing) + len(files)} query images have no map (first: {missing[0]})",
            where=root,
            remedy="Save maps as <class>/<stem>.png or <stem>.png",
        )
    return Maps(MapFolder(root, "grey", tuple(files.values())), files)


def find_map(root: Path, name: str, sample: Sample) -> Path | None:
    """The map of a query image of the class ``name``, if there is one."""
    for file in (root / name / f"{sample.image.stem}.png", root / f"{sample.image.stem}.png"):
        if file.is_file():
            return file
    return None
