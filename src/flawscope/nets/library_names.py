"""Names of networks from other libraries, such as ``smp:unet:resnet18``; reading them needs no torch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from flawscope.errors import UsageError
from flawscope.nets.presets import preset

FORMS = {
    "smp": "smp:ARCHITECTURE:ENCODER, for example smp:unet:resnet18",
    "torchvision": "torchvision:NETWORK, for example torchvision:fcn_resnet50",
    "transformers": "transformers:segformer-SIZE, for example transformers:segformer-b0",
}
"""How a network of each library is written."""

SMP = (
    "unet", "unetplusplus", "manet", "linknet", "fpn", "pspnet",
    "deeplabv3", "deeplabv3plus", "pan", "upernet", "segformer", "dpt",
)  # fmt: skip
TORCHVISION = (
    "fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50", "deeplabv3_resnet101",
    "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large",
)  # fmt: skip
TRANSFORMERS = tuple(f"segformer-b{size}" for size in range(6))

EXAMPLES = (
    ("smp:unet:resnet18", "U-Net"),
    ("smp:fpn:resnet18", "FPN"),
    ("smp:deeplabv3plus:resnet18", "DeepLabv3+"),
    ("smp:upernet:resnet18", "UPerNet"),
    ("smp:dpt:tu-vit_tiny_patch16_224", "DPT on a plain ViT"),
    ("torchvision:fcn_resnet50", "FCN"),
    ("torchvision:deeplabv3_mobilenet_v3_large", "DeepLabv3"),
    ("transformers:segformer-b0", "SegFormer"),
)
"""One of each family, for lists."""


@dataclass(frozen=True, slots=True)
class LibraryName:
    """A name taken apart.

    Attributes:
        library: ``smp``, ``torchvision`` or ``transformers``.
        architecture: as the library calls it.
        encoder: as segmentation-models-pytorch calls it; empty for the others.
    """

    library: str
    architecture: str
    encoder: str = ""


def library_name(name: str) -> LibraryName | None:
    """A library's network by its name; None where the name is one of our own presets' kind, without a colon.

    Raises:
        UsageError: no such library or architecture, or not of the library's form.
    """
    library, colon, rest = name.partition(":")
    if not colon:
        return None
    if library not in FORMS:
        raise UsageError(
            f"no library called {library!r}",
            where=f"model {name}",
            remedy="Write " + "; or ".join(FORMS.values()),
        )
    architecture, colon, encoder = rest.partition(":")
    if (library == "smp") != bool(encoder):
        raise UsageError(
            "not a network of this library", where=f"model {name}", remedy=f"Write {FORMS[library]}"
        )
    known = {"smp": SMP, "torchvision": TORCHVISION, "transformers": TRANSFORMERS}[library]
    if architecture not in known:
        near = difflib.get_close_matches(architecture, known, 1)
        remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}"
        raise UsageError(f"{library} has no {architecture!r}", where=f"model {name}", remedy=remedy)
    return LibraryName(library, architecture, encoder)


def check_model(name: str) -> None:
    """Raise UsageError where no network of ours or of a library has this name."""
    if library_name(name) is None:
        preset(name)
