"""From a path to a dataset: a folder, a ``dataset.yaml``, an annotation file or a split file."""

from __future__ import annotations

from pathlib import Path

from flawscope.data.described import DESCRIPTION, read_described
from flawscope.data.layouts import read_layout, recognise
from flawscope.data.samples import SegmentationData
from flawscope.data.splits import (
    SplitFile,
    apply_splits,
    from_split_file,
    is_split_content,
    load_json,
    read_splits,
)
from flawscope.errors import DataError


def open_any(path: Path, layout: str = "auto", splits: Path | None = None) -> SegmentationData:
    """Read whatever ``path`` is; see :func:`flawscope.data.samples.open_data`."""
    if not path.exists():
        raise DataError("no such file or folder", where=path, remedy="Check the path given to --data")
    file = None if splits is None else read_splits(splits)
    if path.is_file() and layout == "auto" and path.suffix.lower() == ".json":
        content = load_json(path)
        if isinstance(content, dict) and is_split_content(content):
            return _from_splits_alone(read_splits(path))
        if isinstance(content, dict) and isinstance(content.get("classes"), dict):
            raise DataError(
                "a few-shot manifest, not a dataset",
                where=path,
                remedy="It is read by flawscope.data.fewshot.read_manifest",
            )
    description = path / DESCRIPTION if path.is_dir() else path
    if layout == "auto" and description.suffix.lower() in (".yaml", ".yml") and description.is_file():
        data = read_described(description)
    elif file is not None and layout == "auto" and path.is_dir() and not recognise(path):
        return from_split_file(file, path)
    else:
        data = read_layout(path, layout)
    return data if file is None else apply_splits(data, file)


def _from_splits_alone(file: SplitFile) -> SegmentationData:
    root = file.path.parent / (file.root or ".")
    first = next((entry for entries in file.splits.values() for entry in entries), None)
    if first is None or not (root / first.image).is_file():
        raise DataError(
            "a split file does not say where its dataset is",
            where=file.path,
            remedy="Give the dataset's folder as --data and this file as --splits",
        )
    return open_any(root, splits=file.path)
