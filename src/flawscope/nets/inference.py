"""A network made ready to answer: the same weights and answers, in less time."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from flawscope.nets.layers import ConvBlock, UpBlock


def for_inference(network: nn.Module) -> nn.Module:
    """Fold the batch norms of our own blocks into their convolutions, and lay weights out with channels innermost.

    The transformer's tokens are rows of channels: in this layout they become maps, and maps tokens, without a copy.
    Answers stay the same to rounding. It can no longer be trained, nor saved under its old names.

    Args:
        network: in evaluation mode; it is changed.

    Returns:
        The same network.
    """
    for part in network.modules():
        if isinstance(part, ConvBlock | UpBlock) and isinstance(part.norm, nn.BatchNorm2d):
            part.conv = fuse_conv_bn_eval(part.conv, part.norm, transpose=isinstance(part, UpBlock))
            part.norm = nn.Identity()
    return network.to(memory_format=torch.channels_last)
