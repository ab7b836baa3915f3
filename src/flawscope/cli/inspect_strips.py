"""The strips among what ``flawscope inspect`` is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flawscope.cli.output import progress_bar
from flawscope.cli.predict import report_failure

if TYPE_CHECKING:
    from flawscope.errors import FlawscopeError
    from flawscope.inspect import Outcome, ResultFolder, Settings
    from flawscope.inspect.inspector import Inspector
    from flawscope.segment import Segmenter


@dataclass(frozen=True, slots=True)
class RawRows:
    """How the rows of strips are stored; see :func:`flawscope.inspect.strip_source.open_strip`."""

    width: int | None
    dtype: str
    channels: int
    page: int | None
    white: int | None


def is_strip(path: Path) -> bool:
    """Whether a file is inspected as a strip unasked, for its size."""
    from flawscope.inspect.sources import is_video
    from flawscope.inspect.strip_records import STRIP_BYTES

    return not is_video(path) and path.stat().st_size > STRIP_BYTES


def inspect_strips(
    segmenter: Segmenter,
    files: Sequence[tuple[Path, str]],
    folder: ResultFolder,
    settings: Settings,
    inspector: Inspector,
    outcome: Outcome,
    *,
    rows: RawRows,
    resume: bool,
    overwrite: bool,
) -> None:
    """Inspect one strip after the other; ``outcome`` gets what became of them.

    Raises:
        OutputError: results can no longer be written.
    """
    from flawscope.errors import FlawscopeError, OutputError
    from flawscope.inspect.strip_records import add_strip
    from flawscope.inspect.strip_source import open_strip

    def failed(source: str, error: FlawscopeError) -> None:
        outcome.failures.append((source, error))
        report_failure(error)

    done = folder.done
    for path, key in files:
        name = path.as_posix()
        if name in done:
            continue
        try:
            source = open_strip(
                path,
                width=rows.width,
                dtype=rows.dtype,
                channels=rows.channels,
                page=rows.page,
                white=rows.white,
            )
            with progress_bar() as bar:
                task = bar.add_task(f"{path.name}, rows", total=source.expected_rows)
                result, record = add_strip(
                    segmenter,
                    source,
                    folder,
                    settings,
                    inspector,
                    folder.claim(name, key),
                    resume=resume,
                    overwrite=overwrite,
                    on_rows=lambda reached: bar.update(task, completed=reached),  # noqa: B023
                )
        except OutputError:
            raise
        except FlawscopeError as error:
            failed(name, error)
            continue
        if result.problem is not None:
            failed(name, result.problem)
        if record is not None:
            outcome.written.append(record)
        if result.interrupted:
            outcome.interrupted = True
            break
    folder.finish()
