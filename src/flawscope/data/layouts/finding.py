"""Annotation files name images in their own ways; this finds the file that is meant."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from flawscope.data.layouts.base import SPLIT_NAMES, list_images
from flawscope.data.splits import load_json
from flawscope.errors import DataError

Kind = Literal["coco", "labelme", "label-studio"]

_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
_LARGE = 256 * 1024 * 1024


class ImageFinder:
    """Images below one folder, found by path or by name.

    A path counts from the folder itself or from any folder below it; a bare name must be unique.
    """

    def __init__(self, root: Path) -> None:
        self._by_path: dict[str, Path] = {}
        self._by_name: dict[str, list[Path]] = {}
        for file in list_images(root):
            self._by_path[file.relative_to(root).as_posix()] = file
            self._by_name.setdefault(file.name, []).append(file)

    def find(self, written: str) -> Path | None:
        """The file that ``written`` means, or None; Windows paths, URLs and upload prefixes are understood."""
        name = _as_path(written)
        if name in self._by_path:
            return self._by_path[name]
        last = PurePosixPath(name).name
        for candidate in (last, _UPLOAD_PREFIX.sub("", last)):
            files = self._by_name.get(candidate, [])
            ending = [file for file in files if file.as_posix().endswith(f"/{name}")]
            if len(ending) == 1:
                return ending[0]
            if len(files) == 1:
                return files[0]
        return None

    def all(self) -> list[Path]:
        """Every image, in a fixed order."""
        return list(self._by_path.values())


def _as_path(written: str) -> str:
    parts = urlsplit(written.replace("\\", "/"))
    local = parse_qs(parts.query).get("d")
    text = local[0] if local else unquote(parts.path)
    return PurePosixPath(*[p for p in PurePosixPath(text).parts if p not in ("/", ".", "..")]).as_posix()


def split_of(text: str) -> str | None:
    """The split that a file or folder name speaks of: ``instances_train2017`` is ``train``."""
    for word in re.split(r"[^a-zA-Z]+", text):
        if word.lower() in SPLIT_NAMES:
            return SPLIT_NAMES[word.lower()]
    return None


def split_of_path(image: Path, root: Path) -> str | None:
    """The split named by a folder between ``root`` and the image."""
    folders = image.relative_to(root).parts[:-1]
    return next((SPLIT_NAMES[part.lower()] for part in folders if part.lower() in SPLIT_NAMES), None)


def json_kind(file: Path) -> Kind | None:
    """Which annotation tool wrote a JSON file, if one did."""
    status = file.stat()
    return _kind(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=512)
def _kind(file: Path, _changed: int, size: int) -> Kind | None:
    if size > _LARGE:
        with file.open("rb") as opened:
            return "coco" if b'"images"' in opened.read(1 << 20) else None
    try:
        content: Any = load_json(file)
    except DataError:
        return None
    if isinstance(content, dict) and {"shapes", "imagePath"} <= content.keys():
        return "labelme"
    if isinstance(content, dict) and {"images", "annotations"} <= content.keys():
        return "coco"
    if isinstance(content, list) and content and isinstance(content[0], dict):
        task = content[0]
        if isinstance(task.get("data"), dict) and ("annotations" in task or "completions" in task):
            return "label-studio"
    return None
