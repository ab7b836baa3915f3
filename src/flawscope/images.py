"""The one array convention, and the only place where image files become arrays.

**Image**: a C-contiguous numpy array ``(height, width, 3)``, RGB, of ``uint8`` (white 255), ``uint16``
(white 65535) or ``float32`` (white 1.0). Grey is repeated over the three channels. Sixteen bits stay
sixteen bits: nothing in Flawscope cuts them to eight on the way to a network.

**Mask**: ``(height, width)`` ``uint8`` class numbers, 0 for background, 1 to K for defect classes.

**Probability**: ``(K, height, width)`` ``float32`` in 0 to 1, one map for each defect class.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image as PillowImage
from PIL import ImageFile, ImageOps, UnidentifiedImageError

from flawscope.errors import ImageError
from flawscope.outputs import atomic

Image: TypeAlias = npt.NDArray[Any]
Mask: TypeAlias = npt.NDArray[np.uint8]
Probability: TypeAlias = npt.NDArray[np.float32]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
MAX_PIXELS = 400_000_000
"""Files that declare more pixels than this are refused before they are decoded (a decompression bomb)."""

_EXIF_ORIENTATION = 0x0112
_COLOUR_CMYK = 5

ImageFile.LOAD_TRUNCATED_IMAGES = False


def read_image(path: str | Path, *, page: int | None = None, white: int | None = None) -> Image:
    """Read one image file in the array convention of this module.

    8- and 16-bit; grey, RGB, RGBA (transparency is dropped, not blended) and palette; PNG, JPEG, BMP and
    TIFF. EXIF rotation is applied. CMYK is converted to RGB.

    Args:
        path: the file.
        page: which page of a multi-page TIFF or animation, counted from 0. Without it a file of several
            pages is refused, because no page is the obvious one.
        white: the stored value that means white, for cameras that leave high bits unused (4095 for 12 bits
            in a 16-bit file). The image is then rescaled to the full range of its type.

    Returns:
        ``(height, width, 3)`` ``uint8`` or ``uint16``; ``float32`` for a floating-point TIFF, which must lie
        in 0 to 1 unless ``white`` says otherwise.

    Raises:
        ImageError: the file cannot be used; the message says why and what to do.
    """
    file = Path(path)
    try:
        stored = _decode(file, page)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError("too large for this machine's memory", where=file) from error
    except (OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, EOFError, cv2.error) as error:
        reason = _first_line(error)
        raise ImageError(f"not readable as an image ({reason})", where=file, remedy=_REPAIR) from error
    return check_image(_rescale(stored, white, file), where=file)


_REPAIR = "Copy or export the file again; it may be truncated or damaged"


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
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype.kind == "f":
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

    Palette images give their indices; three equal channels give one. For the meaning of the values see
    ``flawscope.data.masks``.

    Raises:
        ImageError: not readable, or a colour image that has no single value a pixel.
    """
    file = Path(path)
    try:
        with _open_pillow(file) as opened:
            if opened.mode in ("1", "P", "L"):
                opened.load()
                stored = np.array(opened)
                return stored.astype(np.uint8) if stored.dtype == np.bool_ else stored
        stored = _decode(file, page=None)
    except ImageError:
        raise
    except (OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, EOFError, cv2.error) as error:
        reason = _first_line(error)
        raise ImageError(f"not readable as a mask ({reason})", where=file, remedy=_REPAIR) from error
    if stored.ndim == 3:
        colour = stored[:, :, :3] if stored.shape[2] >= 3 else stored[:, :, :1]
        if not (colour == colour[:, :, :1]).all():
            raise ImageError(
                "a colour image where a mask was expected",
                where=file,
                remedy="Save masks as single-channel images of class numbers or 0/255",
            )
        stored = colour[:, :, 0]
    return np.ascontiguousarray(stored)


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
    done, encoded = cv2.imencode(file.suffix, stored, options)
    assert done, f"OpenCV cannot encode {file.suffix}"
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


def _decode(file: Path, page: int | None) -> npt.NDArray[Any]:
    if not file.exists():
        raise ImageError("no such file", where=file, remedy="Check the path")
    if file.stat().st_size == 0:
        raise ImageError("the file is empty (zero bytes)", where=file, remedy=_REPAIR)
    if file.suffix.lower() in (".tif", ".tiff"):
        return _decode_tiff(file, page)
    with _open_pillow(file) as opened:
        pages = getattr(opened, "n_frames", 1)
        _check_page(file, page, pages)
        if pages > 1:
            opened.seek(page or 0)
        if opened.format == "PNG" and _png_depth(file) == 16:
            return _decode_png16(file)
        upright = ImageOps.exif_transpose(opened)
        mode: Literal["L", "RGB"] = "L" if upright.mode in ("L", "1", "LA") else "RGB"
        return np.array(upright.convert(mode))


def _open_pillow(file: Path) -> PillowImage.Image:
    if not file.exists():
        raise ImageError("no such file", where=file, remedy="Check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PillowImage.DecompressionBombWarning)
            opened = PillowImage.open(file)
    except PillowImage.DecompressionBombError as error:
        raise _bomb(file, MAX_PIXELS) from error
    except UnidentifiedImageError as error:
        raise ImageError("not an image that Flawscope reads", where=file, remedy=_REPAIR) from error
    _check_size(file, opened.width, opened.height)
    return opened


def _check_size(file: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _bomb(file, width * height)


def _bomb(file: Path, pixels: int) -> ImageError:
    return ImageError(
        f"declares {pixels / 1e6:,.0f} megapixels, more than the {MAX_PIXELS / 1e6:,.0f} allowed",
        where=file,
        remedy="If the file is genuine, cut it into tiles first",
    )


def _check_page(file: Path, page: int | None, pages: int) -> None:
    if page is None and pages > 1:
        raise ImageError(
            f"the file holds {pages} pages and none was chosen",
            where=file,
            remedy=f"Choose one with --page 0 to --page {pages - 1}, or save each as a file",
        )
    if page is not None and not 0 <= page < pages:
        raise ImageError(f"there is no page {page}, the file has {pages}", where=file)


def _decode_tiff(file: Path, page: int | None) -> npt.NDArray[Any]:
    with tifffile.TiffFile(file) as opened:
        _check_page(file, page, len(opened.pages))
        chosen: Any = opened.pages[page or 0]
        _check_size(file, chosen.imagewidth, chosen.imagelength)
        stored: npt.NDArray[Any] = chosen.asarray()
        photometric = int(chosen.photometric)
        orientation = chosen.tags.get(_EXIF_ORIENTATION)
        turn = 1 if orientation is None else int(orientation.value)
        palette = chosen.colormap
        planar = int(chosen.planarconfig) == 2 and stored.ndim == 3
    if planar:
        stored = np.moveaxis(stored, 0, -1)
    if photometric == 0:  # white is zero
        stored = np.iinfo(stored.dtype).max - stored if stored.dtype.kind == "u" else ~stored
    elif photometric == 3 and palette is not None:
        stored = np.moveaxis(palette[:, stored], 0, -1)
    elif photometric == _COLOUR_CMYK and stored.ndim == 3 and stored.shape[2] >= 4:
        stored = np.array(PillowImage.fromarray(stored[:, :, :4], mode="CMYK").convert("RGB"))
    return _turn(stored, turn)


def _turn(stored: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Apply an EXIF orientation number (1 to 8) to an array."""
    if orientation in (5, 6, 7, 8):
        stored = stored.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    if orientation in (3, 4, 7, 8):
        stored = stored[::-1]
    return stored


def _png_depth(file: Path) -> int:
    with file.open("rb") as opened:
        return opened.read(25)[24]


def _decode_png16(file: Path) -> npt.NDArray[Any]:
    stored = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise ImageError("not readable as a 16-bit PNG", where=file, remedy=_REPAIR)
    if stored.ndim == 3 and stored.shape[2] >= 3:
        stored = stored[:, :, [2, 1, 0, *range(3, stored.shape[2])]]
    return stored


def _rescale(stored: npt.NDArray[Any], white: int | None, file: Path) -> npt.NDArray[Any]:
    if white is None:
        return stored
    if white <= 0:
        raise ImageError(f"--white must be positive, not {white}", where=file)
    full = {"b": 1.0, "f": 1.0, "u": float(np.iinfo(stored.dtype).max) if stored.dtype.kind == "u" else 1.0}
    scaled = np.clip(stored.astype(np.float64) / white, 0.0, 1.0) * full[stored.dtype.kind]
    if stored.dtype.kind == "u":
        scaled = np.rint(scaled)
    return scaled.astype(stored.dtype)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0].strip(". ") if text else type(error).__name__
