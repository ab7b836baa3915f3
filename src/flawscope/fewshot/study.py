"""The study: row by row, each kept as soon as it is done."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from flawscope.data.fewshot import FewShotManifest
from flawscope.enhance import bank as make_bank
from flawscope.enhance.bank import FilterBank
from flawscope.errors import DataError, FlawscopeError
from flawscope.fewshot.adjusting import adjustable_bank
from flawscope.fewshot.answers import Lesson, Responder, maps, mixes, prototype, raw
from flawscope.fewshot.content import Content
from flawscope.fewshot.enhancing import agent, searched
from flawscope.fewshot.judging import judge
from flawscope.fewshot.materials import material_of_class, unseen_start
from flawscope.fewshot.preparing import prepare
from flawscope.fewshot.scores import figures
from flawscope.fewshot.segmenters import Segmenters, check_prompting, refuse_enhancer
from flawscope.fewshot.settings import ENHANCING, Row, StudySettings, agent_settings, check_backbone
from flawscope.fewshot.starting import NONE_FITS, SMOKE_STEPS, WARNING, cpu_warning, is_smoke, start_of
from flawscope.fewshot.store import FinishedRow, RunFolder, stamp_of
from flawscope.fewshot.tally import Tally
from flawscope.fewshot.tasks import Source, restrict
from flawscope.machine import describe_machine
from flawscope.sdie.policy import fingerprint_of
from flawscope.sdie.presets import Settings
from flawscope.segment.loading import find_weights

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a study came to.

    Attributes:
        finished: rows, the resumed ones among them.
        failures: one line for each row that could not be made, or for all rows of a manifest that cannot be read.
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
    _agent_bank: FilterBank = field(init=False)
    _segmenters: Segmenters = field(init=False)
    _content: Content = field(default_factory=Content, init=False)

    def __post_init__(self) -> None:
        told = self.settings
        refuse_enhancer(told.segmenter)
        check_prompting(told.segmenter, told.prompted, told.prompt_use, told.prompt_features)
        self.bank = make_bank(told.bank, told.filters, told.kernel_size)
        self._agent_bank = adjustable_bank(self.bank, told.adjustable)
        self.agent = agent_settings(told.preset, told.rounds, told.budget)
        check_backbone(told.backbone_weights, self.agent)
        self._segmenters = Segmenters(told.segmenter, self.device)

    def check(self, rows: Sequence[Row]) -> None:
        """Raise before any work what would spoil many rows, so that it is told once.

        Manifests that cannot be read are left to their rows.

        Raises:
            UsageError: the segmenter, or the weights of ``finetune``, have seen the material of a class.
            WeightsError: they are missing or cannot be used.
            MissingExtraError: what runs the segmenter is not installed.
        """
        tuned = any(row.method == "finetune" for row in rows)
        start = self.settings.finetune_weights if tuned else None
        for source in dict.fromkeys(row.source for row in rows):
            try:
                manifest = self._tasks(source)
            except DataError:
                continue
            for one in manifest.classes:
                self._segmenters.check(one)
                if start is not None:
                    unseen_start(start, one.name, material_of_class(one))

    def run(self, rows: Sequence[Row], say: Say | None = None) -> Outcome:
        """Make every row that is not there yet.

        Args:
            rows: from ``rows_of``.
            say: told one line for each row, if given.
        """
        finished: list[FinishedRow] = []
        failures: list[str] = []
        tell = say or (lambda _: None)
        try:
            self.folder.claim(self.settings)
            if any(row.method == "td3" for row in rows):
                if self._starts_afresh():
                    tell(WARNING)
                if warning := cpu_warning(self.agent, self.device, self.settings.budget):
                    tell(warning)
            manifests: dict[Source, FewShotManifest] = {}
            for source in dict.fromkeys(row.source for row in rows):
                try:
                    manifests[source] = self._tasks(source)
                except Exception as error:  # whatever it is, the other rows are worth having
                    line = _told(error)
                    failures.append(f"{source.name}: {line}")
                    tell(f"{source.name}: failed: {line}")
            possible = [row for row in rows if row.source in manifests]
            for number, row in enumerate(possible, start=1):
                head = f"[{number}/{len(possible)}] {row.name}"
                try:
                    found, before = self._one(row, manifests[row.source])
                except Exception as error:
                    line = _told(error)
                    failures.append(f"{row.name}: {line}")
                    tell(f"{head}: failed: {line}")
                    continue
                finished.append(found)
                seconds = found.facts["seconds"]["learning"] + found.facts["seconds"]["queries"]
                tell(f"{head}: {'kept from before' if before else f'{seconds:.0f} s'}")
        except KeyboardInterrupt:
            return Outcome(tuple(finished), tuple(failures), interrupted=True)
        return Outcome(tuple(finished), tuple(failures))

    def _one(self, row: Row, manifest: FewShotManifest) -> tuple[FinishedRow, bool]:
        stamp = stamp_of(self.settings, row, self._content.of(manifest, row.maps), self._means(row, manifest))
        found = self.folder.find(row, stamp)
        if found is not None:
            return found, True
        started, tally = time.perf_counter(), Tally()
        tasks = tuple(prepare(one, self._segmenters, self.settings, tally) for one in manifest.classes)
        told, folder = self.settings, self.folder.agent(row)
        lesson = Lesson(tasks, row, told, self._agent_of(row), self.bank, folder, self.device)
        prepared = time.perf_counter() - started
        responder = _learn(lesson)
        learning, learnt = time.perf_counter() - started, tally.calls
        calls = learnt
        if row.method == "td3":  # its training may have had earlier sittings
            trained = list(responder.notes().values())
            learning = prepared + sum(one["seconds"] for one in trained)
            calls = sum(one["segmenter_calls"] for one in trained)
        started = time.perf_counter()
        scores, pictures = judge(responder, tasks)
        facts: dict[str, Any] = {
            "stamp": stamp,
            "manifest": row.source.name,
            "method": row.method if row.maps is None else f"maps:{Path(row.maps).resolve().name}",
            "maps": row.maps,
            "seed": row.seed,
            "name": row.name,
            "shots": self.settings.shots,
            "segmenter": tasks[0].segmenter.name,
            "notes": responder.notes(),
            "supports_left_out": {task.name: list(task.empty) for task in tasks if task.empty},
            "seconds": {
                "learning": round(learning, 2),
                "queries": round(time.perf_counter() - started, 2),
            },
            "calls": {"learning": calls, "queries": tally.calls - learnt},
            "queries": sum(len(task.queries) for task in tasks),
            "machine": describe_machine(),
            "lines": {},
        }
        for line, many in scores.items():
            whole, classes = figures(many)
            facts["lines"][line] = {"figures": whole, "classes": classes}
        self.folder.keep(row, facts, scores, pictures)
        return FinishedRow(facts, scores), False

    def _means(self, row: Row, manifest: FewShotManifest) -> list[Any]:
        """What a row is made with, besides its tasks: segmenters, weights, and what the presets say today."""
        told = self.settings
        if row.method in ("prototype", "maps"):
            return []
        if row.method == "finetune":
            given = told.finetune_weights
            return [None if given is None else self._content.file(find_weights(given))]
        means: list[Any] = [self._segmenters.made_with(manifest.classes)]
        if row.method in ENHANCING:
            start, noted = start_of(self._agent_bank, self.agent, prompted=told.prompted)
            weights = told.backbone_weights
            means += [
                self.bank.fingerprint(),
                self._agent_of(row).model_dump(mode="json"),
                noted if start is None else fingerprint_of(start),
                None if weights is None else self._content.file(Path(weights)),
            ]
        return means

    def _agent_of(self, row: Row) -> Settings:
        """The agent's settings; of a smoke run only its own training is short, and no search."""
        told = self.settings
        if row.method == "td3" and is_smoke(self.agent, self.device, told.budget):
            return agent_settings(told.preset, told.rounds, SMOKE_STEPS)
        return self.agent

    def _starts_afresh(self) -> bool:
        return start_of(self._agent_bank, self.agent, prompted=self.settings.prompted)[1] == NONE_FITS

    def _tasks(self, source: Source) -> FewShotManifest:
        manifest = source.read(self.settings.shots)
        return restrict(manifest, self.settings.classes, self.settings.limit)


def _learn(lesson: Lesson) -> Responder:
    learners: dict[str, Callable[[Lesson], Responder]] = {
        "raw": raw,
        "best-single": partial(searched, "best-single"),
        "search": partial(searched, "random"),
        "cma": partial(searched, "cma"),
        "cma-rollouts": partial(searched, "cma", rollouts=True),
        "td3": agent,
        "prototype": prototype,
        "finetune": _finetune,
        "pick-of-30": partial(mixes, oracle=False),
        "best-of-30": partial(mixes, oracle=True),
        "maps": maps,
    }
    return learners[lesson.row.method](lesson)


def _finetune(lesson: Lesson) -> Responder:
    from flawscope.fewshot.finetuning import finetune  # brings torch

    return finetune(lesson)


def _told(error: Exception) -> str:
    """One line; raises it where tracebacks are wanted."""
    if os.environ.get("FLAWSCOPE_DEBUG"):
        raise error
    line = " ".join(str(error).split())[:300]
    return line if isinstance(error, FlawscopeError) else f"{type(error).__name__}: {line}"
