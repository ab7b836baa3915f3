"""The paper's networks: a ResNet-18 as policy, and one for each critic. Torch; needs torchvision.

Input is the image observation as it is, 0 to 255 and repeated over three channels, not normalised: so the
authors' released code feeds its ImageNet weights.
"""

from __future__ import annotations

from pathlib import Path

from flawscope.errors import MissingExtraError, WeightsError

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtraError("torch", "fewshot") from error

FEATURES, HIDDEN = 100, 50


class ResNetActor(nn.Module):
    """Pixels to an action in -1 to 1.

    Args:
        actions: numbers in an action.
    """

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.network = _resnet18(actions)

    def forward(self, pixels: Tensor) -> Tensor:
        """``(b, 1, h, w)``, 0 to 255, to ``(b, actions)``."""
        answer: Tensor = self.network(_repeat(pixels)).tanh()
        return answer


class ResNetCritic(nn.Module):
    """Pixels and an action to its value: 100 image features joined with the action, 50, LayerNorm, ReLU, 1.

    The ReLU is ours: the released settings name no activation.

    Args:
        actions: numbers in an action.
    """

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.network = _resnet18(FEATURES)
        self.head = nn.Sequential(
            nn.Linear(FEATURES + actions, HIDDEN), nn.LayerNorm(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
        )

    def forward(self, pixels: Tensor, action: Tensor) -> Tensor:
        """``(b, 1, h, w)`` and ``(b, actions)`` to ``(b, 1)``."""
        answer: Tensor = self.head(torch.cat([self.network(_repeat(pixels)), action], dim=1))
        return answer


def fill_backbone(module: ResNetActor | ResNetCritic, path: str | Path) -> None:
    """Give a network the ImageNet weights of a torchvision or timm ``resnet18`` file; its last layer stays.

    Raises:
        WeightsError: not readable, or not those of a ResNet-18.
    """
    from flawscope.nets.tensor_files import read_tensors

    given = {name: value for name, value in read_tensors(path).items() if not name.startswith("fc.")}
    own = module.network.state_dict()
    wanted = {name for name in own if not name.startswith("fc.") and not name.endswith("num_batches_tracked")}
    missing = sorted(wanted - given.keys())
    strange = sorted(given.keys() - own.keys())
    unlike = sorted(name for name in wanted & given.keys() if given[name].shape != own[name].shape)
    if missing or strange or unlike:
        raise WeightsError(
            f"not a ResNet-18 (first misfit: {(missing + strange + unlike)[0]})",
            where=path,
            remedy="Give the file of torchvision's or timm's resnet18",
        )
    module.network.load_state_dict({**own, **given})


def _repeat(pixels: Tensor) -> Tensor:
    return pixels.float().expand(-1, 3, -1, -1)


def _resnet18(outputs: int) -> nn.Module:
    try:
        from torchvision.models import resnet18
    except ImportError as error:
        raise MissingExtraError("torchvision", "train") from error
    network: nn.Module = resnet18(num_classes=outputs)
    return network
