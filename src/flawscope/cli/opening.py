"""What ``--segmenter`` means, for every verb that has it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flawscope.segment import Segmenter

SEGMENTER_HELP = (
    "A shipped name, a .onnx, .xml or .safetensors file, a run folder, what 'fewshot learn' left, regions, "
    "sam:FOLDER or promptable:NAME."
)


def enhancer_folder(spec: str | Path | None) -> Path | None:
    """The folder of an enhancer, where ``spec`` is one."""
    folder = None if spec is None else Path(spec).expanduser()
    return folder if folder is not None and (folder / "sdie.json").is_file() else None


def open_any(
    spec: str | Path | None,
    *,
    device: str = "auto",
    threads: int | None = None,
    throughput: bool = False,
    prompts: bool = True,
) -> Segmenter:
    """The segmenter that ``spec`` means; see :func:`flawscope.segment.open_segmenter`.

    Raises:
        FlawscopeError: it cannot be had, in one line.
    """
    from flawscope.segment import open_segmenter

    folder = enhancer_folder(spec)
    if folder is not None:
        from flawscope.sdie.artefact import load_artefact

        return load_artefact(folder, device)
    return open_segmenter(spec, device=device, threads=threads, throughput=throughput, prompts=prompts)


def open_unprompted(
    spec: str | Path | None, *, device: str = "auto", threads: int | None = None, throughput: bool = False
) -> Segmenter:
    """:func:`open_any` for verbs that give no prompts.

    Raises:
        UsageError: the segmenter does nothing without prompts.
    """
    from flawscope.errors import UsageError
    from flawscope.segment.grabcut import GrabCutSegmenter

    segmenter = open_any(spec, device=device, threads=threads, throughput=throughput, prompts=False)
    if isinstance(segmenter, GrabCutSegmenter):
        raise UsageError(
            f"'{segmenter.name}' needs points, boxes or a mask for every image",
            remedy="Use it from Python, or choose another segmenter",
        )
    return segmenter
