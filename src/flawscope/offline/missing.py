"""What the wheels of a folder still need on the machine that they are for.

pip asks the machine it runs on which dependencies apply, even when it collects for another one.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename


def missing(wheels: Path, wanted: str, markers: Mapping[str, str]) -> list[str]:
    """Requirements that apply there and that no wheel here satisfies, sorted; a later round may find more.

    Args:
        wheels: the folder.
        wanted: what is to be installed from it, such as ``flawscope[openvino]``.
        markers: as :func:`flawscope.offline.target.markers_of` gives them.
    """
    present = sorted((*parse_wheel_filename(file.name)[:2], file) for file in wheels.glob("*.whl"))
    lacking: set[str] = set()
    seen: set[tuple[Path, str]] = set()
    queue = [Requirement(wanted)]
    while queue:
        one = queue.pop()
        name, one.marker = canonicalize_name(one.name), None
        fitting = [
            file
            for other, version, file in present
            if other == name and one.specifier.contains(version, prereleases=True)
        ]
        if not fitting:
            lacking.add(str(one))
            continue
        for extra in {"", *one.extras}:
            if (fitting[-1], extra) in seen:
                continue
            seen.add((fitting[-1], extra))
            for text in _requirements(fitting[-1]):
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({**markers, "extra": extra}):
                    queue.append(needed)
    return sorted(lacking)


def _requirements(wheel: Path) -> list[str]:
    """``Requires-Dist`` of a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        (name,) = [one for one in opened.namelist() if one.endswith(".dist-info/METADATA")]
        text = opened.read(name).decode("utf-8")
    return HeaderParser().parsestr(text).get_all("Requires-Dist", [])
