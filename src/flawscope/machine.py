"""The machine, the versions and the commit that something ran on, for its JSON."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "flawscope",
    "numpy",
    "scipy",
    "opencv-contrib-python-headless",
    "onnxruntime",
    "openvino",
    "nncf",
    "torch",
    "timm",
    "transformers",
    "stable-baselines3",
    "gymnasium",
    "cma",
)


def describe_machine() -> dict[str, Any]:
    """Processor, cores this process may use, load, operating system, Python and package versions.

    ``load_average`` is over the last 1, 5 and 15 minutes; None where the system does not tell. A package that is not
    installed has the version None.
    """
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def commit() -> str | None:
    """The commit of the source, marked when it was changed since; None outside a checkout of Flawscope."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():  # installed, perhaps below somebody else's checkout
        return None
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
