"""What ``data check`` can find, and what to do about each: one literal table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""Worst first."""

TABLE: dict[str, tuple[Severity, str, str]] = {
    "leaked-copies": (
        "error",
        "images whose copy is in another split",
        "Test figures on them measure memory, not skill: write the groups with --groups FILE "
        "and divide again with 'flawscope data split --group-by FILE'",
    ),
    "group-across-splits": (
        "error",
        "groups with images in several splits",
        "Images of one physical piece belong into one split: divide again with 'flawscope data split'",
    ),
    "image-unreadable": ("error", "images cannot be read", "Copy or export them again, or take them out"),
    "mask-unreadable": ("error", "masks cannot be read", "Export them again as single-channel PNG"),
    "size-mismatch": (
        "error",
        "masks of another size than their image",
        "Export them at the size of the image; never resize masks with interpolation",
    ),
    "unexpected-labels": (
        "error",
        "masks hold values that no class has",
        "List every value under 'mask_values' in a dataset.yaml, or mend the masks",
    ),
    "marks-lost": (
        "error",
        "masks hold marks but are read as empty",
        "Say in a dataset.yaml what the values mean: 'threshold: 0' for 0/1 masks, or 'mask_values'",
    ),
    "file-without-partner": (
        "error",
        "files that have no partner or could not be used",
        "Name each mask like its image; take out what does not belong to the dataset",
    ),
    "values-unclear": (
        "error",
        "mask values have no safe reading",
        "Say what they mean with 'mask_values' or 'threshold' in a dataset.yaml",
    ),
    "no-images": ("error", "no image can be used", "Check the path and the layout"),
    "conflicting-masks": (
        "warning",
        "pairs of copies have different masks",
        "One of each pair is wrong or incomplete: look at both",
    ),
    "alike-across-splits": (
        "warning",
        "images look much like one in another split (the same piece again, an overlap or a blend)",
        "Look at the pairs; if they show the same piece, divide again with --groups FILE as for copies",
    ),
    "image-without-mask": (
        "warning",
        "images have no mask",
        "Label them, or say 'unlabelled: clean' in a dataset.yaml if they show no defect",
    ),
    "empty-mask-of-defect": (
        "warning",
        "images sorted under a defect have an empty mask",
        "Draw the defect or move the image to the clean ones",
    ),
    "nearly-full-masks": (
        "warning",
        "masks mark more than 95 % of their image",
        "Check whether black and white are exchanged",
    ),
    "stray-marks": (
        "warning",
        "masks mark fewer than 5 pixels in all",
        "Likely a slip of the pen: look at them",
    ),
    "fringed-masks": (
        "warning",
        "black-and-white masks with grey fringes (JPEG or smoothing)",
        "They are read at a threshold of 127; save masks as PNG without smoothing to keep borders exact",
    ),
    "fringes-as-defect": (
        "error",
        "grey fringes of masks count as defect at the threshold in use",
        "Use 'threshold: 127' in a dataset.yaml",
    ),
    "mixed-encodings": (
        "warning",
        "ways of storing masks are mixed",
        "Save all masks alike, for example 0 and 255",
    ),
    "class-absent": (
        "warning",
        "classes have no pixel in a part of the data",
        "A class absent from training is not learnt, one absent from test is not measured",
    ),
    "class-imbalance": (
        "note",
        "classes have less than a twentieth of the pixels of the largest",
        "Train with --class-weights balanced, or gather more of them",
    ),
    "constant-images": (
        "warning",
        "images are of one single value",
        "A dead camera or a failed export: take out",
    ),
    "high-bits-unused": (
        "warning",
        "16-bit images use only the lower bits",
        "They look black to a network: say 'white: 4095' (for 12 bits) in a dataset.yaml, and give --white to "
        "'flawscope predict'",
    ),
    "copies-within-split": (
        "note",
        "images have a copy in their own split",
        "They count several times; 'distinct' in this report counts them once",
    ),
    "copies-undivided": (
        "warning",
        "images have a copy in the same dataset, which is not divided yet",
        "Keep them together: write the groups with --groups FILE, then 'flawscope data split --group-by FILE'",
    ),
    "empty-masks": ("note", "masks are empty", "Right for clean surfaces; wrong if a defect was forgotten"),
    "no-clean-images": (
        "note",
        "labelled images, and each has a defect",
        "Add clean surfaces: without them nobody knows the false alarms on good parts",
    ),
    "sixteen-bit": ("note", "images have 16 bits", "They are used with all their bits; nothing to do"),
    "mixed-depths": ("warning", "pixel types are mixed", "Save all images with the same number of bits"),
    "many-sizes": ("note", "image sizes differ", "Fine for prediction; training resizes all to --imgsz"),
    "too-plain": (
        "note",
        "images are too plain or too small to be told from others",
        "Copies among them are found only when equal in every pixel",
    ),
    "search-cut": (
        "note",
        "the search was cut short where images have too many look-alikes, and not all pairs are listed",
        "Take out the worst repetitions and check again",
    ),
}
"""Severity, what is wrong (before a number), and what to do, for each code."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that is wrong or worth knowing.

    Attributes:
        code: a key of :data:`TABLE`.
        items: what it is about, one line each.
        count: how many there are; more than ``items`` when a line stands for several.
    """

    code: str
    items: tuple[str, ...]
    count: int

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return TABLE[self.code][0]

    @property
    def what(self) -> str:
        """What is wrong, to be read before the number."""
        return TABLE[self.code][1]

    @property
    def remedy(self) -> str:
        """What to do."""
        return TABLE[self.code][2]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "count": self.count,
            "what": self.what,
            "remedy": self.remedy,
            "items": list(self.items),
        }


def found(code: str, items: Sequence[str], count: int | None = None) -> list[Finding]:
    """A finding, or none when there is nothing to say."""
    assert code in TABLE, code
    return [Finding(code, tuple(items), len(items) if count is None else count)] if items else []


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then notes; within each in the order of :data:`TABLE`."""
    order = list(TABLE)
    return tuple(sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), order.index(one.code))))
