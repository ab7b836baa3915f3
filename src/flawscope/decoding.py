"""From the bytes of an image file to the values that it stores, whatever the format calls itself.

The format is told by the first bytes, never by the suffix. Everything here may raise whatever a decoder
raises on damage; :mod:`flawscope.images` turns that into one line.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from flawscope.errors import ImageError

Stored = npt.NDArray[Any]

MAX_PIXELS = 400_000_000
"""Files that declare more pixels than this are refused before they are decoded (a decompression bomb)."""

REPAIR = "Copy or export the file again; it may be truncated or damaged"

_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "TIFF", "GIF", "WEBP")
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION_TAG = 0x0112
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_JPEG_IN_TIFF = (6, 7)
_REDUCED_COPY = 1

# tifffile describes damage through logging; our error says it once, and on the right channel.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_pillow_limit = threading.Lock()


def decode(file: Path, page: int | None) -> Stored:
    """Stored values, ``(h, w)`` or ``(h, w, channels)``, upright, palettes and CMYK resolved to RGB.

    Raises:
        ImageError: missing, empty, too large, of several pages, or of a kind that is not supported.
    """
    if is_tiff(file):
        return _decode_tiff(file, page)
    with open_pillow(file) as opened:
        pages = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
        check_page(file, page, pages)
        if pages > 1:
            opened.seek(page or 0)
        turned = orientation(opened)
        if opened.format == "PNG":
            check_png(file)
            if _png_depth(file) == 16:
                return turn(_decode_png16(file), turned)
        return turn(pixels(opened), turned)


def is_tiff(file: Path) -> bool:
    """Whether the file begins as a TIFF; raises ImageError when it is missing or empty."""
    if not file.exists():
        raise ImageError("no such file", where=file, remedy="Check the path")
    if file.is_dir():
        raise ImageError("a folder, not an image", where=file, remedy="Give a file")
    with file.open("rb") as opened:
        start = opened.read(4)
    if not start:
        raise ImageError("the file is empty (zero bytes)", where=file, remedy=REPAIR)
    return start in _TIFF_STARTS


def open_pillow(file: Path) -> PillowImage.Image:
    """The file, its header read and its size checked, its pixels not yet decoded."""
    try:
        # Pillow's own limit is lower than ours and process-wide: lifted for this one header, under a lock.
        with _pillow_limit:
            theirs, PillowImage.MAX_IMAGE_PIXELS = PillowImage.MAX_IMAGE_PIXELS, None
            try:
                opened = PillowImage.open(file, formats=_FORMATS)
            finally:
                PillowImage.MAX_IMAGE_PIXELS = theirs
    except UnidentifiedImageError as error:
        raise ImageError("not an image that Flawscope reads", where=file, remedy=REPAIR) from error
    try:
        check_size(file, opened.width, opened.height)
    except ImageError:
        opened.close()
        raise
    return opened


def pixels(opened: PillowImage.Image) -> Stored:
    """8-bit values of an opened image: ``(h, w)`` for grey, ``(h, w, 3)`` for everything else."""
    if opened.mode in ("L", "1", "LA"):
        return np.array(opened.convert("L"))
    if opened.mode in ("I", "F") or opened.mode.startswith("I;"):
        opened.load()
        return np.array(opened)
    if opened.mode == "CMYK":
        return _from_cmyk(255 - np.array(opened))
    # A palette may carry transparency: through RGBA it is dropped, and nothing is blended.
    return np.array(opened.convert("RGBA"))[:, :, :3]


def orientation(opened: PillowImage.Image) -> int:
    """The EXIF orientation, 1 to 8; a damaged EXIF block counts as none, for the pixels are still good."""
    try:
        value = opened.getexif().get(_ORIENTATION_TAG, 1)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError):
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turn(stored: Stored, orientation: int) -> Stored:
    """Apply an EXIF orientation number (1 to 8) to an array."""
    if orientation in (5, 6, 7, 8):
        stored = stored.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    if orientation in (3, 4, 7, 8):
        stored = stored[::-1]
    return stored


def check_size(file: Path, width: int, height: int) -> None:
    """Raise ImageError for more than ``MAX_PIXELS``."""
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"declares {width * height / 1e6:,.0f} megapixels, more than the {MAX_PIXELS / 1e6:,.0f} allowed",
            where=file,
            remedy="If the file is genuine, cut it into tiles first",
        )


def check_page(file: Path, page: int | None, pages: int) -> None:
    """Raise ImageError when ``page`` is not there, or is not given and there are several."""
    if page is None and pages > 1:
        raise ImageError(
            f"the file holds {pages} pages and none was chosen",
            where=file,
            remedy=f"Choose one with --page 0 to --page {pages - 1}, or save each as a file",
        )
    if page is not None and not 0 <= page < pages:
        raise ImageError(
            f"there is no page {page}", where=file, remedy=f"Choose one from 0 to {pages - 1} with --page"
        )


def _decode_tiff(file: Path, page: int | None) -> Stored:
    with tifffile.TiffFile(file) as opened:
        numbers = [number for number in range(len(opened.pages)) if not _is_reduced(opened, number)]
        if not numbers:
            raise ImageError("a TIFF without a page", where=file, remedy=REPAIR)
        check_page(file, page, len(numbers))
        number = numbers[page or 0]
        chosen: Any = opened.pages[number]
        check_size(file, chosen.imagewidth, chosen.imagelength)
        photometric, bits = int(chosen.photometric), chosen.bitspersample
        tag = chosen.tags.get(_ORIENTATION_TAG)
        turned = 1 if tag is None else int(tag.value)
        in_jpeg = int(chosen.compression) in _JPEG_IN_TIFF
        if photometric > _CMYK and not (photometric == _YCBCR and in_jpeg):
            raise ImageError(
                f"its colours are stored as {getattr(chosen.photometric, 'name', photometric)}",
                where=file,
                remedy="Save it as grey or RGB",
            )
        try:
            stored: Stored = chosen.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            interleaved = int(chosen.planarconfig) == 1 and photometric in (_BLACK_IS_ZERO, _RGB)
            return _decode_tiff_elsewhere(file, number, bits, interleaved)
        if int(chosen.planarconfig) == 2 and stored.ndim == 3:
            stored = np.moveaxis(stored, 0, -1)
        if photometric == _PALETTE and chosen.colormap is not None:
            stored = _through_palette(stored, chosen.colormap)
    if photometric != _PALETTE and stored.dtype.kind == "u" and bits < stored.dtype.itemsize * 8:
        stored = _full_range(stored, bits)
    return turn(_resolve(stored, photometric), turned)


def _is_reduced(opened: tifffile.TiffFile, number: int) -> bool:
    """Whether a page after the first says of itself that it is a smaller copy, a thumbnail or overview."""
    page: Any = opened.pages[number]
    return number > 0 and bool(int(getattr(page, "subfiletype", 0) or 0) & _REDUCED_COPY)


def _resolve(stored: Stored, photometric: int) -> Stored:
    if photometric == _WHITE_IS_ZERO:
        return _inverse(stored)
    if photometric == _CMYK and stored.ndim == 3 and stored.shape[2] >= 4:
        return _from_cmyk(_inverse(stored[:, :, :4]))
    return stored


def _inverse(stored: Stored) -> Stored:
    if stored.dtype == np.bool_:
        return ~stored
    return (np.iinfo(stored.dtype).max if stored.dtype.kind in "ui" else 1) - stored


def _from_cmyk(light: Stored) -> Stored:
    """RGB from inverted inks (what each lets through): what the colour lets through, the black lets through."""
    white = float(np.iinfo(light.dtype).max) if light.dtype.kind == "u" else 1.0
    mixed = light[:, :, :3].astype(np.float64) * light[:, :, 3:4] / white
    return (np.rint(mixed) if light.dtype.kind == "u" else mixed).astype(light.dtype)


def _through_palette(stored: Stored, palette: Stored) -> Stored:
    """Colours of palette indices; 16-bit entries that only spread 8 bits become 8-bit again."""
    for spread in (257, 256):
        if not (palette % spread).any():
            palette = (palette // spread).astype(np.uint8)
            break
    return np.moveaxis(palette[:, stored], 0, -1)


def _full_range(stored: Stored, bits: int) -> Stored:
    """Values of ``bits`` bits stretched so that their white is the white of the array's type."""
    full = np.iinfo(stored.dtype).max
    stretched: Stored = np.rint(stored * (full / (2**bits - 1))).astype(stored.dtype)
    return stretched


def _decode_tiff_elsewhere(file: Path, number: int, bits: int, interleaved: bool) -> Stored:
    """A page whose compression tifffile leaves to another package: Pillow to 8 bits, OpenCV beyond.

    Both turn a TIFF upright by themselves. OpenCV misreads separate planes, and white that is zero.
    """
    if bits <= 8:
        with open_pillow(file) as opened:
            opened.seek(number)
            opened.load()
            return pixels(opened)
    if interleaved:
        buffer = np.frombuffer(file.read_bytes(), np.uint8)
        done, pages = cv2.imdecodemulti(buffer, cv2.IMREAD_UNCHANGED, range=(number, number + 1))
        if done and pages:
            return _rgb_order(pages[0])
    raise ImageError(
        "a TIFF compressed in a way that this installation cannot read",
        where=file,
        remedy="Save it uncompressed or with deflate, or run: pip install imagecodecs",
    )


def check_png(file: Path) -> None:
    """Compare the check sums of a PNG: neither Pillow nor OpenCV does so while decoding pixels."""
    with open_pillow(file) as opened:
        opened.verify()


def _png_depth(file: Path) -> int:
    with file.open("rb") as opened:
        return opened.read(25)[24]


def _decode_png16(file: Path) -> Stored:
    """OpenCV keeps the 16 bits that Pillow would cut."""
    stored = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise ImageError("not readable as a 16-bit PNG", where=file, remedy=REPAIR)
    return _rgb_order(stored)


def _rgb_order(stored: Stored) -> Stored:
    """OpenCV's blue-first channels, red first; alpha stays last."""
    if stored.ndim == 3 and stored.shape[2] >= 3:
        stored = stored[:, :, [2, 1, 0, *range(3, stored.shape[2])]]
    return stored
