"""What a person may point at: files, folders, globs and videos become a stream of named images."""

from __future__ import annotations

import contextlib
import glob
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import cv2

from flawscope.errors import FlawscopeError, ImageError, UsageError
from flawscope.images import IMAGE_SUFFIXES, Image, Tones, check_image, find_images, read_image
from flawscope.inspect.folder import RESULTS

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"})

_WHOLE = 0.95
"""Share of the declared frames with which a video counts as whole, for some headers only estimate."""


@dataclass(frozen=True, slots=True)
class Item:
    """One image to inspect.

    Attributes:
        source: what to call it to people: the path, with ``#frame`` for a frame of a video.
        key: relative path without suffix under which its outputs are to be written.
        read: gives the pixels; raises ImageError.
        more: plain values for its record.
    """

    source: str
    key: str
    read: Callable[[], Image]
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The files that sources mean, each with its key, and the sources that mean none.

    Attributes:
        files: ``(path, key)`` in order.
        problems: one error for each source that gives nothing.
        notes: one line for each folder of which a part is left out.
    """

    files: tuple[tuple[Path, str], ...]
    problems: tuple[FlawscopeError, ...]
    notes: tuple[str, ...] = ()


def find_sources(sources: Sequence[str], *, outside: Path | None = None) -> Found:
    """Expand files, folders (recursively) and glob patterns; folders of results below them are passed over.

    Of a labelled dataset, a folder with both ``images/`` and ``masks/``, only ``images/`` is taken.

    Args:
        sources: as typed.
        outside: a folder whose files are never sources: where the results go.

    Raises:
        UsageError: ``outside`` is, or holds, what a source points at.
    """
    if outside is not None:
        for source in sources:
            with contextlib.suppress(OSError):  # told below
                check_apart(source, outside)
    found: dict[Path, str] = {}
    problems: list[FlawscopeError] = []
    notes: list[str] = []
    for source in sources:
        try:
            listed = _expand(source, outside, notes)
        except OSError as error:
            listed = ImageError(
                f"may not be read ({(error.strerror or str(error)).lower()})",
                where=error.filename or source,
                remedy="Check its permissions",
            )
        if isinstance(listed, FlawscopeError):
            problems.append(listed)
        else:
            for path, relative in listed:
                found.setdefault(path, relative)
    keys = _unique_keys(list(found), list(found.values()))
    return Found(tuple(zip(found, keys, strict=True)), tuple(problems), tuple(notes))


def items(
    files: Sequence[tuple[Path, str]],
    *,
    every: int = 1,
    page: int | None = None,
    white: int | None = None,
    done: Collection[str] = frozenset(),
    on_tones: Callable[[str, Tones], None] = lambda _source, _tones: None,
) -> Iterator[Item | ImageError]:
    """The images of files and videos, in order; an error stands for a video that cannot be read.

    Args:
        files: from :func:`find_sources`.
        every: of a video, take each n-th frame.
        page: page of multi-page images.
        white: stored value that means white.
        done: sources to leave out.
        on_tones: told, from the thread that reads, how each file uses its range of values.
    """
    for path, key in files:
        if is_video(path):
            yield from _frames(path, key, every, done)
        elif path.as_posix() not in done:
            source = path.as_posix()
            read = partial(read_image, path, page=page, white=white, on_tones=partial(on_tones, source))
            yield Item(source, key, read)


def read_source(source: str, *, page: int | None = None, white: int | None = None) -> Image:
    """The pixels of a source as :class:`Item` names it; raises ImageError."""
    name, mark, number = source.rpartition("#")
    if mark and number.isdigit() and is_video(Path(name)):
        capture = _open_video(Path(name))
        try:
            capture.set(cv2.CAP_PROP_POS_FRAMES, int(number))
            done, frame = capture.read()
        finally:
            capture.release()
        if not done:
            raise ImageError("the frame cannot be read again", where=source)
        return _rgb(frame, source)
    return read_image(source, page=page, white=white)


def is_video(path: Path) -> bool:
    """Whether the suffix is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def count_frames(path: Path, every: int) -> int:
    """How many frames will be taken, as far as the video's header tells; 0 when it does not."""
    try:
        capture = _open_video(path)
    except ImageError:
        return 0
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return max(0, -(-total // every))


def _expand(source: str, outside: Path | None, notes: list[str]) -> list[tuple[Path, str]] | FlawscopeError:
    path = Path(source).expanduser()
    if path.is_dir():
        return _in_folder(path, outside, notes)
    if path.exists():
        return [(path, path.name)]
    if any(character in source for character in "*?["):
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        root = Path(*_fixed_parts(path))
        matches = [
            match
            for match in matches
            if match.is_file() and match.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES
        ]
        listed = [
            (match, match.relative_to(root).as_posix())
            for match in matches
            if not _in_results(match.parent, root)
        ]
        what = (
            "the pattern matches only files of a folder of results"
            if matches
            else "the pattern matches no image"
        )
        return listed or UsageError(what, where=source, remedy="Check the pattern")
    return UsageError("no such file or folder", where=source, remedy="Check the path")


def _in_folder(
    folder: Path, outside: Path | None, notes: list[str]
) -> list[tuple[Path, str]] | FlawscopeError:
    with os.scandir(folder):  # else a folder that may not be read looks empty
        pass
    if (folder / RESULTS).is_file():
        return UsageError(
            "a folder of results, whose pictures are not inspected again",
            where=folder,
            remedy="Give the folder of the images",
        )
    videos = [entry for entry in folder.rglob("*") if is_video(entry) and entry.is_file()]
    listed = [
        (entry, entry.relative_to(folder).as_posix())
        for entry in _without_masks(sorted([*find_images(folder), *videos]), folder, notes)
        if not _in_results(entry.parent, folder)
        and (outside is None or not entry.resolve().is_relative_to(outside.resolve()))
    ]
    if listed:
        return listed
    return UsageError(
        "no image in this folder or below it", where=folder, remedy="Flawscope reads PNG, JPEG, BMP and TIFF"
    )


def _without_masks(entries: list[Path], root: Path, notes: list[str]) -> list[Path]:
    """Of every folder with both ``images/`` and ``masks/``, from ``root`` down, only what is in ``images/``."""
    places = {root, *(place for entry in entries for place in entry.parents if root in place.parents)}
    datasets = sorted(place for place in places if (place / "images").is_dir() and (place / "masks").is_dir())
    kept = [
        entry
        for entry in entries
        if all(place not in entry.parents or place / "images" in entry.parents for place in datasets)
    ]
    if len(kept) < len(entries):
        where = f"{len(datasets)} folders in {root}" if len(datasets) > 1 else str(datasets[0])
        holds = "hold" if len(datasets) > 1 else "holds"
        notes.append(f"{where} {holds} images/ and masks/; only images/ is inspected")
    return kept


def _in_results(folder: Path, root: Path) -> bool:
    """Whether ``folder``, or a folder between it and ``root``, holds results of an earlier run."""
    between = [folder, *folder.parents][: len(folder.relative_to(root).parts) + 1]
    return any((place / RESULTS).is_file() for place in between)


def check_apart(source: str, out: Path) -> None:
    """Raise UsageError if ``out`` is, or holds, the folder that a source points at."""
    path = Path(source).expanduser()
    if any(character in source for character in "*?[") and not path.exists():
        path = Path(*_fixed_parts(path))
    elif path.is_file():
        path = path.parent
    if path.is_dir() and path.resolve().is_relative_to(out.resolve()):
        raise UsageError(
            f"results would be written among the images of {path}",
            where=f"--out {out}",
            remedy="Choose a folder of its own for them",
        )


def _fixed_parts(pattern: Path) -> list[str]:
    """The folders of a glob pattern before its first wildcard."""
    fixed: list[str] = []
    for part in pattern.parts[:-1]:
        if any(character in part for character in "*?["):
            break
        fixed.append(part)
    return fixed or ["."]


def _unique_keys(paths: Sequence[Path], relatives: Sequence[str]) -> list[str]:
    """A key for each file: the relative path without suffix; if not unique with it; else below its folder.

    Only files whose keys clash get a longer one. Compared without case, because some file systems do. What is
    still equal, the folder of results numbers.
    """
    candidates = [
        (
            str(PurePosixPath(relative).with_suffix("")),
            relative,
            f"{path.parent.resolve().name}/{relative}",
        )
        for path, relative in zip(paths, relatives, strict=True)
    ]
    levels = [0] * len(candidates)
    while True:
        keys = [choice[level] for choice, level in zip(candidates, levels, strict=True)]
        taken = Counter(key.casefold() for key in keys)
        longer = [index for index, key in enumerate(keys) if taken[key.casefold()] > 1 and levels[index] < 2]
        if not longer:
            return keys
        for index in longer:
            levels[index] += 1


def _open_video(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise ImageError(
            "not readable as a video", where=path, remedy="Convert it, for example to H.264 in MP4"
        )
    return capture


def _frames(path: Path, key: str, every: int, done: Collection[str]) -> Iterator[Item | ImageError]:
    try:
        capture = _open_video(path)
    except ImageError as error:
        yield error
        return
    number, declared = 0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    try:
        while capture.grab():
            source = f"{path.as_posix()}#{number}"
            if number % every == 0 and source not in done:
                decoded, frame = capture.retrieve()
                if not decoded:
                    yield ImageError("the frame is damaged", where=source)
                else:
                    yield Item(source, f"{key}/frame_{number:06d}", partial(_rgb, frame, source))
            number += 1
    finally:
        capture.release()
    if number == 0:
        yield ImageError("a video without a readable frame", where=path)
    elif number < declared * _WHOLE - 2:
        yield ImageError(
            f"the video ends after {number} of {declared} frames",
            where=path,
            remedy="It may be truncated or damaged; what could be read was inspected",
        )


def _rgb(frame: Image, source: str) -> Image:
    return check_image(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), where=source)
