"""Export, compare, and only then give the file its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flawscope import __version__
from flawscope.errors import UsageError, WeightsError
from flawscope.export.comparison import FP32_REMEDY, GATES, Parity, parity
from flawscope.export.int8 import Quantised, Tell, costliest, quantise
from flawscope.export.onnx import to_onnx, write_onnx
from flawscope.export.openvino import from_onnx, pair, write_header_again, write_openvino
from flawscope.export.quiet import quiet
from flawscope.export.request import Data, Wanted
from flawscope.export.shown import Shown, drawn, find_samples, read_all, spread
from flawscope.machine import commit
from flawscope.outputs import atomic
from flawscope.segment.description import fingerprint
from flawscope.segment.header import Header, read_safetensors_header
from flawscope.segment.header_writing import write_with_header
from flawscope.segment.loading import LoadedSegmenter, display_name, find_weights, load, shipped_weights
from flawscope.segment.network import TorchNetwork, load_network, stored_in_half
from flawscope.segment.openvino_network import inference_type
from flawscope.segment.openvino_runtime import openvino

CALIBRATION_IMAGES = 128
_FEW = 8


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        source: the weights it was made from.
        path: the file; OpenVINO puts a ``.bin`` beside it.
        size: bytes, both files together.
        wanted: what was asked for, and how the weights were stored.
        parity: how far it agrees with the source.
        quantised: what int8 did to the layers, None in fp32 and bf16.
        notes: what a reader of the figures should know.
    """

    source: Path
    path: Path
    size: int
    wanted: Wanted
    parity: Parity
    quantised: Quantised | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        gate = GATES[self.wanted.precision]
        return {
            "source": self.source,
            "path": self.path,
            "bytes": self.size,
            "format": self.wanted.format,
            "precision": self.wanted.precision,
            "half": self.wanted.half,
            "free_size": self.wanted.free_size,
            "parity": self.parity.to_json(),
            "gate": {"equal_labels": gate.equal_labels, "iou_drop_points": gate.iou_drop},
            "quantised": None if self.quantised is None else self.quantised.to_json(),
            "notes": list(self.notes),
        }


def export_checked(
    weights: str | Path,
    out: str | Path,
    wanted: Wanted | None = None,
    data: Data | None = None,
    tell: Tell = lambda _line: None,
) -> Exported:
    """Export ``weights`` to ``out``, if the file says the same on some images.

    Args:
        weights: a run folder, ``.safetensors`` file or shipped name.
        out: the file.
        wanted: format and precision; ONNX in fp32 by default.
        data: what to compare on; drawn images by default.
        tell: told in a line what int8 is at, which takes minutes.

    Raises:
        WeightsError: the weights cannot be used, or the gate of the precision is not reached.
        UsageError: arguments that do not fit together, weights exported already, an input size that the network
            cannot take, int8 without images, or no image in the folder.
        DataError, ImageError: an image or mask cannot be read.
        OutputError: the file cannot be written.
    """
    chosen, shown, file = wanted or Wanted(), data or Data(), Path(out)
    chosen.check(file)
    source = find_weights(weights)
    if source in shipped_weights().values():
        source = source.with_suffix(".safetensors")
    if source.suffix.lower() != ".safetensors":
        raise UsageError(
            f"exported already ({source.suffix})",
            where=source,
            remedy="Export from a .safetensors file or a run folder",
        )
    plan = _plan(shown, chosen)
    told = read_safetensors_header(source)
    original = TorchNetwork(source, device="cpu")
    original.header = told.model_copy(update={"imgsz": chosen.imgsz or told.imgsz})
    segmenter = LoadedSegmenter(original, source, display_name(source))
    header = original.header.model_copy(
        update={
            "precision": chosen.precision,
            "calibration": chosen.calibration or told.calibration,
            "provenance": {**told.provenance, "exported": _origin(source)},
        }
    )
    half = stored_in_half(source) if chosen.half is None else chosen.half
    network, quantised = load_network(source), None
    temporary = atomic if chosen.format == "onnx" else pair
    with temporary(file) as made:
        if chosen.format == "onnx":
            write_onnx(network, header, made, half=half, free_size=chosen.free_size)
        else:
            graph = to_onnx(network, header, half=False, free_size=chosen.free_size)
            model = plain = from_onnx(graph.SerializeToString())
            if chosen.precision == "int8":
                quantised = quantise(
                    plain, segmenter, header, plan.calibrating(), keep=chosen.keep, tell=tell
                )
                model, header = quantised.model, _recorded(header, quantised.to_json())
            write_openvino(model, header, made, half=half)
        with quiet("flawscope"):  # what it has to say would name the temporary file; the notes say it
            answerer = load(made, device="cpu")
        agreement = parity(segmenter, answerer, plan.compared())
        complaint = agreement.complaint(chosen.precision)
        if complaint is not None:
            remedy = FP32_REMEDY if chosen.precision == "fp32" else "Give --precision fp32"
            if quantised is not None:
                part = costliest(plain, header, plan.calibrating(), keep=quantised.kept, tell=tell)
                remedy = _remedy(quantised, part)
            raise WeightsError(complaint, where=file, remedy=remedy)
        header = _recorded(header, {"parity": agreement.summary()})
        if chosen.format == "onnx":
            write_with_header(made, header, made)
        else:
            write_header_again(made, header)
    notes = plan.notes
    if agreement.labelled and not agreement.iou_tells:
        notes += (_says_nothing(agreement),)
    if chosen.precision != "fp32" and inference_type(header, openvino().Core()) == "f32":
        notes += ("this CPU has no bf16, so it was compared in fp32; compare again on one that has it",)
    files = [file] if chosen.format == "onnx" else [file, file.with_suffix(".bin")]
    size = sum(part.stat().st_size for part in files)
    return Exported(source, file, size, replace(chosen, half=half), agreement, quantised, notes)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which images serve for what; read anew at each call."""

    compared: Callable[[], Iterator[Shown]]
    calibrating: Callable[[], Iterator[Shown]]
    notes: tuple[str, ...] = ()


def _plan(data: Data, wanted: Wanted) -> _Plan:
    if data.int8_split is not None and wanted.precision != "int8":
        raise UsageError("only int8 is calibrated", where="--int8-split", remedy="Give --precision int8")
    if data.path is None:
        if wanted.precision == "int8":
            raise UsageError(
                "int8 is calibrated on images",
                where="--precision int8",
                remedy="Give --data with images like those to inspect, best with masks",
            )
        note = "compared on drawn images; give --data with images like those to inspect"
        return _Plan(lambda: drawn(data.images), lambda: drawn(0), (note,))
    samples = find_samples(data.path, splits=data.splits, split=data.split)
    compared, others = spread(samples, data.images)
    if data.int8_split is not None:
        judging = {sample.image for sample in compared}
        samples = find_samples(data.path, splits=data.splits, split=data.int8_split)
        others = [sample for sample in samples if sample.image not in judging]
    notes: tuple[str, ...] = ()
    if wanted.precision == "int8" and len(others) < _FEW:
        others = samples
        notes = (f"too few images: those it was calibrated on ({len(samples)}) judged it too",)
    calibrating = spread(others, CALIBRATION_IMAGES)[0]
    return _Plan(lambda: read_all(compared), lambda: read_all(calibrating), notes)


def _origin(source: Path) -> dict[str, Any]:
    return {
        "from": source.name,
        "sha256": fingerprint([source]),
        "flawscope": __version__,
        "commit": commit(),
    }


def _recorded(header: Header, facts: dict[str, Any]) -> Header:
    """The header with more about the export in its provenance."""
    exported = {**header.provenance["exported"], **facts}
    return header.model_copy(update={"provenance": {**header.provenance, "exported": exported}})


def _says_nothing(agreement: Parity) -> str:
    if agreement.recall is None:
        why = "no image holds a defect by its mask"
    else:
        why = f"the trained network finds {agreement.recall:.1%} of the true defects"
    return f"{why}: the IoU can say little, so labels decided; give --data with defects that it finds"


def _remedy(quantised: Quantised, part: str) -> str:
    kept = f"kept already: {', '.join(quantised.kept)}" if quantised.kept else "nothing is kept yet"
    return (
        f"Most is lost in one part: keep it in higher precision with --keep '{part}' ({kept}), or give "
        "--precision bf16"
    )
