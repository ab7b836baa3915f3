"""What ``--rules`` means where masks are decided upon without being kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flawscope.evaluate.threshold_looks import Decide
    from flawscope.images import Image, Mask, Probability
    from flawscope.inspect.inspector import Inspector


def decision(inspector: Inspector, labels: Sequence[str], min_area: int) -> Decide:
    """Whether what ``inspect`` would say of a mask is not "accept"."""
    from flawscope.results import find_defects

    def rejected(mask: Mask, probability: Probability, image: Image) -> bool:
        return not inspector.accepts(find_defects(mask, labels, probability, min_area=min_area), image)

    return rejected
