"""From a name to a network, of ours or of a library."""

from __future__ import annotations

from typing import Any

from torch import nn

from flawscope.nets import ocinet
from flawscope.nets.library import build_library_network
from flawscope.nets.library_names import library_name


def build(name: str, *, channels: int = 1, imagenet: bool = False, **options: Any) -> nn.Module:
    """A network with fresh weights: image ``(b, 3, H, W)`` to logit maps ``(b, channels, H, W)``, finest first.

    Args:
        name: a preset (``flawscope models list``), or a library's network such as ``smp:unet:resnet18``.
        channels: 1 for one class, K + 1 for K classes.
        imagenet: start from ImageNet weights of the backbone.
        options: fields of the preset to replace, see :func:`flawscope.nets.ocinet.build`, none for a
            library's network.

    Raises:
        UsageError: an unknown name or option, or values that do not fit together.
        WeightsError: ImageNet weights were asked for and cannot be had.
        MissingExtraError: the library is not installed.
    """
    make = ocinet.build if library_name(name) is None else build_library_network
    return make(name, channels=channels, imagenet=imagenet, **options)
