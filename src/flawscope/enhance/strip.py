"""One picture of an enhancement: the image, every round, the weights as bars, and the masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from flawscope.enhance.simplex import check_weights
from flawscope.errors import UsageError
from flawscope.images import Image, Mask, to_uint8
from flawscope.results import InspectionResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMN, _BAR, _TITLE, _DPI = 2.2, 0.17, 0.3, 110
"""Inches: width of a column, height of a bar, room above a row; and dots an inch."""

_TALLEST, _FLATTEST = 2.5, 0.2
"""Height over width of a picture beyond which it is drawn in a cell of that shape."""

_COLOUR = "#1d3557"


def draw_strip(
    original: Image,
    rounds: Sequence[Image],
    weights: Sequence[npt.ArrayLike],
    names: Sequence[str],
    masks: Sequence[Mask] | None = None,
    kept: int | None = None,
) -> Image:
    """Draw one column for the original and one for each round.

    Args:
        original: ``(h, w, 3)`` in the convention of ``flawscope.images``, or a plane.
        rounds: the image or plane after each round, of the same size.
        weights: one ``(n,)`` a round.
        names: of the n filters.
        masks: ``(h, w)`` class numbers of the original and of each round, one more than there are rounds; they
            make a third row.
        kept: the round that an enhancer keeps, 0 for the original; its title says so.

    Returns:
        ``(height, width, 3)`` ``uint8`` RGB.

    Raises:
        UsageError: numbers of rounds, weights, names or masks that do not fit each other.
    """
    if len(weights) != len(rounds) or (masks is not None and len(masks) != len(rounds) + 1):
        raise UsageError(
            f"{len(rounds)} rounds, {len(weights)} weights and {'no' if masks is None else len(masks)} masks do "
            "not make a strip",
            remedy="Give weights for every round, and masks for the original and every round",
        )
    bars = [check_weights(one, len(names)) for one in weights]
    pictures = [_shown(image) for image in (original, *rounds)]
    height, width = pictures[0].shape[:2]
    cell = _COLUMN * min(max(height / width, _FLATTEST), _TALLEST) + _TITLE
    heights = [cell, _BAR * len(names) + _TITLE] + ([] if masks is None else [cell])
    figure = _figure(_COLUMN * len(pictures), sum(heights))
    grid = figure.subplots(len(heights), len(pictures), height_ratios=heights, squeeze=False)
    for number, picture in enumerate(pictures):
        title = "original" if number == 0 else f"round {number}"
        _show(grid[0][number], picture, f"{title} (kept)" if number == kept else title)
        if masks is not None:
            mask = np.asarray(masks[number])
            _show(grid[2][number], _tinted(picture, mask), f"mask: {np.count_nonzero(mask) / mask.size:.1%}")
    _name_bars(grid[1][0], names)
    for axes, shares in zip(grid[1][1:], bars, strict=True):
        _draw_bars(axes, shares)
    return _pixels(figure)


def _shown(image: Image) -> npt.NDArray[np.uint8]:
    return to_uint8(np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image)


def _tinted(picture: npt.NDArray[np.uint8], mask: Mask) -> npt.NDArray[np.uint8]:
    labels = tuple(str(number) for number in range(1, int(mask.max(initial=0)) + 1))
    return InspectionResult("strip", mask, labels, defects=(), threshold=None).overlay(picture)


def _show(axes: Axes, picture: npt.NDArray[np.uint8], title: str) -> None:
    axes.imshow(picture)
    axes.set_title(title, fontsize=8, pad=3)
    axes.set_axis_off()


def _name_bars(axes: Axes, names: Sequence[str]) -> None:
    """The filters' names at the height of their bars, in the empty cell below the original."""
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5))
    axes.set_axis_off()
    for place, name in enumerate(names):
        axes.text(1.0, place, name, ha="right", va="center", fontsize=8)


def _draw_bars(axes: Axes, shares: npt.NDArray[np.float64]) -> None:
    axes.barh(range(len(shares)), shares, height=0.7, color=_COLOUR)
    axes.set(xlim=(0, 1.25), ylim=(len(shares) - 0.5, -0.5), xticks=[], yticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    for place, share in enumerate(shares):
        axes.text(share + 0.02, place, f"{share:.2f}", va="center", fontsize=7)


def _figure(width: float, height: float) -> Any:
    # a Figure without pyplot needs no display and leaves no global state
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def _pixels(figure: Any) -> Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
