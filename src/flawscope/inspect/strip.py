"""A strip of any length: rows in, pieces of its mask and whole regions out, in bounded memory.

See ``docs/strips.md``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from flawscope.errors import ImageError, UsageError
from flawscope.images import Image, Mask
from flawscope.inspect.measure import contrast_of
from flawscope.inspect.strip_again import RowsAgain
from flawscope.inspect.strip_folder import StripFolder, read_records, to_line, to_region
from flawscope.inspect.strip_gate import CountedGate, behind_gate, check_background
from flawscope.inspect.strip_regions import Region, RegionStream
from flawscope.inspect.strip_seen import SeenRows
from flawscope.inspect.strip_source import RowSource
from flawscope.segment.base import Segmenter, binarize
from flawscope.segment.description import made_with
from flawscope.segment.tiled import Tiled

SCHEMA = "flawscope/strip/1"

PIECE_ROWS = 2048
"""About as many rows are recorded at a time: what a killed run does again at most."""


@dataclass(frozen=True, slots=True)
class StripResult:
    """What became of a strip.

    Attributes:
        root: the folder with its results.
        rows: rows that were inspected, in this run and those before.
        width: pixels in a row.
        labels: names of classes 1 to K.
        counts: finished regions, by label.
        problem: why the strip ended early, None if it did not; what was computed stands, and resuming goes on.
        interrupted: whether Ctrl-C ended it.
        seconds: of this run.
        background: where background was skipped, the gate's ``middle``, ``spread`` and ``level``, how many ``tiles``
            it was asked about, and how many were ``skipped``.
    """

    root: Path
    rows: int
    width: int
    labels: tuple[str, ...]
    counts: dict[str, int]
    problem: ImageError | None = None
    interrupted: bool = False
    seconds: float = 0.0
    background: dict[str, Any] | None = None

    def records(self) -> Iterator[dict[str, Any]]:
        """The regions as they are stored, with what ``measure`` said of each, one at a time."""
        return read_records(self.root)

    def regions(self) -> Iterator[Region]:
        """The regions, one at a time."""
        return (to_region(record) for record in self.records())


def inspect_strip(
    segmenter: Segmenter,
    source: RowSource,
    out: Path,
    *,
    threshold: float | None = None,
    min_area: int = 1,
    masks: bool = True,
    contrast: bool = False,
    skip_background: float | None = None,
    measure: Callable[[Region], Mapping[str, Any]] = lambda _region: {},
    note: Mapping[str, Any] | None = None,
    piece_rows: int = PIECE_ROWS,
    resume: bool = False,
    overwrite: bool = False,
    on_rows: Callable[[int], None] = lambda _rows: None,
) -> StripResult:
    """Inspect a strip from top to bottom and write its folder (see :mod:`flawscope.inspect.strip_folder`).

    A region is written when no later row can touch it, however many tiles it crossed. A run that was killed,
    interrupted or stopped by a full disk leaves a folder from which ``resume`` goes on; it ends with the same bytes
    as one that ran through.

    Args:
        segmenter: a :class:`flawscope.segment.tiled.Tiled`, or any other, which then gets tiles of the usual size.
        source: the rows; see :func:`flawscope.inspect.strip_source.open_strip`.
        out: the folder for the results.
        threshold: probability above which a pixel is a defect, instead of the segmenter's own.
        min_area: regions of fewer pixels are not listed; the mask, written before their end, keeps them.
        masks: write the mask.
        contrast: measure how each region stands out from what is around it. Rows above the latest are read again,
            a few at a time, so the source must be one that can be.
        skip_background: level of a gate that is learnt from the strip's own tiles (see
            :mod:`flawscope.inspect.strip_gate`): what it takes for background is seen by nobody. A run that goes on
            keeps the gate that was learnt.
        measure: called once for each listed region; the plain values that it returns are stored with it. On resuming
            it is asked again for regions after the last record, whose earlier answers are dropped.
        note: plain values that must not change between runs either, such as a calibration's id.
        piece_rows: about so many rows make one image of the mask and one record of the state.
        resume: go on from what is in ``out``.
        overwrite: begin again in ``out``.
        on_rows: told the number of rows done, after each row of tiles.

    Raises:
        ImageError: the source cannot be read, or unfinished regions grow without bound.
        UsageError: ``out`` holds results and neither was chosen, or was begun with other settings or another strip;
            or contrast is wanted of rows that come only once, or background cannot be learnt from them.
        OutputError: results can no longer be written; what was recorded stands.
    """
    tiled = segmenter if isinstance(segmenter, Tiled) else Tiled(segmenter)
    level = tiled.threshold if threshold is None else threshold
    started = time.perf_counter()
    if contrast and not source.reads_again:
        raise UsageError(
            "contrast cannot be measured of rows that come only once: those around a defect are gone when it ends",
            where=source.name,
            remedy="Give a file, or do without contrast",
        )
    if skip_background is not None:
        check_background(source, tiled, skip_background)
    folder = StripFolder(
        out,
        {
            "strip": source.name,
            "--width": source.width,
            "--weights": made_with(tiled.segmenter),
            "--tile": list(tiled.tile),
            "--overlap": tiled.overlap,
            "--threshold": level,
            "--min-area": min_area,
            "--white": source.white,
            "--masks": masks,
            "contrast": contrast,
            "gate": repr(tiled.is_empty) if tiled.is_empty is not None else None,
            "--skip-background": skip_background,
            "rows a piece": piece_rows,
            **(note or {}),
        },
        resume=resume,
        overwrite=overwrite,
    )
    gate = None
    if skip_background is not None and not folder.meta["finished"]:
        tiled, gate = behind_gate(tiled, source, skip_background, folder.meta["background"])
    step = tiled.tile[0] - tiled.overlap
    again = RowsAgain(source) if contrast else None
    seen = SeenRows(source, folder.meta["seen"], out, None if again is None else again.keep)
    work = _Work(
        folder,
        seen,
        tiled.labels,
        min_area,
        masks,
        again,
        gate,
        measure,
        max(1, round(piece_rows / step)),
        source.width,
    )
    interrupted = False
    try:
        if folder.meta["finished"]:
            seen.pass_over_earlier()
        else:
            for band in tiled.bands(seen.read, after=folder.meta["tile_rows"]):
                mask = binarize(band.probability, level)
                work.take(mask, work.regions.add(mask, band.probability, band.image), band.resume_at)
                on_rows(work.regions.next_row)
            work.end(source)
    except KeyboardInterrupt:
        interrupted = True
    return StripResult(
        root=out,
        rows=work.regions.next_row if not interrupted else folder.meta["rows"],
        width=source.width,
        labels=tiled.labels,
        counts=work.counts if not interrupted else dict(folder.meta["counts"]),
        problem=source.problem,
        interrupted=interrupted,
        seconds=time.perf_counter() - started,
        background=folder.meta["background"] or None,
    )


@dataclass
class _Work:
    """What has been computed and not yet recorded."""

    folder: StripFolder
    seen: SeenRows
    labels: tuple[str, ...]
    min_area: int
    masks: bool
    again: RowsAgain | None
    gate: CountedGate | None
    measure: Callable[[Region], Mapping[str, Any]]
    bands_a_piece: int
    width: int
    lines: list[str] = field(default_factory=list)
    held: list[Mask] = field(default_factory=list)

    def __post_init__(self) -> None:
        meta, arrays = self.folder.meta, self.folder.arrays
        self.counts = {label: meta["counts"].get(label, 0) for label in self.labels}
        self.regions = RegionStream.restored(self.width, arrays) if arrays else RegionStream(self.width)
        if not arrays:
            self.regions.next_row = meta["rows"]

    def take(self, mask: Mask, ended: list[Region], resume_at: int | None) -> None:
        """Rows of the mask and the regions that ended in them."""
        self._list(ended)
        if self.masks:
            self.held.append(mask)
        if resume_at is not None and resume_at % self.bands_a_piece == 0:
            self._write_piece()
            if self.gate is not None:
                self.folder.meta["background"] = self.gate.to_json(without_last_row=True)
            self.folder.commit(
                resume_at,
                self.regions.next_row,
                self.lines,
                self.counts,
                self.regions.state(),
                self.seen.to_json(),
            )
            self.lines = []

    def end(self, source: RowSource) -> None:
        """The last rows, whatever ended the strip."""
        self._list(self.regions.finish())
        self._write_piece()
        background = self.folder.meta["background"] = {} if self.gate is None else self.gate.to_json()
        summary = {
            "schema": SCHEMA,
            "source": source.name,
            "read_with": source.read_with,
            "rows": self.regions.next_row,
            "declared_rows": source.rows,
            "width": source.width,
            "labels": self.labels,
            "regions": self.counts,
            "background": background or None,
            "problem": None if source.problem is None else str(source.problem),
        }
        self.folder.finish(self.lines, summary, self.seen.to_json(), whole=source.problem is None)

    def _list(self, ended: list[Region]) -> None:
        for region in ended:
            if region.runs.area >= self.min_area:
                label = self.labels[region.number - 1]
                self.counts[label] += 1
                # rows are read further ahead than a ring reaches below a region that has ended
                if self.again is not None:
                    image = cast(Image, self.again)
                    region = replace(region, contrast=contrast_of(region.runs, image))
                self.lines.append(to_line(region, label, self.measure(region)))

    def _write_piece(self) -> None:
        if self.held:
            top = self.regions.next_row - sum(len(mask) for mask in self.held)
            self.folder.write_piece(top, np.concatenate(self.held), len(self.labels))
            self.held = []
