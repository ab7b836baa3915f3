"""From one line of text to any segmenter.

::

    regions                 graph-based regions; no weights
    grabcut                 GrabCut, from prompts; no weights
    sam:FOLDER              a SAM or SAM 2 in a folder, or the name of one on the Hugging Face hub
    promptable:NAME         a small promptable model inside the package
    network:WEIGHTS         a trained network: a shipped name, a weights file or a run folder
    WEIGHTS                 the same
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from flawscope.errors import UsageError
from flawscope.segment.base import Segmenter
from flawscope.segment.grabcut import GRABCUT, GrabCutSegmenter
from flawscope.segment.loading import (
    DEFAULT_WEIGHTS,
    WEIGHT_SUFFIXES,
    check_device,
    did_you_mean,
    load,
    shipped_weights,
)
from flawscope.segment.regions import REGIONS, RegionSegmenter


def open_segmenter(
    spec: str | Path | None = None,
    *,
    device: str = "auto",
    threads: int | None = None,
    throughput: bool = False,
    also: Sequence[str] = (),
    prompts: bool = True,
) -> Segmenter:
    """A segmenter by its spec, one of the forms at the head of this module.

    Args:
        spec: None for the shipped default network.
        device: ``"auto"``, ``"cpu"`` or ``"cuda:N"``; ``regions`` and ``grabcut`` always run on the CPU.
        threads: CPU threads of a network; by default its engine chooses.
        throughput: see :func:`flawscope.segment.load`.
        also: names that the caller opens by itself, for the line that says which segmenters there are.
        prompts: whether the caller can give prompts; else that line does not offer what needs them.

    Raises:
        UsageError: no such segmenter, promptable model or device.
        WeightsError: the weights are missing, damaged or of another kind.
        MissingExtraError: no ``[sam]`` for ``sam:`` or ``promptable:``, no ``[train]`` for ``.safetensors``.
    """
    check_device(device)
    text = DEFAULT_WEIGHTS if spec is None else str(spec)
    kind, _, rest = text.partition(":")
    if text == REGIONS:
        return RegionSegmenter()
    if text == GRABCUT:
        return GrabCutSegmenter()
    if kind in ("sam", "promptable"):
        from flawscope.segment.sam import load_sam

        if kind == "promptable":
            return load_sam(promptable_folder(rest), device=device, threads=threads, title=text)
        if not rest:
            raise _unknown(text, also, prompts=prompts)
        return load_sam(rest, device=device, threads=threads)
    weights = rest if kind == "network" and rest else text
    if weights is text and not _means_weights(text):
        raise _unknown(text, also, prompts=prompts)
    return load(weights, device=device, threads=threads, throughput=throughput)


def promptable_models() -> dict[str, Path]:
    """Names of the small promptable models inside the package, and their folders."""
    folder = Path(str(files("flawscope"))) / "weights"
    return {
        config.parent.name.removeprefix("promptable-"): config.parent
        for config in sorted(folder.glob("promptable-*/config.json"))
    }


def promptable_folder(name: str) -> Path:
    """The folder of a small promptable model inside the package; raises UsageError."""
    known = promptable_models()
    if name not in known:
        raise UsageError(
            f"no such promptable model: '{name}'",
            remedy=f"There are: {', '.join(known) or 'none in this installation'}",
        )
    return known[name]


def _means_weights(text: str) -> bool:
    path = Path(text).expanduser()
    return bool(text) and (
        text in shipped_weights()
        or path.exists()
        or path.suffix.lower() in WEIGHT_SUFFIXES
        or len(path.parts) > 1
    )


def _unknown(text: str, also: Sequence[str], *, prompts: bool) -> UsageError:
    also = (GRABCUT, *also) if prompts else also
    names = (
        REGIONS,
        *also,
        *(f"promptable:{name}" for name in promptable_models()),
        *shipped_weights(),
    )
    own = "".join(f", {name}" for name in also)
    models = "".join(f", promptable:{name}" for name in promptable_models())
    shipped = "".join(f", {name}" for name in shipped_weights())
    return UsageError(
        f"no such segmenter: '{text}'",
        remedy=f"{did_you_mean(text, names)}There are: {REGIONS}{own}, sam:FOLDER{models}, "
        f"network:WEIGHTS{shipped}, or the path of a weights file or run folder",
    )
