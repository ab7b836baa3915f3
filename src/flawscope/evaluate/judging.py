"""The one loop: any segmenter, or a folder of maps, against the true masks of a dataset."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data.masks import MaskFile
from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import DataError, FlawscopeError
from flawscope.evaluate.evaluation import Evaluation, Part
from flawscope.evaluate.labels import Agreement, agree
from flawscope.evaluate.maps import MapFolder, check_kind
from flawscope.evaluate.settings import Settings
from flawscope.images import Image, Mask, Probability, read_label_image
from flawscope.metrics.protocols import Standard
from flawscope.metrics.running import Running
from flawscope.metrics.threshold_curve import best_threshold
from flawscope.segment.base import Segmenter, binarize


@dataclass(frozen=True, slots=True)
class Judged:
    """One image after its evaluation, for whoever watches (to draw it, say).

    Attributes:
        sample: the sample.
        image: its pixels.
        probability: ``(K, height, width)``.
        answer: ``(height, width)`` class numbers by the headline threshold, or by Otsu.
        truth: ``(height, width)`` class numbers.
        row: its figures.
    """

    sample: Sample
    image: Image
    probability: Probability
    answer: Mask
    truth: Mask
    row: dict[str, Any]


def evaluate(
    source: Segmenter | MapFolder,
    data: SegmentationData,
    settings: Settings | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    watch: Callable[[Judged], None] | None = None,
) -> Evaluation:
    """Measure answers against true masks.

    An image that cannot be read or answered is listed in ``failures`` and the rest goes on. On Ctrl-C what was
    measured until then is returned, with ``interrupted`` set.

    Args:
        source: who answers.
        data: what to answer; samples without a mask are left out. Choose a split before (``data.split("test")``).
        settings: how to measure.
        progress: called with images done and all, after each.
        watch: called after each image.

    Raises:
        DataError: nothing to evaluate, or nothing could be.
    """
    chosen = settings or Settings()
    run = _Run(source, data, chosen)
    run.go(progress, watch)
    return run.evaluation()


def calibrate(
    source: Segmenter | MapFolder,
    data: SegmentationData,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> float:
    """The threshold with the best image-mean IoU on these images; give validation images, never test images.

    Raises:
        DataError: nothing could be evaluated.
    """
    evaluation = evaluate(source, data, Settings(calibrated=0.5, resamples=0), progress=progress)
    if evaluation.interrupted:
        raise KeyboardInterrupt
    return best_threshold(np.asarray(evaluation.curve["iou_fg_image_mean"]))


class _Run:
    """The state of one evaluation."""

    def __init__(self, source: Segmenter | MapFolder, data: SegmentationData, settings: Settings) -> None:
        self.source, self.settings = source, settings
        self.notes: list[str] = []
        self.failures: list[str] = []
        self.resized: list[str] = []
        self.samples: list[Sample] = []
        self.rows: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.interrupted = False
        labelled = data.labelled()
        if not labelled.samples:
            raise DataError(
                "no image with a mask", where=data.root, remedy="Choose another split, or add masks"
            )
        if len(labelled) < len(data):
            self.notes.append(f"{len(data) - len(labelled)} images without a mask are left out")
        if data.problems:
            first = data.problems[0]
            self.notes.append(
                f"{len(data.problems)} files of the dataset cannot be used (first: {first.path}: {first.what}); "
                "'flawscope data check' lists them"
            )
        self.agreement = self._agree(labelled)
        self.data = self.agreement.data
        if self.agreement.note:
            self.notes.append(self.agreement.note)
        self.maps = self._pair(source) if isinstance(source, MapFolder) else {}
        self.second = self._second_threshold()
        if settings.protocol == "ocinet":
            self.main = Running(settings.published)
            self.beside = None
        else:
            standard = Standard(
                classes=len(self.data.labels),
                normalise=settings.normalise,
                tolerance=settings.tolerance,
                min_overlap=settings.min_overlap,
                min_reject_area=settings.min_reject_area,
            )
            self.main = Running(standard)
            self.beside = None if self.second is None else Running(replace(standard, soft=False))

    def _agree(self, data: SegmentationData) -> Agreement:
        if not isinstance(self.source, MapFolder):
            return agree(self.source.labels, data)
        check_kind(self.source, data)
        return agree(data.labels if self.source.values == "classes" else ("defect",), data)

    def _second_threshold(self) -> float | None:
        if self.settings.protocol == "ocinet":
            return None
        if self.settings.calibrated is not None:
            return self.settings.calibrated
        return None if isinstance(self.source, MapFolder) else self.source.threshold

    def _pair(self, maps: MapFolder) -> dict[str, Path]:
        paired, strangers = maps.pair(self.data.samples)
        alone = [sample.name for sample in self.data if sample.name not in paired]
        if not paired:
            raise DataError(
                f"none of its {len(maps.files)} maps has the name of one of the {len(self.data)} masks",
                where=maps.folder,
                remedy=f"Name maps like the images, for example {self.data.samples[0].image.stem}.png",
            )
        if alone:
            self.notes.append(f"{len(alone)} masks without a map, left out: {_some(alone)}")
        if strangers:
            names = [file.relative_to(maps.folder).as_posix() for file in strangers]
            self.notes.append(f"{len(strangers)} maps without a mask, left out: {_some(names)}")
        self.data = self.data.where(lambda sample: sample.name in paired)
        return paired

    def go(self, progress: Callable[[int, int], None] | None, watch: Callable[[Judged], None] | None) -> None:
        """Measure image after image until the last, or Ctrl-C."""
        try:
            for number, sample in enumerate(self.data, start=1):
                try:
                    judged = self._judge(sample)
                except FlawscopeError as error:
                    self.failures.append(str(error))
                else:
                    if watch is not None:
                        watch(judged)
                if progress is not None:
                    progress(number, len(self.data))
        except KeyboardInterrupt:
            self.interrupted = True
            self.notes.append(f"interrupted: {len(self.samples)} of {len(self.data)} images were evaluated")

    def _judge(self, sample: Sample) -> Judged:
        image, truth = sample.read()
        started = time.perf_counter()
        probability = self.agreement.apply(self._answer(sample, image))
        spent = time.perf_counter() - started
        otsu = self.settings.protocol == "ocinet"
        answer = binarize(probability, self.settings.threshold, "otsu" if otsu else "threshold")
        scores = self.main.protocol.score(probability, answer, _stored(sample, truth) if otsu else truth)
        row: dict[str, Any] = {
            "name": sample.name,
            "kind": sample.kind,
            "subset": sample.subset,
            "group": sample.group,
            "width": truth.shape[1],
            "height": truth.shape[0],
            "true_pixels": int(np.count_nonzero(truth)),
            "answered_pixels": int(np.count_nonzero(answer)),
            **{name.removesuffix("_image_mean"): value for name, value in scores.values.items()},
        }
        calibrated = None
        if self.beside is not None and self.second is not None:
            calibrated = self.beside.protocol.score(probability, binarize(probability, self.second), truth)
            for name in ("iou_fg", "dice_fg"):
                row[f"{name}_calibrated"] = calibrated.values[f"{name}_image_mean"]
        row["seconds"] = round(spent, 5)
        # nothing below fails half-way: an image counts everywhere or nowhere
        self.main.add(scores)
        if self.beside is not None and calibrated is not None:
            self.beside.add(calibrated)
        self.samples.append(sample)
        self.rows.append(row)
        self.seconds += spent
        return Judged(sample, image, probability, answer, truth, row)

    def _answer(self, sample: Sample, image: Image) -> Probability:
        if not isinstance(self.source, MapFolder):
            return self.source.segment(image).probability
        height, width = image.shape[:2]
        classes = len(self.data.labels)
        probability, resized = self.source.read(self.maps[sample.name], height, width, classes)
        if resized:
            self.resized.append(sample.name)
        return probability

    def evaluation(self) -> Evaluation:
        """Everything measured so far."""
        if not self.samples:
            if self.interrupted:
                raise KeyboardInterrupt
            first = self.failures[0] if self.failures else "no reason known"
            raise DataError(f"none of its images could be evaluated (first: {first})", where=self.data.root)
        settings = self.settings
        if self.resized:
            self.notes.append(
                f"{len(self.resized)} maps were resized to the size of their mask: {_some(self.resized)}"
            )
        self._note_dark_maps()
        if settings.normalise and settings.protocol == "standard":
            self.notes.append("MAE, wF, S, E and F are of maps stretched to 0..1 (--normalise)")
        groups = [sample.group or f"\0{sample.name}" for sample in self.samples]
        units = len(set(groups))
        if settings.resamples and units < len(groups):
            self.notes.append(f"the 95 % intervals draw {units} groups, not {len(groups)} images")
        intervals, beside_intervals = (
            {}
            if running is None or not settings.resamples
            else running.intervals(groups, resamples=settings.resamples, seed=settings.seed)
            for running in (self.main, self.beside)
        )
        standard = settings.protocol == "standard"
        splits = {sample.split for sample in self.samples}
        split = splits.pop() if len(splits) == 1 else None
        return Evaluation(
            source=self.source.name,
            data=self.data.name if split is None else f"{self.data.name}, {split}",
            labels=self.data.labels,
            settings=settings.to_json(),
            whole=_part(self.main, self.beside),
            intervals=intervals,
            calibrated_intervals=beside_intervals,
            calibrated_threshold=self.second,
            undefined=self.main.undefined(),
            subsets=self._parts([sample.subset for sample in self.samples]),
            kinds=self._parts([sample.kind for sample in self.samples]),
            classes=self.main.per_class(self.data.labels) if standard else [],
            sizes=self.main.by_size() if standard else [],
            curve={name: values.tolist() for name, values in self.main.curve().items()} if standard else {},
            reliability=self.main.reliability(self.data.labels) if standard else [],
            rows=self.rows,
            notes=self.notes,
            failures=self.failures,
            interrupted=self.interrupted,
            seconds=self.seconds,
        )

    def _parts(self, keys: list[str | None]) -> dict[str, Part]:
        beside = {} if self.beside is None else self.beside.split(keys)
        return {key: _part(part, beside.get(key)) for key, part in self.main.split(keys).items()}

    def _note_dark_maps(self) -> None:
        maps = self.source
        if not isinstance(maps, MapFolder) or maps.values != "grey":
            return
        if not any(row["answered_pixels"] for row in self.rows) and any(
            row["true_pixels"] for row in self.rows
        ):
            self.notes.append(
                "no map has a pixel above the threshold: if they hold 0 and 1, use --map-values binary"
            )


def _part(main: Running, beside: Running | None) -> Part:
    return Part(len(main), main.figures(), {} if beside is None else beside.figures())


def _stored(sample: Sample, truth: Mask) -> Mask:
    """The grey levels of the label file, where it is black and white; else 255 on the defects."""
    source = sample.truth
    if isinstance(source, MaskFile) and source.values is None and source.threshold >= 127:
        stored = read_label_image(source.path)
        if stored.dtype == np.uint8:
            return np.asarray(stored)
    return (truth > 0) * np.uint8(255)


def _some(names: list[str], limit: int = 5) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")
