"""Networks of other libraries as networks of ours: any size in, logits of the input's size out.

They are what a table compares with, and are trained, evaluated and exported by the same commands. The extra
``[baselines]`` brings the libraries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from flawscope.errors import MissingExtraError, UsageError, WeightsError
from flawscope.nets.backbone import hub_reachable
from flawscope.nets.library_names import FORMS, LibraryName, library_name
from flawscope.nets.ocinet import padded


class LibraryNetwork(nn.Module):
    """A library's network behind our contract.

    Args:
        network: takes ``(b, 3, H, W)`` with H and W multiples of 32.
        logits: its map of logits ``(b, channels, h, w)``, at any scale, out of what it returns.
    """

    def __init__(self, network: nn.Module, logits: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.network = network
        self._logits = logits

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Logits ``(b, channels, H, W)``, alone in a tuple: these networks have one map.

        Args:
            image: ``(b, 3, H, W)``, normalised; any H and W, padded as for :class:`flawscope.nets.OCINet`.
        """
        height, width = image.shape[-2:]
        whole = padded(image)
        logits = self._logits(self.network(whole))
        if logits.shape[-2:] != whole.shape[-2:]:
            logits = F.interpolate(logits, whole.shape[-2:], mode="bilinear", align_corners=False)
        return (logits[..., :height, :width],)


def build_library_network(
    name: str, *, channels: int = 1, imagenet: bool = False, **options: Any
) -> nn.Module:
    """A network of another library.

    Args:
        name: see ``flawscope.nets.library_names``.
        channels: logits a pixel.
        imagenet: start the encoder from ImageNet weights, through the library's own download.
        options: must be empty; these libraries would swallow a misspelt one without a word.

    Raises:
        UsageError: no such network, or options.
        WeightsError: ImageNet weights were asked for and cannot be had.
        MissingExtraError: the library is not installed.
    """
    wanted = library_name(name)
    assert wanted is not None, name
    if options:
        raise UsageError(
            f"a library's network takes no options (given: {', '.join(options)})",
            where=f"model {name}",
            remedy="Leave out --option",
        )
    if imagenet and not hub_reachable():
        raise _no_weights(name, "the model hub cannot be reached")
    make = {"smp": _smp, "torchvision": _torchvision, "transformers": _transformers}[wanted.library]
    try:
        return make(wanted, channels, imagenet)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or wanted.library, "baselines") from error
    except (TypeError, ValueError, KeyError, RuntimeError, AttributeError, OSError) as error:
        # The libraries refuse encoders and options, and fail to download, each in a way of its own.
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:160].rstrip(". ")
        if imagenet:
            raise _no_weights(name, reason) from error
        raise UsageError(
            f"cannot be built ({reason})", where=f"model {name}", remedy=f"Write {FORMS[wanted.library]}"
        ) from error


def _no_weights(name: str, reason: str) -> WeightsError:
    return WeightsError(
        f"ImageNet weights cannot be had ({reason})", where=f"model {name}", remedy="Go on from scratch"
    )


def _smp(wanted: LibraryName, channels: int, imagenet: bool) -> nn.Module:
    import segmentation_models_pytorch as smp

    network = smp.create_model(
        wanted.architecture,
        encoder_name=wanted.encoder,
        encoder_weights="imagenet" if imagenet else None,
        classes=channels,
    )
    return LibraryNetwork(network, _as_it_is)


def _torchvision(wanted: LibraryName, channels: int, imagenet: bool) -> nn.Module:
    from torchvision.models import get_model

    network = get_model(
        wanted.architecture,
        weights=None,
        weights_backbone="DEFAULT" if imagenet else None,
        num_classes=channels,
    )
    return LibraryNetwork(network, _out)


def _transformers(wanted: LibraryName, channels: int, imagenet: bool) -> nn.Module:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    size = int(wanted.architecture[-1])
    config = SegformerConfig(**{"num_labels": channels, **_MIT[size]})
    network = SegformerForSemanticSegmentation(config)
    if imagenet:
        encoder = type(network.segformer).from_pretrained(f"nvidia/mit-b{size}", use_safetensors=True)
        network.segformer.load_state_dict(encoder.state_dict())
    return LibraryNetwork(network, _named_logits)


_WIDE = {"hidden_sizes": [64, 128, 320, 512], "decoder_hidden_size": 768}
_MIT: tuple[dict[str, Any], ...] = (
    {"depths": [2, 2, 2, 2], "hidden_sizes": [32, 64, 160, 256], "decoder_hidden_size": 256},
    {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 320, 512], "decoder_hidden_size": 256},
    {"depths": [3, 4, 6, 3], **_WIDE},
    {"depths": [3, 4, 18, 3], **_WIDE},
    {"depths": [3, 8, 27, 3], **_WIDE},
    {"depths": [3, 6, 40, 3], **_WIDE},
)
"""SegFormer-B0 to B5: SegFormer (Xie et al., 2021), Tables 6 and 7."""


# Functions of the module, so that a network can be pickled.
def _as_it_is(answer: Any) -> Tensor:
    logits: Tensor = answer
    return logits


def _out(answer: Any) -> Tensor:
    logits: Tensor = answer["out"]
    return logits


def _named_logits(answer: Any) -> Tensor:
    logits: Tensor = answer.logits
    return logits
