"""What inspecting adds to a prediction: measures of every defect, and a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flawscope.images import Image
from flawscope.inspect.asked import AskedDefect
from flawscope.inspect.calibration import Calibration
from flawscope.inspect.judging import Judging, judge, require_calibration
from flawscope.inspect.measure import measure
from flawscope.inspect.reduction import reviewed
from flawscope.inspect.rules import Rules
from flawscope.inspect.verdict import so_far
from flawscope.results import Defect, InspectionResult
from flawscope.runs import Runs


@dataclass(frozen=True, slots=True)
class Inspector:
    """Measures defects, and judges them where there are rules.

    Args:
        rules: without them nothing is judged.
        calibration: without it all measures are in pixels.

    Raises:
        UsageError: the rules need a calibration and there is none.
    """

    rules: Rules | None = None
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        if self.rules is not None:
            require_calibration(self.rules, self.calibration)

    def look(self, result: InspectionResult, image: Image) -> tuple[InspectionResult, list[dict[str, Any]]]:
        """The result with its verdict, and the measures of each defect.

        Raises:
            DataError: a zone of the rules lies outside the image.
        """
        measures = [self.measured(defect.runs, image) for defect in result.defects]
        told = ({**defect.to_json(), **each} for defect, each in zip(result.defects, measures, strict=True))
        reduced = result.extra.get("reduction")
        more = self.judged(told, result.width, result.height, reduced)
        return replace(result, extra={**result.extra, **more}), measures

    def measured(self, runs: Runs, image: Image | None = None) -> dict[str, Any]:
        """The measures of one defect, with its contrast where there is an image."""
        return measure(runs, image, self.calibration).to_json()

    def judged(
        self,
        defects: Iterable[Mapping[str, Any]],
        width: int,
        height: int,
        reduced: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """What the record of an image says besides: ``calibration`` and ``verdict``, where there are such.

        Args:
            defects: with their measures.
            width: columns of the image.
            height: its rows.
            reduced: ``reduction`` of the record; see :mod:`flawscope.inspect.reduction`.
        """
        more: dict[str, Any] = {}
        if self.calibration is not None:
            more["calibration"] = {
                "id": self.calibration.id,
                "mm_per_px_x": self.calibration.mm_per_px_x,
                "mm_per_px_y": self.calibration.mm_per_px_y,
            }
        if self.rules is not None:
            verdict = judge(defects, self.rules, width=width, height=height, calibration=self.calibration)
            more["verdict"] = reviewed(verdict, reduced).to_json()
        return more

    def judged_in_part(
        self, defects: Iterable[Mapping[str, Any]], width: int, rows: int, of_rows: int | None
    ) -> dict[str, Any]:
        """As :meth:`judged`, of a strip of which ``rows`` were inspected and more should be there.

        Its verdict says ``so_far``, and is never accept: reject where a rule holds that the rest cannot take back,
        else review.
        """
        more = replace(self, rules=None).judged((), width, rows)
        if self.rules is not None:
            judging = Judging(
                self.rules, width=width, height=max(rows, of_rows or 0), calibration=self.calibration
            )
            judging.add(defects)
            more["verdict"] = so_far(judging.verdict(rows), rows, of_rows)
        return more

    def accepts(self, defects: Iterable[Defect], image: Image) -> bool:
        """Whether the verdict of :meth:`look` would be accept, measuring no more than it takes to know that.

        Without rules everything is accepted.

        Raises:
            DataError: a zone of the rules lies outside the image.
        """
        if self.rules is None:
            return True
        height, width = image.shape[:2]
        judging = Judging(self.rules, width=width, height=height, calibration=self.calibration)
        for defect in defects:
            judging.add([AskedDefect(defect, image, self.calibration)])
            if judging.lost:
                return False
        return judging.verdict().outcome == "accept"

    def made_with(self) -> dict[str, Any]:
        """What all results of a folder share, under the names of the options."""
        rules, scale = self.rules, self.calibration
        return {
            "--rules": None if rules is None else f"{rules.source} (sha256 {rules.sha256})",
            "--calibration": None
            if scale is None
            else f"{scale.id} ({scale.mm_per_px_x:.9g} x {scale.mm_per_px_y:.9g} mm a pixel)",
        }
