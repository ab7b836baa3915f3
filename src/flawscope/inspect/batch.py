"""Many images: decoding ahead and writing behind while the network works."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from flawscope.errors import FlawscopeError, ImageError, OutputError
from flawscope.images import Image
from flawscope.inspect.folder import ResultFolder
from flawscope.inspect.inspector import Inspector
from flawscope.inspect.reduction import reduction
from flawscope.inspect.sources import Item
from flawscope.inspect.tables import Record
from flawscope.results import InspectionResult
from flawscope.segment.base import Binarize, Segmenter, predict
from flawscope.segment.loading import LoadedSegmenter

_T = TypeVar("_T")

_READ_AHEAD = 3
_WRITE_BEHIND = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """How every image of a batch is judged; see :func:`flawscope.segment.predict`.

    Attributes:
        allow_reduction: whether images may be reduced so far that defects vanish; see
            :mod:`flawscope.inspect.reduction`.
    """

    threshold: float | None = None
    method: Binarize = "threshold"
    min_area: int = 1
    allow_reduction: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values, for reports."""
        return {
            "threshold": self.threshold,
            "binarize": self.method,
            "min_area": self.min_area,
            "allow_reduction": self.allow_reduction,
        }


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
    at_once = segmenter.at_once if isinstance(segmenter, LoadedSegmenter) else 1

    def look(item: Item, reading: Future[Image]) -> tuple[Image, InspectionResult]:
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
        seen = reduction(segmenter, result.height, result.width, allowed=settings.allow_reduction)
        return image, replace(result, extra={**result.extra, **seen})

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
    lookers = ThreadPoolExecutor(at_once, thread_name_prefix="look") if at_once > 1 else _Here()
    writer = ThreadPoolExecutor(1, thread_name_prefix="write")
    sound = _sound(stream, failed)
    read = _ahead(((item, readers.submit(item.read)) for item in sound), _READ_AHEAD)
    try:
        for item, looking in _ahead(
            ((item, lookers.submit(look, item, reading)) for item, reading in read),
            at_once if at_once > 1 else 0,
        ):
            try:
                image, result = looking.result()
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
        lookers.shutdown(wait=False, cancel_futures=True)
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


class _Here(Executor):
    """Does the work in the thread that submits it."""

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        """A future that is done."""
        done: Future[Any] = Future()
        try:
            done.set_result(work(*given, **named))
        except Exception as error:
            done.set_exception(error)
        return done


def _sound(
    stream: Iterable[Item | ImageError], failed: Callable[[str, FlawscopeError], None]
) -> Iterator[Item]:
    """What can be read; the rest is reported."""
    for item in stream:
        if isinstance(item, ImageError):
            failed(item.where or "input", item)
        else:
            yield item


def _ahead(begun: Iterable[tuple[Item, Future[_T]]], many: int) -> Iterator[tuple[Item, Future[_T]]]:
    """The same, begun so many ahead of the caller."""
    waiting: deque[tuple[Item, Future[_T]]] = deque()
    for each in begun:
        waiting.append(each)
        if len(waiting) > many:
            yield waiting.popleft()
    yield from waiting


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
