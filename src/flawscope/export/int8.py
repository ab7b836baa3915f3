"""Post-training quantisation to int8 by NNCF, with accuracy control: layers that cost too much stay in fp32."""

from __future__ import annotations

import difflib
import fnmatch
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flawscope.errors import MissingExtraError, UsageError
from flawscope.export.quiet import quiet
from flawscope.export.scoring import allowed, cases_of, mean_score
from flawscope.export.shown import Shown
from flawscope.segment.base import Segmenter
from flawscope.segment.header import Header
from flawscope.segment.openvino_runtime import openvino

_LAYERS = frozenset(
    {
        "Convolution",
        "GroupConvolution",
        "ConvolutionBackpropData",
        "GroupConvolutionBackpropData",
        "MatMul",
    }
)
_PASSES_ON = frozenset(
    {
        "Reshape",
        "Transpose",
        "Squeeze",
        "Unsqueeze",
        "Concat",
        "Split",
        "VariadicSplit",
        "StridedSlice",
        "MaxPool",
    }
)
_LOGGERS = ("nncf", "torch.utils.cpp_extension")
"""The second is imported by the first, and warns where there is no CUDA."""

_RANKED = 16
"""Images on which single layers, or parts of the network, are compared."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A network in int8.

    Attributes:
        model: the ``openvino.Model``.
        layers: how many convolutions and matrix products it has.
        kept: names of those that compute in fp32, in their order.
    """

    model: Any
    layers: int
    kept: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"layers": self.layers, "kept_in_fp32": list(self.kept)}


def quantise(
    model: Any, source: Segmenter, header: Header, images: Iterable[Shown], *, keep: Sequence[str] = ()
) -> Quantised:
    """Calibrate on ``images`` and quantise what may be.

    Layers go back to fp32, the costliest first, until the score on the images (see :mod:`flawscope.export.scoring`)
    falls by no more than half of what the gate of int8 allows: other images will judge the result.

    Args:
        model: an ``openvino.Model`` in fp32.
        source: the trained network.
        header: of the network.
        images: to calibrate on.
        keep: names of layers to keep in fp32 from the start, with ``*`` and ``?`` as in file names.

    Raises:
        UsageError: no layer has a name in ``keep``.
        MissingExtraError: NNCF is not installed.
    """
    nncf, ignored = _nncf(), _named(model, keep)
    inputs, cases = cases_of(source, header, images)
    with quiet(*_LOGGERS):
        quantised = nncf.quantize_with_accuracy_control(
            model,
            nncf.Dataset(inputs),
            nncf.Dataset(cases),
            lambda compiled, chosen: mean_score(compiled, chosen, header),
            max_drop=allowed(cases) / 2,
            drop_type=nncf.DropType.ABSOLUTE,
            subset_size=len(inputs),
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
                ranking_subset_size=min(len(cases), _RANKED), num_ranking_workers=1
            ),
            **_settings(nncf, model, ignored),
        )
    layers = _layers(quantised)
    kept = tuple(node.get_friendly_name() for node in layers if not _in_int8(node))
    return Quantised(quantised, len(layers), kept)


def costliest(
    model: Any, source: Segmenter, header: Header, images: Iterable[Shown], *, keep: Sequence[str] = ()
) -> str:
    """The part of a network that int8 loses most in, as a pattern for ``keep``, such as ``reasoner/*``.

    Each part by itself is kept in fp32 and the rest quantised without control; the part with the best score is named.
    Arguments as of :func:`quantise`; of the images only the first 16 are used.
    """
    nncf, ignored = _nncf(), _named(model, keep)
    inputs, cases = cases_of(source, header, itertools.islice(images, _RANKED))
    core = openvino().Core()

    def without(part: str) -> float:
        names = {*ignored, *_named(model, [part])}
        with quiet(*_LOGGERS):
            quantised = nncf.quantize(
                model, nncf.Dataset(inputs), subset_size=len(inputs), **_settings(nncf, model, sorted(names))
            )
        compiled = core.compile_model(quantised, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return mean_score(compiled, cases, header)[0]

    return max(_parts(model), key=without)


def _nncf() -> Any:
    openvino()
    try:
        with quiet(*_LOGGERS):
            import nncf
    except ImportError as error:
        raise MissingExtraError("nncf", "train") from error
    return nncf


def _settings(nncf: Any, model: Any, ignored: Sequence[str]) -> dict[str, Any]:
    attention = any(node.get_type_name() == "Softmax" for node in model.get_ops())
    return {
        "preset": nncf.QuantizationPreset.MIXED,
        "target_device": nncf.TargetDevice.CPU,
        "model_type": nncf.ModelType.TRANSFORMER if attention else None,
        "ignored_scope": nncf.IgnoredScope(names=list(ignored)) if ignored else None,
    }


def _layers(model: Any) -> list[Any]:
    return [node for node in model.get_ordered_ops() if node.get_type_name() in _LAYERS]


def _named(model: Any, patterns: Sequence[str]) -> list[str]:
    names = [node.get_friendly_name() for node in _layers(model)]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            near = difflib.get_close_matches(pattern, names, 3, cutoff=0.3) or names[:3]
            raise UsageError(
                "no layer has such a name",
                where=f"--keep {pattern}",
                remedy=f"There are {len(names)}, such as {', '.join(near)}",
            )
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def _parts(model: Any) -> list[str]:
    """Patterns of the parts of a network: its outermost modules, and each of the interactions."""
    return list(dict.fromkeys(_part(node.get_friendly_name()) for node in _layers(model)))


def _part(name: str) -> str:
    parts = name.split("/")
    depth = min(2 if parts[0] == "interactions" else 1, len(parts) - 1)
    return "/".join([*parts[:depth], "*"]) if depth else name


def _in_int8(node: Any) -> bool:
    """Whether what flows into a layer was quantised, seen through operations that only move values."""
    before = node.input_value(0).get_node()
    kind = before.get_type_name()
    return kind == "FakeQuantize" or (kind in _PASSES_ON and _in_int8(before))
