"""How near a network comes to what the cores could do."""

from __future__ import annotations

from flawscope.errors import FlawscopeError
from flawscope.nets.presets import preset
from flawscope.segment.header import Header


def multiply_adds(header: Header) -> int | None:
    """Of convolutions and linear layers for one image of ``header.imgsz``; None for a network not in the table.

    They grow with the area of the image; attention products, norms and resizing are left out.
    """
    if header.options:
        return None
    try:
        row = preset(header.model)
    except FlawscopeError:
        return None
    height, width = row.input_size
    return round(row.multiply_adds * header.imgsz[0] * header.imgsz[1] / (height * width))
