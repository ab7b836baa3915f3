"""The enhancement game of Sec. 4.1 without any learning: images, filters, a segmenter, rounds.

The next image depends on the image and the action alone (Theorem 2), so :meth:`Game.step` is a function of
both, and results may be kept by content.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flawscope.enhance.bank import FilterBank, blend
from flawscope.enhance.planes import Plane, to_plane, with_plane
from flawscope.enhance.simplex import simplex
from flawscope.errors import UsageError
from flawscope.images import Image, check_image
from flawscope.sdie.memory import Memory, content_key, digest
from flawscope.sdie.seen import Seen, see
from flawscope.segment.base import Prompts, Segmenter

Numbers = npt.NDArray[np.float64]

_log = logging.getLogger("flawscope")


@dataclass(frozen=True, eq=False)
class State:
    """Where a game stands: M_t, the image, after ``round`` = t rounds."""

    plane: Plane
    round: int = 0

    @functools.cached_property
    def digest(self) -> bytes:
        """Of the plane's content."""
        return digest(self.plane)

    @functools.cached_property
    def key(self) -> Hashable:
        """Equal for equal planes alone."""
        return self.plane.dtype.str, self.plane.shape, self.digest


class Calls:
    """Counts what a segmenter was truly asked; answers from memory do not count."""

    def __init__(self) -> None:
        self.count = 0
        self.undefined = 0


class Game:
    """Enhancement of one image.

    Filters run on the luminance of the image at its own size; a colour image keeps its colours
    (``enhance.planes.with_plane``).

    Args:
        bank: filters to mix.
        image: any array that ``check_image`` accepts.
        segmenter: sees the enhanced image.
        rounds: T, how often the filters are mixed.
        prompts: handed to the segmenter every round.
        memory: of what belongs to enhanced images; several games may share it.
        firsts: of what belongs to M_0, which every episode begins with (about 1.2 MB for 200x200 pixels and six
            filters); several games may share it.
        calls: counts the segmenter's calls, several games together if they share it.

    Raises:
        ImageError: the array is no image.
        UsageError: fewer than one round.
    """

    def __init__(
        self,
        bank: FilterBank,
        image: Image,
        segmenter: Segmenter,
        rounds: int,
        *,
        prompts: Prompts | None = None,
        memory: Memory | None = None,
        firsts: Memory | None = None,
        calls: Calls | None = None,
    ) -> None:
        if rounds < 1:
            raise UsageError(f"{rounds} rounds of enhancement", where="rounds", remedy="Choose 1 or more")
        self.bank = bank
        self.image = check_image(image)
        self.segmenter = segmenter
        self.rounds = rounds
        self.calls = calls if calls is not None else Calls()
        self.first = State(to_plane(self.image))
        self._prompts = prompts
        self._memory = memory if memory is not None else Memory()  # an empty one is false
        self._firsts = firsts if firsts is not None else Memory()
        self._identity = content_key(self.image)

    def step(self, state: State, weights: npt.ArrayLike, parameters: Numbers | None = None) -> State:
        """One round: M_{t+1} from M_t.

        Args:
            state: M_t.
            weights: ``(n,)``, on the simplex.
            parameters: ``(m,)``, of the bank's adjustable parameters; without them the bank's own.
        """
        given = np.asarray(weights, dtype=np.float64)
        if (given > 0).all() or self._key(state, parameters) in self._kept(state):
            mixed = blend(self.responses(state, parameters), given)
        else:
            mixed = self.bank.mix(state.plane, given, parameters)  # leaves out filters of weight 0
        return State(mixed, state.round + 1)

    def play(self, state: State, action: npt.ArrayLike) -> tuple[State, Numbers, Numbers | None]:
        """One round by an action: M_{t+1}, the weights and, where the bank has any, the parameters.

        Args:
            state: M_t.
            action: ``(n + m,)`` in -1 to 1: a number a filter (``enhance.simplex``), and one for each adjustable
                parameter.
        """
        numbers = np.asarray(action, dtype=np.float64)
        weights = simplex(numbers[: len(self.bank)])
        parameters = self.bank.parameters(numbers[len(self.bank) :]) if self.bank.adjustable else None
        return self.step(state, weights, parameters), weights, parameters

    def responses(self, state: State, parameters: Numbers | None = None) -> npt.NDArray[np.float32]:
        """``(n, height, width)``: what each filter makes of M_t; not to be written to."""
        return self._kept(state).get(
            self._key(state, parameters),
            lambda: self.bank.filtered(state.plane, parameters),
            lambda made: made.nbytes,
        )

    def look(self, state: State) -> Seen:
        """What the segmenter sees on M_t; a kept answer is given again without asking."""
        key = ("seen", id(self.segmenter), self._identity, state.key)
        return self._kept(state).get(key, lambda: self._ask(state), lambda seen: seen.nbytes)

    def shown(self, state: State) -> Image:
        """What the segmenter is shown: the image as it came where M_t is M_0, else with M_t as its luminance."""
        return self.image if state.key == self.first.key else with_plane(self.image, state.plane)

    def _key(self, state: State, parameters: Numbers | None) -> tuple[object, ...]:
        changed = None if parameters is None else parameters.tobytes()
        return "filters", state.key, changed

    def _kept(self, state: State) -> Memory:
        return self._firsts if state.key == self.first.key else self._memory

    def _ask(self, state: State) -> Seen:
        self.calls.count += 1
        answer = self.segmenter.segment(self.shown(state), self._prompts)
        seen = see(answer, self.segmenter.threshold, state.plane.shape)
        if seen.undefined and not self.calls.undefined:
            _log.warning(
                "the segmenter '%s' gave undefined probabilities; they count as 0", self.segmenter.name
            )
        self.calls.undefined += seen.undefined
        return seen
