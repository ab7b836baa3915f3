"""What the cores could do at most: multiply-adds a second of one large matrix product, or one large convolution."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from flawscope.segment.header import Precision
from flawscope.segment.openvino_runtime import openvino

SIDE = 1024
CHANNELS, ROWS, KERNEL = 256, 64, 3
_ROUNDS, _A_ROUND = 15, 2


def peak(precision: Precision, threads: int | None = None) -> float:
    """Multiply-adds a second in OpenVINO, the best of fifteen rounds of each of two layers.

    One is a matrix product of 1024 x 1024 x 1024, the other a 3x3 convolution of 256 channels to as many on 64 x 64.

    Args:
        precision: of the factors; where the CPU has no such instructions, OpenVINO computes in another.
        threads: CPU threads; by default OpenVINO chooses.

    Raises:
        MissingExtraError: OpenVINO is not installed.
    """
    product = _rate(_product(precision), (SIDE, SIDE), SIDE**3, precision, threads)
    operations = CHANNELS**2 * KERNEL**2 * ROWS**2
    convolution = _rate(_convolution(precision), (1, CHANNELS, ROWS, ROWS), operations, precision, threads)
    return max(product, convolution)


def _rate(
    model: Any, shape: tuple[int, ...], operations: int, precision: Precision, threads: int | None
) -> float:
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    request = openvino().Core().compile_model(model, "CPU", options).create_infer_request()
    request.infer([np.random.default_rng(0).random(shape, dtype=np.float32)])
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        for _ in range(_A_ROUND):
            request.infer()
        best = min(best, (time.perf_counter() - started) / _A_ROUND)
    return operations / best


def _product(precision: Precision) -> Any:
    module = openvino()
    left = module.opset13.parameter([SIDE, SIDE], np.float32)
    first, right = _factors(left, (SIDE, SIDE), precision)
    return module.Model([module.opset13.matmul(first, right, False, True)], [left])


def _convolution(precision: Precision) -> Any:
    module = openvino()
    maps = module.opset13.parameter([1, CHANNELS, ROWS, ROWS], np.float32)
    first, weights = _factors(maps, (CHANNELS, CHANNELS, KERNEL, KERNEL), precision)
    ones = [1, 1]
    return module.Model([module.opset13.convolution(first, weights, ones, ones, ones, ones)], [maps])


def _factors(given: Any, shape: tuple[int, ...], precision: Precision) -> tuple[Any, Any]:
    """What is given and constant weights, both quantised for int8."""
    operations = openvino().opset13
    weights = operations.constant(np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32))
    if precision != "int8":
        return given, weights
    return (
        operations.fake_quantize(given, *_ends(0, 1), *_ends(0, 1), 256),
        operations.fake_quantize(weights, *_ends(-1, 1), *_ends(-1, 1), 255),
    )


def _ends(low: float, high: float) -> tuple[Any, Any]:
    constant = openvino().opset13.constant
    return constant(np.float32(low)), constant(np.float32(high))
