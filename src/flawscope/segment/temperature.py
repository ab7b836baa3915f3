"""Probabilities softened or sharpened by one number, so that they say how often they are right.

A temperature T divides the logits (C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017). Of a
probability p only p itself is needed: the logit log(p / (1 - p)) / T belongs to p^(1/T) / (p^(1/T) + (1 - p)^(1/T)),
and dividing the logs of a softmax by T raises each of its values to 1/T before they are divided by their sum. So it
works on what any engine answers, 0 and 1 stay what they are, and temperatures one after the other multiply.
"""

from __future__ import annotations

import numpy as np

from flawscope.images import Probability


def tempered(probability: Probability, temperature: float) -> Probability:
    """Probabilities at another temperature; 1 gives them back untouched.

    Args:
        probability: ``(K, height, width)``, those of the defect classes.
        temperature: above 1 softer, below 1 sharper.

    One class: 0.5 stays 0.5, and every threshold t selects the pixels that ``tempered_level(t)`` selects afterwards.
    Several classes: the likeliest stays the likeliest; the background is what the others leave.
    """
    if temperature == 1.0:
        return probability
    power = np.float32(1 / temperature)
    raised = np.maximum(probability, np.float32(0)) ** power
    rest = np.maximum(1 - probability.sum(axis=0), np.float32(0)) ** power
    answer: Probability = (raised / (raised.sum(axis=0) + rest)).astype(np.float32, copy=False)
    return answer


def tempered_level(level: float, temperature: float) -> float:
    """What a probability of "some defect" becomes where one class has all of it: how thresholds move along.

    Where several classes share the probability the background wins or loses against each of them alone, so there a
    threshold does not select quite the same pixels.
    """
    if temperature == 1.0:
        return level
    inside, outside = (float(part ** (1 / temperature)) for part in (level, 1 - level))
    return inside / (inside + outside)
