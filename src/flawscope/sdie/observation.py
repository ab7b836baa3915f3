"""What the policy sees of a game: named observations, each a function of a state.

A policy sees every image at 200x200 pixels, as in the paper, whatever its own size.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from flawscope.enhance.planes import Plane
from flawscope.errors import UsageError
from flawscope.images import resize
from flawscope.sdie.evidence import MARKS, filter_changes, marks
from flawscope.sdie.game import Game, State
from flawscope.sdie.seen import Seen

SIDE = 200
"""Height and width in pixels of what a policy sees."""


@dataclass(frozen=True, eq=False)
class View:
    """A state of a game, each part at 200x200 pixels and made when it is asked for."""

    game: Game
    state: State

    @functools.cached_property
    def plane(self) -> Plane:
        """M_t."""
        return _small(self.state.plane)

    @functools.cached_property
    def original(self) -> Plane:
        """M_0."""
        return _small(self.game.first.plane)

    @functools.cached_property
    def responses(self) -> npt.NDArray[np.float32]:
        """``(n, 200, 200)``: what each filter makes of M_t."""
        made = self.game.responses(self.state)
        if made.shape[1:] == (SIDE, SIDE):
            return made
        return np.stack([resize(response, SIDE, SIDE) for response in made])

    @functools.cached_property
    def seen(self) -> Seen:
        """What the segmenter sees on M_t, at the image's own size."""
        return self.game.look(self.state)

    @functools.cached_property
    def foreground(self) -> npt.NDArray[np.bool_]:
        """``(200, 200)``: the segmenter's foreground on M_t."""
        return _small_mask(self.seen.foreground)

    @functools.cached_property
    def first_foreground(self) -> npt.NDArray[np.bool_]:
        """``(200, 200)``: the segmenter's foreground on M_0."""
        return _small_mask(self.game.look(self.game.first).foreground)

    @functools.cached_property
    def probability(self) -> npt.NDArray[np.float32]:
        """``(200, 200)``: the probability of any defect on M_t."""
        maps = self.seen.segmentation.probability
        return _small(maps[0] if len(maps) == 1 else np.minimum(maps.sum(axis=0), np.float32(1)))

    @functools.cached_property
    def evidence(self) -> npt.NDArray[np.float32]:
        """``(200, 200)``: where the supports expect defects on M_t; the probability where nothing else is known."""
        known = self.seen.segmentation.evidence
        return self.probability if known is None else _small(known)

    @functools.cached_property
    def first(self) -> View:
        """Of M_0."""
        return View(self.game, self.game.first)

    @functools.cached_property
    def marks(self) -> npt.NDArray[np.float32]:
        """See ``sdie.evidence``."""
        return marks(
            self.plane,
            self.original,
            self.foreground,
            self.first_foreground,
            self.probability,
            self.evidence,
            self.first.evidence,
        )


class Observation(Protocol):
    """A named way to see a state."""

    @property
    def picture(self) -> bool:
        """Whether it is ``uint8`` pixels ``(1, 200, 200)``, which are not normalised.

        Otherwise it is a ``float32`` vector, normalised by its mean and variance over training.
        """
        ...

    def length(self, filters: int) -> int:
        """Length of the vector for a bank of so many filters; 0 for pictures."""
        ...

    def __call__(self, view: View) -> npt.NDArray[np.generic]:
        """The observation of a state."""
        ...


@dataclass(frozen=True)
class _Image:
    picture: bool = True

    def length(self, filters: int) -> int:
        del filters
        return 0

    def __call__(self, view: View) -> npt.NDArray[np.generic]:
        return np.rint(view.plane * 255).astype(np.uint8)[None]


@dataclass(frozen=True)
class _Evidence:
    picture: bool = False

    def length(self, filters: int) -> int:
        return 2 * MARKS + 2 * filters

    def __call__(self, view: View) -> npt.NDArray[np.generic]:
        changes = filter_changes(view.plane, view.responses, view.foreground)
        gained = view.marks - view.first.marks
        return np.concatenate([view.marks, gained, changes])


@dataclass(frozen=True)
class _Round:
    picture: bool = False

    def length(self, filters: int) -> int:
        del filters
        return 1

    def __call__(self, view: View) -> npt.NDArray[np.generic]:
        return np.array([view.state.round], dtype=np.float32)


OBSERVATIONS: dict[str, Observation] = {
    "image": _Image(),
    "evidence": _Evidence(),
    "round": _Round(),
}
"""``image``: M_t in 8 bits, for a convolutional policy. ``evidence``: marks of a good mask, and what each filter
changes (``sdie.evidence``). ``round``: t alone, for policies that are blind."""


def observation(name: str) -> Observation:
    """The observation of that name; raises UsageError."""
    if name not in OBSERVATIONS:
        raise UsageError(
            f"no observation named '{name}'",
            where="observation",
            remedy=f"Choose one of: {', '.join(OBSERVATIONS)}",
        )
    return OBSERVATIONS[name]


def _small(plane: Plane) -> Plane:
    return plane if plane.shape == (SIDE, SIDE) else resize(plane, SIDE, SIDE)


def _small_mask(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    if mask.shape == (SIDE, SIDE):
        return mask
    return resize(mask.astype(np.float32), SIDE, SIDE) > 0.5
