"""``--tile`` and ``--overlap``, for every verb that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flawscope.segment import Segmenter, Tiled

TileOption = Annotated[
    str | None,
    typer.Option(
        metavar="PIXELS",
        help="See large images in tiles of this side; 'auto' is the network's input size. Default: whole.",
    ),
]
OverlapOption = Annotated[
    int | None,
    typer.Option(
        min=0, help="Pixels that tiles share, at most half a tile. Default: a quarter.", show_default=False
    ),
]


def tiles_of(segmenter: Segmenter, tile: str | None, overlap: int | None) -> Tiled | None:
    """What sees images in tiles as the options say; None without ``--tile``.

    Raises:
        UsageError: no number of pixels, or an overlap that does not fit.
    """
    from flawscope.errors import UsageError
    from flawscope.segment import Tiled

    if tile is None:
        if overlap is not None:
            raise UsageError(
                "only tiles overlap", where="--overlap", remedy="Add --tile auto, or leave it out"
            )
        return None
    if tile != "auto" and not tile.isdecimal():
        raise UsageError(
            f"'{tile}' is no number of pixels", where="--tile", remedy="Use auto or a number such as 512"
        )
    return Tiled(segmenter, None if tile == "auto" else int(tile), overlap)
