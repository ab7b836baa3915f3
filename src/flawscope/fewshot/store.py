"""The folder of a study: its settings, and one set of files for each finished row.

::

    study.json                    settings that all rows share
    rows/NAME.json                a finished row: figures, seconds, calls; its presence says "done"
    rows/NAME.images.jsonl        the score of every query image under every choice of round
    rows/NAME.pictures.npz        the first query images of each class, for the page
    agents/NAME/                  run folder of the agent
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.errors import DataError, UsageError
from flawscope.fewshot.scores import ImageScore
from flawscope.fewshot.settings import METHODS, Row, StudySettings, digest
from flawscope.outputs import atomic, dumps, write_json, write_text

SCHEMA, ROW_SCHEMA = "flawscope/fewshot-study/1", "flawscope/fewshot-row/1"


@dataclass(frozen=True, eq=False)
class FinishedRow:
    """A row that is done.

    Attributes:
        facts: content of its JSON file.
        scores: of every query image, by line (choice of round, or ``""``).
    """

    facts: dict[str, Any]
    scores: dict[str, list[ImageScore]]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of a study."""

    path: Path

    def claim(self, settings: StudySettings) -> None:
        """Note what the study is told, or see that it is told the same as before.

        Raises:
            UsageError: the folder holds a study with other options.
            OutputError: it cannot be written.
        """
        file = self.path / "study.json"
        told = json.loads(dumps(settings.model_dump(mode="json")))
        if not file.exists():
            write_json(file, {"schema": SCHEMA, "settings": told})
            return
        usual = json.loads(dumps(StudySettings().model_dump(mode="json")))
        before = {**usual, **self.settings()}  # an older version may not have known an option
        changed = [name for name in told if before[name] != told[name]]
        if changed:
            shown = ", ".join(f"{name} ({before[name]} before)" for name in changed)
            raise UsageError(
                f"holds a study with other options: {shown}",
                where=self.path,
                remedy="Use the same options to go on with it, or another --out",
            )

    def settings(self) -> dict[str, Any]:
        """What ``study.json`` holds; raises DataError."""
        file = self.path / "study.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            settings: dict[str, Any] = content["settings"]
            if content["schema"] != SCHEMA:
                raise ValueError
        except FileNotFoundError as error:
            raise DataError(
                "no study here", where=self.path, remedy="Give a folder of 'flawscope fewshot run'"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError("not the settings of a study", where=file, remedy="Use another folder") from error
        return settings

    def agent(self, row: Row) -> Path:
        """Run folder of a row's agent."""
        return self.path / "agents" / row.name

    def keep(
        self,
        row: Row,
        facts: dict[str, Any],
        scores: dict[str, list[ImageScore]],
        pictures: dict[str, npt.NDArray[Any]],
    ) -> None:
        """Write a finished row; the file that says "done" comes last."""
        lines = [dumps({"line": line, **one}, indent=None) for line, many in scores.items() for one in many]
        write_text(self._file(row.name, ".images.jsonl"), "\n".join(lines) + "\n")
        if pictures:
            with atomic(self._file(row.name, ".pictures.npz")) as temporary:
                np.savez_compressed(temporary, allow_pickle=False, **pictures)
        write_json(self._file(row.name, ".json"), {"schema": ROW_SCHEMA, **facts})

    def find(self, row: Row, stamp: str) -> FinishedRow | None:
        """The row, if it was finished; ``stamp`` tells what it was made from.

        Raises:
            DataError: it was made from something else, or its files are damaged.
        """
        if not self._file(row.name, ".json").is_file():
            return None
        found = self.read(row.name)
        if found.facts.get("stamp") != stamp:
            raise DataError(
                "this row was made from other images, maps, weights or settings",
                where=self._file(row.name, ".json"),
                remedy="Remove the file to make it again, or use another --out",
            )
        return found

    def finished(self) -> list[FinishedRow]:
        """Every finished row, in the order of ``METHODS``, then by name."""
        rows = [self.read(file.name.removesuffix(".json")) for file in sorted(self._rows().glob("*.json"))]
        order = list(METHODS)
        return sorted(rows, key=lambda row: order.index(row.facts["method"].partition(":")[0]))

    def read(self, name: str) -> FinishedRow:
        """A finished row by its name; raises DataError."""
        file = self._file(name, ".json")
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            if facts["schema"] != ROW_SCHEMA:
                raise ValueError
            scores: dict[str, list[ImageScore]] = {line: [] for line in facts["lines"]}
            for text in self._file(name, ".images.jsonl").read_text(encoding="utf-8").splitlines():
                one = json.loads(text)
                scores[one.pop("line")].append(one)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError("a damaged row", where=file, remedy="Remove the file to make it again") from error
        return FinishedRow(facts, scores)

    def pictures(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """What was kept of a row for the page; empty when nothing was."""
        file = self._file(name, ".pictures.npz")
        if not file.is_file():
            return {}
        with np.load(file, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}

    def _rows(self) -> Path:
        return self.path / "rows"

    def _file(self, name: str, suffix: str) -> Path:
        return self._rows() / f"{name}{suffix}"


def stamp_of(settings: StudySettings, row: Row, content: object, means: object) -> str:
    """What a row was made from: settings, method, seed, the tasks' own content, and what it was made with."""
    return digest([settings.model_dump(mode="json"), row.name, row.maps, content, means])
