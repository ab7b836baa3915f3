"""The folder of a strip: whole pieces of its mask, its regions, and the state to go on from.

::

    out/masks/rows_000000000.png    0/255 for one class, class numbers for several; named by its first row
        regions.jsonl               one finished region a line, in the order they ended
        strip.json                  what was inspected, with what, and how it ended
        state.npz                   how far it has come; what else is there beyond it is done again on resuming
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.errors import OutputError, UsageError
from flawscope.images import Mask, write_image
from flawscope.inspect.strip_regions import Region
from flawscope.outputs import dumps, output_error, write_bytes, write_json
from flawscope.runs import Runs

REGIONS, SUMMARY, STATE = "regions.jsonl", "strip.json", "state.npz"
_PIECES = "rows_*.png"
_META = "meta"
_HALF_WRITTEN = (".state-*.npz", ".strip-*.json", "masks/.rows_*.png")
"""Temporary files that a killed program leaves."""

Arrays = dict[str, npt.NDArray[Any]]


class StripFolder:
    """Where a strip is written. What :meth:`commit` has recorded outlives a killed program.

    Args:
        root: made if it is not there.
        made_with: plain values that must stay the same from run to run, under the names to complain with.
        resume: go on from what is there, or begin where nothing is.
        overwrite: remove what an earlier run left, and begin again.

    Attributes:
        meta: ``tile_rows``, ``rows``, ``bytes`` of regions, ``counts`` of regions by label, ``seen`` of the strip
            (:class:`flawscope.inspect.strip_seen.SeenRows`), ``background``
            (:class:`flawscope.inspect.strip_gate.CountedGate`) and ``finished``.
        arrays: the state of the regions; empty at the beginning.

    Raises:
        UsageError: results are there and neither was chosen, or were made with other values.
        OutputError: the folder cannot be written.
    """

    def __init__(
        self, root: Path, made_with: Mapping[str, Any], *, resume: bool = False, overwrite: bool = False
    ) -> None:
        self.root = root
        self.made_with = json.loads(dumps(made_with))
        self.meta: dict[str, Any] = {
            "tile_rows": 0,
            "rows": 0,
            "bytes": 0,
            "counts": {},
            "seen": {},
            "background": {},
            "finished": False,
        }
        self.arrays: Arrays = {}
        try:
            root.mkdir(parents=True, exist_ok=True)
            there = (root / STATE).exists()
            if there and not (resume or overwrite):
                raise UsageError(
                    "already holds an inspected strip",
                    where=root,
                    remedy="Go on with --resume, begin again with --overwrite, or choose another --out",
                )
            if not there and any((root / "masks").glob("*")):
                raise UsageError(
                    "holds a folder 'masks' that no strip has made",
                    where=root,
                    remedy="Choose another --out, so that nothing of yours is overwritten",
                )
            for torn in (half for pattern in _HALF_WRITTEN for half in root.glob(pattern)):
                torn.unlink()
            if there and not overwrite:
                self._restore()
                return
            for old in (*(root / "masks").glob(_PIECES), root / SUMMARY, root / STATE):
                old.unlink(missing_ok=True)
            (root / REGIONS).write_bytes(b"")
        except OSError as error:
            raise output_error(error, root) from error
        self._write_state()

    def commit(
        self,
        tile_rows: int,
        rows: int,
        lines: list[str],
        counts: Mapping[str, int],
        arrays: Arrays,
        seen: Mapping[str, Any],
    ) -> None:
        """Record that everything above row ``rows`` is done.

        Args:
            tile_rows: rows of tiles that are done.
            rows: first row that is not done.
            lines: regions that ended since the last time, from :func:`to_line`.
            counts: regions so far, by label.
            arrays: the state of the regions.
            seen: which rows were read for it.

        Raises:
            OutputError: the disk is full; what was recorded before stands.
        """
        size = self.append(lines)
        self.arrays = arrays
        self.meta.update(tile_rows=tile_rows, rows=rows, bytes=size, counts=dict(counts), seen=dict(seen))
        self._write_state()

    def append(self, lines: list[str]) -> int:
        """Write regions behind those that were recorded, over anything else; the length of the file then."""
        path = self.root / REGIONS
        try:
            with path.open("r+b") as opened:
                opened.truncate(self.meta["bytes"])
                opened.seek(self.meta["bytes"])
                opened.write("".join(lines).encode())
                opened.flush()
                os.fsync(opened.fileno())
                return opened.tell()
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(path, self.meta["bytes"])
            raise output_error(error, path) from error

    def write_piece(self, top: int, mask: Mask, classes: int) -> None:
        """Rows of the mask from ``top`` on, as one image."""
        factor = np.uint8(255 if classes == 1 else 1)
        write_image(self.root / "masks" / f"rows_{top:09d}.png", mask * factor)

    def finish(
        self, lines: list[str], summary: Mapping[str, Any], seen: Mapping[str, Any], *, whole: bool
    ) -> None:
        """Write the last regions and the summary; only a ``whole`` strip counts as finished."""
        size = self.append(lines)
        write_json(self.root / SUMMARY, {**summary, "made_with": self.made_with})
        if whole:
            self.meta.update(
                bytes=size, rows=summary["rows"], counts=summary["regions"], seen=dict(seen), finished=True
            )
            self.arrays = {}
            self._write_state()

    def _write_state(self) -> None:
        content = io.BytesIO()
        text = dumps({**self.meta, "made_with": self.made_with}, indent=None)
        np.savez(content, allow_pickle=False, **{_META: np.array(text)}, **self.arrays)
        write_bytes(self.root / STATE, content.getvalue())

    def _restore(self) -> None:
        meta, self.arrays = _read_state(self.root / STATE)
        before = meta.pop("made_with")
        self.meta |= meta
        try:
            written = (self.root / REGIONS).stat().st_size
        except FileNotFoundError:
            written = -1
        if written < self.meta["bytes"]:
            raise UsageError(
                "regions that were recorded are missing",
                where=self.root / REGIONS,
                remedy="Begin again with --overwrite",
            )
        differences = [
            f"{name} {before.get(name)}, not {value}"
            for name, value in self.made_with.items()
            if before.get(name) != value
        ]
        if differences:
            raise UsageError(
                f"made with {'; '.join(differences)}",
                where=self.root,
                remedy="Resume with the same, begin again with --overwrite, or choose another --out",
            )


def add_to_summary(root: Path, more: Mapping[str, Any]) -> None:
    """Write into a strip's summary what is known of it when all its regions are.

    Raises:
        OutputError: it cannot be read or written.
    """
    if not more:
        return
    path = root / SUMMARY
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise output_error(error, path) from error
    except ValueError as error:
        raise OutputError("is not JSON", where=path, remedy="Begin again with --overwrite") from error
    write_json(path, {**summary, **more})


def begun_with(root: Path) -> str:
    """The name of the strip that a folder was begun with.

    Raises:
        UsageError: its state cannot be read.
    """
    return str(_read_state(root / STATE)[0]["made_with"].get("strip", root.name))


def _read_state(path: Path) -> tuple[dict[str, Any], Arrays]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            meta = json.loads(str(stored[_META]))
            meta["made_with"]
            return meta, {name: stored[name] for name in stored.files if name != _META}
    except (ValueError, KeyError, TypeError, EOFError, FileNotFoundError) as error:
        raise UsageError(
            "its state cannot be read", where=path, remedy="Begin again with --overwrite"
        ) from error


def in_part(problem: str, of_rows: int | None) -> dict[str, Any]:
    """What the record of a strip says, under ``in_part``, that was not inspected to its end.

    Args:
        problem: why, in one line.
        of_rows: how many rows it should have, where that is known.
    """
    return {"problem": problem, "of_rows": of_rows}


def to_line(region: Region, label: str, more: Mapping[str, Any]) -> str:
    """A line of ``regions.jsonl``."""
    runs = region.runs
    record = {
        "label": label,
        "score": round(region.score, 6),
        "box": runs.box,
        "area_px": runs.area,
        "centroid": [round(value, 2) for value in runs.centroid],
        "brightness": None if region.brightness is None else round(region.brightness, 6),
        "contrast": None if region.contrast is None else round(region.contrast, 6),
        **more,
        "number": region.number,
        "runs": {"rows": runs.rows, "starts": runs.starts, "ends": runs.ends},
    }
    return dumps(record, indent=None) + "\n"


def read_records(root: Path) -> Iterator[dict[str, Any]]:
    """The lines of ``regions.jsonl``, one at a time, with whatever was measured.

    Raises:
        OutputError: a line is not whole; resuming mends it.
    """
    path = root / REGIONS
    try:
        with path.open("rb") as opened:
            for number, line in enumerate(opened, start=1):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise OutputError(
                        f"line {number} is not a region", where=path, remedy="Go on with --resume"
                    ) from error
    except OSError as error:
        raise OutputError(f"not readable ({(error.strerror or '').lower()})", where=path) from error


def to_region(record: Mapping[str, Any]) -> Region:
    """The region of a line."""
    runs = record["runs"]
    return Region(
        record["number"],
        Runs(
            np.array(runs["rows"], np.int64),
            np.array(runs["starts"], np.int32),
            np.array(runs["ends"], np.int32),
        ),
        record["score"],
        record["brightness"],
        record.get("contrast"),
    )
