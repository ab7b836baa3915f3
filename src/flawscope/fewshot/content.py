"""What a row is made from: the bytes of every image, mask and map it reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flawscope.data.fewshot import FewShotManifest
from flawscope.data.samples import Sample
from flawscope.digests import sha256
from flawscope.errors import DataError
from flawscope.fewshot.foreign import find_map


@dataclass
class Content:
    """Digests of files; one that was read before is read again only when its size or its time has changed."""

    _known: dict[Path, tuple[tuple[int, int], str]] = field(default_factory=dict)

    def of(self, manifest: FewShotManifest, maps: str | None = None) -> list[Any]:
        """Names of classes and images, digests of their files and, where a row is of maps, of those.

        Raises:
            DataError: a file cannot be read.
        """
        described: list[Any] = []
        for one in manifest.classes:
            described.append(
                [one.name, *([self._sample(s) for s in part] for part in (one.support, one.query))]
            )
            if maps is not None:
                found = [find_map(Path(maps), one.name, sample) for sample in one.query]
                described.append([None if file is None else self.file(file) for file in found])
        return described

    def _sample(self, sample: Sample) -> list[str]:
        truth = None if sample.truth is None else sample.truth.path
        return [sample.name, self.file(sample.image), *([] if truth is None else [self.file(truth)])]

    def file(self, file: Path) -> str:
        """Digest of one file; raises DataError."""
        try:
            about = file.stat()
            seen = (about.st_size, about.st_mtime_ns)
            if file not in self._known or self._known[file][0] != seen:
                self._known[file] = seen, sha256(file)[:16]
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DataError(f"not readable ({reason})", where=file) from error
        return self._known[file][1]
