"""What a study is told, and the rows it consists of."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flawscope.errors import UsageError
from flawscope.fewshot.tasks import Source
from flawscope.sdie.choices import Choice
from flawscope.sdie.presets import Settings, make_settings
from flawscope.segment.prompted import USES, Use
from flawscope.segment.support_maps import FeatureKind

Method = Literal[
    "raw",
    "best-single",
    "search",
    "cma",
    "cma-rollouts",
    "td3",
    "prototype",
    "finetune",
    "pick-of-30",
    "best-of-30",
    "maps",
]

METHODS: dict[str, str] = {
    "raw": "the segmenter on the image as it is",
    "best-single": "the one filter that is best on the supports, for all images",
    "search": "constant mix of filters: random search on the supports",
    "cma": "constant mix of filters: CMA-ES on the supports",
    "cma-rollouts": "the mix of cma, played as often and with the same noise as the agent",
    "td3": "SDIE: an agent that mixes the filters image by image",
    "prototype": "no enhancement: features matched to the supports",
    "finetune": "no enhancement: a network trained on the supports of the class",
    "pick-of-30": "no learning: of 30 random mixes of each image, the one likest to what the supports expect",
    "best-of-30": "ORACLE: the best of 30 random mixes of each image, by its true mask",
    "maps": "maps made by others",
}
"""Methods and what they are, for people."""

SEEDED = frozenset({"search", "cma", "cma-rollouts", "td3", "finetune"})
"""Methods that are run once for each seed; the others have nothing random, or always draw the same."""

ENHANCING = frozenset({"best-single", "search", "cma", "cma-rollouts", "td3"})
"""Methods that follow the agent's preset: its rounds, index and budget."""

DEFAULT_CHOICE: Choice = "likeness"
"""The choice of round that stands for a method in the differences."""


class StudySettings(BaseModel):
    """What all rows of a run folder share.

    Attributes:
        shots: support images of each class.
        segmenter: its spec, see ``fewshot.segmenters``.
        prompted: whether the segmenter is prompted from the supports.
        prompt_use: which prompts the segmenter is given.
        prompt_features: what supports and images are compared by.
        scope: one mix or agent for ``all`` classes as in the paper, or one a ``class``.
        bank: preset of filters.
        filters: instead of the preset's.
        adjustable: parameters of filters that the agent sets, see ``fewshot.adjusting``.
        kernel_size: pixels, of the filters' windows; None for the preset's.
        rounds: T; None for the agent's preset.
        budget: segmenter calls of a search, and steps of the agent; None for the steps of the agent's preset;
            a search then has the calls that the agent's shipped start cost besides, and an agent with ResNets makes a
            smoke run on a CPU.
        minutes: after which the training of one agent's row is stopped; None for never.
        preset: of the agent.
        backbone_weights: ImageNet weights of the preset's ResNets, a file; None for random values.
        classes: names; none means all.
        limit: query images of each class; None for all.
        finetune_steps: batches the network of a class is trained on.
        finetune_model: its preset in ``flawscope models list``.
        finetune_weights: what it starts from; None for random values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shots: int = Field(default=5, ge=1)
    segmenter: str = "regions"
    prompted: bool = False
    prompt_use: tuple[Use, ...] = USES
    prompt_features: FeatureKind = "filters"
    scope: Literal["all", "class"] = "all"
    bank: str = "default"
    filters: tuple[str, ...] | None = None
    adjustable: tuple[str, ...] = ()
    kernel_size: int | None = None
    rounds: int | None = Field(default=None, ge=1)
    budget: int | None = Field(default=None, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    preset: str = "default"
    backbone_weights: str | None = None
    classes: tuple[str, ...] = ()
    limit: int | None = Field(default=None, ge=1)
    finetune_steps: int = Field(default=500, ge=1)
    finetune_model: str = "ocinet-lcnet"
    finetune_weights: str | None = None


def make_study(**given: object) -> StudySettings:
    """Settings from options; raises UsageError."""
    try:
        return StudySettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"{first['msg'].lower()} (given: {first['input']})", where=option) from error


@dataclass(frozen=True, slots=True)
class Row:
    """One unit of work: it is done wholly or not at all.

    Attributes:
        source: of its tasks.
        method: a key of ``METHODS``.
        seed: 0 where the method has none.
        maps: folder of the maps (``maps``).
    """

    source: Source
    method: str
    seed: int = 0
    maps: str | None = None

    @property
    def name(self) -> str:
        """A file name that tells rows of one study apart."""
        parts = [self.source.name, self.method]
        if self.maps is not None:
            parts.append(hashlib.sha256(self.maps.encode()).hexdigest()[:6])
        if self.method in SEEDED:
            parts.append(f"seed{self.seed}")
        return re.sub(r"[^\w.-]+", "_", "--".join(parts))


def rows_of(
    sources: Sequence[Source], methods: Sequence[str], seeds: int, maps: Sequence[str] = ()
) -> tuple[Row, ...]:
    """All rows of a study: manifest by manifest, quick methods first, each seed by itself.

    Raises:
        UsageError: an unknown method, one twice, no seed, maps without a folder, a folder twice, or two manifests of
            one name.
    """
    for method in methods:
        if method not in METHODS:
            raise UsageError(
                f"no method named '{method}'", where="--method", remedy=f"Choose of: {', '.join(METHODS)}"
            )
    if len(set(methods)) < len(methods):
        raise UsageError("a method is named twice", where=f"--method {','.join(methods)}")
    if seeds < 1:
        raise UsageError(f"{seeds} seeds", where="--seeds", remedy="Give 1 or more")
    if ("maps" in methods) != bool(maps):
        raise UsageError("maps made by others need a folder", where="--maps", remedy="Give --maps FOLDER")
    folders = [Path(folder).as_posix() for folder in maps]
    if len(set(folders)) < len(folders):
        raise UsageError("a folder of maps is named twice", where=f"--maps {', '.join(folders)}")
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        raise UsageError(f"two manifests have one name: {', '.join(sorted(names))}", where="--manifest")
    order = list(get_args(Method))
    rows = []
    for source in sources:
        for method in sorted(methods, key=order.index):
            if method == "maps":
                rows += [Row(source, method, maps=folder) for folder in folders]
            else:
                rows += [Row(source, method, seed) for seed in range(seeds if method in SEEDED else 1)]
    return tuple(rows)


def bank_of(preset: str) -> str:
    """The preset of filters that goes with an agent's preset."""
    return "paper" if preset == "paper" else "default"


def check_backbone(weights: str | None, agent: Settings) -> None:
    """Raise UsageError when ImageNet weights are given that the agent cannot take."""
    if weights is None:
        return
    if agent.network != "resnet18":
        raise UsageError(
            "this preset has no ResNet to give weights to",
            where="--backbone-weights",
            remedy="Add --preset paper",
        )
    if not Path(weights).is_file():
        raise UsageError(f"no such file: {weights}", where="--backbone-weights", remedy="Check the path")


def digest(content: object) -> str:
    """Sixteen hexadecimal digits of JSON-like content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def agent_settings(preset: str, rounds: int | None = None, budget: int | None = None) -> Settings:
    """The agent's preset with the study's rounds and budget; learning begins after a quarter of the steps at most.

    Raises:
        UsageError: no such preset.
    """
    given = {"rounds": rounds, "steps": budget}
    told = make_settings(preset, {name: value for name, value in given.items() if value is not None})
    return told.model_copy(update={"warmup": min(told.warmup, max(1, told.steps // 4))})
