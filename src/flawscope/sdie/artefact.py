"""An enhancer as a folder that loads without stable-baselines3 or pickle.

It holds ``policy.safetensors`` and ``sdie.json``, and ``support.safetensors`` where the segmenter is prompted from
supports.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from flawscope.enhance.bank import FilterBank, bank_from_json
from flawscope.errors import UsageError, WeightsError
from flawscope.outputs import write_bytes, write_json
from flawscope.sdie.actions import actions_of
from flawscope.sdie.artefact_description import (
    DESCRIPTION,
    NEWER,
    Description,
    read_description,
    segmenter_of,
)
from flawscope.sdie.choices import Choice
from flawscope.sdie.enhanced import Enhanced
from flawscope.sdie.observation import observation
from flawscope.sdie.policy import ConstantPolicy, MlpPolicy, Policy, mlp_policy
from flawscope.sdie.reopening import reopen, write_support
from flawscope.sdie.rewards import DEFAULT_REWARD, RewardName
from flawscope.sdie.segmenter_place import placed
from flawscope.segment.base import Segmenter
from flawscope.segment.prompted import USES, Use
from flawscope.segment.support import SupportModel

WEIGHTS = "policy.safetensors"
_KEY = "flawscope-bank"


def save_artefact(
    folder: str | Path,
    policy: Policy,
    bank: FilterBank,
    *,
    preset: str,
    rounds: int,
    choice: Choice = "last",
    reward: RewardName = DEFAULT_REWARD,
    rollouts: int = 1,
    rollout_noise: float = 0.0,
    segmenter: str | None = None,
    support: SupportModel | None = None,
    use: Sequence[Use] = USES,
    provenance: dict[str, Any] | None = None,
) -> Path:
    """Write the files of an enhancer; see ``Description`` for the arguments. Returns the folder.

    Raises:
        UsageError: the oracle as choice of round: nothing deployed has the true mask.
        OutputError: the folder cannot be written.
    """
    if choice == "oracle":
        raise UsageError(
            "an artefact cannot choose its round by the true mask",
            where="choice of round",
            remedy="Choose another",
        )
    root = Path(folder)
    kind: Literal["mlp", "resnet18", "constant"] = "resnet18"
    if isinstance(policy, MlpPolicy | ConstantPolicy):
        kind = "mlp" if isinstance(policy, MlpPolicy) else "constant"
    described = Description(
        preset=preset,
        policy=kind,
        observation=policy.observation,
        bank=bank.to_json(),
        fingerprint=bank.fingerprint(),
        segmenter=None if segmenter is None else placed(segmenter, root),
        use=None if support is None else tuple(use),
        rounds=rounds,
        choice=choice,
        reward=reward,
        rollouts=rollouts,
        rollout_noise=rollout_noise,
        provenance=provenance or {},
    )
    tensors = {name: np.asarray(value, order="C") for name, value in policy.tensors().items()}
    write_bytes(root / WEIGHTS, save(tensors, {_KEY: bank.fingerprint()}))
    if support is not None:
        write_support(root, support)
    write_json(root / DESCRIPTION, described.model_dump(mode="json", by_alias=True))
    return root


def load_artefact(
    folder: str | Path,
    device: str = "auto",
    *,
    segmenter: Segmenter | None = None,
    choice: Choice | None = None,
) -> Enhanced:
    """An enhancer from its folder.

    Args:
        folder: as :func:`save_artefact` wrote it.
        device: for the segmenter, and for the paper's ResNets.
        segmenter: instead of the one that ``sdie.json`` names.
        choice: of the round, instead of the stored one.

    Raises:
        WeightsError: a file is missing or damaged, of a newer version, or the weights are of another bank.
        UsageError: it names no segmenter and none was given.
    """
    root = Path(folder)
    told = read_description(root)
    try:
        bank = bank_from_json(told.bank, str(root / DESCRIPTION))
        observe = observation(told.observation)
    except UsageError as error:
        raise WeightsError(error.what, where=root / DESCRIPTION, remedy=NEWER) from error
    bank.check_fingerprint(told.fingerprint, str(root / DESCRIPTION))
    tensors, fingerprint = _read(root / WEIGHTS)
    bank.check_fingerprint(fingerprint, str(root / WEIGHTS))
    return Enhanced(
        _policy(told, tensors, bank, observe.length(len(bank)), str(root / WEIGHTS), device),
        bank,
        segmenter if segmenter is not None else _open(told, root, device),
        choice or told.choice,
        told.rounds,
        told.reward,
        told.rollouts,
        told.rollout_noise,
        told.provenance,
    )


def _read(file: Path) -> tuple[dict[str, npt.NDArray[Any]], str]:
    try:
        with safe_open(file, "np") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            return tensors, (opened.metadata() or {}).get(_KEY, "none")
    except FileNotFoundError as error:
        raise WeightsError(
            f"{file.name} is missing", where=file.parent, remedy="Copy the whole folder"
        ) from error
    except (SafetensorError, OSError) as error:
        raise WeightsError("damaged or cut short", where=file, remedy="Copy it again") from error


def _policy(
    told: Description,
    tensors: dict[str, npt.NDArray[Any]],
    bank: FilterBank,
    length: int,
    where: str,
    device: str,
) -> Policy:
    if told.policy == "mlp":
        return mlp_policy(tensors, told.observation, where, actions_of(bank), length)
    if told.policy == "constant":
        weights = tensors.get("weights")
        if weights is None or weights.shape != (len(bank),) or not np.isfinite(weights).all():
            raise WeightsError("no mix of this bank's filters", where=where, remedy="Copy it again")
        return ConstantPolicy(weights)
    from flawscope.sdie.resnet_policy import resnet_policy

    return resnet_policy(tensors, where, actions_of(bank), device)


def _open(told: Description, root: Path, device: str) -> Segmenter:
    return reopen(segmenter_of(told, root), told.use, root, device)
