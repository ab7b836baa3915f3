"""The strips among what ``flawscope inspect`` is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flawscope.cli.output import progress_bar
from flawscope.cli.predict import print_note, report_failure
from flawscope.cli.train_options import is_given

if TYPE_CHECKING:
    from flawscope.errors import FlawscopeError
    from flawscope.inspect import Outcome, ResultFolder, Settings
    from flawscope.inspect.inspector import Inspector
    from flawscope.inspect.tables import Record
    from flawscope.segment import Segmenter


@dataclass(frozen=True, slots=True)
class StoredRows:
    """How the rows of strips are stored; see :func:`flawscope.inspect.strip_source.open_strip`."""

    width: int | None
    rows: int | None
    dtype: str
    channels: int
    page: int | None
    white: int | None


def is_strip(path: Path) -> bool:
    """Whether a file is inspected as a strip unasked, for its size."""
    from flawscope.inspect.sources import is_video
    from flawscope.inspect.strip_records import STRIP_BYTES

    return not is_video(path) and path.stat().st_size > STRIP_BYTES


def look_for_idle_options(
    context: typer.Context, strips: Sequence[tuple[Path, str]], *, only: bool
) -> list[str]:
    """Notes on options that do nothing for strips, where there are images too; each is told.

    Args:
        context: of the command.
        strips: the files that are inspected as strips.
        only: there are no images beside them.

    Raises:
        UsageError: such an option is given and there are only strips.
    """
    from flawscope.errors import UsageError

    given = [
        f"--{name}"
        for name in ("probabilities", "overlays", "every", "limit")
        if is_given(context, name) and context.params[name] is not False
    ]
    if not strips or not given:
        return []
    options = ", ".join(given)
    does, it = ("does", "it") if len(given) == 1 else ("do", "them")
    if only:
        raise UsageError(f"{does} not apply to strips", where=options, remedy=f"Leave {it} out")
    name = strips[0][0].as_posix() + (f" and {len(strips) - 1} more" if len(strips) > 1 else "")
    note = f"{options} {does} not apply to {name}, inspected as {'a strip' if len(strips) == 1 else 'strips'}"
    print_note(note)
    return [note]


def look_for_strip_options(
    skip_background: float | None,
    images: Sequence[tuple[Path, str]],
    strips: Sequence[tuple[Path, str]],
) -> list[str]:
    """Notes on options that do nothing for images, where there are strips too; each is told.

    Raises:
        UsageError: such an option is given and there are no strips.
    """
    from flawscope.errors import UsageError

    if skip_background is None or not images:
        return []
    if not strips:
        raise UsageError(
            "applies to strips only", where="--skip-background", remedy="Add --strip, or leave it out"
        )
    more = f" and {len(images) - 1} more" if len(images) > 1 else ""
    note = f"--skip-background does not apply to {images[0][0].as_posix()}{more}, inspected whole"
    print_note(note)
    return [note]


def inspect_strips(
    segmenter: Segmenter,
    files: Sequence[tuple[Path, str]],
    folder: ResultFolder,
    settings: Settings,
    inspector: Inspector,
    outcome: Outcome,
    *,
    stored: StoredRows,
    skip_background: float | None = None,
    resume: bool,
    overwrite: bool,
) -> None:
    """Inspect one strip after the other; ``outcome`` gets what became of them.

    Raises:
        OutputError: results can no longer be written.
    """
    from flawscope.errors import FlawscopeError, OutputError, UsageError
    from flawscope.inspect.strip_records import add_strip
    from flawscope.inspect.strip_source import open_strip

    def told(source: str, error: FlawscopeError) -> None:
        outcome.failures.append((source, error))
        report_failure(error)

    def failed(source: str, error: FlawscopeError, record: Record | None = None) -> None:
        told(source, error)
        folder.failures.add(source, error, record=record)

    heights = {record["source"]: record["height"] for record in folder.records}
    for path, key in files:
        name = path.as_posix()
        if name in heights:
            if stored.rows not in (None, heights[name]):
                other = f"was inspected earlier as a strip of {heights[name]} rows, not {stored.rows}"
                told(name, UsageError(other, where=name, remedy="Begin again with --overwrite"))
            continue
        try:
            source = open_strip(
                path,
                width=stored.width,
                dtype=stored.dtype,
                channels=stored.channels,
                rows=stored.rows,
                page=stored.page,
                white=stored.white,
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
                    skip_background=skip_background,
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
            failed(name, result.problem, record)
        elif record is not None:
            outcome.written.append(record)
        if result.interrupted:
            outcome.interrupted = True
            break
    folder.finish()
