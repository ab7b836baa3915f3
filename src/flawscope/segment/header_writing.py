"""A weights file again with another header; its tensors stay as they are, byte for byte.

No torch, ``onnx`` or ``openvino`` is needed: safetensors keeps its metadata as JSON in front of the tensors, ONNX as
entries of its outermost protobuf message, one after the other, and OpenVINO as an element of the ``.xml``.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from flawscope.errors import UsageError, WeightsError
from flawscope.outputs import atomic, write_bytes
from flawscope.segment.header import HEADER_KEY, Header
from flawscope.segment.openvino_network import HEADER_ENTRY

_METADATA_PROPS = 14
"""Number of ``ModelProto.metadata_props`` in onnx.proto; its entries hold a key (1) and a value (2)."""

_LENGTH_DELIMITED = 2

_OPENVINO_HEADER = re.compile(rb'<%s value="[^"]*" ?/>' % HEADER_ENTRY.encode())


def check_format(weights: Path, out: str | Path) -> None:
    """Raise UsageError unless ``weights`` can be copied to ``out`` with another header."""
    suffix = weights.suffix.lower()
    if suffix not in (".safetensors", ".onnx", ".xml"):
        raise UsageError(
            f"a header cannot be written into a '{suffix}' file",
            where=weights,
            remedy="Use .safetensors, .onnx or .xml",
        )
    if Path(out).suffix.lower() != suffix:
        raise UsageError(
            f"the weights are a {suffix} file", where=out, remedy=f"Give a name ending in {suffix}"
        )
    beside = Path(out).with_suffix(".bin")
    if suffix == ".xml" and beside.exists() and not Path(out).exists():
        raise UsageError(
            "would be overwritten, and is no part of an OpenVINO network",
            where=beside,
            remedy="Choose another name",
        )


def write_with_header(weights: Path, header: Header, out: str | Path) -> Path:
    """Copy ``weights``, a file of Flawscope, with ``header`` instead of its own; of an ``.xml`` its ``.bin`` too.

    Raises:
        UsageError: ``out`` has another suffix than ``weights``, or the format is another.
        WeightsError: the file is damaged.
    """
    check_format(weights, out)
    if weights.suffix.lower() == ".safetensors":
        return _write_safetensors(weights, header, Path(out))
    if weights.suffix.lower() == ".xml":
        text, beside = with_openvino_header(weights, header), Path(out).with_suffix(".bin")
        if not (beside.exists() and beside.samefile(weights.with_suffix(".bin"))):
            # it goes first: killed in between, an older .xml refuses the new .bin by its digest
            with atomic(beside) as temporary:
                shutil.copyfile(weights.with_suffix(".bin"), temporary)
        return write_bytes(out, text)
    return write_bytes(out, _with_onnx_header(weights, header))


def with_openvino_header(file: Path, header: Header) -> bytes:
    """The ``.xml`` of an OpenVINO pair with ``header`` instead of its own; nothing else changes.

    Raises:
        WeightsError: it has no header.
    """
    value = escape(header.dumps(), {'"': "&quot;"}).encode()
    entry = b'<%s value="%s" />' % (HEADER_ENTRY.encode(), value)
    text, places = _OPENVINO_HEADER.subn(lambda _old: entry, file.read_bytes())
    if places != 1:
        raise WeightsError(
            "an OpenVINO network without Flawscope's header",
            where=file,
            remedy="Use a file written by 'flawscope export'",
        )
    return text


def _write_safetensors(weights: Path, header: Header, out: Path) -> Path:
    with weights.open("rb") as source:
        (length,) = struct.unpack("<Q", source.read(8))
        content = json.loads(source.read(length))
        content["__metadata__"] = content.get("__metadata__", {}) | {HEADER_KEY: header.dumps()}
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)  # tensors stay aligned to 8 bytes
        with atomic(out) as temporary, temporary.open("wb") as target:
            target.write(struct.pack("<Q", len(text)) + text)
            shutil.copyfileobj(source, target)
    return out


def _with_onnx_header(weights: Path, header: Header) -> bytes:
    content = weights.read_bytes()
    try:
        kept = [content[start:end] for start, end, entry in _fields(content) if not _is_header(entry)]
    except IndexError as error:
        raise WeightsError("damaged or cut short", where=weights, remedy="Copy it again") from error
    entry = _text_field(1, HEADER_KEY.encode()) + _text_field(2, header.dumps().encode())
    return b"".join([*kept, _text_field(_METADATA_PROPS, entry)])


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Start and end of each field of a protobuf message, and its content where it is a metadata entry."""
    place = 0
    while place < len(message):
        start = place
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == _LENGTH_DELIMITED:
            length, place = _varint(message, place)
        elif kind == 0:
            length, place = 0, _varint(message, place)[1]
        else:
            length = {1: 8, 5: 4}.get(kind, len(message) + 1)
        end = place + length
        if end > len(message):
            raise IndexError("cut short")
        yield start, end, message[place:end] if number == _METADATA_PROPS else b""
        place = end


def _is_header(entry: bytes) -> bool:
    return entry.startswith(_text_field(1, HEADER_KEY.encode()))


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def _text_field(number: int, content: bytes) -> bytes:
    return _as_varint(number << 3 | _LENGTH_DELIMITED) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
