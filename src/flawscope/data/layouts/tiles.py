"""Magnetic tiles: one folder a kind of defect, images and masks side by side."""

from __future__ import annotations

from pathlib import Path

from flawscope.data.layouts.base import dataset, list_images, pair, subfolders
from flawscope.data.masks import Clean, MaskFile, MaskSource
from flawscope.data.samples import Problem, Sample, SegmentationData

_LOSSY = (".jpg", ".jpeg")


def recognise(path: Path) -> str | None:
    """Folders ``MT_<kind>/Imgs``."""
    found = [folder.name for folder in _folders(path)]
    return f"folders {', '.join(found)} with Imgs/" if found else None


def read(path: Path) -> SegmentationData:
    """``MT_<kind>/Imgs/<stem>.jpg`` with ``<stem>.png``; defect above 127. ``MT_Free`` is clean.

    Several images show one physical tile (``exp1`` to ``exp6`` of neighbouring numbers): divide the set with
    a split file that has groups, never at random.
    """
    samples: list[Sample] = []
    problems: list[Problem] = []
    for folder in _folders(path):
        kind = folder.name.removeprefix("MT_").lower()
        files = list_images(folder / "Imgs", recursive=False)
        images = [file for file in files if file.suffix.lower() in _LOSSY]
        masks = [file for file in files if file.suffix.lower() not in _LOSSY]
        pairs, left = pair(images, folder / "Imgs", masks, folder / "Imgs")
        problems += left
        for image, mask in pairs:
            truth: MaskSource | None = Clean() if kind == "free" else None
            samples.append(
                Sample(name="", image=image, truth=truth if mask is None else MaskFile(mask), kind=kind)
            )
    return dataset("magnetic-tile", path, ("defect",), samples, problems)


def _folders(path: Path) -> list[Path]:
    return [
        folder for folder in subfolders(path) if folder.name.startswith("MT_") and (folder / "Imgs").is_dir()
    ]
