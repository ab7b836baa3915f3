"""The action space, and what a uniformly random action should mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from flawscope.enhance.bank import FilterBank
from flawscope.sdie.actions import action_of, actions_of, identity_of

STILL, CONCENTRATION = 0.25, 0.5
"""Share of random actions that leave the image as it is; and of the Dirichlet distribution of the others, below 1,
which favours mixes of few filters. A box drawn uniformly gives nearly the same even mix every time, and a critic
that has never seen an image left alone cannot value the images it sees."""


class MixingSpace(spaces.Box):
    """Actions in -1 to 1, whose random draws are sparse mixes, or the identity, instead of uniform numbers.

    Args:
        bank: filters to mix, the identity among them; its adjustable parameters are drawn uniformly.
    """

    def __init__(self, bank: FilterBank) -> None:
        super().__init__(-1.0, 1.0, (actions_of(bank),), np.float32)
        self._filters, self._parameters = len(bank), len(bank.adjustable)
        self._identity = identity_of(bank)

    def sample(self, mask: Any = None, probability: Any = None) -> npt.NDArray[np.float32]:
        """A random action; masks are not supported, as for any box."""
        del mask, probability
        generator = self.np_random
        if generator.random() < STILL:
            weights = np.eye(self._filters)[self._identity]
        else:
            weights = generator.dirichlet(np.full(self._filters, CONCENTRATION))
        others = generator.uniform(-1, 1, self._parameters)
        return np.concatenate([action_of(weights), others]).astype(np.float32)
