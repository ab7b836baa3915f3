"""Few-shot tasks on drawn surfaces, without end: what an agent can learn before it sees the first real image.

Five labelled images are enough to say what a defect looks like, and far too few to learn how the marks of a good
mask go together with its IoU (``sdie.evidence``). That relation is much the same on drawn surfaces.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flawscope.data.synthetic import draw
from flawscope.data.synthetic.defects import KINDS
from flawscope.errors import UsageError
from flawscope.sdie.shots import Shot
from flawscope.segment.base import Segmenter
from flawscope.segment.support import Fit, SupportModel

SURFACES = ("steel", "rail", "tile")
SMALLEST, LARGEST = 0.001, 0.6
"""Shares of defect pixels outside of which a drawn image is passed over."""
QUERIES = 4
"""Images a task, unless told otherwise."""

_TRIES = 60


def drawn_shots(
    tasks: int,
    segmenter: Callable[[SupportModel], Segmenter],
    *,
    fit: Fit = SupportModel.fit,
    seed: int = 0,
    supports: int = 5,
    queries: int = QUERIES,
    side: int = 200,
    advance: Callable[[], None] = lambda: None,
) -> list[Shot]:
    """Query images of drawn few-shot tasks, each with a segmenter that knows the supports of its task.

    A task is one kind of defect on one kind of surface. Task ``i`` follows from ``seed`` and ``i`` alone.

    Args:
        tasks: how many.
        segmenter: makes the segmenter of a task from what its supports look like.
        fit: learns from the supports of a task; its usual features are those of filters.
        seed: everything random follows from it.
        supports: labelled images a task, which are not among the answer.
        queries: images a task.
        side: height and width in pixels.
        advance: called after each task.

    Returns:
        ``queries`` shots for each task; fewer where the task's defects are too small to be seen.

    Raises:
        UsageError: no tasks.
    """
    if tasks < 1:
        raise UsageError(f"{tasks} drawn tasks", where="tasks", remedy="Give 1 or more")
    shots: list[Shot] = []
    for task in range(tasks):
        generator = np.random.default_rng((seed, task))
        kind, surface = str(generator.choice(KINDS)), str(generator.choice(SURFACES))
        pairs = []
        for number in range(_TRIES):
            image, classes, _ = draw(
                (seed, task, number), side, side, surface=surface, kinds=(kind,), clean_probability=0.0
            )
            if SMALLEST < float((classes > 0).mean()) < LARGEST:
                pairs.append((image, classes > 0))
            if len(pairs) == supports + queries:
                break
        if len(pairs) > supports:
            model = fit([image for image, _ in pairs[:supports]], [mask for _, mask in pairs[:supports]])
            known = segmenter(model)
            shots += [
                Shot(image, mask, known, f"{surface}-{kind}", f"drawn-{task}-{number}")
                for number, (image, mask) in enumerate(pairs[supports:])
            ]
        advance()
    return shots
