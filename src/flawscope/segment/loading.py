"""From a name, a file or a run folder to something that segments.

The format decides which engine answers: ``.onnx`` runs on onnxruntime, which the base install brings, ``.xml`` on
OpenVINO, ``.safetensors`` on torch. All share ``segment.preprocess``, so they see and say the same.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError, WeightsError
from flawscope.images import Image, Tones, read_image
from flawscope.results import InspectionResult
from flawscope.segment.base import Binarize, Prompts, Segmentation, Segmenter
from flawscope.segment.base import predict as predict_with
from flawscope.segment.description import Description, fingerprint
from flawscope.segment.header import Header
from flawscope.segment.preprocess import network_input, probabilities
from flawscope.segment.wrapper import Wrapper

DEFAULT_WEIGHTS = "ocinet-tiny"
EXPORTED_SUFFIXES = (".onnx", ".xml")
"""Of files that run without torch; a ``.bin`` lies beside each ``.xml``."""

WEIGHT_SUFFIXES = (*EXPORTED_SUFFIXES, ".safetensors")

_PICKLED_SUFFIXES = frozenset({".pth", ".pt", ".ckpt", ".pkl", ".pickle", ".bin"})
_ZIP_MAGIC, _PICKLE_MAGIC = b"PK\x03\x04", b"\x80"


_log = logging.getLogger("flawscope")


class Engine(Protocol):
    """What runs the network: normalised batches in, activated maps out."""

    @property
    def header(self) -> Header:
        """The header that travels with the weights."""
        ...

    @property
    def at_once(self) -> int:
        """How many calls of :meth:`run` are worth making at the same time, from as many threads."""
        ...

    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(n, 3, h, w)`` normalised to ``(n, channels, h, w)`` after the sigmoid or softmax."""
        ...


@dataclass(frozen=True)
class LoadedSegmenter:
    """Weights ready to answer; a :class:`flawscope.segment.Segmenter`.

    Attributes:
        engine: what runs the network.
        path: the file the weights came from.
        name: what to call them in results.
    """

    engine: Engine
    path: Path
    name: str

    @property
    def header(self) -> Header:
        """Input size, normalisation, labels, threshold, temperature and provenance of the weights."""
        return self.engine.header

    @property
    def at_once(self) -> int:
        """How many images are worth asking for at the same time, from as many threads."""
        return self.engine.at_once

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of classes 1 to K."""
        return self.header.labels

    @property
    def threshold(self) -> float:
        """The probability above which a pixel is a defect, calibrated on validation images."""
        return self.header.threshold

    def describe(self) -> Description:
        """What the weights say of themselves."""
        return Description.of_network(self.header, fingerprint([self.path]))

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """Probabilities for an image in the convention of ``flawscope.images``; prompts are ignored."""
        del prompts
        return self.segment_batch([image])[0]

    def segment_batch(self, images: list[Image]) -> list[Segmentation]:
        """Probabilities for several images, of any sizes, in one run of the network."""
        batch = np.stack([network_input(image, self.header) for image in images])
        return [
            Segmentation(probabilities(maps, image.shape[0], image.shape[1], self.header.temperature))
            for image, maps in zip(images, self.engine.run(batch), strict=True)
        ]

    def predict(
        self,
        image: npt.ArrayLike | str | os.PathLike[str],
        threshold: float | None = None,
        *,
        method: Binarize = "threshold",
        min_area: int = 1,
        page: int | None = None,
        white: int | None = None,
        keep_probability: bool = True,
    ) -> InspectionResult:
        """Inspect one image.

        Args:
            image: a file, or an array that ``flawscope.images.check_image`` accepts.
            threshold: probability above which a pixel is a defect, instead of the weights' own.
            method: ``"threshold"``, or ``"otsu"`` as in the paper.
            min_area: regions of fewer pixels are removed.
            page: page of a multi-page file, from 0.
            white: stored value that means white, for cameras that leave high bits unused.
            keep_probability: False saves memory.

        A file that looks as if ``white`` were wanted, or too small, is named in a logged warning.

        Raises:
            ImageError: the image cannot be used.
        """

        def warn(tones: Tones) -> None:
            if tones.note:
                _log.warning("%s: %s", image, tones.note)

        if isinstance(image, str | os.PathLike):
            source = str(image)
            pixels = read_image(os.fspath(image), page=page, white=white, on_tones=warn)
        else:
            source, pixels = "array", np.asarray(image)
        return predict_with(
            self,
            pixels,
            source=source,
            threshold=threshold,
            method=method,
            min_area=min_area,
            keep_probability=keep_probability,
        )


def load(
    weights: str | Path | None = None,
    *,
    device: str = "auto",
    threads: int | None = None,
    throughput: bool = False,
) -> LoadedSegmenter:
    """Weights, ready to segment.

    Args:
        weights: a name of shipped weights (``"ocinet-tiny"``, also the default), a ``.onnx``, ``.xml`` or
            ``.safetensors`` file, or a run folder, whose best checkpoint is taken.
        device: ``"auto"``, ``"cpu"`` or ``"cuda:N"``.
        threads: CPU threads of the network; by default the engine chooses.
        throughput: for many images: an OpenVINO network answers several at once, each later but more a second.

    Raises:
        WeightsError: missing, damaged, of another shape, or in a format that could run code when loaded.
        MissingExtraError: ``.safetensors`` without the ``[train]`` extra, ``.xml`` without ``[openvino]``.
        UsageError: the device is unknown or not there.
    """
    check_device(device)
    path = find_weights(weights)
    engine: Engine
    if path.suffix.lower() == ".onnx":
        from flawscope.segment.exported import ExportedNetwork

        engine = ExportedNetwork(path, device=device, threads=threads)
    elif path.suffix.lower() == ".xml":
        from flawscope.segment.openvino_network import OpenVinoNetwork

        engine = OpenVinoNetwork(path, device=device, threads=threads, throughput=throughput)
    else:
        from flawscope.segment.network import TorchNetwork

        engine = TorchNetwork(path, device=device, threads=threads)
    return LoadedSegmenter(engine=engine, path=path, name=display_name(path))


def network_header(segmenter: Segmenter) -> Header | None:
    """The header of the network that answers in the end, through all wrappers; None where there is none."""
    while isinstance(segmenter, Wrapper):
        segmenter = segmenter.segmenter
    return segmenter.header if isinstance(segmenter, LoadedSegmenter) else None


def shipped_weights() -> dict[str, Path]:
    """Names of the weights inside the package and their ONNX files."""
    folder = Path(str(files("flawscope"))) / "weights"
    return {file.stem: file for file in sorted(folder.glob("*.onnx"))}


def find_weights(weights: str | Path | None = None) -> Path:
    """The file that ``weights`` means; see :func:`load`.

    Raises:
        WeightsError: there is none, or it is of a kind that Flawscope does not load.
    """
    wanted = str(DEFAULT_WEIGHTS if weights is None else weights)
    path = Path(wanted).expanduser()
    if path.is_dir():
        return _in_run_folder(path)
    if not path.exists():
        shipped = shipped_weights()
        if wanted in shipped:
            return shipped[wanted]
        raise WeightsError(
            "no such weights",
            where=wanted,
            remedy=f"{did_you_mean(wanted, shipped)}Give a .onnx, .xml or .safetensors file, a run folder, "
            f"or a shipped name ({', '.join(shipped) or 'none in this installation'})",
        )
    network = path.with_suffix(".xml")
    if path.suffix.lower() == ".bin" and network.is_file():
        raise WeightsError(
            "the weights of an OpenVINO network without the network",
            where=path,
            remedy=f"Give {network.name}, which lies beside it",
        )
    refuse_pickle(path)
    if path.suffix.lower() not in WEIGHT_SUFFIXES:
        raise WeightsError(
            f"'{path.suffix or 'no suffix'}' is not a weights format",
            where=path,
            remedy="Give a .onnx, .xml or .safetensors file, or a run folder",
        )
    return path


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"Did you mean ocinet-tiny? "`` for a misspelt name, else nothing."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean {near[0]}? " if near else ""


def refuse_pickle(path: Path) -> None:
    """Raise WeightsError for pickle files, whatever their name: loading one can run any code."""
    try:
        with path.open("rb") as opened:
            start = opened.read(4)
    except OSError as error:
        raise WeightsError(f"not readable ({error.strerror})", where=path) from error
    pickled = start == _ZIP_MAGIC or (
        start[:1] == _PICKLE_MAGIC and path.suffix.lower() not in WEIGHT_SUFFIXES
    )
    if pickled or path.suffix.lower() in _PICKLED_SUFFIXES:
        raise WeightsError(
            "a pickled checkpoint, which can run code when loaded; Flawscope does not open it",
            where=path,
            remedy=f"If it holds published OCINet weights, run: flawscope models convert {path} "
            f"--out {path.stem}-converted.safetensors",
        )


def check_device(device: str) -> None:
    """Raise UsageError unless ``device`` is ``auto``, ``cpu``, ``cuda`` or ``cuda:N``."""
    kind, _, number = device.partition(":")
    if device not in ("auto", "cpu", "cuda") and not (kind == "cuda" and number.isdigit()):
        raise UsageError(f"no such device: '{device}'", where="--device", remedy="Use auto, cpu or cuda:0")


def _in_run_folder(folder: Path) -> Path:
    for stem in ("best", "last"):
        for place in (folder / "weights", folder):
            candidate = place / f"{stem}.safetensors"
            if candidate.is_file():
                return candidate
    raise WeightsError(
        "a folder without weights/best.safetensors or weights/last.safetensors",
        where=folder,
        remedy="Give a run folder of 'flawscope train', or a weights file",
    )


def display_name(path: Path) -> str:
    """What to call a weights file: its stem, or for a run's checkpoint the run and the checkpoint."""
    if path.stem in ("best", "last") and path.parent.name == "weights":
        return f"{path.parent.parent.name}/{path.stem}"
    return path.stem
