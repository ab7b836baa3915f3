"""What ``flawscope doctor`` looks at."""

from __future__ import annotations

import os
import platform
import shutil
import time
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from flawscope import __version__
from flawscope.errors import FlawscopeError

_LOW_DISK_GIB = 1.0


def examine() -> dict[str, Any]:
    """Versions, extras, shipped weights, free disk and a self-test; ``problems`` lists what needs mending."""
    packages = _packages()
    weights = _shipped()
    self_test = _self_test()
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    problems = [
        f"the package '{name}' is not installed" for name, found in packages["base"].items() if not found
    ]
    problems += [f"weights '{entry['name']}': {entry['error']}" for entry in weights if entry["error"]]
    if not weights:
        problems.append("no weights are shipped in this installation; give --weights FILE to predict")
    elif self_test["error"]:
        problems.append(f"the self-test failed: {self_test['error']}")
    if free < _LOW_DISK_GIB:
        problems.append(f"only {free:.2f} GiB of disk are free here")
    return {
        "flawscope": __version__,
        "python": platform.python_version(),
        "machine": _machine(),
        "packages": packages,
        "weights": weights,
        "free_disk_gib": round(free, 2),
        "self_test": self_test,
        "problems": problems,
    }


def _packages() -> dict[str, dict[str, str | None]]:
    """Installed versions of what the base install and each extra need."""
    groups: dict[str, dict[str, str | None]] = {"base": {}}
    for requirement in requires("flawscope") or []:
        name, extra = _parse(requirement)
        if name == "flawscope" or extra in ("all", "dev"):
            continue
        try:
            found: str | None = version(name)
        except PackageNotFoundError:
            found = None
        groups.setdefault(extra or "base", {})[name] = found
    return groups


def _parse(requirement: str) -> tuple[str, str | None]:
    """Name and extra of a line such as ``torch>=2.11; extra == 'train'``."""
    name, _, marker = requirement.partition(";")
    for stop in "[<>=!~ (":
        name = name.partition(stop)[0]
    extra = marker.partition("extra ==")[2].strip(" '\"") or None
    return name.strip(), extra


def _machine() -> dict[str, Any]:
    import cv2

    features = [part for part in cv2.getCPUFeaturesLine().replace("*", "").split() if "?" not in part]
    try:
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        memory = None
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "cpu_features": features,
    }


def _shipped() -> list[dict[str, Any]]:
    from flawscope.segment.loading import load, shipped_weights

    found = []
    for name, path in shipped_weights().items():
        entry: dict[str, Any] = {"name": name, "bytes": path.stat().st_size, "labels": [], "error": None}
        try:
            entry["labels"] = list(load(path, device="cpu").labels)
        except FlawscopeError as error:
            entry["error"] = str(error)
        found.append(entry)
    return found


def _self_test() -> dict[str, Any]:
    """Predict a drawn image with the default weights."""
    from flawscope.data.synthetic import draw
    from flawscope.segment.loading import load

    test: dict[str, Any] = {"milliseconds": None, "defects": None, "error": None}
    try:
        image = draw(0, 256, 256)[0]
        segmenter = load(device="cpu")
        segmenter.predict(image)
        started = time.perf_counter()
        result = segmenter.predict(image)
        test["milliseconds"] = round((time.perf_counter() - started) * 1000, 1)
        test["defects"] = len(result.defects)
        if result.mask.shape != image.shape[:2]:
            test["error"] = f"a mask of {result.mask.shape} for an image of {image.shape[:2]}"
    except Exception as error:  # whatever is broken here is what the reader wants to know
        test["error"] = (
            str(error) if isinstance(error, FlawscopeError) else f"{type(error).__name__}: {error}"
        )
    return test
