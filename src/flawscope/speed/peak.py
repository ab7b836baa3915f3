"""What the cores could do at most: multiply-adds a second of one large matrix product."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from flawscope.segment.header import Precision
from flawscope.segment.openvino_runtime import openvino

SIDE = 1024
_ROUNDS, _A_ROUND = 7, 5


def peak(precision: Precision, threads: int | None = None) -> float:
    """Multiply-adds a second of a matrix product of 1024 x 1024 x 1024 in OpenVINO, the best of seven rounds.

    Args:
        precision: of the factors; where the CPU has no such instructions, OpenVINO computes in another.
        threads: CPU threads; by default OpenVINO chooses.

    Raises:
        MissingExtraError: OpenVINO is not installed.
    """
    core = openvino().Core()
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    compiled = core.compile_model(_product(precision), "CPU", options)
    factor = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    request = compiled.create_infer_request()
    request.infer([factor])
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        for _ in range(_A_ROUND):
            request.infer()
        best = min(best, (time.perf_counter() - started) / _A_ROUND)
    return float(SIDE) ** 3 / best


def _product(precision: Precision) -> Any:
    module = openvino()
    operations = module.opset13
    left: Any = operations.parameter([SIDE, SIDE], np.float32)
    values = np.random.default_rng(1).uniform(-1, 1, (SIDE, SIDE)).astype(np.float32)
    right: Any = operations.constant(values)
    first = left
    if precision == "int8":
        first = operations.fake_quantize(left, *_ends(0, 1), *_ends(0, 1), 256)
        right = operations.fake_quantize(right, *_ends(-1, 1), *_ends(-1, 1), 255)
    return module.Model([operations.matmul(first, right, False, True)], [left])


def _ends(low: float, high: float) -> tuple[Any, Any]:
    constant = openvino().opset13.constant
    return constant(np.float32(low)), constant(np.float32(high))
