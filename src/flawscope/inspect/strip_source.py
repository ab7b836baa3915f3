"""Rows of a strip, a few at a time, from a file of any length or from a camera.

Files are read piece by piece and not mapped into memory: every page of a mapped file that was touched counts as
memory of the program, and a mapped file that is cut while it is read ends the program without a word.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.decoding import is_tiff
from flawscope.errors import ImageError, UsageError
from flawscope.images import IMAGE_SUFFIXES, Image, check_image, read_image, rescale

Stored = npt.NDArray[Any]

RAW_SUFFIXES = frozenset({".raw", ".bin", ".dat"})


class RowSource:
    """The base of everything that gives rows; each kind says how its stored rows are had.

    Attributes:
        name: for results and complaints.
        width: pixels in a row.
        rows: how many it declares; None when that is not known before the end.
        white: stored value that means white, as in :func:`flawscope.images.read_image`.
        problem: why it ended early, once :meth:`read` has met the end; None as long as all is well.
        reads_again: whether rows that were read can be read again, in any order.
        read_with: what :func:`open_strip` was told besides the path, plain values to open the file with another time;
            None for rows that it did not open.
    """

    reads_again = True
    read_with: dict[str, Any] | None = None

    def __init__(self, name: str, width: int, rows: int | None, white: int | None = None) -> None:
        self.name = name
        self.width = width
        self.rows = rows
        self.white = white
        self.problem: ImageError | None = None

    @property
    def expected_rows(self) -> int | None:
        """How many there are by the file's size where none are declared; None for a camera."""
        return self.rows

    def read(self, start: int, stop: int) -> Image:
        """The rows ``start`` to ``stop - 1``, ``(n, width, 3)``; fewer, or none, where the strip ends.

        Raises:
            ImageError: the rows are there and cannot be used, such as floats outside 0 to 1.
        """
        return self.shown(self.stored(start, stop), start)

    def stored(self, start: int, stop: int) -> Stored:
        """The same rows as they are stored."""
        return self._stored(start, stop)

    def shown(self, stored: Stored, start: int) -> Image:
        """Stored rows from ``start`` on as :meth:`read` gives them."""
        if not len(stored):
            return np.zeros((0, self.width, 3), dtype=np.uint8)
        where = f"{self.name}, rows {start} to {start + len(stored) - 1}"
        return check_image(rescale(stored, self.white, where), where=where)

    def _stored(self, start: int, stop: int) -> Stored:
        raise NotImplementedError

    def _ends_early(self, rows: int, why: str, remedy: str) -> None:
        declared = "" if self.rows is None else f" of {self.rows}"
        self.problem = ImageError(
            f"{why} after {rows}{declared} rows; they were inspected", where=self.name, remedy=remedy
        )


class ArrayRows(RowSource):
    """An image in memory, ``(h, w)`` or ``(h, w, channels)``."""

    def __init__(self, array: Stored, name: str = "array", white: int | None = None) -> None:
        super().__init__(name, int(array.shape[1]), len(array), white)
        self._array = array

    def _stored(self, start: int, stop: int) -> Stored:
        return self._array[start:stop]


class FileRows(RowSource):
    """Rows that stand one after the other in a file, from byte ``offset`` on.

    Args:
        file: read anew for every piece, so that it may still be growing.
        shape: ``(rows, width)`` or ``(rows, width, channels)``; rows None takes what there is.
        dtype: of the stored values, with their byte order.
        offset: bytes before the first row.
        white: stored value that means white.
    """

    def __init__(
        self,
        file: Path,
        shape: tuple[int | None, int, *tuple[int, ...]],
        dtype: npt.DTypeLike,
        offset: int = 0,
        white: int | None = None,
    ) -> None:
        super().__init__(file.as_posix(), shape[1], shape[0], white)
        self._file, self._shape, self._dtype, self._offset = file, shape[1:], np.dtype(dtype), offset

    @property
    def expected_rows(self) -> int | None:
        """Declared, or what the file holds now."""
        if self.rows is not None:
            return self.rows
        row_bytes = int(np.prod(self._shape)) * self._dtype.itemsize
        return (self._file.stat().st_size - self._offset) // row_bytes

    def _stored(self, start: int, stop: int) -> Stored:
        values = int(np.prod(self._shape))
        row_bytes = values * self._dtype.itemsize
        if self.rows is not None:
            stop = min(stop, self.rows)
        if stop <= start:
            return np.zeros((0, *self._shape), self._dtype)
        try:
            with self._file.open("rb") as opened:
                opened.seek(self._offset + start * row_bytes)
                content = opened.read((stop - start) * row_bytes)
        except OSError as error:
            raise ImageError(
                f"rows from {start} on cannot be read ({(error.strerror or str(error)).lower()})",
                where=self.name,
                remedy="When the file can be read again, go on with --resume",
            ) from error
        rows, torn = divmod(len(content), row_bytes)
        if torn or (self.rows is not None and rows < stop - start):
            self._ends_early(
                start + rows,
                "the file ends within a row" if torn else "the file ends",
                "When the whole file is there, go on with --resume"
                if self.rows is not None
                else f"Check --width and --dtype ({row_bytes} bytes a row); a whole file goes on with --resume",
            )
        return np.frombuffer(content, self._dtype, rows * values).reshape(rows, *self._shape)


class IteratedRows(RowSource):
    """Blocks of rows as they come, such as from a camera; each ``(n, width)`` or ``(n, width, channels)``.

    To resume, give the blocks from the first row again: those before are passed over.

    Raises:
        ImageError: the first block is no rows of an image.
    """

    reads_again = False

    def __init__(self, blocks: Iterable[Stored], name: str = "rows", white: int | None = None) -> None:
        self._blocks = iter(blocks)
        first = next(self._blocks, np.zeros((0, 0)))
        if first.ndim not in (2, 3):
            raise ImageError(
                f"a block of shape {first.shape} is no rows of an image",
                where=name,
                remedy="Give (n, width) or (n, width, channels)",
            )
        super().__init__(name, int(first.shape[1]), None, white)
        self._held, self._top = first, 0

    def _stored(self, start: int, stop: int) -> Stored:
        assert start >= self._top, "rows that were given are gone"
        blocks, reached = [self._held], self._top + len(self._held)
        while reached < stop and (block := next(self._blocks, None)) is not None:
            self._check(block, reached)
            reached += len(block)
            if reached <= start:
                blocks, self._top = [block[:0]], reached
            else:
                blocks.append(block)
        held = np.concatenate(blocks)
        self._held = held[stop - self._top :].copy()
        stored = held[start - self._top : stop - self._top]
        self._top = min(stop, reached)
        return stored

    def _check(self, block: Stored, row: int) -> None:
        expected = self._held
        if block.shape[1:] != expected.shape[1:] or block.dtype != expected.dtype:
            raise ImageError(
                f"a block of {block.dtype} {block.shape} after {expected.dtype} (n, "
                f"{', '.join(map(str, expected.shape[1:]))})",
                where=f"{self.name}, row {row}",
                remedy="Every block must have the width and the kind of the first",
            )


def open_strip(
    path: str | Path,
    *,
    width: int | None = None,
    dtype: str = "uint8",
    channels: int = 1,
    rows: int | None = None,
    page: int | None = None,
    white: int | None = None,
) -> RowSource:
    """The rows of a file, of any length where the format allows.

    TIFF and BigTIFF without compression, ``.npy`` and raw files are read row by row; TIFF in compressed strips or
    tiles a row of them at a time; other images (PNG, JPEG, BMP) whole.

    Args:
        path: the file.
        width: pixels in a row of a raw file (``.raw``, ``.bin``, ``.dat`` or anything that begins as no image); its
            values stand row by row without a header. Other files say it themselves.
        dtype: of a raw file, such as ``uint8``, ``uint16`` or ``>u2``.
        channels: of a raw file, interleaved.
        rows: how many the strip must have. A raw file does not say it: without ``rows`` one that was cut between two
            rows passes for whole.
        page: page of a multi-page TIFF, from 0.
        white: stored value that means white, such as 4095 for 12 bits in a 16-bit file.

    Raises:
        ImageError: missing, damaged, of other than ``rows`` rows (a raw file: of more), or stored in a way that
            cannot be read in pieces.
        UsageError: a raw file without ``width``, or a ``dtype`` that is none.
    """
    source = _open(path, width, dtype, channels, rows, page, white)
    if rows is not None and source.rows != rows:
        raise ImageError(
            f"has {source.rows} rows, not {rows}", where=path, remedy="Correct --rows, or leave it out"
        )
    told = {"rows": rows, "page": page, "white": white}
    source.read_with = (source.read_with or {}) | {
        name: value for name, value in told.items() if value is not None
    }
    return source


def _open(
    path: str | Path,
    width: int | None,
    dtype: str,
    channels: int,
    rows: int | None,
    page: int | None,
    white: int | None,
) -> RowSource:
    file = Path(path).expanduser()
    try:
        tiff = is_tiff(file)
    except OSError as error:
        raise ImageError(f"not readable ({(error.strerror or str(error)).lower()})", where=file) from error
    known = tiff or file.suffix.lower() in {*IMAGE_SUFFIXES, ".npy"}
    if width is not None and not known:
        return _open_raw(file, (rows, width), dtype, channels, white)
    if tiff:
        from flawscope.inspect.strip_tiff import open_tiff

        return open_tiff(file, page, white)
    if file.suffix.lower() == ".npy":
        return _open_npy(file, white)
    if file.suffix.lower() in RAW_SUFFIXES:
        raise UsageError("a raw file says nothing of its rows", where=file, remedy="Give --width and --dtype")
    return ArrayRows(read_image(file, page=page, white=white), file.as_posix())


def _open_raw(
    file: Path, size: tuple[int | None, int], dtype: str, channels: int, white: int | None
) -> FileRows:
    rows, width = size
    try:
        kind = np.dtype(dtype)
        usable = kind.newbyteorder("=") in (np.uint8, np.uint16, np.float16, np.float32, np.float64)
    except TypeError:
        usable = False
    if not usable:
        raise UsageError(
            f"'{dtype}' is no type of pixels",
            where="--dtype",
            remedy="Use uint8, uint16 or float32; '>u2' is uint16 with the high byte first",
        )
    if width < 1 or channels not in (1, 3):
        raise UsageError(
            f"rows of {width} pixels of {channels} channels cannot be",
            where="--width",
            remedy="Give the pixels of one row, and 1 or 3 channels",
        )
    row_bytes = width * channels * kind.itemsize
    there = file.stat().st_size
    if there < row_bytes:
        raise ImageError(
            f"shorter than one row of {row_bytes} bytes", where=file, remedy="Check --width and --dtype"
        )
    if rows is not None and there > rows * row_bytes:
        raise ImageError(
            f"holds {there:,} bytes, more than {rows:,} rows of {row_bytes:,} bytes",
            where=file,
            remedy="Check --rows, --width and --dtype",
        )
    source = FileRows(file, size if channels == 1 else (*size, channels), kind, white=white)
    source.read_with = {"width": width, "dtype": dtype, "channels": channels}
    return source


def _open_npy(file: Path, white: int | None) -> FileRows:
    try:
        with file.open("rb") as opened:
            version = np.lib.format.read_magic(opened)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, by_columns, dtype = read_header(opened)
            offset = opened.tell()
    except ValueError as error:
        raise ImageError(
            "not readable as .npy", where=file, remedy="Save it again with numpy.save"
        ) from error
    if by_columns or len(shape) not in (2, 3) or 0 in shape or dtype.hasobject:
        raise ImageError(
            f"an array of shape {shape} {'stored by columns ' if by_columns else ''}is no strip of rows",
            where=file,
            remedy="Save (rows, width) or (rows, width, channels) with numpy.ascontiguousarray",
        )
    return FileRows(file, (int(shape[0]), int(shape[1]), *shape[2:]), dtype, offset, white)
