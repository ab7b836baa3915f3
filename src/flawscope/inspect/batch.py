"""Many images: decoding ahead and writing behind while the network works."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from flawscope.errors import FlawscopeError, ImageError, OutputError
from flawscope.images import Image
from flawscope.inspect.folder import ResultFolder
from flawscope.inspect.inspector import Inspector
from flawscope.inspect.sources import Item
from flawscope.inspect.tables import Record
from flawscope.results import InspectionResult
from flawscope.segment.base import Binarize, Segmenter, predict

_READ_AHEAD = 3
_WRITE_BEHIND = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """How every image of a batch is judged; see :func:`flawscope.segment.predict`."""

    threshold: float | None = None
    method: Binarize = "threshold"
    min_area: int = 1

    def to_json(self) -> dict[str, Any]:
        """Plain values, for reports."""
        return {"threshold": self.threshold, "binarize": self.method, "min_area": self.min_area}


@dataclass
class Outcome:
    """What became of a batch.

    Attributes:
        written: records of the images done in this run.
        failures: ``(source, error)`` of the images that could not be done.
        interrupted: whether Ctrl-C ended it early.
        notes: one line for each doubt about the images, such as a missing ``white``.
    """

    written: list[Record] = field(default_factory=list)
    failures: list[tuple[str, FlawscopeError]] = field(default_factory=list)
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)


def inspect_all(
    segmenter: Segmenter,
    stream: Iterable[Item | ImageError],
    folder: ResultFolder,
    settings: Settings,
    *,
    inspector: Inspector | None = None,
    tables: bool = True,
    on_done: Callable[[], None] = lambda: None,
    on_written: Callable[[Record], None] = lambda _record: None,
    on_failure: Callable[[str, FlawscopeError], None] = lambda _source, _error: None,
) -> Outcome:
    """Segment every image of ``stream`` and write it to ``folder``.

    An image that cannot be used is reported and passed over. Ctrl-C finishes what is being written and
    returns; tables are written in every case, also when the disk is full as far as that is possible.

    Args:
        segmenter: any.
        stream: what to inspect.
        folder: where the results go.
        settings: how every image is segmented.
        inspector: measures and judges every image.
        tables: write the tables in the end.
        on_done: called for each image, done or failed.
        on_written: told the record of each image that is done, in order.
        on_failure: told the source and the error of each that is not.

    Raises:
        OutputError: results can no longer be written; what was written before stands.
    """
    outcome = Outcome()
    pending: deque[tuple[str, Future[Record]]] = deque()

    def failed(source: str, error: FlawscopeError) -> None:
        outcome.failures.append((source, error))
        on_failure(source, error)
        on_done()

    def settle(limit: int) -> None:
        while len(pending) > limit:
            source, writing = pending[0]
            try:
                record = writing.result()
            except OutputError:
                raise
            except FlawscopeError as error:
                pending.popleft()
                failed(source, error)
            except MemoryError:
                pending.popleft()
                failed(source, _too_large(source))
            else:
                pending.popleft()
                outcome.written.append(record)
                on_written(record)
                on_done()

    readers = ThreadPoolExecutor(2, thread_name_prefix="read")
    writer = ThreadPoolExecutor(1, thread_name_prefix="write")
    try:
        for item, reading in _ahead(stream, readers, failed):
            try:
                image = reading.result()
                result = predict(
                    segmenter,
                    image,
                    source=item.source,
                    threshold=settings.threshold,
                    method=settings.method,
                    min_area=settings.min_area,
                    keep_probability=folder.wanted.probabilities,
                )
            except FlawscopeError as error:
                failed(item.source, error)
                continue
            except MemoryError:
                failed(item.source, _too_large(item.source))
                continue
            key = folder.claim(item.source, item.key)
            result = replace(result, extra={**result.extra, **item.more})
            pending.append((item.source, writer.submit(_write, folder, inspector, result, image, key)))
            settle(_WRITE_BEHIND)
        settle(0)
    except KeyboardInterrupt:
        outcome.interrupted = True
    except OutputError:
        if tables:
            with contextlib.suppress(OutputError):
                folder.finish()
        raise
    finally:
        readers.shutdown(wait=False, cancel_futures=True)
        writer.shutdown(wait=True)
        for _, writing in pending:
            if not writing.cancelled() and writing.exception() is None:
                outcome.written.append(writing.result())
                on_written(writing.result())
    if tables:
        folder.finish()
    return outcome


def _write(
    folder: ResultFolder, inspector: Inspector | None, result: InspectionResult, image: Image, key: str
) -> Record:
    if inspector is None:
        return folder.add(result, image, key)
    result, measures = inspector.look(result, image)
    return folder.add(result, image, key, measures)


def _too_large(source: str) -> ImageError:
    return ImageError("too large for this machine's memory", where=source)


def _ahead(
    stream: Iterable[Item | ImageError],
    pool: ThreadPoolExecutor,
    failed: Callable[[str, FlawscopeError], None],
) -> Iterator[tuple[Item, Future[Image]]]:
    """Items with their pixels on the way, a few ahead of the caller."""
    waiting: deque[tuple[Item, Future[Image]]] = deque()
    for item in stream:
        if isinstance(item, ImageError):
            failed(item.where or "input", item)
            continue
        waiting.append((item, pool.submit(item.read)))
        if len(waiting) > _READ_AHEAD:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()


def tally(records: Sequence[Record]) -> dict[str, Any]:
    """Numbers of images, of clean ones, and of defects by class."""
    defects: dict[str, int] = {}
    for record in records:
        for defect in record["defects"]:
            defects[defect["label"]] = defects.get(defect["label"], 0) + 1
    return {
        "images": len(records),
        "clean": sum(not record["defects"] for record in records),
        "defects": defects,
    }


def summary(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """Counts of a run, for the screen and JSON."""
    return {
        **tally(outcome.written),
        "failed": len(outcome.failures),
        "seconds": round(seconds, 3),
        "interrupted": outcome.interrupted,
        "failures": [{"source": source, "error": str(error)} for source, error in outcome.failures],
        "notes": outcome.notes,
    }
