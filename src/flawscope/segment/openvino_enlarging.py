"""Enlarging a map of one or a few channels as two products with constant matrices.

OpenVINO's bilinear kernel wants channels to fill its registers with. On the one map of logits at the end of a network
it takes longer than much of the network; a product of matrices does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.segment.openvino_runtime import openvino

_FEW = 8


def enlarge_by_products(model: Any) -> None:
    """Replace what enlarges few channels bilinearly in an ``openvino.Model`` of static shape."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Interpolate" and _is_meant(node):
            before, after = node.input_value(0).get_shape(), node.output(0).get_shape()
            ops = openvino().opset13
            rows = ops.constant(bilinear(before[2], after[2]))
            columns = ops.constant(bilinear(before[3], after[3]))
            wide = ops.matmul(node.input_value(0), columns, False, True)
            whole = ops.matmul(rows, wide, False, False)
            whole.set_friendly_name(node.get_friendly_name())
            openvino().utils.replace_node(node, whole)


def _is_meant(node: Any) -> bool:
    before, after = node.input_value(0).get_shape(), node.output(0).get_shape()
    told = node.get_attributes()
    return bool(
        len(before) == 4
        and before[:2] == after[:2]
        and before[1] <= _FEW
        and (after[2] > before[2] or after[3] > before[3])
        and "linear" in told["mode"]
        and told["coordinate_transformation_mode"] == "align_corners"
        and not told["antialias"]
        and not any(told["pads_begin"] or ())
        and not any(told["pads_end"] or ())
    )


def bilinear(before: int, after: int) -> npt.NDArray[np.float32]:
    """``(after, before)``: the weights of linear interpolation, corners upon corners."""
    places = np.linspace(0, before - 1, after)
    weights: npt.NDArray[np.float32] = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(before))).astype(
        np.float32
    )
    return weights
