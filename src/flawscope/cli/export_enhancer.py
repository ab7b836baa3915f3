"""What the verb ``export`` makes of an enhancer: a folder that needs nothing from outside and no torch."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flawscope.export import Parity
    from flawscope.export.command import Exported


@dataclass(frozen=True, slots=True)
class ExportedEnhancer:
    """What an export wrote.

    Attributes:
        source: the enhancer it was made from.
        path: the folder.
        size: bytes of all its files.
        parity: how far it agrees with the source, filters, choice of round and segmenter together.
        network: the segmenter's network by itself; None where there is none, or it was exported already.
    """

    source: Path
    path: Path
    size: int
    parity: Parity
    network: Exported | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "source": self.source,
            "path": self.path,
            "bytes": self.size,
            "parity": self.parity.to_json(),
            "network": None if self.network is None else self.network.to_json(),
        }


def export_enhancer(
    folder: Path, out: Path, *, data: Path | None = None, images: int = 16, half: bool | None = None
) -> ExportedEnhancer:
    """Write the enhancer in ``folder`` to the new folder ``out``, if it says the same on some images.

    Args:
        folder: as ``fewshot learn`` left it.
        out: must not exist, or be empty.
        data: folder of images to compare on; drawn ones by default.
        images: how many.
        half: store the weights of a network inside as 16-bit floats; None: where they are stored so already.

    Raises:
        UsageError: it runs on torch alone, or ``out`` is not an empty folder.
        WeightsError: it cannot be used, or fewer than 99.9 % of the pixels keep their label.
        MissingExtraError: its network is still to be exported, which needs torch.
        OutputError: ``out`` cannot be written.
    """
    from flawscope.export import parity
    from flawscope.export.shown import compared_images
    from flawscope.sdie.artefact import load_artefact
    from flawscope.sdie.portable import copy_artefact, network_inside
    from flawscope.segment.loading import EXPORTED_SUFFIXES, display_name

    weights = network_inside(folder)
    original = load_artefact(folder, "cpu")
    shown = list(compared_images(data, images))
    with _new_folder(out) as made:
        inside = name = None
        if weights is not None:
            suffix = weights.suffix.lower()
            suffix = suffix if suffix in EXPORTED_SUFFIXES else ".onnx"
            name = f"{display_name(weights).replace('/', '-')}{suffix}"
            inside = _network(weights, made / name, data=data, images=images, half=half)
        copy_artefact(folder, made, name)
        agreement = parity(original, load_artefact(made, "cpu"), shown)
        agreement.require(out)
    if inside is not None:
        inside = replace(inside, path=out / inside.path.name)
    size = sum(file.stat().st_size for file in out.iterdir())
    return ExportedEnhancer(folder, out, size, agreement, inside)


def _network(
    weights: Path, file: Path, *, data: Path | None, images: int, half: bool | None
) -> Exported | None:
    if weights.suffix.lower() == file.suffix:  # exported already
        shutil.copyfile(weights, file)
        if file.suffix == ".xml":
            shutil.copyfile(weights.with_suffix(".bin"), file.with_suffix(".bin"))
        return None
    from flawscope.export.command import export_checked
    from flawscope.export.request import Data, Wanted

    return export_checked(weights, file, Wanted(half=half), Data(data, images=images))


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder that takes the name ``out`` only when the block ends well."""
    from flawscope.errors import UsageError
    from flawscope.outputs import output_error

    if out.suffix.lower() == ".onnx" or (out.exists() and not out.is_dir()):
        raise UsageError("an enhancer is written as a folder", where=out, remedy="Give --out FOLDER")
    if out.is_dir() and any(out.iterdir()):
        raise UsageError("the folder is not empty", where=out, remedy="Choose a new one with --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary:
            made = Path(temporary) / "content"
            made.mkdir()
            yield made
            if out.is_dir():
                out.rmdir()
            made.replace(out)
    except OSError as error:
        raise output_error(error, out) from error
