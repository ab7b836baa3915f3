"""docs/tutorial-few-shot.md, command by command, as a user types it."""

import json
import re
import shlex
from pathlib import Path

import pytest

from flawscope.cli.app import run

PAGE = Path(__file__).parents[2] / "docs" / "tutorial-few-shot.md"


def commands() -> list[list[str]]:
    (block,) = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line for line in block.splitlines() if line.startswith("flawscope ")]
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.slow
def test_four_commands_from_photographs_to_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw, learn, predict, evaluate = commands()
    assert run(draw) == 0
    assert run([*learn, "--json", "learn.json"]) == 0
    learnt = json.loads(Path("learn.json").read_text(encoding="utf-8"))
    assert len(learnt["shots"]) == 5
    assert learnt["facts"]["shots_after"] > learnt["facts"]["shots_before"] > 0.2
    assert run(predict) in (0, 1)  # 1: a defect was found
    assert len(list(Path("found/masks").iterdir())) == 10
    assert run([*evaluate, "--json", "figures.json"]) == 0
    figures = json.loads(Path("figures.json").read_text(encoding="utf-8"))
    assert figures["figures"]["iou_fg_image_mean"] > 0.2
