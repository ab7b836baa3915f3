"""Enlarging by products of matrices says what OpenVINO's own interpolation says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flawscope.segment.openvino_enlarging import enlarge_by_products

ov = pytest.importorskip("openvino")


def enlarging(shape: tuple[int, ...], scale: float, corners: str = "align_corners") -> Any:
    """A model that is one interpolation, as the ONNX of a network of ours has it."""
    from onnx import TensorProto, helper

    node = helper.make_node(
        "Resize", ["maps", "", "scales"], ["out"], mode="linear", coordinate_transformation_mode=corners
    )
    scales = helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, scale, scale])
    graph = helper.make_graph(
        [node],
        "enlarging",
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [scales],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    return ov.Core().read_model(model.SerializeToString())


def kinds(model: Any) -> list[str]:
    return [node.get_type_name() for node in model.get_ops()]


@pytest.mark.parametrize(
    ("shape", "scale"), [((1, 1, 22, 33), 4.0), ((1, 3, 7, 5), 2.0), ((1, 2, 1, 6), 3.0)]
)
def test_the_same_map(shape: tuple[int, ...], scale: float) -> None:
    pytest.importorskip("onnx")
    model = enlarging(shape, scale)
    maps = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    expected = ov.Core().compile_model(model, "CPU", options)(maps)[0]
    enlarge_by_products(model)
    assert "Interpolate" not in kinds(model)
    found = ov.Core().compile_model(model, "CPU", options)(maps)[0]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "scale", "corners"),
    [
        ((1, 64, 22, 33), 4.0, "align_corners"),
        ((1, 1, 22, 32), 0.5, "align_corners"),
        ((1, 1, 22, 33), 4.0, "half_pixel"),
    ],
    ids=["many channels", "reduced", "other corners"],
)
def test_what_stays(shape: tuple[int, ...], scale: float, corners: str) -> None:
    pytest.importorskip("onnx")
    model = enlarging(shape, scale, corners)
    enlarge_by_products(model)
    assert "Interpolate" in kinds(model)
