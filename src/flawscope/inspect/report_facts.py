"""How a report was made: weights, settings, calibration, rules, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flawscope import __version__
from flawscope.inspect.counted import skipped_in_words
from flawscope.inspect.report_cards import percent
from flawscope.inspect.report_units import Units
from flawscope.inspect.report_verdicts import rule_files
from flawscope.inspect.tables import Record
from flawscope.segment.description import Description


def facts_of(
    about: Description | None,
    weights: str,
    settings: Mapping[str, Any],
    records: Sequence[Record],
    units: Units,
    labels: Sequence[str],
) -> list[tuple[str, str]]:
    """What was used and how, as pairs of a name and a value."""
    facts = [("Weights", weights)]
    if about is not None:
        facts.append(("Network", about.method))
    facts += [("Classes", ", ".join(labels)), ("Method", _method(about, settings, records))]
    facts += [("Calibration", calibration_words(*entry)) for entry in units.calibrations]
    facts += [
        ("Rules", f"{file} (SHA-256 {digest}...)" + ("" if text else ", no longer there as it was"))
        for file, digest, text in rule_files(records)
    ]
    facts += [
        ("Skipped", f"of {record['source']}: {skipped_in_words(record['background'])}")
        for record in records
        if record.get("background") is not None
    ]
    if settings.get("min_area", 1) > 1:
        facts.append(("Smallest defect", f"{settings['min_area']} px; smaller regions are left out"))
    if settings.get("page") is not None:
        facts.append(("Page", f"{settings['page']} of multi-page files"))
    if settings.get("white") is not None:
        facts.append(("White", f"stored value {settings['white']}"))
    if settings.get("options"):
        facts.append(("Other options", _plain(settings["options"])))
    if about is not None:
        facts += _origin(about)
    packages = ("numpy", "onnxruntime", "opencv-contrib-python-headless", "pillow")
    facts.append(("Flawscope", f"{__version__}, Python {platform.python_version()}, {platform.platform()}"))
    facts.append(("Packages", ", ".join(f"{name} {found}" for name in packages if (found := _version(name)))))
    return facts


def _method(about: Description | None, settings: Mapping[str, Any], records: Sequence[Record]) -> str:
    if settings.get("binarize") == "otsu":
        return "Otsu's threshold, chosen for each image"
    used = sorted({record["threshold"] for record in records if record["threshold"] is not None})
    levels = ", ".join(f"{level:g}" for level in used)
    if not used or about is None:
        return f"fixed threshold {levels}".rstrip()
    chosen = "given" if settings.get("threshold") is not None else about.threshold_from
    return f"fixed threshold {levels} ({chosen})"


def _origin(about: Description) -> list[tuple[str, str]]:
    """What the weights say of their training, in words."""
    rest = dict(about.provenance)
    facts = []
    dataset, images = rest.pop("dataset", None), rest.pop("training_images", None)
    if dataset is not None:
        details = [f"{name} {rest.pop(name)}" for name in ("recipe", "seed", "epoch") if name in rest]
        many = f"{images:,} images of " if isinstance(images, int) else ""
        facts.append(("Trained on", many + ", ".join([str(dataset), *details])))
    if "flawscope" in rest:
        facts.append(("Trained with", f"Flawscope {rest.pop('flawscope')}"))
    validation = rest.pop("validation", None)
    if isinstance(validation, Mapping):
        figure = validation.get("iou_fg_image_mean_calibrated", validation.get("iou_fg_image_mean"))
        count = validation.get("images")
        if isinstance(figure, float):
            over = f" over {count:,} validation images" if isinstance(count, int) else ""
            facts.append(("Validation", f"mean overlap (IoU) of the defects {percent(figure)}{over}"))
    facts += [
        (name.replace("_", " ").capitalize(), _plain(value))
        for name, value in sorted(rest.items())
        if value is not None
    ]
    return facts


def _plain(value: object) -> str:
    """A value of free-form provenance without the punctuation of code."""
    if isinstance(value, Mapping):
        return ", ".join(
            f"{name.replace('_', ' ')} {_plain(item)}" for name, item in value.items() if item is not None
        )
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return str(value)


def calibration_words(name: str, mm_x: float, mm_y: float) -> str:
    """A calibration in words."""
    return f"{name}, a pixel is {mm_x:.6g} x {mm_y:.6g} mm"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
