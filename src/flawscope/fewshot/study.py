"""The study: row by row, each kept as soon as it is done."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.data.fewshot import FewShotManifest
from flawscope.data.samples import Sample
from flawscope.enhance import bank as make_bank
from flawscope.enhance.bank import FilterBank
from flawscope.errors import DataError, FlawscopeError
from flawscope.fewshot.answers import Lesson, Responder, best_of, maps, prototype, raw
from flawscope.fewshot.enhancing import agent, searched
from flawscope.fewshot.scores import ImageScore, figures, score
from flawscope.fewshot.segmenters import Segmenters, Tally, Task, check_prompting, prepare
from flawscope.fewshot.settings import Row, StudySettings
from flawscope.fewshot.store import FinishedRow, RunFolder, stamp_of
from flawscope.fewshot.tasks import read_picture, restrict
from flawscope.sdie.presets import Settings, make_settings

SHOWN = 3
"""Query images of each class that are kept for the page: the first ones, whatever came out."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a study came to.

    Attributes:
        finished: rows, the resumed ones among them.
        failures: one line for each row that could not be made.
        interrupted: whether Ctrl-C ended it.
    """

    finished: tuple[FinishedRow, ...]
    failures: tuple[str, ...]
    interrupted: bool = False


@dataclass
class Study:
    """Rows of one run folder.

    Attributes:
        settings: what all rows share.
        folder: where they are kept.
        device: for segmenters and networks.
    """

    settings: StudySettings
    folder: RunFolder
    device: str = "auto"
    bank: FilterBank = field(init=False)
    agent: Settings = field(init=False)
    _segmenters: Segmenters = field(init=False)

    def __post_init__(self) -> None:
        told = self.settings
        check_prompting(told.segmenter, told.prompted)
        self.bank = make_bank(told.bank, told.filters, told.kernel_size)
        given = {"rounds": told.rounds, "steps": told.budget}
        changes = {name: value for name, value in given.items() if value is not None}
        self.agent = make_settings(told.preset, changes)
        self._segmenters = Segmenters(told.segmenter, self.device)

    def check(self, rows: Sequence[Row]) -> None:
        """Raise before any work what would spoil all rows: a segmenter that cannot be had, or has seen the material.

        Manifests that cannot be read are left to their rows.
        """
        for source in dict.fromkeys(row.source for row in rows):
            try:
                manifest = self._tasks(Row(source, "raw"))
            except DataError:
                continue
            for one in manifest.classes:
                self._segmenters.check(one)

    def run(self, rows: Sequence[Row], say: Say = lambda line: None) -> Outcome:
        """Make every row that is not there yet.

        Args:
            rows: from ``rows_of``.
            say: told one line for each row.
        """
        finished: list[FinishedRow] = []
        failures: list[str] = []
        try:
            self.folder.claim(self.settings)
            for number, row in enumerate(rows, start=1):
                head = f"[{number}/{len(rows)}] {row.name}"
                try:
                    found, before = self._one(row)
                except (FlawscopeError, ArithmeticError, ValueError, RuntimeError, OSError) as error:
                    line = " ".join(str(error).split())[:300] or type(error).__name__
                    failures.append(f"{row.name}: {line}")
                    say(f"{head}: failed: {line}")
                    continue
                finished.append(found)
                seconds = found.facts["seconds"]["learning"] + found.facts["seconds"]["queries"]
                say(f"{head}: {'kept from before' if before else f'{seconds:.0f} s'}")
        except KeyboardInterrupt:
            return Outcome(tuple(finished), tuple(failures), interrupted=True)
        return Outcome(tuple(finished), tuple(failures))

    def _one(self, row: Row) -> tuple[FinishedRow, bool]:
        manifest = self._tasks(row)
        stamp = stamp_of(self.settings, row, _content(manifest))
        found = self.folder.find(row, stamp)
        if found is not None:
            return found, True
        started, tally = time.perf_counter(), Tally()
        tasks = tuple(prepare(one, self._segmenters, self.settings, tally) for one in manifest.classes)
        lesson = Lesson(tasks, row, self.settings, self.agent, self.bank, self.folder.agent(row), self.device)
        responder = _learn(lesson)
        learning, learnt = time.perf_counter() - started, tally.calls
        started = time.perf_counter()
        scores, pictures = judge(responder, tasks)
        facts: dict[str, Any] = {
            "stamp": stamp,
            "manifest": row.source.name,
            "method": row.method if row.maps is None else f"maps:{row.maps.rstrip('/').split('/')[-1]}",
            "seed": row.seed,
            "name": row.name,
            "shots": self.settings.shots,
            "segmenter": tasks[0].segmenter.name,
            "notes": responder.notes(),
            "seconds": {
                "learning": round(learning, 2),
                "queries": round(time.perf_counter() - started, 2),
            },
            "calls": {"learning": learnt, "queries": tally.calls - learnt},
            "queries": sum(len(task.queries) for task in tasks),
            "lines": {},
        }
        for line, many in scores.items():
            whole, classes = figures(many)
            facts["lines"][line] = {"figures": whole, "classes": classes}
        self.folder.keep(row, facts, scores, pictures)
        return FinishedRow(facts, scores), False

    def _tasks(self, row: Row) -> FewShotManifest:
        manifest = row.source.read(self.settings.shots)
        return restrict(manifest, self.settings.classes, self.settings.limit)


def judge(
    responder: Responder, tasks: Sequence[Task]
) -> tuple[dict[str, list[ImageScore]], dict[str, npt.NDArray[Any]]]:
    """Score every query image under every line, and keep the pictures of the first ones.

    Returns:
        scores by line, and arrays by ``CLASS/number/part``: ``image`` and, by line, ``LINE.image`` in 8 bits,
        ``truth`` and, by line, ``LINE.mask``.
    """
    scores: dict[str, list[ImageScore]] = {}
    pictures: dict[str, npt.NDArray[Any]] = {}
    for task in tasks:
        for number, sample in enumerate(task.queries):
            picture = read_picture(sample)
            answers = responder.answer(task, picture)
            for line, one in answers.items():
                scores.setdefault(line, []).append(
                    score(one.mask, picture.mask, task.name, picture.name, one.round)
                )
            if number < SHOWN:
                place = f"{task.name}/{number}"
                pictures[f"{place}/image"] = _eight_bits(picture.image[:, :, 0])
                pictures[f"{place}/truth"] = picture.mask
                for line, one in answers.items():
                    pictures[f"{place}/{line}.mask"] = one.mask
                    if one.plane is not None:
                        pictures[f"{place}/{line}.image"] = _eight_bits(one.plane)
    for line in responder.void():
        scores.pop(line, None)
    return scores, pictures


def _learn(lesson: Lesson) -> Responder:
    learners: dict[str, Callable[[Lesson], Responder]] = {
        "raw": raw,
        "best-single": partial(searched, "best-single"),
        "search": partial(searched, "random"),
        "cma": partial(searched, "cma"),
        "td3": agent,
        "prototype": prototype,
        "finetune": _finetune,
        "best-of-30": best_of,
        "maps": maps,
    }
    return learners[lesson.row.method](lesson)


def _finetune(lesson: Lesson) -> Responder:
    from flawscope.fewshot.finetuning import finetune  # brings torch

    return finetune(lesson)


def _content(manifest: FewShotManifest) -> list[Any]:
    """What a row was made from: names of classes and images, and the bytes of the supports."""
    return [
        [one.name, [_file(sample) for sample in one.support], [sample.name for sample in one.query]]
        for one in manifest.classes
    ]


def _file(sample: Sample) -> str:
    seen = hashlib.sha256(sample.image.read_bytes())
    path = None if sample.truth is None else sample.truth.path
    if path is not None:
        seen.update(path.read_bytes())
    return seen.hexdigest()[:16]


def _eight_bits(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    eight: npt.NDArray[np.uint8] = np.rint(plane * 255).astype(np.uint8)
    return eight
