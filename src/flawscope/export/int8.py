"""Post-training quantisation to int8 by NNCF, with accuracy control: parts that cost too much stay as they are."""

from __future__ import annotations

import difflib
import fnmatch
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.errors import MissingExtraError, UsageError
from flawscope.export.quiet import quiet
from flawscope.export.scoring import Case, allowed, cases_of, mean_score
from flawscope.export.shown import Shown
from flawscope.segment.base import Segmenter
from flawscope.segment.header import Header
from flawscope.segment.openvino_network import inference_type
from flawscope.segment.openvino_runtime import openvino
from flawscope.segment.preprocess import network_input

_PLAIN = ("Convolution", "ConvolutionBackpropData", "MatMul")
_GROUPED = ("GroupConvolution", "GroupConvolutionBackpropData")
_VALUE_KEPT = frozenset({"Convert", "Transpose", "Reshape", "Unsqueeze", "Multiply", "Subtract"})
_LOGGERS = ("nncf", "torch.utils.cpp_extension")
"""The second is imported by the first, and warns where there is no CUDA."""

_RANKED = 16
"""Images on which the parts of a network are compared."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is tried first; the defaults are what ``benchmarks/int8_choices.py`` found best on OCINet.

    Only layers with weights are quantised: the products of attention and depthwise convolutions are as quick in bf16.

    Attributes:
        negligible: layers with a smaller share of the multiply-adds are not quantised. Among them are the gates of
            the channel interaction, each of which decides for a whole channel.
        extremes: ranges of activations are the extremes over all images, else the mean of each image's extremes,
            which cuts off what is rare.
        smooth: NNCF's SmoothQuant.
    """

    negligible: float = 0.001
    extremes: bool = True
    smooth: bool = False


@dataclass(frozen=True, slots=True)
class Quantised:
    """A network in int8.

    Attributes:
        model: the ``openvino.Model``.
        layers: how many convolutions and matrix products it has.
        in_int8: how many of them compute in int8.
        share: of the multiply-adds, 0 to 1, in int8.
        kept: patterns of the layers that would be in int8 and are not, as for ``keep``.
    """

    model: Any
    layers: int
    in_int8: int
    share: float
    kept: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "layers": self.layers,
            "in_int8": self.in_int8,
            "share_of_multiply_adds": round(self.share, 4),
            "kept": list(self.kept),
        }


def quantise(
    model: Any,
    source: Segmenter,
    header: Header,
    images: Iterable[Shown],
    *,
    keep: Sequence[str] = (),
    tell: Tell = lambda _line: None,
) -> Quantised:
    """Calibrate on ``images`` and quantise what may be.

    Parts of the network go back, the costliest first, until the score on the images (see
    :mod:`flawscope.export.scoring`) falls by no more than half of what the gate of int8 allows: other images will
    judge the result.

    Args:
        model: an ``openvino.Model`` in fp32.
        source: the trained network.
        header: of the network, in int8.
        images: to calibrate on.
        keep: names of layers to keep from the start, with ``*`` and ``?`` as in file names.
        tell: told in a line what is going on.

    Raises:
        UsageError: no layer has a name in ``keep``, or nothing can be in int8.
        MissingExtraError: NNCF is not installed.
    """
    graph = Graph(model, header)
    kept = list(keep)
    chosen = graph.quantisable(keep)
    inputs, cases = cases_of(source, header, images)
    before, limit = graph.score(graph.model, cases), allowed(cases) / 2

    def attempt() -> tuple[Any, float]:
        made = graph.quantised(chosen, inputs)
        drop = before - graph.score(made, cases)
        tell(
            f"int8 in {len(chosen)} of {graph.layers} layers, {graph.share(chosen):.1%} of the work: "
            f"{100 * drop:+.2f} points lost on the calibration images, {100 * limit:.2f} allowed"
        )
        return made, drop

    tell(f"calibrating on {len(inputs)} images")
    made, drop = attempt()
    if drop > limit and chosen:
        for part in graph.ranked(chosen, inputs, tell):
            kept.append(part)
            chosen = graph.quantisable(kept)
            made, drop = attempt()
            if drop <= limit:
                break
    if not chosen:
        raise UsageError(
            "nothing is left that could be in int8" if keep else "no part of this network bears int8",
            where="--precision int8",
            remedy="Give --precision bf16" + (", or keep less" if keep else ", or more images with --data"),
        )
    made.reshape(model.input().partial_shape)
    return Quantised(made, graph.layers, len(chosen), graph.share(chosen), tuple(kept))


def costliest(
    model: Any,
    header: Header,
    images: Iterable[Shown],
    *,
    keep: Sequence[str] = (),
    tell: Tell = lambda _line: None,
) -> str:
    """The part of a network that int8 changes most, as a pattern for ``keep``, such as ``reasoner/*``.

    Arguments as of :func:`quantise`; of the images only the first 16 are used.
    """
    graph = Graph(model, header)
    inputs = [network_input(shown.image, header)[None] for shown in itertools.islice(images, _RANKED)]
    return graph.ranked(graph.quantisable(keep), inputs, tell)[0]


class Graph:
    """A network at its one size, and what of it may be quantised.

    Args:
        model: an ``openvino.Model`` in fp32; it stays as it is.
        header: of the network, in int8.
        recipe: how.

    Attributes:
        model: a copy of one image's shape.
        layers: how many convolutions and matrix products it has.
    """

    def __init__(self, model: Any, header: Header, recipe: Recipe | None = None) -> None:
        self.header = header
        self.recipe = recipe or Recipe()
        self.nncf = _nncf()
        self.model = model.clone()
        self.model.reshape([1, 3, *header.imgsz])
        nodes = [
            node for node in self.model.get_ordered_ops() if node.get_type_name() in (*_PLAIN, *_GROUPED)
        ]
        self.layers = len(nodes)
        self._names = [node.get_friendly_name() for node in nodes]
        attention = any(node.get_type_name() == "Softmax" for node in self.model.get_ops())
        self._kind = self.nncf.ModelType.TRANSFORMER if attention else None
        work = {node.get_friendly_name(): _multiply_adds(node) for node in nodes}
        self._work = sum(work.values())
        weighted = {
            node.get_friendly_name() for node in nodes if node.get_type_name() in _PLAIN and _weights(node)
        }
        self._candidates = {
            name: adds
            for name, adds in work.items()
            if name in weighted and adds >= self.recipe.negligible * self._work
        }

    def quantisable(self, keep: Sequence[str]) -> list[str]:
        """Names of the layers to quantise; raises UsageError for a pattern that fits no layer."""
        for pattern in keep:
            if not fnmatch.filter(self._names, pattern):
                near = difflib.get_close_matches(pattern, self._names, 3, cutoff=0.3) or self._names[:3]
                raise UsageError(
                    "no layer has such a name",
                    where=f"--keep {pattern}",
                    remedy=f"There are {self.layers}, such as {', '.join(near)}",
                )
        return [
            name
            for name in self._candidates
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in keep)
        ]

    def share(self, chosen: Sequence[str]) -> float:
        """Of the network's multiply-adds, 0 to 1."""
        return sum(self._candidates[name] for name in chosen) / self._work

    def quantised(self, chosen: Sequence[str], inputs: Sequence[npt.NDArray[np.float32]]) -> Any:
        """The network with these layers in int8; a copy of it where there are none."""
        if not chosen:
            return self.model.clone()
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet

        nncf, taken = self.nncf, set(chosen)
        told: dict[str, Any] = {}
        if self.recipe.extremes:
            told["activations_range_estimator_params"] = RangeEstimatorParametersSet.MINMAX
        if not self.recipe.smooth:
            told["smooth_quant_alphas"] = nncf.AdvancedSmoothQuantParameters(convolution=-1, matmul=-1)
        with quiet(*_LOGGERS):
            return nncf.quantize(
                self.model.clone(),
                nncf.Dataset(inputs),
                subset_size=len(inputs),
                preset=nncf.QuantizationPreset.MIXED,
                target_device=nncf.TargetDevice.CPU,
                model_type=self._kind,
                ignored_scope=nncf.IgnoredScope(
                    names=[name for name in self._names if name not in taken], validate=False
                ),
                advanced_parameters=nncf.AdvancedQuantizationParameters(**told),
            )

    def score(self, model: Any, cases: Sequence[Case]) -> float:
        """The mean score of a network as it will run."""
        return mean_score(self._compiled(model), cases, self.header)

    def ranked(
        self, chosen: Sequence[str], inputs: Sequence[npt.NDArray[np.float32]], tell: Tell
    ) -> list[str]:
        """Patterns of the parts, first the one that changes the answers most when it alone is in int8."""
        few = inputs[:_RANKED]
        parts = list(dict.fromkeys(map(_part, chosen)))
        tell(f"looking for what costs most among {len(parts)} parts")
        plain = self._answers(self.model, few)
        costs: dict[str, float] = {}
        for number, part in enumerate(parts, start=1):
            alone = [name for name in chosen if _part(name) == part]
            costs[part] = float(np.abs(self._answers(self.quantised(alone, few), few) - plain).mean())
            tell(
                f"[{number}/{len(parts)}] {part} alone changes probabilities by {costs[part]:.2g} in the mean"
            )
        return sorted(parts, key=costs.__getitem__, reverse=True)

    def _answers(self, model: Any, inputs: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        compiled = self._compiled(model)
        return np.stack([compiled(batch)[0] for batch in inputs])

    def _compiled(self, model: Any) -> Any:
        core = openvino().Core()
        return core.compile_model(
            model, "CPU", {"INFERENCE_PRECISION_HINT": inference_type(self.header, core)}
        )


def _nncf() -> Any:
    openvino()
    try:
        with quiet(*_LOGGERS):
            import nncf
    except ImportError as error:
        raise MissingExtraError("nncf", "train") from error
    return nncf


def _weights(node: Any) -> Any | None:
    """Where a layer's weights come from; None for a product of two activations."""
    return next((value for value in node.input_values() if _is_constant(value.get_node())), None)


def _is_constant(node: Any) -> bool:
    while node.get_type_name() in _VALUE_KEPT:
        node = node.input_value(0).get_node()
    return bool(node.get_type_name() == "Constant")


def _multiply_adds(node: Any) -> int:
    """Of one image; every weight serves each place of the map once."""
    weights, answer = _weights(node), node.output(0).get_shape()
    if node.get_type_name() == "MatMul":
        first = node.input_value(0).get_shape()
        inner = first[-2] if node.get_attributes()["transpose_a"] else first[-1]
        return int(np.prod(answer)) * int(inner)
    assert weights is not None
    places = node.input_value(0).get_shape() if "Backprop" in node.get_type_name() else answer
    return int(np.prod(weights.get_shape())) * int(np.prod(places[2:]))


def _part(name: str) -> str:
    """The pattern of the part that a layer belongs to: a stage of the backbone, an interaction, the reasoner."""
    parts = name.split("/")
    depth = min({"backbone": 4, "interactions": 2}.get(parts[0], 1), len(parts) - 1)
    return "/".join([*parts[:depth], "*"]) if depth else name
