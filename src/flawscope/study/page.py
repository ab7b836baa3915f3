"""The page of studies: for each its split, budget, machines and tables, and the command behind every row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flawscope.outputs import write_text
from flawscope.study.description import Study
from flawscope.study.pareto import draw_pareto
from flawscope.study.store import RunFiles
from flawscope.study.tables import Finished, classes_table, kinds_table, protocols_table, results_table
from flawscope.study.timing import read_timings

_HEAD = """# Results

Rendered by `flawscope study report` from the JSON of every run; nothing here is written by hand. Test images
decided nothing: weights, thresholds and means of training were chosen on validation images, and a study that measures
those says so in its heading. Image means at threshold 0.5;
"a ± b" is mean and standard deviation over seeds, brackets are 95 % bootstrap intervals over images (over physical
pieces where they are known). Differences are paired on the same images; those whose interval excludes zero are bold.
"""


def write_page(studies: Sequence[Study], results: RunFiles, out: Path, timings: Path) -> Path:
    """Write the page, and beside it a picture of accuracy against size and speed for each study.

    Args:
        studies: in the order of the page.
        results: their finished runs.
        out: the Markdown file; pictures go to ``pictures/`` beside it.
        timings: the JSON of ``flawscope study time``; may be missing.

    Raises:
        DataError: a file of a run or the timings is damaged.
        OutputError: the page cannot be written.
    """
    timed = read_timings(timings)
    parts = [_HEAD]
    if timed:
        parts.append(
            f"Milliseconds are medians of {timed['engine']}, {timed['threads']} threads, all networks in turns on "
            f"{timed['machine']['processor']}.\n"
        )
    for study in studies:
        finished = {
            row.name: [
                found
                for run in study.runs()
                if run.row == row.name and (found := results.find(run)) is not None
            ]
            for row in study.file.rows
        }
        parts += _study(study, finished, out, timed)
    return write_text(out, "\n".join(parts).rstrip() + "\n")


def _study(study: Study, finished: Finished, out: Path, timed: dict[str, object]) -> list[str]:
    file = study.file
    lines = [f"## {file.title}", ""]
    if file.about:
        lines += [file.about.strip(), ""]
    budget = f"{file.passes:,} image passes a row unless said otherwise; " if file.passes else ""
    machines = sorted({run.facts["machine"]["processor"] for runs in finished.values() for run in runs})
    lines += [
        f"Study `{study.path.as_posix()}`; {budget}seeds {', '.join(map(str, file.seeds))}; "
        f"trained and measured on {', '.join(machines) or 'nothing yet'}. A row is made again by",
        "",
        "```",
        f"flawscope study run {study.path.as_posix()} --only ROW --seed SEED --results runs/again",
        "```",
        "",
    ]
    for test in file.test or tuple(file.data):
        source = file.data[test]
        split = source.splits or "all images"
        lines += [f"### {source.title or test}", "", f"Split: `{split}`, part `{source.test}`.", ""]
        lines += results_table(study, finished, test, timed)
        for title, table in (
            ("IoU by kind of image:", kinds_table(study, finished, test)),
            ("Pooled IoU by class:", classes_table(study, finished, test)),
            ("The same answers by both protocols:", protocols_table(study, finished, test)),
        ):
            if table:
                lines += ["", title, "", *table]
        lines.append("")
        picture = out.parent / "pictures" / f"study-{study.name}-{test}.png"
        if draw_pareto(study, finished, test, timed, picture):
            lines += [
                f"![Accuracy against size and speed](pictures/{picture.name})",
                "",
            ]
    return lines
