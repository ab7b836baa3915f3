"""Files inspected as they arrive, each content once, whatever ends the program.

::

    out/results.jsonl        as of any batch; of each image also ``file``: size, mtime_ns and sha256
        passed_over.jsonl    files that are not inspected: the same content again, or not readable

The line of ``results.jsonl`` is what makes a file done. Names of masks end in the first digits of the content's
SHA-256: a file that is replaced by another of the same name leaves both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from flawscope.digests import sha256
from flawscope.errors import FlawscopeError, ImageError
from flawscope.images import Image, Tones, read_image
from flawscope.inspect.arrivals import Arrivals, Stamp, stamp_of
from flawscope.inspect.batch import Settings, inspect_all
from flawscope.inspect.folder import ResultFolder, Wanted, open_results
from flawscope.inspect.inspector import Inspector
from flawscope.inspect.json_lines import append_line, mend_lines
from flawscope.inspect.sources import Item
from flawscope.inspect.strip_records import STRIP_BYTES
from flawscope.inspect.tables import Record
from flawscope.segment.base import Segmenter

PASSED_OVER = "passed_over.jsonl"
_AT_ONCE = 32
"""Files whose results are in memory together."""

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told what becomes of the files.

    Attributes:
        inspected: the record of each file.
        duplicate: a file, and the earlier one with its content.
        failed: why a file cannot be used.
        tones: as for :func:`flawscope.inspect.sources.items`.
    """

    inspected: Callable[[Record], None]
    duplicate: Callable[[str, str], None]
    failed: Callable[[FlawscopeError], None]
    tones: Callable[[str, Tones], None]


@dataclass
class Watcher:
    """Inspects what has arrived; see :func:`open_watcher`.

    Attributes:
        outcomes: of the files of this run: how many were ``inspected``, ``clean``, ``duplicate``, ``failed``, and
            how many had which verdict.
        stopped: whether Ctrl-C came during :meth:`look`.
    """

    segmenter: Segmenter
    settings: Settings
    inspector: Inspector
    arrivals: Arrivals
    told: Told
    page: int | None = None
    white: int | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    stopped: bool = False
    _inspected: dict[str, Stamp] = field(default_factory=dict)
    _passed_over: dict[str, Stamp] = field(default_factory=dict)
    _digests: dict[bytes, str] = field(default_factory=dict)
    _folder: ResultFolder = field(init=False)

    def begin(self, out: Path, wanted: Wanted, made_with: dict[str, Any], *, overwrite: bool = False) -> None:
        """Open the folder of results and learn from it what is done; ``overwrite`` removes that instead.

        Raises:
            UsageError: its results were made with something else.
            OutputError: it cannot be written.
        """
        self._folder = open_results(
            out,
            wanted,
            resume=not overwrite,
            overwrite=overwrite,
            made_with=made_with,
            on_record=self._remember_inspected,
        )
        passed_over = out / PASSED_OVER
        if overwrite:
            passed_over.unlink(missing_ok=True)
        elif passed_over.exists():
            for line in mend_lines(passed_over, ("source", "file")):
                stamp = Stamp(line["file"]["size"], line["file"]["mtime_ns"])
                self._passed_over[line["source"]] = stamp

    def look(self) -> None:
        """Inspect what stands still and is not known.

        Raises:
            OutputError: results can no longer be written; what was written stands.
        """
        ready = self.arrivals.ready(self._is_known)
        for first in range(0, len(ready), _AT_ONCE):
            if self.stopped:
                return
            self._inspect(ready[first : first + _AT_ONCE])

    def finish(self) -> None:
        """Write the tables of everything ever inspected into the folder."""
        self._folder.finish()

    def _is_known(self, source: str, stamp: Stamp) -> bool:
        return stamp in (self._inspected.get(source), self._passed_over.get(source))

    def _inspect(self, ready: Sequence[tuple[str, Stamp]]) -> None:
        stamps = dict(ready)
        again: list[tuple[str, bytes]] = []
        outcome = inspect_all(
            self.segmenter,
            self._items(ready, again),
            self._folder,
            self.settings,
            inspector=self.inspector,
            tables=False,
            on_written=self._written,
            on_failure=lambda source, error: self._failed(source, stamps[source], error),
        )
        self.stopped = self.stopped or outcome.interrupted
        for source, digest in again:
            original = self._digests.get(digest)
            if original is not None:  # else what had its content failed, and so will it
                self._pass_over(source, stamps[source], sha256=digest.hex(), duplicate_of=original)
                if original != source:  # else it was only written again
                    self.outcomes["duplicate"] += 1
                    self.told.duplicate(source, original)
        self.arrivals.leave([path for path, stamp in ready if self._is_known(path, stamp)])

    def _items(
        self, ready: Sequence[tuple[str, Stamp]], again: list[tuple[str, bytes]]
    ) -> Iterator[Item | ImageError]:
        """Those whose content is new; files with a content that has been seen go to ``again``."""
        flying: set[bytes] = set()
        for source, stamp in ready:
            try:
                digest = _digest(source, stamp)
            except ImageError as error:
                yield error
                continue
            if digest in self._digests or digest in flying:
                again.append((source, digest))
                continue
            flying.add(digest)
            relative = PurePosixPath(source).relative_to(self.arrivals.root.as_posix())
            yield Item(
                source,
                f"{relative.with_suffix('')}-{digest.hex()[:_DIGITS]}",
                partial(self._read, source, stamp),
                {"file": {**asdict(stamp), "sha256": digest.hex()}},
            )

    def _read(self, source: str, stamp: Stamp) -> Image:
        image = read_image(
            source, page=self.page, white=self.white, on_tones=partial(self.told.tones, source)
        )
        if stamp_of(source) != stamp:
            raise ImageError("changed while it was read", where=source)
        return image

    def _remember_inspected(self, record: Record) -> None:
        about = record["file"]
        self._inspected[record["source"]] = Stamp(about["size"], about["mtime_ns"])
        self._digests[bytes.fromhex(about["sha256"])] = record["source"]

    def _written(self, record: Record) -> None:
        self.outcomes["inspected"] += 1
        self.outcomes["clean"] += not record["defects"]
        if "verdict" in record:
            self.outcomes[record["verdict"]["outcome"]] += 1
        self.told.inspected(record)

    def _failed(self, source: str, stamp: Stamp, error: FlawscopeError) -> None:
        if stamp_of(source) != stamp:
            return  # somebody is still writing it, or took it away
        self._pass_over(source, stamp, error=str(error))
        self.outcomes["failed"] += 1
        self.told.failed(error)

    def _pass_over(self, source: str, stamp: Stamp, *, sha256: str | None = None, **why: str) -> None:
        about = {**asdict(stamp), **({} if sha256 is None else {"sha256": sha256})}
        append_line(self._folder.root / PASSED_OVER, {"source": source, "file": about, **why})
        self._passed_over[source] = stamp


def _digest(source: str, stamp: Stamp) -> bytes:
    if stamp.size > STRIP_BYTES:
        raise ImageError(
            f"larger than {STRIP_BYTES // 2**20} MiB",
            where=source,
            remedy="Inspect it as a strip: flawscope inspect --strip",
        )
    try:
        return bytes.fromhex(sha256(Path(source)))
    except OSError as error:
        raise ImageError(f"not readable ({(error.strerror or str(error)).lower()})", where=source) from error
