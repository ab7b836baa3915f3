"""Temperatures against dividing the logits themselves, and through the headers of every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.segment import load
from flawscope.segment.base import binarize
from flawscope.segment.header import Header
from flawscope.segment.header_writing import write_with_header
from flawscope.segment.preprocess import probabilities
from flawscope.segment.temperature import tempered, tempered_level

HEADER = Header(model="toy", imgsz=(8, 8), labels=("pit",))


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=0))
    return raised / raised.sum(axis=0)


@pytest.mark.parametrize("temperature", [0.3, 0.9, 1.0, 2.5, 8.0])
def test_it_divides_the_logits(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, (1, 6, 7))
    one = tempered((1 / (1 + np.exp(-logits))).astype(np.float32), temperature)
    np.testing.assert_allclose(one, 1 / (1 + np.exp(-logits / temperature)), atol=2e-6)
    several = rng.normal(0, 1.5, (4, 6, 7))  # background first, which 32 bits only know as what is left of 1
    answer = tempered(softmax(several)[1:].astype(np.float32), temperature)
    np.testing.assert_allclose(answer, softmax(several / temperature)[1:], atol=2e-6)
    assert answer.dtype == one.dtype == np.float32


def test_what_it_keeps() -> None:
    soft = np.random.default_rng(1).random((1, 50, 50), dtype=np.float32)
    soft[0, 0, :3] = 0.0, 1.0, 0.5
    assert tempered(soft, 1.0) is soft
    for temperature in (0.2, 3.0):
        answer = tempered(soft, temperature)
        assert answer[0, 0, :3].tolist() == [0.0, 1.0, 0.5]
        np.testing.assert_array_equal(binarize(answer), binarize(soft))
        for level in (0.1, 0.5, 0.76):
            moved = binarize(answer, tempered_level(level, temperature))
            np.testing.assert_array_equal(moved, binarize(soft, level))
        assert (binarize(answer, 0.76) != binarize(soft, 0.76)).any()  # an untouched threshold would not do
    again = tempered(tempered(soft, 2.0), 1.5)
    np.testing.assert_allclose(again, tempered(soft, 3.0), atol=1e-6)


def test_levels() -> None:
    logit = np.log(0.76 / 0.24)
    assert tempered_level(0.76, 1.5) == pytest.approx(1 / (1 + np.exp(-logit / 1.5)))
    assert [tempered_level(level, 4.0) for level in (0.0, 0.5, 1.0)] == [0.0, 0.5, 1.0]
    assert tempered_level(0.76, 1.0) == 0.76


def test_it_comes_after_the_resize() -> None:
    """Where 0.95 meets 0.3 the border of 0.5 stays; tempered first, both would be nearer to 0.5 and move it."""
    activated = np.array([[[0.95, 0.3]]], dtype=np.float32)
    plain, soft = (probabilities(activated, 1, 40, temperature) for temperature in (1.0, 3.0))
    np.testing.assert_allclose(soft, tempered(plain, 3.0))
    np.testing.assert_array_equal(plain > 0.5, soft > 0.5)
    first = probabilities(tempered(activated, 3.0), 1, 40)
    assert ((first > 0.5) != (plain > 0.5)).any()


def test_old_headers_have_none_and_plain_ones_do_not_say_it() -> None:
    assert "temperature" not in json.loads(HEADER.dumps())
    assert Header.loads(HEADER.dumps(), "x").temperature == 1.0
    warm = HEADER.model_copy(update={"temperature": 1.75})
    assert json.loads(warm.dumps())["temperature"] == 1.75
    assert Header.loads(warm.dumps(), "x") == warm
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="temperature"):
            Header(model="toy", imgsz=(8, 8), labels=("pit",), temperature=wrong)


@pytest.mark.parametrize("labels", [("bright",), ("red", "green")])
def test_onnx_edited_after_its_export(
    bright_weights: Callable[..., Path], tmp_path: Path, labels: tuple[str, ...]
) -> None:
    source = bright_weights(f"warm-{len(labels)}", labels=labels)
    plain = load(source)
    header = plain.header.model_copy(update={"temperature": 2.0})
    warm = load(write_with_header(source, header, tmp_path / "warm.onnx"))
    image = np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8)
    expected = tempered(plain.segment(image).probability, 2.0)
    np.testing.assert_array_equal(warm.segment(image).probability, expected)
    assert np.abs(expected - plain.segment(image).probability).max() > 0.05
