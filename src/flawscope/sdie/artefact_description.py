"""What ``sdie.json`` says of an enhancer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flawscope import __version__
from flawscope.errors import UsageError, WeightsError
from flawscope.sdie.choices import Choice
from flawscope.sdie.rewards import DEFAULT_REWARD, RewardName
from flawscope.segment.prompted import Use

DESCRIPTION, SCHEMA = "sdie.json", "flawscope/sdie/1"
NEWER = "It may come from a newer version; update Flawscope or train again"


class Description(BaseModel):
    """What ``sdie.json`` holds.

    Attributes:
        flawscope: version that wrote it.
        preset: name of the agent's preset, or of the search.
        policy: what ``policy.safetensors`` holds.
        observation: what the policy sees; its normalisation lies beside its weights.
        bank: the filters with their parameters.
        fingerprint: of that bank.
        segmenter: how ``flawscope.segment.open_segmenter`` finds it, a path being absolute or inside the folder;
            None: its user brings one.
        use: the prompts it gets from the support model in ``support.safetensors``; None without one.
        rounds, choice, reward, rollouts, rollout_noise: see ``Enhanced``.
        provenance: of the training, free form.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["flawscope/sdie/1"] = Field(default="flawscope/sdie/1", alias="schema")
    flawscope: str = __version__
    preset: str
    policy: Literal["mlp", "resnet18", "constant"]
    observation: str
    bank: dict[str, Any]
    fingerprint: str
    segmenter: str | None = None
    use: tuple[Use, ...] | None = None
    rounds: int = Field(ge=1)
    choice: Choice = "last"
    reward: RewardName = DEFAULT_REWARD
    rollouts: int = Field(default=1, ge=1)
    rollout_noise: float = Field(default=0.0, ge=0)
    provenance: dict[str, Any] = {}


def read_description(folder: str | Path) -> Description:
    """What ``sdie.json`` of a folder says; raises WeightsError."""
    file = Path(folder) / DESCRIPTION
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WeightsError(
            f"no enhancer here: {DESCRIPTION} is missing", where=folder, remedy="Check the path"
        ) from error
    except (OSError, ValueError) as error:
        raise WeightsError("damaged or cut short", where=file, remedy="Copy it again") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise WeightsError(f"its schema is {schema!r}, not {SCHEMA!r}", where=file, remedy=NEWER)
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise WeightsError(f"not valid ({place}: {first['msg']})", where=file, remedy=NEWER) from error


def segmenter_of(told: Description, folder: Path) -> str:
    """How ``open_segmenter`` finds the segmenter of the artefact in ``folder``; raises UsageError for none."""
    if told.segmenter is None:
        raise UsageError(
            "names no segmenter", where=folder / DESCRIPTION, remedy="Write one there, under 'segmenter'"
        )
    return told.segmenter
