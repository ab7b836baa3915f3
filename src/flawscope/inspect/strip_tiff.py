"""Rows of a TIFF or BigTIFF of any length, without reading it whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from flawscope.decoding import REPAIR, check_page
from flawscope.errors import ImageError
from flawscope.inspect.strip_source import FileRows, RowSource, Stored

_MOST_BYTES = 2**28
"""Pixels of one compressed strip, or one row of tiles, that are held at once."""

_BLACK_IS_ZERO, _RGB = 1, 2
_REDUCED_COPY = 1
_ORIENTATION_TAG = 0x0112


def open_tiff(file: Path, page: int | None = None, white: int | None = None) -> RowSource:
    """The rows of a page: straight from the file where they stand in it one after the other, else decoded in pieces.

    Raises:
        ImageError: not a TIFF that can be read in pieces; the line says why.
    """
    try:
        opened = tifffile.TiffFile(file)
    except Exception as error:  # a damaged file makes tifffile raise anything
        raise _damaged(file, error) from error
    with opened:
        try:
            pages: Any = [each for each in opened.pages if not _is_reduced(each)]
        except Exception as error:
            raise _damaged(file, error) from error
        if not pages:
            raise _damaged(file, ValueError("no page"))
        check_page(file, page, len(pages))
        chosen = pages[page or 0]
        _check_kind(chosen, file)
        rows, columns, samples = (
            int(side) for side in (chosen.imagelength, chosen.imagewidth, chosen.samplesperpixel)
        )
        shape = (rows, columns) if samples == 1 else (rows, columns, samples)
        dtype = np.dtype(chosen.dtype).newbyteorder(opened.byteorder)
        if chosen.is_contiguous:
            return FileRows(file, shape, dtype, int(chosen.dataoffsets[0]), white)
        return SegmentedRows(file, chosen, shape, dtype, white)


class SegmentedRows(RowSource):
    """A page in strips or tiles, which are decoded one row of them at a time and each once."""

    def __init__(
        self, file: Path, page: Any, shape: tuple[int, ...], dtype: np.dtype[Any], white: int | None
    ) -> None:
        super().__init__(file.as_posix(), shape[1], shape[0], white)
        self._file, self._page, self._shape = file, page, shape[1:]
        self._dtype = dtype.newbyteorder("=")
        self._height = int(page.tilelength if page.is_tiled else min(page.rowsperstrip, shape[0]))
        self._across = -(-shape[1] // int(page.tilewidth)) if page.is_tiled else 1
        self._held: tuple[int, Stored] | None = None
        piece = self._height * int(np.prod(self._shape)) * self._dtype.itemsize
        if piece > _MOST_BYTES:
            raise ImageError(
                f"its {shape[0]} rows are compressed in pieces of {self._height} rows ({piece / 2**20:,.0f} MiB), "
                "which cannot be read a few rows at a time",
                where=file,
                remedy="Save it without compression, or in tiles or strips of 256 rows",
            )

    def _stored(self, start: int, stop: int) -> Stored:
        assert self.rows is not None
        stop = min(stop, self.rows)
        parts: list[Stored] = []
        while start < stop:
            number = start // self._height
            piece = self._piece(number)
            if piece is None:
                break
            top = number * self._height
            parts.append(piece[start - top : stop - top])
            start = top + len(piece)
        return np.concatenate(parts) if parts else np.zeros((0, *self._shape), self._dtype)

    def _piece(self, number: int) -> Stored | None:
        """The pixels of a row of tiles, or of a strip; None where the file ends or is damaged."""
        if self._held is None or self._held[0] != number:
            try:
                self._held = number, self._decoded(number)
            except MemoryError:
                raise
            except Exception as error:
                if isinstance(error, ValueError) and "imagecodecs" in str(error):
                    raise ImageError(
                        "a TIFF compressed in a way that this installation cannot read",
                        where=self._file,
                        remedy="Save it uncompressed or with deflate, or run: pip install imagecodecs",
                    ) from error
                self._ends_early(
                    number * self._height,
                    "the file ends or is damaged",
                    "When the whole file is there, go on with --resume",
                )
                return None
        return self._held[1]

    def _decoded(self, number: int) -> Stored:
        assert self.rows is not None
        page = self._page
        rows = min(self._height, self.rows - number * self._height)
        piece = np.zeros((rows, *self._shape), self._dtype)
        tables = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
        with self._file.open("rb") as opened:
            for index in range(number * self._across, (number + 1) * self._across):
                size = int(page.databytecounts[index])
                opened.seek(int(page.dataoffsets[index]))
                content = opened.read(size)
                if len(content) < size:
                    raise EOFError
                decoded, (_, _, _, left, _), (_, length, width, _) = page.decode(content, index, **tables)
                if decoded is None:  # a tile that was never written is black
                    continue
                part = decoded[0, : min(length, rows), : min(width, self.width - left)]
                piece[: len(part), left : left + part.shape[1]] = part.reshape(
                    *part.shape[:2], *self._shape[1:]
                )
        return piece


def _check_kind(page: Any, file: Path) -> None:
    """Raise ImageError for pages whose stored values are not simply the picture."""
    orientation = page.tags.get(_ORIENTATION_TAG)
    bits = page.bitspersample
    complaint = (
        "its colours are not stored as grey or RGB with black as zero"
        if int(page.photometric) not in (_BLACK_IS_ZERO, _RGB)
        else "its colour planes stand one after the other"
        if int(page.planarconfig) == 2 and int(page.samplesperpixel) > 1
        else f"its pixels have {bits} bits"
        if bits not in (8, 16, 32, 64)
        else "it is stored turned or mirrored"
        if orientation is not None and int(orientation.value) != 1
        else None
    )
    if complaint is not None:
        raise ImageError(
            f"{complaint}, which is not read in pieces",
            where=file,
            remedy="Save it upright as grey or RGB with 8 or 16 bits",
        )


def _is_reduced(page: Any) -> bool:
    return page.index > 0 and bool(int(getattr(page, "subfiletype", 0) or 0) & _REDUCED_COPY)


def _damaged(file: Path, error: Exception) -> ImageError:
    reason = " ".join(str(error).split())[:80] or type(error).__name__
    return ImageError(f"not readable as a TIFF ({reason})", where=file, remedy=REPAIR)
