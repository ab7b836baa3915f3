"""Weights under other people's names: the OCINet authors', the original PVT-v2's, timm's.

The names are facts of the published files; each rule below turns a piece of such a name into ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from flawscope.errors import UsageError, WeightsError
from flawscope.nets.ocinet import OCINet, build
from flawscope.nets.tensor_files import read_tensors

_PAIRS = {"12": 0, "23": 1, "34": 2}
_FUSIONS = {"2": "fuse_second", "3": "fuse_third"}
_HALVES = {"1": "upper", "2": "lower"}
_BRANCHES = {"1": "fine", "2": "coarse"}
_BLOCK = {"conv": "conv", "Deconv": "conv", "bn": "norm"}
_CONV_BLOCK = r"(conv|Deconv|bn)\.(\w+)"

_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_PVT_RULES: tuple[_Rule, ...] = (
    (re.compile(r"patch_embed1\.(.+)"), lambda m: f"patch_embed.{m[1]}"),
    (re.compile(r"patch_embed([2-4])\.(.+)"), lambda m: f"stages_{int(m[1]) - 1}.downsample.{m[2]}"),
    (
        re.compile(r"block([1-4])\.(\d+)\.(.+)"),
        lambda m: f"stages_{int(m[1]) - 1}.blocks.{m[2]}.{m[3].replace('dwconv.dwconv', 'dwconv')}",
    ),
    (re.compile(r"norm([1-4])\.(.+)"), lambda m: f"stages_{int(m[1]) - 1}.norm.{m[2]}"),
)
"""Original PVT-v2 release to timm's names under ``features_only``."""

_OCINET_RULES: tuple[_Rule, ...] = (
    (
        re.compile(rf"ChannelNormalization_([1-4])\.{_CONV_BLOCK}"),
        lambda m: f"adjustment.{int(m[1]) - 1}.{_BLOCK[m[2]]}.{m[3]}",
    ),
    (
        re.compile(r"CollaborativeChannelAttention(12|23|34)\.CA_GMP_GAP_([1-9])\.ca\.([02])\.weight"),
        lambda m: f"interactions.0.pairs.{_PAIRS[m[1]]}.units.{int(m[2]) - 1}.bottleneck.{m[3]}.weight",
    ),
    (
        re.compile(r"CollaborativeSpatialAttention(12|23|34)\.SA_GMP_GAP_([12])\.conv1\.weight"),
        lambda m: f"interactions.1.pairs.{_PAIRS[m[1]]}.{_HALVES[m[2]]}.conv.weight",
    ),
    (
        re.compile(rf"(CCAM|CSAM|SSA)_f([23])\.{_CONV_BLOCK}"),
        lambda m: (
            f"interactions.{('CCAM', 'CSAM', 'SSA').index(m[1])}.{_FUSIONS[m[2]]}.{_BLOCK[m[3]]}.{m[4]}"
        ),
    ),
    (
        re.compile(r"SpatialSelfAtt(12|23|34)\.(query|key)_conv\.(\w+)"),
        lambda m: f"interactions.2.pairs.{_PAIRS[m[1]]}.{m[2]}.{m[3]}",
    ),
    (
        re.compile(r"SpatialSelfAtt(12|23|34)\.value_conv_cur([12])\.(\w+)"),
        lambda m: f"interactions.2.pairs.{_PAIRS[m[1]]}.{_BRANCHES[m[2]]}_value.{m[3]}",
    ),
    (
        re.compile(r"SpatialSelfAtt(12|23|34)\.gamma_cur([12])"),
        lambda m: f"interactions.2.pairs.{_PAIRS[m[1]]}.{_BRANCHES[m[2]]}_gamma",
    ),
    (
        re.compile(rf"SpatialSelfAtt(12|23|34)\.conv_cur([12])\.([02])\.{_CONV_BLOCK}"),
        lambda m: (
            f"interactions.2.pairs.{_PAIRS[m[1]]}.{_BRANCHES[m[2]]}_refine.{m[3]}.{_BLOCK[m[4]]}.{m[5]}"
        ),
    ),
    (
        re.compile(rf"SalReasoner\.HL([1-4])\.([013])\.{_CONV_BLOCK}"),
        lambda m: f"reasoner.blocks.{int(m[1]) - 1}.{m[2]}.{_BLOCK[m[3]]}.{m[4]}",
    ),
    (
        re.compile(r"SalReasoner\.S([1-4])\.(weight|bias)"),
        lambda m: f"reasoner.heads.{int(m[1]) - 1}.{m[2]}",
    ),
)
"""The authors' names outside the backbone to ours."""

_HEADS = re.compile(r"(head|fc|classifier|conv_head|norm_head|bn2|pre_logits|aux)\w*\.")
"""Classification parts that a feature extractor has no use for."""

_SHOWN = 8


def load_published(
    path: str | Path, name: str = "ocinet", *, shared_first_head: bool = True, **options: Any
) -> OCINet:
    """A network from a checkpoint of the OCINet authors, whose logits equal theirs.

    Width and output channels are read off the file.

    Args:
        path: a plain state dict (``.pth``, read with ``weights_only``, or ``.safetensors``).
        name: the preset it belongs to.
        shared_first_head: the published network applies the head of level 2 to level 1 as well; False uses
            the head of level 1 that the file holds, which was never trained.
        options: as for :func:`flawscope.nets.build`, for checkpoints of other backbones.

    Returns:
        The network, in evaluation mode.

    Raises:
        WeightsError: not safe, not readable, or not such a checkpoint; lists what is missing or left over.
    """
    stored = read_tensors(path)
    renamed = {_from_authors(key): value for key, value in stored.items() if not _is_head(key)}
    adjustment = stored.get("ChannelNormalization_1.conv.weight")
    head = stored.get("SalReasoner.S2.weight")
    if adjustment is not None and adjustment.ndim == 4:
        options.setdefault("width", adjustment.shape[0])
    net = build(
        name,
        channels=head.shape[0] if head is not None and head.ndim == 4 else 1,
        shared_first_head=shared_first_head,
        **options,
    )
    net.load_state_dict(_fitted(renamed, net.state_dict(), path, "a published OCINet checkpoint"))
    return net.eval()


def load_backbone_weights(net: nn.Module, path: str | Path) -> None:
    """Load a feature extractor's weights into ``net``, in place; all else in ``net`` stays as it is.

    Args:
        net: a network whose backbone the file is for.
        path: ``.safetensors``, ``.pth`` or ``.pt`` with the names of the original PVT-v2 release or of timm,
            with or without the classification head, which is ignored.

    Raises:
        WeightsError: not safe, not readable, or for another network; lists what is missing or left over.
        UsageError: a library's network, whose encoder has names of its own.
    """
    if not isinstance(net, OCINet):
        raise UsageError(
            "backbone weights are for our own networks",
            where=path,
            remedy="Start the whole network with --weights",
        )
    network = net.backbone.network
    wanted = network.state_dict()
    stored = {key.removeprefix("backbone."): value for key, value in read_tensors(path).items()}
    renamed = {}
    for key, value in stored.items():
        ours = _renamed(key, _PVT_RULES)
        if ours not in wanted and key.replace(".", "_", 1) in wanted:
            # timm joins the first two parts of a name when it cuts a network into feature levels.
            ours = key.replace(".", "_", 1)
        if ours in wanted or not _HEADS.match(key):
            renamed[ours] = value
    network.load_state_dict(_fitted(renamed, wanted, path, "weights of this backbone"))


def _from_authors(key: str) -> str:
    if key.startswith("backbone."):
        return f"backbone.network.{_renamed(key.removeprefix('backbone.'), _PVT_RULES)}"
    return _renamed(key, _OCINET_RULES)


def _is_head(key: str) -> bool:
    return key.startswith("backbone.head.")


def _renamed(key: str, rules: Iterable[_Rule]) -> str:
    for pattern, rename in rules:
        if match := pattern.fullmatch(key):
            return rename(match)
    return key


def _fitted(
    given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: str | Path, what: str
) -> dict[str, Tensor]:
    """``given`` in the shapes of ``wanted``, or an error that lists every difference."""
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}
    problems = []
    if missing := [key for key in wanted if key not in given and key not in counters]:
        problems.append(f"missing {_listed(missing)}")
    if left_over := [key for key in given if key not in wanted]:
        problems.append(f"left over {_listed(left_over)}")
    fitted = {key: wanted[key] for key in counters}
    misshapen = []
    for key in wanted.keys() & given.keys():
        # A fully connected layer may be stored as a 1x1 convolution, a scalar as a vector of one.
        if _squeezed(given[key]) == _squeezed(wanted[key]):
            fitted[key] = given[key].reshape(wanted[key].shape)
        else:
            misshapen.append(f"{key} {_shape(given[key])} instead of {_shape(wanted[key])}")
    if misshapen:
        problems.append(f"of another shape {_listed(sorted(misshapen))}")
    if problems:
        raise WeightsError(
            f"does not fit as {what}: {'; '.join(problems)}",
            where=path,
            remedy="Check that the file and the model belong together",
        )
    return fitted


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"({len(names)}): {', '.join(names[:_SHOWN])}{more}"


def _squeezed(tensor: Tensor) -> tuple[int, ...]:
    return tuple(size for size in tensor.shape if size != 1)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
