"""Every format that Flawscope reads, against arrays whose values are known before they are stored."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from flawscope.errors import ImageError
from flawscope.images import (
    Tones,
    check_image,
    find_images,
    read_image,
    read_label_image,
    read_mask,
    resize,
    to_float,
    to_uint8,
    write_image,
)

RNG = np.random.default_rng(7)
RGB16 = RNG.integers(0, 65536, (12, 17, 3), dtype=np.uint16)
GREY16 = RNG.integers(0, 65536, (12, 17), dtype=np.uint16)
RGB8 = RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)
GREY8 = RNG.integers(0, 256, (12, 17), dtype=np.uint8)
ALPHA8 = RNG.integers(0, 256, (12, 17), dtype=np.uint8)


def thrice(grey: np.ndarray) -> np.ndarray:
    return np.stack([grey] * 3, axis=2)


def same(image: np.ndarray, expected: np.ndarray) -> None:
    assert image.dtype == expected.dtype
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, expected)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


# PNG


def test_png_grey8(tmp_path: Path) -> None:
    PillowImage.fromarray(GREY8).save(tmp_path / "a.png")
    same(read_image(tmp_path / "a.png"), thrice(GREY8))


def test_png_rgb8(tmp_path: Path) -> None:
    PillowImage.fromarray(RGB8).save(tmp_path / "a.png")
    same(read_image(tmp_path / "a.png"), RGB8)


def test_png_rgba8_drops_alpha_without_blending(tmp_path: Path) -> None:
    PillowImage.fromarray(np.dstack([RGB8, ALPHA8])).save(tmp_path / "a.png")
    same(read_image(tmp_path / "a.png"), RGB8)


def test_png_grey_with_alpha(tmp_path: Path) -> None:
    PillowImage.fromarray(np.dstack([GREY8, ALPHA8]), mode="LA").save(tmp_path / "a.png")
    same(read_image(tmp_path / "a.png"), thrice(GREY8))


def test_png_palette(tmp_path: Path) -> None:
    indices = np.array([[0, 1], [2, 1]], dtype=np.uint8)
    image = PillowImage.fromarray(indices, mode="P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "a.png")
    expected = [[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [40, 50, 60]]]
    same(read_image(tmp_path / "a.png"), np.array(expected, dtype=np.uint8))


@pytest.mark.parametrize("transparency", [1, bytes([0, 128, 255])])
def test_png_palette_with_transparency(tmp_path: Path, transparency: int | bytes) -> None:
    indices = np.array([[0, 1], [2, 1]], dtype=np.uint8)
    image = PillowImage.fromarray(indices, mode="P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "a.png", transparency=transparency)
    expected = [[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [40, 50, 60]]]
    same(read_image(tmp_path / "a.png"), np.array(expected, dtype=np.uint8))


def test_png_one_bit(tmp_path: Path) -> None:
    PillowImage.fromarray(np.array([[True, False, True]])).save(tmp_path / "a.png")
    same(read_image(tmp_path / "a.png"), thrice(np.array([[255, 0, 255]], dtype=np.uint8)))


@pytest.mark.parametrize(
    ("depth", "row", "expected"), [(2, 0b00011011, [0, 85, 170, 255]), (4, 0x0F, [0, 255])]
)
def test_png_low_depth_grey_is_stretched(tmp_path: Path, depth: int, row: int, expected: list[int]) -> None:
    (tmp_path / "a.png").write_bytes(png(len(expected), 1, depth, 0, bytes([0, row])))
    same(read_image(tmp_path / "a.png"), thrice(np.array([expected], dtype=np.uint8)))


def test_png_grey16_keeps_every_bit(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", GREY16)[1].tobytes())
    same(read_image(tmp_path / "a.png"), thrice(GREY16))


def test_png_rgb16_keeps_every_bit(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(
        cv2.imencode(".png", np.ascontiguousarray(RGB16[:, :, ::-1]))[1].tobytes()
    )
    same(read_image(tmp_path / "a.png"), RGB16)


def test_png_rgba16(tmp_path: Path) -> None:
    stored = np.dstack([RGB16[:, :, ::-1], GREY16])
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", np.ascontiguousarray(stored))[1].tobytes())
    same(read_image(tmp_path / "a.png"), RGB16)


def test_png_grey16_with_alpha(tmp_path: Path) -> None:
    # One pixel: grey 0x1234, alpha 0xFFFF; colour type 4.
    (tmp_path / "a.png").write_bytes(png(1, 1, 16, 4, bytes([0, 0x12, 0x34, 0xFF, 0xFF])))
    same(read_image(tmp_path / "a.png"), np.full((1, 1, 3), 0x1234, dtype=np.uint16))


# JPEG and BMP


def test_jpeg_grey(tmp_path: Path) -> None:
    PillowImage.fromarray(np.full((16, 16), 100, dtype=np.uint8)).save(tmp_path / "a.jpg", quality=95)
    same(read_image(tmp_path / "a.jpg"), np.full((16, 16, 3), 100, dtype=np.uint8))


def test_jpeg_rgb(tmp_path: Path) -> None:
    flat = np.full((16, 16, 3), (200, 100, 50), dtype=np.uint8)
    PillowImage.fromarray(flat).save(tmp_path / "a.JPEG", quality=98, subsampling=0)
    assert np.abs(read_image(tmp_path / "a.JPEG").astype(int) - flat).max() <= 2


def test_jpeg_cmyk_becomes_rgb(tmp_path: Path) -> None:
    # Inks C 0, M 128, Y 255, K 0: all red, half the green, no blue.
    inks = np.full((16, 16, 4), (0, 128, 255, 0), dtype=np.uint8)
    PillowImage.fromarray(inks, mode="CMYK").save(tmp_path / "a.jpg", quality=98, subsampling=0)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - (255, 127, 0)).max() <= 3


# What each EXIF orientation does to the stored [[1, 2], [3, 4], [5, 6]], written out by hand.
ORIENTATIONS = {
    1: [[1, 2], [3, 4], [5, 6]],
    2: [[2, 1], [4, 3], [6, 5]],
    3: [[6, 5], [4, 3], [2, 1]],
    4: [[5, 6], [3, 4], [1, 2]],
    5: [[1, 3, 5], [2, 4, 6]],
    6: [[5, 3, 1], [6, 4, 2]],
    7: [[6, 4, 2], [5, 3, 1]],
    8: [[2, 4, 6], [1, 3, 5]],
}
STORED = np.array(ORIENTATIONS[1], dtype=np.uint8) * 40


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_exif_orientation(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    big = np.kron(STORED, np.ones((8, 8), dtype=np.uint8))
    options = {".jpg": {"quality": 100}, ".tif": {"tiffinfo": {0x0112: orientation}}}.get(suffix, {})
    PillowImage.fromarray(big).save(
        tmp_path / f"a{suffix}", **({} if suffix == ".tif" else {"exif": exif}), **options
    )
    image = read_image(tmp_path / f"a{suffix}")
    assert np.rint(image[4::8, 4::8, 0] / 40).astype(int).tolist() == ORIENTATIONS[orientation]
    if suffix != ".jpg":
        labels = read_label_image(tmp_path / f"a{suffix}")
        assert (labels[4::8, 4::8] // 40).tolist() == ORIENTATIONS[orientation]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_cost_the_image(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    PillowImage.fromarray(GREY8).save(buffer, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue())
    assert read_image(tmp_path / "a.jpg").shape == (12, 17, 3)


def test_camera_jpeg_with_a_second_picture_inside(tmp_path: Path) -> None:
    first, second = PillowImage.new("RGB", (8, 8), "white"), PillowImage.new("RGB", (8, 8), "black")
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])
    assert read_image(tmp_path / "a.jpg").min() >= 253


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_bmp(tmp_path: Path, mode: str) -> None:
    image = PillowImage.fromarray(RGB8).convert(mode)
    image.save(tmp_path / "a.bmp")
    same(read_image(tmp_path / "a.bmp"), np.array(image.convert("RGB")))


# TIFF


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib", "packbits"])
@pytest.mark.parametrize("stored", [GREY8, GREY16, RGB8, RGB16], ids=["grey8", "grey16", "rgb8", "rgb16"])
def test_tiff(tmp_path: Path, stored: np.ndarray, compression: str | None, byteorder: str) -> None:
    photometric = "rgb" if stored.ndim == 3 else "minisblack"
    if compression == "packbits":
        pytest.importorskip("imagecodecs")
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric=photometric, compression=compression, byteorder=byteorder
    )
    same(read_image(tmp_path / "a.tif"), stored if stored.ndim == 3 else thrice(stored))


def test_tiff_planar(tmp_path: Path) -> None:
    planes = np.moveaxis(RGB16, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    same(read_image(tmp_path / "a.tif"), RGB16)


def test_tiff_rgba(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([RGB16, GREY16]), photometric="rgb", extrasamples=[2])
    same(read_image(tmp_path / "a.tif"), RGB16)


def test_tiff_white_is_zero(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY16, photometric="miniswhite")
    same(read_image(tmp_path / "a.tif"), thrice(np.uint16(65535) - GREY16))


def test_tiff_one_bit(tmp_path: Path) -> None:
    bits = GREY8 > 127
    tifffile.imwrite(tmp_path / "a.tif", bits, photometric="minisblack")
    same(read_image(tmp_path / "a.tif"), thrice(bits.astype(np.uint8) * np.uint8(255)))
    same(read_label_image(tmp_path / "a.tif"), bits.astype(np.uint8) * np.uint8(255))


def test_tiff_twelve_bits_packed_are_stretched(tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs")
    values = np.array([[0, 2048, 4095, 1]], dtype=np.uint16)
    packed = bytes([0x00, 0x08, 0x00, 0xFF, 0xF0, 0x01])
    tags = [
        (256, 4, 4),  # width
        (257, 4, 1),  # height
        (258, 3, 12),  # bits
        (259, 3, 1),  # no compression
        (262, 3, 1),  # black is zero
        (273, 4, 8),  # where the strip is
        (277, 3, 1),  # one sample
        (278, 4, 1),  # rows a strip
        (279, 4, 6),  # its bytes
    ]
    body = b"II*\0" + struct.pack("<I", 14) + packed
    body += struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags
    )
    (tmp_path / "a.tif").write_bytes(body + struct.pack("<I", 0))
    expected = np.array([[round(v * 65535 / 4095) for v in values[0].tolist()]], dtype=np.uint16)
    same(read_image(tmp_path / "a.tif"), thrice(expected))


def test_tiff_palette_gives_colours_and_as_a_mask_indices(tmp_path: Path) -> None:
    colours = np.zeros((3, 256), dtype=np.uint16)
    colours[:, 1] = (10 * 257, 20 * 257, 30 * 257)
    indices = np.array([[0, 1, 1]], dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=colours)
    same(read_image(tmp_path / "a.tif"), np.array([[[0, 0, 0], [10, 20, 30], [10, 20, 30]]], dtype=np.uint8))
    same(read_label_image(tmp_path / "a.tif"), indices)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_cmyk(tmp_path: Path, dtype: type) -> None:
    full = np.iinfo(dtype).max
    inks = np.array([[[0, full, 0, 0], [0, 0, 0, full], [full, 0, 0, 0]]], dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated")
    # Magenta ink only, black ink only, cyan ink only.
    expected = np.array([[[full, 0, full], [0, 0, 0], [0, full, full]]], dtype=dtype)
    same(read_image(tmp_path / "a.tif"), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_tiff_float(tmp_path: Path, dtype: type) -> None:
    values = np.array([[0.0, 0.25, 1.0]], dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", values)
    same(read_image(tmp_path / "a.tif"), thrice(values.astype(np.float32)))


def test_tiff_float_beyond_white_needs_white(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0.0, 2000.0, 4000.0]], dtype=np.float32))
    with pytest.raises(ImageError, match=r"0 to 4000, outside 0 to 1.*--white"):
        read_image(tmp_path / "a.tif")
    same(read_image(tmp_path / "a.tif", white=4000), thrice(np.array([[0.0, 0.5, 1.0]], dtype=np.float32)))


@pytest.mark.parametrize("dtype", [np.int16, np.uint32, np.int8])
def test_tiff_of_other_types_is_refused(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4), dtype=dtype))
    with pytest.raises(ImageError, match=f"pixels of type {np.dtype(dtype)} are not supported"):
        read_image(tmp_path / "a.tif")
    with pytest.raises(ImageError, match="not supported"):
        read_image(tmp_path / "a.tif", white=100)


def test_tiff_pages_must_be_chosen(tmp_path: Path) -> None:
    pages = RNG.integers(0, 65536, (3, 5, 6), dtype=np.uint16)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in pages:
            writer.write(page, contiguous=False)
    with pytest.raises(
        ImageError, match=r"3 pages and none was chosen\. Choose one with --page 0 to --page 2"
    ):
        read_image(tmp_path / "a.tif")
    same(read_image(tmp_path / "a.tif", page=2), thrice(pages[2]))
    with pytest.raises(ImageError, match="there is no page 3"):
        read_image(tmp_path / "a.tif", page=3)


def test_tiff_thumbnail_is_no_page(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(GREY16)
        writer.write(GREY16[::2, ::2], subfiletype=1)
    same(read_image(tmp_path / "a.tif"), thrice(GREY16))


def test_tiff_in_other_colours_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RGB8, photometric="cielab")
    with pytest.raises(ImageError, match="CIELAB"):
        read_image(tmp_path / "a.tif")


WITHOUT_IMAGECODECS = """
import sys
sys.modules["imagecodecs"] = None
from pathlib import Path
import numpy as np
from flawscope.errors import ImageError
from flawscope.images import read_image
for name in sys.argv[2:]:
    try:
        np.save(Path(sys.argv[1]) / f"{name}.npy", read_image(Path(sys.argv[1]) / f"{name}.tif"))
    except ImageError as error:
        print(f"{name}: {error}")
"""


def test_tiff_compressed_by_lzw_or_jpeg_without_imagecodecs(tmp_path: Path) -> None:
    """The base install has no imagecodecs: what Pillow and OpenCV know is read, the rest is refused in words."""
    pytest.importorskip("imagecodecs", reason="needed to write the files")
    files = {
        "grey8": (GREY8, {"photometric": "minisblack"}),
        "rgb8": (RGB8, {"photometric": "rgb"}),
        "grey16": (GREY16, {"photometric": "minisblack"}),
        "rgb16": (RGB16, {"photometric": "rgb"}),
        "turned16": (RGB16, {"photometric": "rgb", "extratags": [(274, 3, 1, 6, True)]}),
        "turned8": (RGB8, {"photometric": "rgb", "extratags": [(274, 3, 1, 6, True)]}),
        "float": (GREY16 / np.float32(65535), {"photometric": "minisblack"}),
        "inverse8": (GREY8, {"photometric": "miniswhite"}),
    }
    refused = {
        "inverse16": (GREY16, {"photometric": "miniswhite"}),
        "planar16": (np.moveaxis(RGB16, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
    }
    for name, (array, options) in (files | refused).items():
        tifffile.imwrite(tmp_path / f"{name}.tif", array, compression="lzw", predictor=False, **options)
    expected = {name: read_image(tmp_path / f"{name}.tif") for name in files}
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_IMAGECODECS, str(tmp_path), *files, *refused],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in files:
        same(np.load(tmp_path / f"{name}.npy"), expected[name])
    complaints = ran.stdout.splitlines()
    assert len(complaints) == 2
    assert all("a TIFF compressed in a way that this installation cannot read" in line for line in complaints)


def test_the_content_decides_not_the_suffix(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY16)
    (tmp_path / "a.tif").rename(tmp_path / "a.png")
    same(read_image(tmp_path / "a.png"), thrice(GREY16))
    PillowImage.fromarray(GREY8).save(tmp_path / "b.png")
    (tmp_path / "b.png").rename(tmp_path / "b.tif")
    same(read_image(tmp_path / "b.tif"), thrice(GREY8))


# White


def test_white_stretches_twelve_bits_in_sixteen(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 2048, 4095, 5000]], dtype=np.uint16))
    expected = np.array([[0, 32776, 65535, 65535]], dtype=np.uint16)  # 2048 * 65535 / 4095 = 32775.503
    same(read_image(tmp_path / "a.tif", white=4095), thrice(expected))


def test_white_must_be_positive(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY16)
    with pytest.raises(ImageError, match="white must be positive, not 0"):
        read_image(tmp_path / "a.tif", white=0)


# Arrays


def test_check_image_accepts_what_it_says() -> None:
    same(check_image(np.array([[True, False]])), thrice(np.array([[255, 0]], dtype=np.uint8)))
    same(check_image(GREY8[:, :, None]), thrice(GREY8))
    same(check_image(RGB8[:, ::-1]), np.ascontiguousarray(RGB8[:, ::-1]))
    same(check_image(GREY16.astype(">u2")), thrice(GREY16))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 2, 5), np.uint8), r"shape \(2, 2, 5\) is not an image"),
        (np.zeros(4, np.uint8), r"shape \(4,\) is not an image"),
        (np.zeros((0, 5), np.uint8), "the image is empty"),
        (np.full((2, 2), np.nan), "NaN or infinite"),
        (np.full((2, 2), -0.1), "outside 0 to 1"),
        (np.zeros((2, 2), np.int64), "type int64"),
        (np.zeros((2, 2), complex), "type complex128"),
    ],
)
def test_check_image_refuses(array: np.ndarray, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        check_image(array)


def test_to_float_and_back() -> None:
    assert to_float(np.array([[[0, 51, 255]]], np.uint8)).ravel().tolist() == pytest.approx([0.0, 0.2, 1.0])
    assert len(np.unique(to_float(np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)))) == 65536
    assert to_uint8(np.array([[[0, 128, 65535]]], np.uint16)).tolist() == [[[0, 0, 255]]]
    assert to_uint8(np.array([[[0.0, 0.5, 1.0]]], np.float32)).tolist() == [[[0, 128, 255]]]


# Masks


def test_palette_mask_gives_indices(tmp_path: Path) -> None:
    image = PillowImage.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), mode="P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(tmp_path / "m.png")
    same(read_label_image(tmp_path / "m.png"), np.array([[0, 1, 2]], dtype=np.uint8))


def test_one_bit_mask_is_foreground_where_white(tmp_path: Path) -> None:
    PillowImage.fromarray(np.array([[True, False]])).save(tmp_path / "m.png")
    same(read_mask(tmp_path / "m.png"), np.array([[1, 0]], dtype=np.uint8))


def test_grey_mask_saved_as_rgb(tmp_path: Path) -> None:
    PillowImage.fromarray(thrice(GREY8)).save(tmp_path / "m.png")
    same(read_label_image(tmp_path / "m.png"), GREY8)


def test_sixteen_bit_mask_keeps_its_values(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", GREY16)
    same(read_label_image(tmp_path / "m.tif"), GREY16)


def test_colour_mask_is_refused(tmp_path: Path) -> None:
    PillowImage.fromarray(RGB8).save(tmp_path / "m.png")
    with pytest.raises(ImageError, match="a colour image where a mask was expected"):
        read_label_image(tmp_path / "m.png")


def test_jpeg_mask_threshold(tmp_path: Path) -> None:
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[8:24, 8:24] = 255
    PillowImage.fromarray(mask).save(tmp_path / "m.jpg", quality=75)
    same(read_mask(tmp_path / "m.jpg"), (mask > 0).astype(np.uint8))


# Writing and finding


@pytest.mark.parametrize("suffix", [".png", ".tif", ".PNG"])
@pytest.mark.parametrize("stored", [GREY8, GREY16, RGB8, RGB16], ids=["grey8", "grey16", "rgb8", "rgb16"])
def test_written_images_are_read_back(tmp_path: Path, stored: np.ndarray, suffix: str) -> None:
    path = write_image(tmp_path / "deep" / f"a{suffix}", stored)
    same(read_image(path), stored if stored.ndim == 3 else thrice(stored))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_find_images_passes_over_hidden_and_other_files(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", ".hidden.png", ".cache/c.png", "deep/d.tiff", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    names = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert names == ["a.JPG", "b.png", "deep/d.tiff"]
    assert [path.name for path in find_images(tmp_path, recursive=False)] == ["a.JPG", "b.png"]


# The one resize


def test_resize_halves_by_the_triangle_filter() -> None:
    """Reduction by 2: the triangle has radius 2, so pixel centres at distance 0.5 and 1.5 weigh 3/8 and 1/8.

    At the border the filter is cut and its rest made to sum to 1: weights 3/7, 3/7, 1/7.
    """
    row = np.array([[0.0, 8.0, 0.0, 8.0, 8.0, 0.0, 0.0, 0.0]], dtype=np.float32)
    expected = [
        (3 * 0 + 3 * 8 + 1 * 0) / 7,
        (1 * 8 + 3 * 0 + 3 * 8 + 1 * 8) / 8,
        (1 * 8 + 3 * 8 + 3 * 0 + 1 * 0) / 8,
        (1 * 0 + 3 * 0 + 3 * 0) / 7,
    ]
    np.testing.assert_allclose(resize(row, 1, 4)[0], expected, rtol=1e-6)


def test_resize_doubles_by_linear_interpolation() -> None:
    row = np.array([[0.0, 4.0]], dtype=np.float32)
    # Output centres lie at -0.25, 0.25, 0.75, 1.25 of the input; outside, the border holds.
    np.testing.assert_allclose(resize(row, 1, 4)[0], [0.0, 1.0, 3.0, 4.0], rtol=1e-6)


def test_resize_keeps_what_needs_no_change() -> None:
    image = to_float(RGB8)
    np.testing.assert_array_equal(resize(image, 12, 17), image)
    assert resize(np.ones((1, 1), np.float32), 5, 3).tolist() == [[1.0] * 3] * 5


@pytest.mark.parametrize("size", [(5, 7), (12, 40), (31, 4), (64, 64), (1, 1)])
def test_resize_is_torch_antialiased_bilinear(size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    image = RNG.random((23, 37, 3), dtype=np.float32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(image.transpose(2, 0, 1))[None],
        size,
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )
    np.testing.assert_allclose(resize(image, *size), theirs[0].numpy().transpose(1, 2, 0), atol=2e-6)


def test_resize_of_grey_equals_resize_of_each_channel() -> None:
    grey = RNG.random((9, 11), dtype=np.float32)
    resized = resize(thrice(grey), 5, 6)
    np.testing.assert_array_equal(resized, thrice(resize(grey, 5, 6)))


def test_dim_sixteen_bits_are_noted(tmp_path: Path) -> None:
    def note(brightest: int, dtype: type = np.uint16) -> str | None:
        stored = np.zeros((4, 5), dtype=dtype)
        stored[2, 3] = brightest
        heard: list[Tones] = []
        read_image(write_image(tmp_path / "dim.png", stored), on_tones=heard.append)
        return heard[0].note

    assert note(4080) == "brightest value 4080 of 65535; a 12-bit camera? Give --white 4095"
    assert note(1023) == "brightest value 1023 of 65535; a 10-bit camera? Give --white 1023"
    assert note(8191) == "brightest value 8191 of 65535; a 14-bit camera? Give --white 16383"
    assert note(8192) is None
    assert note(0) is None
    assert note(20, np.uint8) is None


def test_clipping_is_noted_beyond_five_percent(tmp_path: Path) -> None:
    stored = np.full((10, 10), 4095, dtype=np.uint16)
    stored.flat[:5] = 4096
    heard: list[Tones] = []
    read_image(write_image(tmp_path / "a.png", stored), white=4095, on_tones=heard.append)
    stored.flat[5] = 60000
    read_image(write_image(tmp_path / "a.png", stored), white=4095, on_tones=heard.append)
    assert [tones.clipped for tones in heard] == [0.05, 0.06]
    assert [tones.note for tones in heard] == [
        None,
        "6 % of its pixels are brighter than --white 4095 and were clipped",
    ]


@pytest.mark.parametrize(("dtype", "white", "bits"), [(np.uint8, 256, 8), (np.uint16, 65536, 16)])
def test_white_beyond_the_stored_type_is_refused(tmp_path: Path, dtype: type, white: int, bits: int) -> None:
    path = write_image(tmp_path / "a.png", np.full((4, 4), 200, dtype=dtype))
    with pytest.raises(ImageError, match=rf"white {white} is more than its {bits}-bit pixels can hold"):
        read_image(path, white=white)
    assert read_image(path, white=white - 1)[0, 0, 0] == 200
