"""Constant mixes: the best weights for all images of a task. The baselines that an agent must beat.

Every candidate plays all rounds on all shots, as the agent does, and is asked for one number: the mean index
over the shots after its best round. That round's number is part of the answer, the same for every image, so no
label is needed to choose it later. Budgets count the segmenter's calls, those on the images as they came among
them; a search never asks more often than its budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from flawscope.enhance.bank import FilterBank
from flawscope.errors import MissingExtraError, UsageError
from flawscope.sdie.rewards import IndexName
from flawscope.sdie.shots import Shot, check_shots
from flawscope.sdie.trial import Found, Trial

Method = Literal["best-single", "random", "cma"]
Scope = Literal["all", "class"]

_SPREAD, _BOUND = 1.5, 6.0
"""CMA-ES walks in numbers whose softmax are the weights: its first step size, and a box that lets one filter
have all but 1e-4 of the weight."""

_CONCENTRATION = 0.5
"""Of the Dirichlet distribution that random search draws from: below 1 it favours mixes of few filters."""


def best_single(trial: Trial) -> Found:
    """Each filter alone at weight 1."""
    for row in np.eye(len(trial.bank)):
        if not trial.affordable():
            break
        trial.score(row)
    return trial.found()


def random_search(trial: Trial, seed: int = 0) -> Found:
    """Mixes drawn from a Dirichlet distribution until the budget is spent."""
    generator = np.random.default_rng(seed)
    _needs_budget(trial)
    while trial.affordable():
        trial.score(generator.dirichlet(np.full(len(trial.bank), _CONCENTRATION)))
    return trial.found()


def cma_es(trial: Trial, seed: int = 0) -> Found:
    """CMA-ES (Hansen 2016) from the even mix, begun anew from a random mix whenever it has converged.

    Raises:
        MissingExtraError: the package cma is not installed.
        UsageError: no budget.
    """
    try:
        import cma
    except ImportError as error:
        raise MissingExtraError("cma", "fewshot") from error
    _needs_budget(trial)
    generator = np.random.default_rng(seed)
    start = np.zeros(len(trial.bank))
    while trial.affordable():
        options = {
            "bounds": [-_BOUND, _BOUND],
            "seed": np.nan,  # leave numpy's global generator alone
            "randn": lambda *wanted: generator.standard_normal(wanted),
            "verbose": -9,
        }
        strategy = cma.CMAEvolutionStrategy(start, _SPREAD, options)
        while not strategy.stop() and trial.affordable():
            asked = strategy.ask()
            costs = []
            for one in asked:
                if not trial.affordable():
                    return trial.found()
                costs.append(-trial.score(_softmax(one)))
            strategy.tell(asked, costs)
        start = generator.uniform(-2, 2, len(trial.bank))
    return trial.found()


def search(
    method: str,
    shots: Sequence[Shot],
    bank: FilterBank,
    *,
    index: IndexName = "fb_iou",
    rounds: int = 5,
    budget: int | None = None,
    seed: int = 0,
    scope: Scope = "all",
    progress: Callable[[str], None] | None = None,
) -> dict[str, Found]:
    """The best constant mix for all classes, or for each.

    Args:
        method: ``best-single``, ``random`` or ``cma``.
        shots: labelled images.
        bank: filters to mix.
        index: what to maximise.
        rounds: T.
        budget: segmenter calls; shared among classes by their number of shots.
        seed: of the draws.
        scope: ``all`` gives one mix under the key ``""``, ``class`` one under each class's name.
        progress: told the name of each group when it is done.

    Raises:
        DataError, UsageError, MissingExtraError: as the parts.
    """
    if method not in get_args(Method):
        raise UsageError(
            f"no search named '{method}'", remedy=f"Choose one of: {', '.join(get_args(Method))}"
        )
    groups: dict[str, list[Shot]] = {}
    for shot in check_shots(shots):
        groups.setdefault(shot.name if scope == "class" else "", []).append(shot)
    found = {}
    for name, group in groups.items():
        share = None if budget is None else budget * len(group) // len(shots)
        trial = Trial(group, bank, index, rounds, share)
        if method == "best-single":
            found[name] = best_single(trial)
        else:
            found[name] = (cma_es if method == "cma" else random_search)(trial, seed)
        if progress is not None:
            progress(name)
    return found


def _needs_budget(trial: Trial) -> None:
    if trial.budget is None:
        raise UsageError("a search without end", where="budget", remedy="Give a number of segmenter calls")


def _softmax(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    raised = np.exp(values - values.max())
    weights: npt.NDArray[np.float64] = raised / raised.sum()
    return weights
