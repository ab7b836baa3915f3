"""What the README tells people to type exists, and its example runs."""

import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import cv2
import pytest
import typer

from flawscope.cli.app import build

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, *languages: str) -> list[str]:
    """Fenced blocks of these languages; each fence ends the one before it, whatever its language."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [content for language, content in fenced if language in languages]


def commands() -> list[str]:
    found = []
    for document in DOCUMENTS:
        for block in blocks(document.read_text(encoding="utf-8"), "", "bash", "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
                if words.startswith("flawscope "):
                    found.append(words)
    return found


@pytest.mark.parametrize("line", commands())
def test_commands_and_their_options_exist(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(build())
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no '{words[0]}' in: {line}"
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in words if word.startswith("--")}
    assert used <= known, line


def test_the_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flawscope.data.synthetic import draw

    drawn, _, _ = draw(3, 200, 240, surface="steel")
    cv2.imwrite(str(tmp_path / "photo.png"), drawn)
    monkeypatch.chdir(tmp_path)
    (example,) = blocks(README, "python")
    names: dict[str, object] = {}
    exec(example, names)
    assert "of the surface" in capsys.readouterr().out
    assert getattr(names["overlay"], "shape", None) == (200, 240, 3)


def test_linked_files_exist() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test", "check"):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_figures_are_the_recorded_ones() -> None:
    """The README's table and the model card are what their JSON renders to."""
    spec = importlib.util.spec_from_file_location("shipped_card", ROOT / "benchmarks" / "shipped_card.py")
    assert spec is not None
    assert spec.loader is not None
    card: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(card)
    assert card.readme_results() in README
    weights = ROOT / "src" / "flawscope" / "weights"
    for network in card.NETWORKS:
        assert (weights / f"ocinet-{network}.md").read_text(encoding="utf-8") == card.render(network)
