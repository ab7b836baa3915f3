"""A strip as one line of ``results.jsonl``, beside the images of a batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flawscope.data import rle
from flawscope.errors import UsageError
from flawscope.inspect.batch import Settings
from flawscope.inspect.folder import ResultFolder
from flawscope.inspect.inspector import Inspector
from flawscope.inspect.judging import Judging
from flawscope.inspect.strip import StripResult, inspect_strip
from flawscope.inspect.strip_folder import add_to_summary, in_part, to_region
from flawscope.inspect.strip_regions import Region
from flawscope.inspect.strip_source import RowSource
from flawscope.inspect.tables import Record
from flawscope.results import RESULT_SCHEMA
from flawscope.segment.base import Segmenter

STRIP_BYTES = 256 * 2**20
"""Files larger than this are inspected as strips even unasked."""

STRIPS = "strips"


def add_strip(
    segmenter: Segmenter,
    source: RowSource,
    folder: ResultFolder,
    settings: Settings,
    inspector: Inspector,
    key: str,
    *,
    skip_background: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_rows: Callable[[int], None] = lambda _rows: None,
) -> tuple[StripResult, Record | None]:
    """Inspect a strip into ``strips/<key>`` of a folder of results, then write its line.

    Contrast is not measured of rows that come only once, such as a camera's; rules that limit it are then refused.

    Args:
        segmenter: as for :func:`flawscope.inspect.strip.inspect_strip`.
        source: the rows.
        folder: of the results.
        settings: of the batch; ``otsu`` is not for strips.
        inspector: measures and judges.
        key: from ``folder.claim``.
        skip_background: as for :func:`flawscope.inspect.strip.inspect_strip`.
        resume: go on from what is in ``strips/<key>``.
        overwrite: begin again there.
        on_rows: told the number of rows done.

    Returns:
        What became of the strip, and its record; None where it was interrupted. The record of a strip that ended
        early says what was found until then, ``in_part``, and has no line: it is not done.

    Raises:
        FlawscopeError: as :func:`flawscope.inspect.strip.inspect_strip`, and where rules and strip do not fit.
    """

    def measured(region: Region) -> dict[str, Any]:
        measures = inspector.measured(region.runs)
        del measures["contrast"]  # the region has it
        return measures

    check_for_strips(settings, inspector, source)
    _judging(inspector, source.width, source.rows)  # a zone that does not fit is told before the work
    result = inspect_strip(
        segmenter,
        source,
        folder.root / STRIPS / key,
        threshold=settings.threshold,
        min_area=settings.min_area,
        masks=folder.wanted.masks,
        contrast=source.reads_again,
        skip_background=skip_background,
        measure=measured,
        note=inspector.made_with(),
        resume=resume,
        overwrite=overwrite,
        on_rows=on_rows,
    )
    if result.interrupted:
        return result, None
    level = segmenter.threshold if settings.threshold is None else settings.threshold
    record = _record(result, source, inspector, key)
    record.update(threshold=level, weights=segmenter.name, read_with=source.read_with)
    if result.background is not None:
        record["background"] = result.background
    add_to_summary(result.root, {name: record[name] for name in ("calibration", "verdict") if name in record})
    if result.problem is None:
        folder.commit(record)
    return result, record


def check_for_strips(settings: Settings, inspector: Inspector, source: RowSource | None = None) -> None:
    """Raise UsageError for what no strip can be inspected with: Otsu's threshold.

    With ``source``, also for rules that limit contrast where its rows come only once.
    """
    if settings.method != "threshold":
        raise UsageError(
            "Otsu's threshold needs the whole image, which a strip is never",
            where="--binarize otsu",
            remedy="Leave it out for strips",
        )
    rules = inspector.rules
    if rules is None or source is None or source.reads_again:
        return
    for rule in rules:
        if "contrast" in rule.limits:
            raise UsageError(
                f"rule '{rule.name}' limits contrast, which cannot be measured of rows that come only once",
                where=rules.where(rule.name),
                remedy="Inspect a file, or take the limit out",
            )


def _judging(inspector: Inspector, width: int, height: int | None) -> Judging | None:
    if inspector.rules is None:
        return None
    return Judging(inspector.rules, width=width, height=height, calibration=inspector.calibration)


def _record(result: StripResult, source: RowSource, inspector: Inspector, key: str) -> Record:
    height, width = result.rows, result.width
    defects: list[dict[str, Any]] = []
    for stored in result.records():
        defect = {name: value for name, value in stored.items() if name not in ("runs", "number")}
        defect["segmentation"] = rle.encode_runs(to_region(stored).runs, height, width)
        defects.append(defect)
    area = sum(defect["area_px"] for defect in defects)
    if result.problem is None:
        more = inspector.judged(defects, width, height)
    else:
        more = inspector.judged_in_part(defects, width, height, source.rows)
        more["in_part"] = in_part(str(result.problem), source.rows)
    return {
        "schema": RESULT_SCHEMA,
        "source": source.name,
        "width": width,
        "height": height,
        "defect_fraction": round(area / (width * height), 6) if height else 0.0,
        "seconds": round(result.seconds, 4),
        "defects": defects,
        **more,
        "labels": list(result.labels),
        "key": key,
        "files": {"strip": (Path(STRIPS) / key).as_posix()},
    }
