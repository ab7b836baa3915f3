"""The one array convention, and the only place where image files become arrays.

**Image**: a C-contiguous numpy array ``(height, width, 3)``, RGB, of ``uint8`` (white 255), ``uint16``
(white 65535) or ``float32`` (white 1.0). Grey is repeated over the three channels. Sixteen bits stay
sixteen bits: nothing in Flawscope cuts them to eight on the way to a network.

**Mask**: ``(height, width)`` ``uint8`` class numbers, 0 for background, 1 to K for defect classes.

**Probability**: ``(K, height, width)`` ``float32`` in 0 to 1, one map for each defect class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from flawscope.decoding import MAX_PIXELS as MAX_PIXELS
from flawscope.decoding import REPAIR, check_png, decode, is_tiff, open_pillow, orientation, turn
from flawscope.errors import ImageError, OutputError
from flawscope.outputs import atomic

Image: TypeAlias = npt.NDArray[Any]
Mask: TypeAlias = npt.NDArray[np.uint8]
Probability: TypeAlias = npt.NDArray[np.float32]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})


_DIM = 1 / 8
_OFTEN_CLIPPED = 0.05
_CAMERA_BITS = (10, 12, 14)


@dataclass(frozen=True, slots=True)
class Tones:
    """How the stored values of a file use the range of their type.

    Attributes:
        brightest: the largest stored value.
        full: what means white without ``white``: 255, 65535 or 1.
        white: what was given as white.
        clipped: share of pixels with a value above ``white``, 0 to 1.
    """

    brightest: float
    full: float
    white: int | None
    clipped: float

    @property
    def note(self) -> str | None:
        """One line when the image is likely too dark, or cut off at white; None when all seems well."""
        if self.white is not None:
            if self.clipped <= _OFTEN_CLIPPED:
                return None
            return f"{self.clipped * 100:.0f} % of its pixels are brighter than --white {self.white} and were clipped"
        if self.full != 65535 or not 0 < self.brightest < self.full * _DIM:
            return None  # a wholly black image says nothing about its camera
        bits = next(bits for bits in _CAMERA_BITS if self.brightest < 2**bits)
        return (
            f"brightest value {self.brightest:.0f} of {self.full:.0f}; "
            f"a {bits}-bit camera? Give --white {2**bits - 1}"
        )


def read_image(
    path: str | Path,
    *,
    page: int | None = None,
    white: int | None = None,
    on_tones: Callable[[Tones], None] | None = None,
) -> Image:
    """Read one image file in the array convention of this module.

    8- and 16-bit; grey, RGB, RGBA (transparency is dropped, not blended) and palette; PNG, JPEG, BMP and
    TIFF, told apart by their content. EXIF rotation is applied. CMYK is converted to RGB. TIFF values of
    other depths (1, 4, 12 bits) are stretched to the full range of the next type.

    Args:
        path: the file.
        page: which page of a multi-page TIFF or animation, counted from 0. Without it a file of several
            pages is refused, because no page is the obvious one. Thumbnails and overviews are no pages.
        white: the stored value that means white, for cameras that leave high bits unused (4095 for 12 bits
            in a 16-bit file). The image is then rescaled to the full range of its type, which must be able
            to hold the value.
        on_tones: told how the stored values use their range.

    Returns:
        ``(height, width, 3)`` ``uint8`` or ``uint16``; ``float32`` for a floating-point TIFF, which must lie
        in 0 to 1 unless ``white`` says otherwise.

    Raises:
        ImageError: the file cannot be used; the message says why and what to do.
    """
    file = Path(path)
    try:
        stored = decode(file, page)
    except Exception as error:
        raise _unreadable(error, file, "an image") from error
    image = check_image(rescale(stored, white, file), where=file)
    if on_tones is not None and stored.dtype.kind in "uf":
        on_tones(_tones(stored, white))
    return image


def check_image(array: npt.NDArray[Any], *, where: str | Path = "image") -> Image:
    """Bring an array into the convention, or say why it cannot be.

    Accepts ``(h, w)``, ``(h, w, 1)``, ``(h, w, 3)`` and ``(h, w, 4)`` of ``bool``, ``uint8``, ``uint16``,
    ``float16``, ``float32`` or ``float64``; floats must be finite and within 0 to 1.
    """
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4):
        raise ImageError(
            f"an array of shape {array.shape} is not an image",
            where=where,
            remedy="Give (height, width), or (height, width, channels) with 1, 3 or 4 channels",
        )
    if 0 in array.shape:
        raise ImageError(f"the image is empty (shape {array.shape})", where=where)
    if array.shape[2] in (2, 4):
        array = array[:, :, :-1]
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise ImageError(
                "the image has NaN or infinite pixels",
                where=where,
                remedy="Replace them before inspection, for example by the local median",
            )
        if float(array.min()) < 0.0 or float(array.max()) > 1.0:
            raise ImageError(
                f"floating-point pixels lie in {array.min():g} to {array.max():g}, outside 0 to 1",
                where=where,
                remedy="Divide by the value that means white, or say it with --white",
            )
    elif array.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"pixels of type {array.dtype} are not supported",
            where=where,
            remedy="Use 8-bit, 16-bit unsigned, or floating point in 0 to 1",
        )
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    return np.ascontiguousarray(array)


def to_float(image: Image) -> npt.NDArray[np.float32]:
    """The image as ``float32`` in 0 to 1, ``(height, width, 3)``; 16-bit steps survive."""
    if image.dtype == np.uint8:
        return image.astype(np.float32) * np.float32(1 / 255)
    if image.dtype == np.uint16:
        return image.astype(np.float32) * np.float32(1 / 65535)
    return image.astype(np.float32, copy=False)


def to_uint8(image: Image) -> npt.NDArray[np.uint8]:
    """The image rounded to 8 bits, for the eye only (overlays, reports)."""
    if image.dtype == np.uint8:
        return image
    scaled: npt.NDArray[np.uint8] = np.rint(to_float(image) * 255).astype(np.uint8)
    return scaled


def resize(array: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.float32]:
    """The one resize of Flawscope: bilinear, antialiased when shrinking, in 32-bit floats.

    The triangle filter widens with the reduction, sampled at pixel centres, as Pillow's ``BILINEAR`` and
    torch's ``interpolate(mode="bilinear", antialias=True, align_corners=False)`` do.

    Args:
        array: ``(h, w)`` or ``(h, w, channels)`` ``float32``.
        height: wanted height in pixels.
        width: wanted width in pixels.
    """
    if array.ndim == 3:
        if array.shape[2] == 3 and _is_grey(array):
            return np.repeat(resize(array[:, :, 0], height, width)[:, :, None], 3, axis=2)
        planes = [resize(array[:, :, channel], height, width) for channel in range(array.shape[2])]
        return np.ascontiguousarray(np.stack(planes, axis=2))
    if array.shape == (height, width):
        return np.ascontiguousarray(array, dtype=np.float32)
    plane = PillowImage.fromarray(np.ascontiguousarray(array, dtype=np.float32))
    return np.array(plane.resize((width, height), PillowImage.Resampling.BILINEAR), dtype=np.float32)


def _is_grey(array: npt.NDArray[np.float32]) -> bool:
    red = array[:, :, 0]
    return bool(np.array_equal(red, array[:, :, 1]) and np.array_equal(red, array[:, :, 2]))


def read_label_image(path: str | Path) -> npt.NDArray[Any]:
    """The stored values of an annotation image, ``(height, width)``, untouched by any colour conversion.

    Palette images give their indices; three equal channels give one; 1-bit images give 0 and 255. For the
    meaning of the values see ``flawscope.data.masks``.

    Raises:
        ImageError: not readable, or a colour image that has no single value a pixel.
    """
    file = Path(path)
    try:
        stored = _single_channel(file)
        if stored is None:
            stored = decode(file, page=None)
    except Exception as error:
        raise _unreadable(error, file, "a mask") from error
    if stored.ndim == 3:
        colour = stored[:, :, :3] if stored.shape[2] >= 3 else stored[:, :, :1]
        if not (colour == colour[:, :, :1]).all():
            raise ImageError(
                "a colour image where a mask was expected",
                where=file,
                remedy="Save masks as single-channel images of class numbers or 0/255",
            )
        stored = colour[:, :, 0]
    if stored.dtype == np.bool_:
        stored = stored * np.uint8(255)
    return np.ascontiguousarray(stored)


def _single_channel(file: Path) -> npt.NDArray[Any] | None:
    """The values of an 8-bit file of one channel; None for any other."""
    tiff = is_tiff(file)
    with open_pillow(file) as opened:
        if opened.mode not in ("1", "P", "L") or getattr(opened, "n_frames", 1) > 1:
            return None
        if tiff and opened.mode == "L":
            return None  # Pillow stretches the 4-bit ones
        if opened.format == "PNG":
            check_png(file)
        opened.load()
        # Pillow turns a TIFF upright by itself, and then says so.
        return turn(np.array(opened), 1 if tiff else orientation(opened))


def read_mask(path: str | Path, *, threshold: int = 127) -> Mask:
    """A binary mask file, ``(height, width)`` ``uint8``: 1 where the stored value exceeds ``threshold``."""
    mask: Mask = (read_label_image(path) > threshold).astype(np.uint8)
    return mask


def write_image(path: str | Path, array: npt.NDArray[Any]) -> Path:
    """Write ``(h, w)`` or ``(h, w, 3)`` RGB ``uint8``/``uint16`` losslessly, whole or not at all.

    The suffix chooses the format (PNG, TIFF, BMP; JPEG at quality 95).
    """
    file = Path(path)
    stored = array if array.ndim == 2 else cv2.cvtColor(array, cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if file.suffix.lower() in (".jpg", ".jpeg") else []
    try:
        done, encoded = cv2.imencode(file.suffix, stored, options)
    except cv2.error:
        done = False
    if not done:
        raise OutputError(
            f"{array.shape[1]}x{array.shape[0]} pixels cannot be stored as {file.suffix or 'this format'}",
            where=file,
            remedy="Cut the image into tiles first",
        )
    with atomic(file) as temporary:
        temporary.write_bytes(encoded.tobytes())
    return file


def find_images(folder: str | Path, *, recursive: bool = True) -> list[Path]:
    """Image files below ``folder``, sorted; hidden files and folders are passed over."""
    root = Path(folder)
    entries: Iterator[Path] = root.rglob("*") if recursive else root.glob("*")
    return sorted(
        entry
        for entry in entries
        if entry.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in entry.relative_to(root).parts)
        and entry.is_file()
    )


def _unreadable(error: Exception, file: Path, kind: str) -> ImageError:
    """One line for whatever a decoder raised: damaged files make them raise anything."""
    if isinstance(error, ImageError):
        return error
    if isinstance(error, MemoryError):
        return ImageError("too large for this machine's memory", where=file)
    if isinstance(error, PermissionError):
        return ImageError(
            f"may not be read ({(error.strerror or str(error)).lower()})",
            where=file,
            remedy="Check its permissions",
        )
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip()
    reason = text.splitlines()[0].strip(". ") if text else type(error).__name__
    return ImageError(f"not readable as {kind} ({reason})", where=file, remedy=REPAIR)


def rescale(stored: npt.NDArray[Any], white: int | None, file: str | Path) -> npt.NDArray[Any]:
    """Stored values with ``white`` spread to the full range of their type; None leaves them as they are.

    Raises:
        ImageError: ``white`` is not positive, or more than the type can hold.
    """
    if white is None or stored.dtype.kind not in "uf":
        return stored
    if white <= 0:
        raise ImageError(f"white must be positive, not {white}", where=file, remedy="Mend --white")
    full = _full(stored)
    if stored.dtype.kind == "u" and white > full:
        raise ImageError(
            f"white {white} is more than its {stored.dtype.itemsize * 8}-bit pixels can hold ({full:.0f})",
            where=file,
            remedy="Read such files on their own, with a smaller --white or none",
        )
    scaled = np.clip(stored.astype(np.float64) / white, 0.0, 1.0) * full
    return (np.rint(scaled) if stored.dtype.kind == "u" else scaled).astype(stored.dtype)


def _full(stored: npt.NDArray[Any]) -> float:
    return float(np.iinfo(stored.dtype).max) if stored.dtype.kind == "u" else 1.0


def _tones(stored: npt.NDArray[Any], white: int | None) -> Tones:
    if stored.ndim == 3 and stored.shape[2] in (2, 4):
        stored = stored[:, :, :-1]  # transparency is no brightness
    brightest, clipped = float(stored.max()), 0.0
    if white is not None and brightest > white:
        over = stored > white
        clipped = float((over.any(axis=2) if over.ndim == 3 else over).mean())
    return Tones(brightest, _full(stored), white, clipped)
