"""The files of a robustness study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flawscope.evaluate.robustness.drawing import draw_curves
from flawscope.evaluate.robustness.examples import example_sheet
from flawscope.evaluate.robustness.sheet import Degradation
from flawscope.evaluate.robustness.study import Curves
from flawscope.evaluate.robustness.table import markdown
from flawscope.images import write_image
from flawscope.outputs import write_json, write_text

ROBUSTNESS_SCHEMA = "flawscope/robustness/1"


def write_robustness(
    several: Sequence[Curves], chosen: Sequence[Degradation], report: Mapping[str, Any], folder: str | Path
) -> list[Path]:
    """Write ``robustness.json``, ``robustness.md``, ``robustness.png`` and ``degradations.png``.

    Raises:
        OutputError: the folder cannot be written to.
    """
    root = Path(folder)
    return [
        write_json(root / "robustness.json", {"schema": ROBUSTNESS_SCHEMA, **report}),
        write_text(root / "robustness.md", markdown(several)),
        draw_curves(several, root / "robustness.png"),
        write_image(root / "degradations.png", example_sheet(chosen)),
    ]
