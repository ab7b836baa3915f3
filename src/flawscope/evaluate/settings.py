"""How an evaluation is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from flawscope.errors import UsageError
from flawscope.metrics.boundary import TOLERANCE
from flawscope.metrics.defects import OVERLAP
from flawscope.metrics.protocols import Published

ProtocolName = Literal["standard", "ocinet"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How an evaluation is made.

    Attributes:
        protocol: ``"standard"``, or ``"ocinet"`` as the published figures were made (Otsu, JPEG, truncation).
        threshold: of the headline figures.
        calibrated: a second threshold, chosen on other images, reported beside the first; None takes the
            segmenter's own, and nothing for folders of maps.
        normalise: stretch each soft map to 0 to 1 before MAE, weighted F, S, E and F, as saliency benchmarks
            (PySODMetrics) do. Off by default: it hides that a map of a clean image is dark. On the maps that the
            authors of CSEPNet released for SD-saliency-900 it moves MAE from .0233 to .0229 and weighted F from
            .8558 to .8574.
        tolerance: pixels, for boundary F and surface distance.
        min_overlap: share of a defect that must be covered to count as found, and of an answer to be no false alarm.
        min_reject_area: answered pixels from which on an image counts as rejected.
        published: switches of the protocol ``ocinet``.
        resamples: bootstrap samples for the 95 % intervals; 0 for none.
        seed: of the bootstrap.
    """

    protocol: ProtocolName = "standard"
    threshold: float = 0.5
    calibrated: float | None = None
    normalise: bool = False
    tolerance: float = TOLERANCE
    min_overlap: float = OVERLAP
    min_reject_area: int = 1
    published: Published = field(default_factory=Published)
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        checks = {
            "--threshold": 0 <= self.threshold <= 1,
            "--calibrated": self.calibrated is None or 0 <= self.calibrated <= 1,
            "--tolerance": self.tolerance >= 0,
            "--min-overlap": 0 < self.min_overlap <= 1,
            "--min-reject-area": self.min_reject_area >= 1,
            "--resamples": self.resamples >= 0,
        }
        for option, good in checks.items():
            if not good:
                raise UsageError("out of range", where=option, remedy="See flawscope evaluate --help")

    def to_json(self) -> dict[str, Any]:
        """Plain values; only the switches of the protocol in force."""
        plain = asdict(self)
        for key in (
            ("published",) if self.protocol == "standard" else ("threshold", "calibrated", "normalise")
        ):
            del plain[key]
        return plain
