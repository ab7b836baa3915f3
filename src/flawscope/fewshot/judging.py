"""Every query image under every line of a method: scores, and pictures of the first ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.fewshot.answers import Responder
from flawscope.fewshot.preparing import Task
from flawscope.fewshot.scores import ImageScore, score
from flawscope.fewshot.tasks import read_picture

SHOWN = 3
"""Query images of each class that are kept for the page: the first ones, whatever came out."""


def judge(
    responder: Responder, tasks: Sequence[Task]
) -> tuple[dict[str, list[ImageScore]], dict[str, npt.NDArray[Any]]]:
    """Score every query image under every line, and keep the pictures of the first ones.

    Returns:
        scores by line, and arrays by ``CLASS/number/part``: ``image`` and, by line, ``LINE.image`` in 8 bits,
        ``truth`` and, by line, ``LINE.mask``.
    """
    scores: dict[str, list[ImageScore]] = {}
    pictures: dict[str, npt.NDArray[Any]] = {}
    for task in tasks:
        for number, sample in enumerate(task.queries):
            picture = read_picture(sample)
            answers = responder.answer(task, picture)
            for line, one in answers.items():
                figures = score(one.mask, picture.mask, task.name, picture.name, one.round)
                if sample.group is not None:
                    figures["piece"] = sample.group
                scores.setdefault(line, []).append(figures)
            if number < SHOWN:
                place = f"{task.name}/{number}"
                pictures[f"{place}/image"] = _eight_bits(picture.image[:, :, 0])
                pictures[f"{place}/truth"] = picture.mask
                for line, one in answers.items():
                    pictures[f"{place}/{line}.mask"] = one.mask
                    if one.plane is not None:
                        pictures[f"{place}/{line}.image"] = _eight_bits(one.plane)
    return scores, pictures


def _eight_bits(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    eight: npt.NDArray[np.uint8] = np.rint(plane * 255).astype(np.uint8)
    return eight
