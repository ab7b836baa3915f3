"""A defect that is measured only as far as rules ask about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flawscope.images import Image
from flawscope.inspect.calibration import Calibration
from flawscope.inspect.measure import MEASURES, Measuring, rounded
from flawscope.results import Defect


class AskedDefect(Mapping[str, Any]):
    """What ``results.jsonl`` says of a defect, each measure taken the first time it is asked for.

    Args:
        defect: one region of an image.
        image: the image.
        calibration: for millimetres.
    """

    def __init__(self, defect: Defect, image: Image, calibration: Calibration | None = None) -> None:
        self._told = defect.to_json()
        self._taken = Measuring(defect.runs, image, calibration)
        self._names = tuple(dict.fromkeys((*self._told, *MEASURES)))

    def __getitem__(self, name: str) -> Any:
        if name not in self._told and name in self._names:
            value = getattr(self._taken, name)
            self._told[name] = None if value is None else rounded(name, value)
        return self._told[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
