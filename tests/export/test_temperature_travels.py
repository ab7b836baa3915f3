"""A temperature in the weights says the same on torch, onnxruntime and OpenVINO."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.segment import load
from flawscope.segment.header import read_safetensors_header
from flawscope.segment.header_writing import write_with_header
from flawscope.segment.temperature import tempered


@pytest.mark.slow
@pytest.mark.train
def test_three_engines(
    taught: Path, photographs: Path, noisy: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    from flawscope.cli.app import run

    header = read_safetensors_header(taught).model_copy(update={"temperature": 2.5, "threshold": 0.4})
    warm = write_with_header(taught, header, tmp_path / "warm.safetensors")
    image = noisy(0, 50, 70)
    plain = load(taught, device="cpu").segment(image).probability
    expected = tempered(plain, 2.5)
    assert np.abs(expected - plain).max() > 0.1
    here = load(warm, device="cpu")
    np.testing.assert_array_equal(here.segment(image).probability, expected)
    suffixes = [".onnx"]
    try:
        import openvino  # noqa: F401

        suffixes.append(".xml")
    except ImportError:
        pass
    for suffix in suffixes:
        out = tmp_path / f"warm{suffix}"
        arguments = ["--weights", warm, "--out", out, "--data", photographs]
        assert run(["export", *map(str, arguments)]) == 0
        there = load(out, device="cpu")
        assert (there.header.temperature, there.threshold) == (2.5, 0.4)
        np.testing.assert_allclose(there.segment(image).probability, expected, atol=1e-2)
