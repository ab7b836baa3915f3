"""How fast the networks of studies are: all in one run, in turns, as ONNX on the CPU."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flawscope.errors import DataError, MissingExtraError
from flawscope.machine import describe_machine
from flawscope.outputs import write_json
from flawscope.segment import load
from flawscope.segment.header import Header
from flawscope.speed import alternate, asking
from flawscope.study.store import StoredRun

SCHEMA = "flawscope/study-timing/1"


def network_key(network: dict[str, Any]) -> str:
    """Model, options and input size of a network in one text: what its speed depends on."""
    options = ",".join(f"{name}={value}" for name, value in sorted(network["options"].items()))
    return f"{network['model']}({options})@{network['imgsz'][0]}x{network['imgsz'][1]}"


def time_networks(
    runs: Sequence[StoredRun], file: Path, *, threads: int, repeats: int, on_turn: Callable[[], None]
) -> dict[str, Any]:
    """Time every network that the runs trained, and write the result.

    Speed depends on the structure and not on the weights: fresh ones are exported, so that no training is needed.

    Args:
        runs: finished ones; those without a network are left out.
        file: the JSON to write.
        threads: CPU threads.
        repeats: of the turns that count.
        on_turn: called after each turn.

    Raises:
        DataError: no run has a network.
        MissingExtraError: exporting needs ``[train]``.
    """
    networks = {
        network_key(run.facts["network"]): run.facts["network"] for run in runs if run.facts["network"]
    }
    if not networks:
        raise DataError("no finished run has a network to time", remedy="Run the study first")
    try:
        from flawscope.export.onnx import write_onnx
        from flawscope.segment.network import build_network
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "train") from error
    with tempfile.TemporaryDirectory() as work:
        actions = {}
        for number, (key, network) in enumerate(networks.items()):
            height, width = network["imgsz"]
            header = Header(
                model=network["model"], options=network["options"], imgsz=(height, width), labels=("defect",)
            )
            path = write_onnx(build_network(header), header, Path(work) / f"{number}.onnx", half=False)
            actions[key] = asking(load(path, threads=threads))
        timings = alternate(actions, repeats, on_turn=on_turn)
    found = {
        "schema": SCHEMA,
        "machine": describe_machine(),
        "threads": threads,
        "engine": "onnxruntime, fp32, one image at a time",
        "networks": {key: {**networks[key], **timing.to_json()} for key, timing in timings.items()},
    }
    write_json(file, found)
    return found


def read_timings(file: Path) -> dict[str, Any]:
    """What :func:`time_networks` wrote; empty where there is no such file. Raises DataError."""
    if not file.is_file():
        return {}
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError("not the timings of a study", where=file, remedy="Make them again") from error
    return found
