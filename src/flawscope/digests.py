"""SHA-256 of files: what a result was made from, and whether a file is still as it was written."""

from __future__ import annotations

import hashlib
from pathlib import Path

_BLOCK = 2**20


def sha256(*files: Path) -> str:
    """64 hexadecimal digits of the contents, one after the other, never whole in memory; raises OSError."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while block := opened.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
