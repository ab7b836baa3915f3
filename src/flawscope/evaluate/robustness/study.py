"""One segmenter at every degree of every chosen degradation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flawscope.data.samples import SegmentationData
from flawscope.errors import DataError
from flawscope.evaluate.evaluation import Evaluation
from flawscope.evaluate.judging import evaluate
from flawscope.evaluate.robustness.degraded import degraded
from flawscope.evaluate.robustness.losses import Loss, clean_names, false_alarms, losses
from flawscope.evaluate.robustness.sheet import Degradation
from flawscope.evaluate.settings import Settings
from flawscope.segment.base import Segmenter

TAKEN = ("iou_fg_image_mean", "iou_fg_pooled", "escape_rate")
"""Figures taken from the evaluation as they are."""


@dataclass(frozen=True, slots=True)
class Degree:
    """The figures of all images at one degree.

    Attributes:
        degree: 0 for the images untouched.
        strength: of the degradation; None at degree 0.
        images: how many were measured.
        figures: ``iou_fg_image_mean``, ``iou_fg_pooled``, ``escape_rate``, and of the images without a defect
            ``overkill_rate`` and ``false_alarm_area``; the latter two once more with ``drawn_`` in front for drawn
            surfaces, where there are any. NaN where undefined.
        loss: of the two IoUs against degree 0.
    """

    degree: int
    strength: float | None
    images: int
    figures: dict[str, float]
    loss: dict[str, Loss] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "degree": self.degree,
            "strength": self.strength,
            "images": self.images,
            "figures": self.figures,
            "loss": {name: loss.to_json() for name, loss in self.loss.items()},
        }


@dataclass(slots=True)
class Curves:
    """One segmenter.

    Attributes:
        source: its name.
        data: the dataset, and its split where there is one.
        threshold: at which masks were made.
        untouched: degree 0, the same for every degradation.
        degrees: degree 1 and up, by the name of the degradation.
        notes: what the reader should know.
        failures: one line for each image that could not be used, and each degree.
        interrupted: stopped before the last degree; one that was not finished is left out.
    """

    source: str
    data: str
    threshold: float
    untouched: Degree
    degrees: dict[str, list[Degree]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "source": self.source,
            "data": self.data,
            "threshold": self.threshold,
            "untouched": self.untouched.to_json(),
            "degradations": {
                name: [degree.to_json() for degree in degrees] for name, degrees in self.degrees.items()
            },
            "notes": self.notes,
            "failures": self.failures,
            "interrupted": self.interrupted,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        data: labelled images.
        chosen: the degradations.
        drawn: drawn surfaces without a defect, for more false alarms; None for none.
        threshold: of the masks; None takes each segmenter's own.
        resamples: of the bootstrap; 0 for no intervals.
        seed: of the degradations and of the bootstrap.
    """

    data: SegmentationData
    chosen: Sequence[Degradation]
    drawn: SegmentationData | None = None
    threshold: float | None = None
    resamples: int = 1000
    seed: int = 0

    @property
    def images(self) -> int:
        """How many images one segmenter answers, all degrees together."""
        drawn = 0 if self.drawn is None else len(self.drawn)
        return (len(self.data.labelled()) + drawn) * (1 + sum(len(one.degrees) for one in self.chosen))


def measure(source: Segmenter, plan: Plan, advance: Callable[[], None] = lambda: None) -> Curves:
    """One segmenter at every degree; Ctrl-C keeps the degrees that were finished.

    Args:
        source: who answers.
        plan: what to measure.
        advance: called after each image.

    Raises:
        DataError: nothing to measure, or nothing could be.
        KeyboardInterrupt: stopped before the untouched images were done.
    """
    threshold = source.threshold if plan.threshold is None else plan.threshold
    settings = Settings(threshold=threshold, calibrated=threshold, resamples=0)

    def run(data: SegmentationData) -> Evaluation:
        done = evaluate(source, data, settings, progress=lambda *_: advance())
        if done.interrupted:
            raise KeyboardInterrupt
        return done

    first = run(plan.data)
    drawn = None if plan.drawn is None else run(plan.drawn)
    names = {row["name"] for row in first.rows}
    kept = plan.data.where(lambda sample: sample.name in names)
    clean = clean_names(first.rows)

    def figures(done: Evaluation, on_drawn: Evaluation | None) -> dict[str, float]:
        found = {name: done.figures[name] for name in TAKEN} | false_alarms(done.rows, clean)
        if on_drawn is not None:
            alarms = false_alarms(on_drawn.rows, clean_names(on_drawn.rows))
            found |= {f"drawn_{name}": value for name, value in alarms.items()}
        return found

    untouched = Degree(0, None, first.whole.images, figures(first, drawn))
    curves = Curves(
        source.name, first.data, threshold, untouched, notes=list(first.notes), failures=list(first.failures)
    )
    try:
        for one in plan.chosen:
            curves.degrees[one.name] = []
            for degree, strength in enumerate(one.degrees, start=1):
                try:
                    done = run(degraded(kept, one.name, degree, plan.seed))
                except DataError as error:
                    curves.failures.append(f"{one.name} {strength:g}: {error}")
                    continue
                on_drawn = (
                    None if plan.drawn is None else run(degraded(plan.drawn, one.name, degree, plan.seed))
                )
                curves.failures += [f"{one.name} {strength:g}: {line}" for line in done.failures]
                curves.degrees[one.name].append(
                    Degree(
                        degree,
                        float(strength),
                        done.whole.images,
                        figures(done, on_drawn),
                        losses(first.rows, done.rows, resamples=plan.resamples, seed=plan.seed),
                    )
                )
    except KeyboardInterrupt:
        curves.interrupted = True
        curves.notes.append("interrupted: degrees that were not finished are left out")
    return curves
