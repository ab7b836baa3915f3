"""What tests of several rooms share: the public datasets, and weights small enough to reason about."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

STEEPNESS = 40.0


@pytest.fixture(scope="session")
def script() -> Callable[[str], Any]:
    """``script(name)``: a program of ``benchmarks/`` as a module, to render its pages with."""

    def opened(name: str) -> Any:
        file = Path(__file__).parents[1] / "benchmarks" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return opened


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of public datasets; tests that ask for it skip where there is none."""
    root = os.environ.get("FLAWSCOPE_DATA")
    if not root:
        pytest.skip("FLAWSCOPE_DATA is not set: the public datasets are not here")
    return Path(root).resolve()


@pytest.fixture(scope="session")
def bright_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes ONNX weights that call bright pixels defects: P = sigmoid(40 (grey - 0.5)).

    With two labels: softmax of 40 times (0.5, red, green), so red and green pixels are the classes.
    """
    onnx = pytest.importorskip("onnx")
    from flawscope.segment.header import HEADER_KEY, Header

    folder = tmp_path_factory.mktemp("weights")

    def make(
        name: str = "bright",
        imgsz: tuple[int, int] = (32, 32),
        labels: tuple[str, ...] = ("bright",),
        threshold: float = 0.5,
        **header_fields: Any,
    ) -> Path:
        header = Header(
            model=header_fields.pop("model", "toy"),
            imgsz=imgsz,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            labels=labels,
            threshold=threshold,
            **header_fields,
        )
        if len(labels) == 1:
            weight = np.full((1, 3, 1, 1), STEEPNESS / 3, dtype=np.float32)
            bias = np.array([-STEEPNESS / 2], dtype=np.float32)
            activation = onnx.helper.make_node("Sigmoid", ["logits"], ["probability"])
        else:
            weight = np.zeros((3, 3, 1, 1), dtype=np.float32)
            weight[1, 0], weight[2, 1] = STEEPNESS, STEEPNESS
            bias = np.array([STEEPNESS / 2, 0, 0], dtype=np.float32)
            activation = onnx.helper.make_node("Softmax", ["logits"], ["probability"], axis=1)
        kind = onnx.TensorProto.FLOAT
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node("Conv", ["image", "weight", "bias"], ["logits"]), activation],
            "toy",
            [onnx.helper.make_tensor_value_info("image", kind, ["batch", 3, *imgsz])],
            [onnx.helper.make_tensor_value_info("probability", kind, ["batch", len(bias), *imgsz])],
            [
                onnx.numpy_helper.from_array(weight, "weight"),
                onnx.numpy_helper.from_array(bias, "bias"),
            ],
        )
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
        model.metadata_props.add(key=HEADER_KEY, value=header.dumps())
        path = folder / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return make


@pytest.fixture(scope="session")
def program() -> list[str]:
    """The command line as a program that Ctrl-C reaches, even where the tests run in the background.

    A shell starts background jobs with SIGINT ignored, and Python then installs no handler for it.
    """
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from flawscope.cli import main; main()"
    )
    return [sys.executable, "-c", start]


@pytest.fixture(scope="session")
def without() -> Callable[..., str]:
    """The head of a script in which packages are not installed."""

    def head(*packages: str) -> str:
        return f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""

    return head
