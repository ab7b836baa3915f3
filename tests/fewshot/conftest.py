"""Two tiny tasks drawn on disk: bright squares and dark bars on a grey ramp."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from flawscope.images import write_image
from flawscope.outputs import write_bytes
from flawscope.segment.header import HEADER_KEY, Header

SIDE = 60


def drawn(kind: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey image with one defect, and its mask of 0 and 255."""
    generator = np.random.default_rng((len(kind), number))
    ramp = np.linspace(90, 120, SIDE)[None, :] + generator.normal(0, 2, (SIDE, SIDE))
    mask = np.zeros((SIDE, SIDE), np.uint8)
    top, left = generator.integers(5, 30, 2)
    mask[top : top + (20 if kind == "square" else 6), left : left + (20 if kind == "square" else 25)] = 255
    ramp[mask > 0] += 90 if kind == "square" else -60
    return np.clip(ramp, 0, 255).astype(np.uint8), mask


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Writes images and a manifest: classes with two supports and three queries each."""

    def make(
        name: str = "tiny",
        classes: tuple[str, ...] = ("square", "bar"),
        supports: int = 2,
        queries: int = 3,
        folder: str = "pictures",
    ) -> Path:
        content: dict[str, dict[str, list[dict[str, str]]]] = {}
        for kind in classes:
            entries = []
            for number in range(supports + queries):
                image, mask = drawn(kind.rpartition("-")[2], number)
                stem = f"{folder}/{kind}_{number}"
                write_image(tmp_path / f"{stem}.png", image)
                write_image(tmp_path / f"{stem}-mask.png", mask)
                entries.append({"image": f"{stem}.png", "mask": f"{stem}-mask.png"})
            content[kind] = {"support": entries[:supports], "query": entries[supports:]}
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps({"note": "drawn", "classes": content}), encoding="utf-8")
        return file

    return make


@pytest.fixture
def noted_weights(tmp_path: Path) -> Path:
    """A safetensors file whose header says that it was trained on NEU-Seg, which is steel; without tensors."""
    header = Header(
        model="ocinet-nano", imgsz=(64, 64), labels=("defect",), provenance={"dataset": "neu-seg"}
    )
    return write_bytes(tmp_path / "onsteel.safetensors", save({}, {HEADER_KEY: header.dumps()}))
