"""Features as pictures: how defects come to stand out from stage to stage.

Source: the claim of the OCINet paper (sections I and III-A) that defect regions "gradually stand out" from
the background through the channel, spatial and pixel interactions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from torch import Tensor

HeatMap = npt.NDArray[np.float32]


def heat_maps(features: Mapping[str, Sequence[Tensor]], item: int = 0) -> dict[str, list[HeatMap]]:
    """One heat map a level and stage: the mean over channels, stretched from 0 to 1.

    The stretch goes from the 1st to the 99th percentile of each map, so that one bright pixel does not darken
    the rest; a constant map becomes 0.

    Args:
        features: as returned by :meth:`flawscope.nets.OCINet.features`.
        item: which image of the batch.

    Returns:
        For each stage the four levels, finest first, each ``(h, w)`` ``float32``.
    """
    return {
        stage: [_stretched(level[item].detach().float().mean(dim=0).cpu().numpy()) for level in levels]
        for stage, levels in features.items()
    }


def prominence(heat: HeatMap, mask: npt.NDArray[np.uint8]) -> float:
    """How well a heat map alone tells defect from background: the area under its ROC curve.

    1 means every defect pixel is hotter than every background pixel, 0.5 that heat says nothing, 0 that
    defects are the cold spots. NaN where the mask is empty or full.

    Args:
        heat: ``(h, w)``.
        mask: ``(h, w)``, non-zero on defects.
    """
    defect = (mask != 0).ravel()
    inside, outside = int(defect.sum()), int((~defect).sum())
    if not inside or not outside:
        return float("nan")
    ranks = rankdata(heat.ravel())
    return float((ranks[defect].sum() - inside * (inside + 1) / 2) / (inside * outside))


def _stretched(heat: HeatMap) -> HeatMap:
    low, high = np.percentile(heat, (1, 99))
    if high <= low:
        return np.zeros_like(heat)
    return np.clip((heat - low) / (high - low), 0, 1).astype(np.float32)
