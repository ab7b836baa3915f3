"""What travels inside every weights file, safetensors, ONNX and OpenVINO alike, as JSON under ``flawscope``."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flawscope.errors import WeightsError

HEADER_KEY = "flawscope"
HEADER_SCHEMA = "flawscope/weights/1"

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Precision = Literal["fp32", "bf16", "int8"]


class PixelSize(BaseModel):
    """How large a pixel of the camera is that a network is meant for.

    Attributes:
        id: of the calibration it comes from.
        mm_per_px_x, mm_per_px_y: millimetres a pixel of the image as the camera gives it, not of ``imgsz``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    mm_per_px_x: float = Field(gt=0.0, allow_inf_nan=False)
    mm_per_px_y: float = Field(gt=0.0, allow_inf_nan=False)


_LATER = ("precision", "calibration", "temperature")


class Header(BaseModel):
    """How to feed a network and how to read its answer.

    Attributes:
        model: preset name (see ``flawscope models list``).
        options: keyword arguments on top of the preset.
        imgsz: network input ``(height, width)``; images are resized to it (stretched) and answers back.
        mean, std: per-channel normalisation of RGB in 0 to 1.
        labels: names of classes 1 to K. K = 1 has one sigmoid channel; otherwise the network has K + 1
            softmax channels, background first.
        threshold: calibrated on validation images; of probabilities as they are after the temperature.
        temperature: divides the logits, see ``flawscope.segment.temperature``; 1 leaves them as the network says.
        precision: what the network computes in. ``bf16`` asks whoever loads the file for it, where the CPU has it;
            in an ``int8`` file the quantised layers are written as such.
        calibration: size of a pixel, where it is known.
        provenance: datasets, commit, metrics, licence of the data, free form.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    schema_: Literal["flawscope/weights/1"] = Field(default="flawscope/weights/1", alias="schema")
    model: str
    options: dict[str, Any] = {}
    imgsz: tuple[int, int]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    labels: tuple[str, ...]
    threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    temperature: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    precision: Precision = "fp32"
    calibration: PixelSize | None = None
    provenance: dict[str, Any] = {}

    @property
    def channels(self) -> int:
        """Output channels of the network."""
        return 1 if len(self.labels) == 1 else len(self.labels) + 1

    def dumps(self) -> str:
        """JSON text, for the metadata of a weights file.

        ``precision``, ``calibration`` and ``temperature`` are left out where they say nothing, so that versions which
        do not know them go on reading such files.
        """
        silent = {name for name in _LATER if getattr(self, name) == type(self).model_fields[name].default}
        return self.model_dump_json(by_alias=True, exclude=silent)

    @classmethod
    def loads(cls, text: str, where: str | Path) -> Header:
        """Parse; raises WeightsError."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "header"
            raise WeightsError(
                f"its Flawscope header is not valid ({place}: {first['msg']})",
                where=where,
                remedy="It may come from a newer version; update Flawscope or export the weights again",
            ) from error


def read_safetensors_header(path: str | Path) -> Header:
    """The header of a safetensors file, without reading its tensors and without torch.

    Raises:
        WeightsError: not a safetensors file, or not one of Flawscope's.
    """
    file = Path(path)
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > 100_000_000:
                raise ValueError("header too long")
            metadata = json.loads(opened.read(length)).get("__metadata__", {})
    except FileNotFoundError as error:
        raise WeightsError("no such file", where=file, remedy="Check the path given to --weights") from error
    except (OSError, ValueError, struct.error, AttributeError) as error:
        raise WeightsError(
            "not a safetensors file, or cut short", where=file, remedy="Copy it again"
        ) from error
    if HEADER_KEY not in metadata:
        raise WeightsError(
            "a safetensors file without Flawscope's header",
            where=file,
            remedy="Weights of other programs are loaded with --backbone-weights or nets.load_published",
        )
    return Header.loads(metadata[HEADER_KEY], file)
