"""Install Flawscope from the folder that this file lies in. Needs Python alone, and no network.

python install.py                     into the folder "flawscope" beside this one
python install.py --into /opt/inspect
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Check the folder, make a virtual environment, install, and try it."""
    parser = argparse.ArgumentParser(description="Install Flawscope without a network.")
    parser.add_argument("--into", type=Path, default=HERE.parent / "flawscope", help="a new folder")
    into = parser.parse_args().into.absolute()
    try:
        told = json.loads((HERE / "bundle.json").read_text(encoding="utf-8"))
        check(told)
        if into.exists() and any(into.iterdir()):
            raise StopError(f"{into} is not empty. Choose another folder with --into")
        install(told, into)
    except StopError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as problem:
        print(f"error: {problem}. Copy the whole folder again", file=sys.stderr)
        return 2
    return 0


class StopError(Exception):
    """A problem that its reader can mend."""


def check(told: dict[str, Any]) -> None:
    """Python is the one that the wheels are for, and every file is as it was packed."""
    mine = "{}.{}".format(*sys.version_info[:2])
    if mine != told["python"]:
        raise StopError(f"this is Python {mine}, the folder was made for Python {told['python']}")
    for name, digest in told["sha256"].items():
        file = HERE / name
        if not file.is_file():
            raise StopError(f"{file} is missing. Copy the whole folder again")
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != digest:
            raise StopError(f"{file} is damaged. Copy the whole folder again")


def install(told: dict[str, Any], into: Path) -> None:
    """A virtual environment with the wheels of this folder, and the weights beside it."""
    print(f"making {into}")
    made = run(sys.executable, "-m", "venv", into)
    if made.returncode:
        raise StopError(
            f"no virtual environment could be made ({last_line(made)}). Install Python's venv package"
        )
    folder = into / ("Scripts" if os.name == "nt" else "bin")
    python = folder / ("python.exe" if os.name == "nt" else "python")
    print(f"installing {len(told['sha256'])} files, no network needed")
    extras = f"[{','.join(told['extras'])}]" if told["extras"] else ""
    done = run(
        python,
        *["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--find-links"],
        HERE / "wheels",
        f"flawscope{extras}=={told['flawscope']}",
    )
    if done.returncode:
        raise StopError(
            f"pip could not install ({last_line(done)}). Was the folder made for this kind of machine?"
        )
    if (HERE / "weights").is_dir():
        shutil.copytree(HERE / "weights", into / "weights")
    command = folder / ("flawscope.exe" if os.name == "nt" else "flawscope")
    tried = run(command, "doctor")
    print(tried.stdout.strip())
    if tried.returncode:
        raise StopError(f"installed, but it does not work here ({last_line(tried)})")
    example = next((into / "weights" / name for name in told["weights"]), None)
    with_weights = f" --weights {example}" if example else ""
    print(f"\nnow: {command} predict FOLDER_OF_IMAGES --out found{with_weights}")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one command and keep what it says."""
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a command said last."""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1].strip() if lines else f"exit code {done.returncode}"


if __name__ == "__main__":
    sys.exit(main())
