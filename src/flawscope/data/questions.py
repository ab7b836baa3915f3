"""The questions ``data check`` asks about images and masks, once every file has been read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flawscope.data.described import CLEAN_KINDS
from flawscope.data.examine import Facts, ImageFacts, MaskFacts, mask_file
from flawscope.data.findings import Finding, found
from flawscope.data.masks import Clean
from flawscope.data.samples import Sample, SegmentationData

_NEARLY_FULL = 0.95
_FEW = 5
_LOW_THRESHOLD = 64  # below it the grey fringes of a lossy mask count as defect
_RARE = 1 / 20
_BITS = (10, 12, 14)


def about_images(data: SegmentationData, facts: Sequence[Facts]) -> list[Finding]:
    """Unreadable, constant, dark 16-bit, and mixed images."""
    known = [(sample, one.image) for sample, one in zip(data.samples, facts, strict=True) if one.image]
    broken = [
        f"{sample.name}: {one.image_error}"
        for sample, one in zip(data.samples, facts, strict=True)
        if one.image is None
    ]
    depths = Counter(image.depth for _, image in known)
    sizes = Counter(f"{image.width}x{image.height}" for _, image in known)
    deep = [(sample, image) for sample, image in known if image.depth == "uint16"]
    return [
        *found("no-images", [] if known else [str(data.root)]),
        *found("image-unreadable", broken),
        *found("constant-images", [sample.name for sample, image in known if image.likeness.constant]),
        *found("high-bits-unused", _unused_bits(deep), len(deep)),
        *found("sixteen-bit", [sample.name for sample, _ in deep]),
        *found("mixed-depths", _tally(depths) if len(depths) > 1 else []),
        *found("many-sizes", _tally(sizes) if len(sizes) > 1 else []),
    ]


def about_masks(data: SegmentationData, facts: Sequence[Facts]) -> list[Finding]:
    """Unreadable, misread, misfit, fringed, empty, full and unbalanced masks."""
    known = [
        (sample, one.image, one.mask) for sample, one in zip(data.samples, facts, strict=True) if one.mask
    ]
    unlabelled = [sample.name for sample in data.samples if sample.truth is None]
    misfit, strangers, broken = _unusable(known)
    empty = [
        sample for sample, _, mask in known if _share(mask) == 0.0 and not mask.lost and _doubtful(sample)
    ]
    counted = [(sample, mask) for sample, _, mask in known if mask.pixels is not None]
    every_one_marked = bool(counted) and not any(_share(mask) == 0.0 for _, mask in counted)
    encodings = Counter(
        str(mask.encoding)
        for sample, _, mask in known
        if mask.encoding not in (None, "black", "class numbers", "other")
        and (file := mask_file(sample.truth)) is not None
        and file.values is None
    )
    return [
        *found("mask-unreadable", broken),
        *found("size-mismatch", misfit),
        *found("unexpected-labels", strangers),
        *found("marks-lost", [_with_values(sample, mask) for sample, _, mask in known if mask.lost]),
        *found("values-unclear", _unclear(known)),
        *found("image-without-mask", unlabelled),
        *found("empty-mask-of-defect", [f"{one.name} ({one.kind})" for one in empty if one.kind is not None]),
        *found("empty-masks", [one.name for one in empty if one.kind is None]),
        *found("nearly-full-masks", [s.name for s, _, mask in known if (_share(mask) or 0.0) > _NEARLY_FULL]),
        *found("stray-marks", [s.name for s, mask in counted if 0 < sum((mask.pixels or ())[1:]) < _FEW]),
        *_fringes(known),
        *found("mixed-encodings", _tally(encodings) if len(encodings) > 1 else []),
        *found("no-clean-images", ["every mask marks something"] if every_one_marked else [], len(counted)),
        *_classes(data, counted),
    ]


_Known = Sequence[tuple[Sample, ImageFacts | None, MaskFacts]]


def _unusable(known: _Known) -> tuple[list[str], list[str], list[str]]:
    """Masks of another size, masks with unknown values, and masks broken in another way."""
    misfit: list[str] = []
    strangers: list[str] = []
    broken: list[str] = []
    for sample, image, mask in known:
        if mask.size is not None and image is not None and mask.size != (image.height, image.width):
            misfit.append(
                f"{sample.name}: mask {mask.size[1]}x{mask.size[0]}, image {image.width}x{image.height}"
            )
        elif mask.error is not None:
            (strangers if "have no class" in mask.error else broken).append(f"{sample.name}: {mask.error}")
    return misfit, strangers, broken


def _fringes(known: _Known) -> list[Finding]:
    harmless: list[str] = []
    harmful: list[str] = []
    for sample, _, mask in known:
        file = mask_file(sample.truth)
        if file is not None and file.values is None and mask.encoding == "fringed":
            line = f"{sample.name}: {mask.between:.2%} of its pixels are neither 0 nor 255"
            (harmful if file.threshold < _LOW_THRESHOLD else harmless).append(line)
    return [*found("fringed-masks", harmless), *found("fringes-as-defect", harmful)]


def _unclear(known: _Known) -> list[str]:
    return [
        _with_values(sample, mask) for sample, _, mask in known if mask.encoding == "other" and not mask.lost
    ]


def _classes(data: SegmentationData, counted: Sequence[tuple[Sample, MaskFacts]]) -> list[Finding]:
    """Classes that are absent, overall or from a split, and classes that are rare."""
    if not counted:
        return []
    totals: dict[str | None, list[int]] = {}
    for sample, mask in counted:
        for part in {None, sample.split}:
            row = totals.setdefault(part, [0] * len(data.labels))
            for number, pixels in enumerate((mask.pixels or ())[1 : len(data.labels) + 1]):
                row[number] += pixels
    absent: list[str] = []
    for number, label in enumerate(data.labels):
        if not totals[None][number]:
            absent.append(f"{label}: in no mask at all")
        else:
            absent += [
                f"{label}: not in {part}"
                for part, row in totals.items()
                if part is not None and not row[number]
            ]
    largest = max(totals[None], default=0)
    rare = [
        f"{label}: {pixels:,} pixels, the largest class has {largest:,}"
        for label, pixels in zip(data.labels, totals[None], strict=True)
        if 0 < pixels < _RARE * largest
    ]
    return [*found("class-absent", absent), *found("class-imbalance", rare)]


def _unused_bits(deep: Sequence[tuple[Sample, ImageFacts]]) -> list[str]:
    """One line for all 16-bit images when none of them uses the highest bits."""
    brightest = max((image.brightest for _, image in deep), default=0.0)
    bits = next((bits for bits in _BITS if 255 < brightest < 2**bits), None)
    return (
        []
        if bits is None
        else [f"brightest of all is {brightest:.0f}: {bits} bits, so white is {2**bits - 1}"]
    )


def _doubtful(sample: Sample) -> bool:
    """Whether nothing says that the image is without defect."""
    clean_by_name = sample.kind is not None and sample.kind.lower() in CLEAN_KINDS
    return not clean_by_name and not isinstance(sample.truth, Clean)


def _share(mask: MaskFacts) -> float | None:
    if mask.pixels is None or not sum(mask.pixels):
        return None
    return sum(mask.pixels[1:]) / sum(mask.pixels)


def _with_values(sample: Sample, mask: MaskFacts) -> str:
    return f"{sample.name}: values {', '.join(map(str, mask.values))}"


def _tally(counts: Counter[str]) -> list[str]:
    return [f"{name}: {count}" for name, count in counts.most_common()]
