"""What ``--rules`` means where masks are decided upon without being kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flawscope.evaluate.threshold_looks import Decide
    from flawscope.images import Mask, Probability

_KNOWN = ("score", "area_px")


def decision(rules: Path, labels: Sequence[str], min_area: int) -> Decide:
    """Whether the rules of a file do not accept a mask.

    Raises:
        DataError: the rules are wrong.
        UsageError: they limit what only measuring tells, or need a calibration.
    """
    from flawscope.errors import UsageError
    from flawscope.inspect.judging import judge
    from flawscope.inspect.rule_reading import read_rules
    from flawscope.results import find_defects

    read = read_rules(rules, labels)
    needed = read.calibration_for
    if needed is not None:
        where, why = needed
        raise UsageError(
            f"{why}, and nothing is measured in mm here",
            where=where,
            remedy="Choose the threshold with rules in pixels",
        )
    unknown = [name for name in read.fields if name not in _KNOWN]
    if unknown:
        raise UsageError(
            f"its rules limit {', '.join(unknown)}, which is not measured here",
            where=rules,
            remedy=f"Choose the threshold with rules about {', '.join(_KNOWN)}, classes, zones and counts",
        )

    def rejected(mask: Mask, probability: Probability) -> bool:
        defects = [defect.to_json() for defect in find_defects(mask, labels, probability, min_area=min_area)]
        height, width = mask.shape
        return judge(defects, read, width=width, height=height).exit_code != 0

    return rejected
