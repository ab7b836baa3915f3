"""``docs/metrics.md`` describes every figure that is printed, as the table of names has it."""

import re
from pathlib import Path

import numpy as np
import pytest

from flawscope.metrics import Running, Standard
from flawscope.metrics.names import EMPTY_RULE, FIGURES, HEADLINE

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
BLOCK = re.compile(
    r"### `(?P<name>\w+)`\n\*\*(?P<title>.+)\.\*\* (?P<average>.+); (?P<range>.+); (?P<better>higher|lower) is "
    r"better\n\n\* Plainly: .{15,}\n\* Exactly: .{15,}\n\* Empty masks: .{5,}\n"
)


def described() -> dict[str, dict[str, str]]:
    return {found["name"]: found.groupdict() for found in BLOCK.finditer(DOCUMENT.read_text("utf-8"))}


def test_every_figure_is_described_as_the_table_has_it() -> None:
    blocks = described()
    assert sorted(blocks) == sorted(FIGURES)
    for name, figure in FIGURES.items():
        block = blocks[name]
        assert block["title"] == figure.title
        assert block["average"] == figure.average
        assert (block["better"] == "higher") == figure.higher, name
    text = DOCUMENT.read_text("utf-8")
    assert EMPTY_RULE.rstrip(".") in text
    assert text.count("\n### ") == len(FIGURES)


def test_the_headline_is_a_choice_of_figures() -> None:
    assert set(HEADLINE) <= set(FIGURES)
    assert 8 <= len(HEADLINE) <= 12


@pytest.mark.parametrize("answered", [False, True])
def test_clean_images_score_as_described(answered: bool) -> None:
    """One clean image: the rule for empty masks, and the exceptions the document names."""
    probability, clean = np.zeros((1, 8, 8), np.float32), np.zeros((8, 8), np.uint8)
    if answered:
        probability[0, 2, 2:4] = 0.8
    running = Running(Standard())
    running.update(probability, (probability[0] > 0.5).astype(np.uint8), clean)
    figures = running.figures()
    right = 0.0 if answered else 1.0
    for name in (
        "iou_fg_image_mean",
        "dice_fg_image_mean",
        "iou_fg_pooled",
        "dice_fg_pooled",
        "boundary_f",
        "nsd",
    ):
        assert figures[name] == right, name
    assert figures["wfm"] == right
    assert figures["s_measure"] == pytest.approx(1 - 1.6 / 64 if answered else 1.0)
    assert figures["mae"] == pytest.approx(1.6 / 64 if answered else 0.0)
    assert figures["f_measure_adaptive"] == 0.0
    # 0.8 reaches the thresholds 0 to 204; 0 reaches the threshold 0 alone
    assert figures["f_measure_mean"] == pytest.approx((51 if answered else 255) / 256)
    assert figures["pixel_accuracy"] == (62 / 64 if answered else 1.0)
    assert figures["false_alarms_per_image"] == (1.0 if answered else 0.0)
    assert figures["overkill_rate"] == (1.0 if answered else 0.0)
    undefined = {name for name, value in figures.items() if np.isnan(value)}
    expected = {"recall_fg", "recall_fg_image_mean", "defect_recall", "escape_rate"}
    if not answered:
        expected |= {"precision_fg", "precision_fg_image_mean", "miou_classes"}
    assert undefined == expected
