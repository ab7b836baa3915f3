"""A new header in a copy of a weights file: nothing else changes, for the libraries of both formats too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.errors import UsageError, WeightsError
from flawscope.segment import load
from flawscope.segment.header import HEADER_KEY, Header, read_safetensors_header
from flawscope.segment.header_writing import write_with_header
from flawscope.segment.loading import shipped_weights


@pytest.mark.parametrize("labels", [("bright",), ("täglich", "glänzend" * 40)])
def test_safetensors(tmp_path: Path, labels: tuple[str, ...]) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(5, np.float16)}
    header = Header(model="toy", imgsz=(8, 8), labels=("bright",))
    source, out = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_file(tensors, source, metadata={HEADER_KEY: header.dumps(), "other": "kept"})
    changed = header.model_copy(update={"threshold": 0.123, "labels": labels})
    write_with_header(source, changed, out)
    assert read_safetensors_header(out) == changed
    assert read_safetensors_header(source) == header
    again = load_file(out)
    assert again.keys() == tensors.keys()
    for name, value in tensors.items():
        np.testing.assert_array_equal(again[name], value)
    from safetensors import safe_open

    with safe_open(out, "np") as opened:
        assert opened.metadata()["other"] == "kept"


def test_onnx_of_the_package() -> None:
    onnx = pytest.importorskip("onnx")
    source = shipped_weights()["ocinet-tiny"]
    header = load(source).header.model_copy(update={"threshold": 0.123})
    before = onnx.load_model(source)
    from flawscope.segment.header_writing import _with_onnx_header

    after = onnx.ModelProto.FromString(_with_onnx_header(source, header))
    onnx.checker.check_model(after)
    kept = {entry.key: entry.value for entry in before.metadata_props if entry.key != HEADER_KEY}
    assert {entry.key: entry.value for entry in after.metadata_props} == {**kept, HEADER_KEY: header.dumps()}
    assert len(after.metadata_props) == len(before.metadata_props)
    del before.metadata_props[:], after.metadata_props[:]
    assert after == before


def test_onnx_answers_as_before(bright_weights: Callable[..., Path], tmp_path: Path) -> None:
    source = bright_weights("before", threshold=0.5)
    header = load(source).header.model_copy(update={"threshold": 0.9})
    once = write_with_header(source, header, tmp_path / "once.onnx")
    write_with_header(
        once, header.model_copy(update={"threshold": 0.2}), once
    )  # in place, and for a second time
    assert (load(source).threshold, load(once).threshold) == (0.5, 0.2)
    image = np.random.default_rng(0).random((32, 32, 3), dtype=np.float32)
    np.testing.assert_array_equal(
        load(source).segment(image).probability, load(once).segment(image).probability
    )


def test_other_formats_and_damage(bright_weights: Callable[..., Path], tmp_path: Path) -> None:
    source = bright_weights("before")
    header = load(source).header
    with pytest.raises(UsageError, match=r"the weights are a \.onnx file\. Give a name ending in \.onnx"):
        write_with_header(source, header, tmp_path / "a.safetensors")
    with pytest.raises(UsageError, match=r"cannot be written into a '\.bin' file"):
        write_with_header(tmp_path / "a.bin", header, tmp_path / "b.bin")
    with pytest.raises(UsageError, match=r"the weights are a \.xml file\. Give a name ending in \.xml"):
        write_with_header(tmp_path / "a.xml", header, tmp_path / "b.onnx")
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(source.read_bytes()[:-20])
    with pytest.raises(WeightsError, match="damaged or cut short"):
        write_with_header(cut, header, tmp_path / "b.onnx")
    assert not (tmp_path / "b.onnx").exists()
