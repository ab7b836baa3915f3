"""What a method gives for a query image, and the rule by which a method takes part in a study."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from flawscope.enhance.bank import FilterBank
from flawscope.enhance.planes import Plane
from flawscope.fewshot.adjusting import adjustable_bank
from flawscope.fewshot.preparing import Task
from flawscope.fewshot.settings import Row, StudySettings
from flawscope.fewshot.starting import SHIPPED, start_of
from flawscope.fewshot.tasks import Picture
from flawscope.metrics import masks_iou
from flawscope.sdie.presets import Settings
from flawscope.sdie.starting import shipped_calls
from flawscope.segment.base import Segmenter, binarize

ONLY = ""
"""The line of a method that has no choice of round."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One mask for one query image.

    Attributes:
        mask: ``(h, w)`` ``bool``.
        round: that was kept, where rounds were played.
        plane: ``(h, w)`` the enhanced image, where there is one.
    """

    mask: npt.NDArray[np.bool_]
    round: int | None = None
    plane: Plane | None = None


class Responder(Protocol):
    """A method after it has learnt from the supports."""

    def answer(self, task: Task, picture: Picture) -> dict[str, Answer]:
        """By line: choice of round, or ``ONLY``. Only oracles may look at the picture's mask."""
        ...

    def notes(self) -> dict[str, Any]:
        """What it learnt, for the record."""
        ...


@dataclass(frozen=True, eq=False)
class Lesson:
    """All that a method may learn from.

    Attributes:
        tasks: one a class.
        row: what is being made.
        settings: of the study.
        agent: of its preset, with the study's changes.
        bank: filters to mix.
        folder: for what must survive an interruption.
        device: for networks.
    """

    tasks: tuple[Task, ...]
    row: Row
    settings: StudySettings
    agent: Settings
    bank: FilterBank
    folder: Path
    device: str = "auto"

    @property
    def agent_bank(self) -> FilterBank:
        """The filters with the parameters that the agent sets; constant mixes leave them as they are."""
        return adjustable_bank(self.bank, self.settings.adjustable)

    @property
    def budget(self) -> int:
        """Segmenter calls of a search: the agent's steps, and what the policy cost that the agent goes on from."""
        if self.settings.budget is not None:
            return self.settings.budget
        prompted = self.settings.prompted
        _, noted = start_of(self.agent_bank, self.agent, prompted=prompted)
        return self.agent.steps + (shipped_calls(prompted=prompted) if noted == SHIPPED else 0)

    def groups(self) -> dict[str, tuple[Task, ...]]:
        """Tasks that share what is learnt: all under ``""``, or each class by its name."""
        if self.settings.scope == "all":
            return {"": self.tasks}
        return {task.name: (task,) for task in self.tasks}


@dataclass
class Plain:
    """Each class has a segmenter, and that is all."""

    segmenters: dict[str, Segmenter]
    noted: dict[str, Any] = field(default_factory=dict)

    def answer(self, task: Task, picture: Picture) -> dict[str, Answer]:
        """Its foreground at its own threshold; undefined probabilities count as 0."""
        segmenter = self.segmenters[task.name]
        return {ONLY: Answer(foreground(segmenter, picture))}

    def notes(self) -> dict[str, Any]:
        """What was noted when it was made."""
        return self.noted


def foreground(segmenter: Segmenter, picture: Picture) -> npt.NDArray[np.bool_]:
    """Any defect, at the segmenter's threshold; nothing where it answers nothing, NaN counts as 0."""
    probability = segmenter.segment(picture.image).probability
    if not len(probability):
        return np.zeros(picture.mask.shape, dtype=bool)
    return np.asarray(binarize(np.nan_to_num(probability, nan=0.0), segmenter.threshold) > 0)


def raw(lesson: Lesson) -> Responder:
    """The study's segmenter on the image as it is."""
    return Plain({task.name: task.segmenter for task in lesson.tasks})


def prototype(lesson: Lesson) -> Responder:
    """Likeness to the supports, cut at the level that suits the supports best; no segmenter is asked."""
    from flawscope.fewshot.prompting import support_model
    from flawscope.segment.prompted import PrototypeSegmenter

    return Plain({task.name: PrototypeSegmenter(support_model(task.supports)) for task in lesson.tasks})


@dataclass(frozen=True, eq=False)
class Mixes:
    """One of some random mixes of one round, the same mixes for every image.

    Attributes:
        bank: filters to mix.
        mixes: ``(count, n)`` weights.
        oracle: take the one that is best by the true mask, instead of the one that is likest to what the supports
            expect (``likeness``).
    """

    bank: FilterBank
    mixes: npt.NDArray[np.float64]
    oracle: bool

    def answer(self, task: Task, picture: Picture) -> dict[str, Answer]:
        """The mask of the mix; the earliest of equals."""
        from flawscope.sdie.game import Game
        from flawscope.segment.likeness import likeness

        game = Game(self.bank, picture.image, task.segmenter, 1)
        best: Answer | None = None
        reached = -1.0
        for weights in self.mixes:
            state = game.step(game.first, weights)
            seen = game.look(state)
            if self.oracle:
                level = masks_iou(seen.foreground, picture.mask)
            else:
                evidence = game.look(game.first).segmentation.evidence
                assert evidence is not None, "every segmenter of a task knows its supports"
                level = likeness(seen.segmentation.probability, evidence)
            if level > reached:
                best, reached = Answer(seen.foreground, 1, state.plane), level
        assert best is not None, "no mixes"
        return {ONLY: best}

    def notes(self) -> dict[str, Any]:
        """The mixes."""
        return {"mixes": self.mixes.round(4).tolist()}


def mixes(lesson: Lesson, *, oracle: bool, count: int = 30) -> Responder:
    """Mixes drawn from a Dirichlet distribution of concentration 0.5, seed 0."""
    generator = np.random.default_rng(0)
    return Mixes(lesson.bank, generator.dirichlet(np.full(len(lesson.bank), 0.5), count), oracle)


def maps(lesson: Lesson) -> Responder:
    """Maps made by others; see :class:`fewshot.foreign.Maps`."""
    from flawscope.fewshot.foreign import open_foreign_maps

    assert lesson.row.maps is not None, "rows_of asks for a folder"
    return open_foreign_maps(lesson.row.maps, lesson.tasks)
