"""Training and measuring the runs of a study, one after the other; what is finished stays finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flawscope.data.samples import SegmentationData, open_data
from flawscope.digests import sha256
from flawscope.errors import DataError, UsageError
from flawscope.evaluate import Settings, evaluate, open_maps
from flawscope.evaluate.maps import MapFolder
from flawscope.machine import commit, describe_machine
from flawscope.segment import Segmenter, Symmetries, load, open_segmenter
from flawscope.segment.loading import shipped_weights
from flawscope.study.description import Source, Study, StudyRow
from flawscope.study.facts import figures_of, images_of, minutes_spent, network_facts, training_facts
from flawscope.study.few import few_of
from flawscope.study.runs import Run
from flawscope.study.store import RunFiles, StoredRun, stamp_of

if TYPE_CHECKING:
    from flawscope.train.run_settings import RunSettings

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where and how the runs of a study are made.

    Attributes:
        study: which.
        results: finished runs.
        work: run folders of trainings, each resumable.
        device: ``auto``, ``cpu`` or ``cuda:0``.
        minutes: stop training at the end of the epoch that passes them, and leave the run to be gone on with.
        say: where lines for people go.
        progress: called with images measured and all.
    """

    study: Study
    results: RunFiles
    work: Path
    device: str = "auto"
    minutes: float | None = None
    say: Say = print
    progress: Progress | None = None

    def make(self, run: Run) -> StoredRun | None:
        """Train and measure one run, unless it is finished; None when time was up before its training ended.

        Raises:
            FlawscopeError: data, weights or settings cannot be used.
            KeyboardInterrupt: stopped; calling again goes on.
        """
        row = self.study.row(run.row)
        told = self.told(row, run.seed)
        stamp = stamp_of(told)
        done = self.results.find(run, stamp)
        if done is not None:
            self._check_recipe(row, done)
            return done
        answerer, training = self._answerer(row, run)
        if answerer is None:
            return None
        tests = {name: self._measured(name, row, answerer) for name in self.study.measured_on(row)}
        facts = {
            "told": told,
            "commit": commit(),
            "machine": describe_machine(),
            "network": network_facts(answerer),
            "training": training,
            "tests": tests,
        }
        self.results.keep(run, stamp, facts)
        return self.results.find(run, stamp)

    def told(self, row: StudyRow, seed: int) -> dict[str, Any]:
        """All that decides what a run becomes, as plain values; paths as the study writes them."""
        study = self.study.file
        said = {"note", "paper", "seeds", "name", "parameters"}
        plain = row.model_dump(mode="json", exclude=said, exclude_defaults=True)
        told: dict[str, Any] = {
            "row": plain,
            "seed": seed,
            "tests": {name: _plain(study.data[name]) for name in self.study.measured_on(row)},
            "protocols": list(study.protocols),
        }
        if row.model is not None:
            name = self.study.trained_on(row)
            told["data"] = _plain(study.data[name])
            told["passes"] = row.passes or study.passes
            told["recipe"] = {"base": row.recipe or study.recipe, **study.set, **row.set}
        if row.weights in (shipped := shipped_weights()):
            told["weights"] = sha256(shipped[row.weights])[:16]
        for key, other in (("start", row.start), ("of", row.of)):
            if other is not None and not (key == "start" and row.starts_elsewhere):
                told[key] = self.told(self.study.row(other), seed)
        if row.teachers:
            rows = [self.study.row(name) for name in row.teachers]
            told["teachers"] = [self.told(one, number) for one in rows for number in self.study.seeds(one)]
        return told

    def _check_recipe(self, row: StudyRow, done: StoredRun) -> None:
        """Refuse a run whose recipe's defaults, of which a study says nothing, were others then."""
        if row.model is None:
            return
        now = self.study.recipe(row, 1).model_dump(mode="json", exclude={"epochs"})
        then = done.facts["training"]["recipe"]
        for name in sorted(now.keys() & then.keys()):
            if now[name] != then[name]:
                raise DataError(
                    f"this run was trained with {name} {then[name]}, and the recipe now says {now[name]}",
                    where=self.results.file(done.run),
                    remedy=f"Give {name} in the study, or remove the file and {self._folder(done.run)}",
                )

    def _answerer(
        self, row: StudyRow, run: Run
    ) -> tuple[Segmenter | MapFolder | None, dict[str, Any] | None]:
        answerer, training = self._whoever_answers(row, run)
        if row.symmetries is not None and answerer is not None and not isinstance(answerer, MapFolder):
            return Symmetries(answerer, row.symmetries), training
        return answerer, training

    def _whoever_answers(
        self, row: StudyRow, run: Run
    ) -> tuple[Segmenter | MapFolder | None, dict[str, Any] | None]:
        if row.of is not None:
            return load(self._trained_before(row.of, run.seed), device=self.device), None
        if row.maps is not None:
            return open_maps(self.study.place(row.maps), "grey"), None
        if row.weights is not None:
            place = self.study.place(row.weights)
            return open_segmenter(place if place.exists() else row.weights, device=self.device), None
        training = self._trained(row, run)
        if training is None:
            return None, None
        return load(self._folder(run), device=self.device), training

    def _trained(self, row: StudyRow, run: Run) -> dict[str, Any] | None:
        """Train, or go on training; None when time was up before the end."""
        from flawscope.train.run import train
        from flawscope.train.run_settings import RunSettings, already_finished

        assert row.model is not None
        source = self.study.file.data[self.study.trained_on(row)]
        data = self._open(self.study.trained_on(row))
        if row.images is not None:
            data = few_of(data, row.images, run.seed)
        training_part = data.labelled()
        images = len(training_part.split("train") if "train" in training_part.splits else training_part)
        folder = self._folder(run)
        settings = RunSettings(
            data=str(self.study.place(source.path)),
            layout=source.layout,
            splits=None if source.splits is None else str(self.study.place(source.splits)),
            binary=not source.multiclass,
            model=row.model,
            options=row.options,
            recipe_name=row.recipe or self.study.file.recipe,
            recipe=self.study.recipe(row, images),
            seed=run.seed,
            device=self.device,
            weights=self._start(row, run.seed),
            teachers=tuple(
                self._trained_before(name, seed)
                for name in row.teachers
                for seed in self.study.seeds(self.study.row(name))
            ),
        )
        begun = (folder / "config.yaml").exists()
        if begun:
            _same_training(folder, settings)
        if not (begun and already_finished(folder, settings)):
            # a training counts all its minutes, those of earlier calls too
            today = None if self.minutes is None else minutes_spent(folder) + self.minutes
            budget = [limit for limit in (row.minutes, today) if limit is not None]
            summary = train(
                settings,
                data,
                folder,
                resume=begun,
                minutes=min(budget, default=None),
                progress=False,
                say=lambda line: self.say(f"  {line}"),
            )
            out_of_time = row.minutes is not None and summary.seconds >= 60 * row.minutes
            if summary.epochs < settings.recipe.epochs and not out_of_time:
                return None
        return training_facts(folder, settings.recipe.model_dump(mode="json"), images)

    def _start(self, row: StudyRow, seed: int) -> str | None:
        if row.start is None:
            return None
        if not row.starts_elsewhere:
            return self._trained_before(row.start, seed)
        place = self.study.place(row.start)
        if not place.exists():
            raise UsageError(
                "there are no weights to start from",
                where=place,
                remedy="Make them first, see the study's head",
            )
        return str(place)

    def _trained_before(self, row: str, seed: int) -> str:
        folder = self._folder(Run(self.study.name, row, seed))
        if not (folder / "metrics.json").exists():
            raise UsageError(
                f"it needs row '{row}', seed {seed}, whose weights are not in {self.work}",
                where=self.study.path,
                remedy=f"Run that row first: --only '{row}'",
            )
        return str(folder)

    def _folder(self, run: Run) -> Path:
        return self.work / run.study / run.name

    def _open(self, name: str) -> SegmentationData:
        source = self.study.file.data[name]
        splits = None if source.splits is None else self.study.place(source.splits)
        data = open_data(self.study.place(source.path), layout=source.layout, splits=splits)
        return data if source.multiclass else data.binary()

    def _measured(self, name: str, row: StudyRow, answerer: Segmenter | MapFolder) -> dict[str, Any]:
        source = self.study.file.data[name]
        data = self._open(name)
        part = data.split(source.test) if data.splits else data
        found: dict[str, Any] = {}
        for protocol in self.study.file.protocols:
            normalise = row.normalise and protocol == "standard"
            evaluation = evaluate(
                answerer, part, Settings(protocol=protocol, normalise=normalise), progress=self.progress
            )
            if evaluation.interrupted:
                raise KeyboardInterrupt
            found[protocol] = figures_of(evaluation)
            if protocol == "standard":
                found["images"] = images_of(evaluation)
        return found


def _same_training(folder: Path, settings: RunSettings) -> None:
    """Refuse to go on with, or to measure, a training that was told something else."""
    from flawscope.train.run_settings import read_settings

    before = read_settings(folder)
    for name in ("model", "options", "seed", "recipe"):
        if getattr(before, name) != getattr(settings, name):
            raise UsageError(
                f"the training that stands here had another {name} than the study now gives",
                where=folder,
                remedy="Remove the folder to train again",
            )


def _plain(source: Source) -> dict[str, Any]:
    return source.model_dump(mode="json", exclude={"title"}, exclude_defaults=True)
