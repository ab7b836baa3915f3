"""The machine that a folder is for, as the environment markers of packages see it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from flawscope.errors import UsageError

HERE = "{}.{}".format(*sys.version_info[:2])
"""This Python, such as ``3.11``."""

PYTHONS = ("3.11", "3.12", "3.13")
"""Those that Flawscope runs on."""

_SYSTEMS = {
    "win": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macosx": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
}
_TAG = re.compile(r"(?:many|musl)?(linux)(?:\d+|_\d+_\d+)?_(\w+)|(macosx)_\d+_\d+_(\w+)|(win)_?(\w+)")
_WINDOWS = {"amd64": "AMD64", "32": "x86", "arm64": "ARM64"}


def markers_of(python: str | None, platforms: Sequence[str]) -> dict[str, str]:
    """What markers are to see instead of this machine's values (PEP 508); empty for a machine like this one.

    Args:
        python: such as ``3.12``.
        platforms: tags of wheels, such as ``win_amd64``, all of one machine.

    Raises:
        UsageError: not a Python or a platform, or platforms of different systems.
    """
    markers: dict[str, str] = {}
    if python is not None:
        if not re.fullmatch(r"3\.\d+", python):
            raise UsageError(f"'{python}' is not a Python", where="--python", remedy="Give it as 3.12")
        if python not in PYTHONS:
            raise UsageError(
                f"Flawscope does not run on Python {python}",
                where="--python",
                remedy=f"Give {PYTHONS[0]} to {PYTHONS[-1]}",
            )
        if python != HERE:
            full = f"{python}.0"
            markers |= {"python_version": python, "python_full_version": full, "implementation_version": full}
    machines = [_machine(tag) for tag in platforms]
    if not machines:
        return markers
    if len({system for system, _ in machines}) > 1:
        raise UsageError(
            "platforms of different systems", where="--platform", remedy="Make a folder for each"
        )
    system = machines[0][0]
    exact = [machine for _, machine in machines if machine != "universal2"] or ["arm64"]
    unknown = {"platform_release": "0", "platform_version": "0"}
    return markers | _SYSTEMS[system] | {"platform_machine": exact[0]} | unknown


def _machine(tag: str) -> tuple[str, str]:
    """System and machine of a platform tag; raises UsageError."""
    found = _TAG.fullmatch(tag)
    system, machine = [part for part in found.groups() if part is not None] if found else ("", "")
    if not found or (system == "win" and machine not in _WINDOWS):
        raise UsageError(
            f"'{tag}' is not a platform",
            where="--platform",
            remedy="Give it as pip does: win_amd64, manylinux_2_28_x86_64, macosx_14_0_arm64",
        )
    return system, _WINDOWS[machine] if system == "win" else machine
