"""An artefact for machines without torch: whether it can be one, and its files in another folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from flawscope import __version__
from flawscope.errors import UsageError
from flawscope.outputs import output_error, write_json
from flawscope.sdie.artefact import WEIGHTS
from flawscope.sdie.artefact_description import DESCRIPTION, read_description, segmenter_of
from flawscope.sdie.reopening import SUPPORT
from flawscope.sdie.segmenter_place import NETWORK, PROMPTABLE, SAM, kind_and_text, located
from flawscope.segment.loading import find_weights

_AS_IT_IS = "Where torch is installed, use the folder as it is"


def network_inside(folder: str | Path) -> Path | None:
    """The weights file of the network that an artefact segments with; None where it needs no file.

    Raises:
        UsageError: its policy or its segmenter runs on torch alone, or it names no segmenter.
        WeightsError: it cannot be read, or the network is not there.
    """
    root = Path(folder)
    told = read_description(root)
    if told.policy == "resnet18":
        raise UsageError(
            "its policy is the paper's ResNet-18, which runs on torch alone",
            where=root,
            remedy=f"{_AS_IT_IS}, or learn with --preset default",
        )
    spec = segmenter_of(told, root)
    kind = kind_and_text(spec)[0]
    if kind in (SAM, PROMPTABLE):
        raise UsageError(
            f"its segmenter '{spec}' runs on torch alone",
            where=root,
            remedy=f"{_AS_IT_IS}, or learn with regions, grabcut, prototype or a network",
        )
    if kind != NETWORK:
        return None
    return find_weights(kind_and_text(located(spec, root))[1])


def copy_artefact(folder: str | Path, out: str | Path, network: str | None = None) -> Path:
    """The files of an artefact in an existing folder ``out``, its description last.

    Args:
        folder: the artefact.
        out: where they go.
        network: name of the file in ``out`` that is its segmenter's network now; None: its segmenter stays.

    Raises:
        OutputError: ``out`` cannot be written.
    """
    source, target = Path(folder), Path(out)
    told = read_description(source)
    if network is not None:
        told = told.model_copy(update={"segmenter": f"{NETWORK}:{network}"})
    try:
        for name in (WEIGHTS, SUPPORT):
            if (source / name).is_file():
                shutil.copyfile(source / name, target / name)
    except OSError as error:
        raise output_error(error, target) from error
    described = told.model_copy(update={"flawscope": __version__})
    write_json(target / DESCRIPTION, described.model_dump(mode="json", by_alias=True))
    return target
