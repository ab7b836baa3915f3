"""What a reader must know before the numbers: what was not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flawscope.inspect.counted import noun_of, skipped_in_words
from flawscope.inspect.tables import Record
from flawscope.inspect.verdict import in_part_in_words


@dataclass(frozen=True, slots=True)
class Notice:
    """One line at the top of the page.

    Attributes:
        kind: ``reject`` or ``review``, its colour.
        word: in bold before it.
        text: the line.
    """

    kind: str
    word: str
    text: str


def notices(records: Sequence[Record], failed: int) -> list[Notice]:
    """What was inspected in part, skipped, or not inspected at all."""
    made = [_in_part(record) for record in records if "in_part" in record]
    if failed:
        noun = noun_of(records)
        many = f"{failed:,} {noun}{'s were' if failed > 1 else ' was'}"
        made.append(
            Notice(
                "reject",
                "Not inspected",
                f"{many} not inspected; listed below. The counts leave out what was not.",
            )
        )
    made += [
        Notice("review", "Not seen", f"{record['source']}: {skipped_in_words(record['background'])}.")
        for record in records
        if record.get("background") is not None
    ]
    return made


def _in_part(record: Record) -> Notice:
    about, verdict = record["in_part"], record.get("verdict")
    if verdict is None:
        said = in_part_in_words(record["height"], about["of_rows"])
        return Notice("review", "Inspected in part", f"{record['source']}: {said}. {about['problem']}")
    word = "REJECT so far" if verdict["outcome"] == "reject" else verdict["outcome"].upper()
    return Notice(verdict["outcome"], word, f"{record['source']}: {verdict['reason']}. {about['problem']}")
