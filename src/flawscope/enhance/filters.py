"""Every filter by name, with the limits of its parameters: one literal table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from flawscope.enhance import bilateral, gamma, gaussian, guided, histogram, median, unsharp, wls
from flawscope.enhance.limits import Limit
from flawscope.enhance.planes import Plane

Tone = Literal["keeps", "changes"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One filter.

    Attributes:
        function: ``(plane, **parameters) -> plane``.
        limits: range of each parameter, in the order of the function.
        window: the parameter that a bank's ``kernel_size`` sets, if any; ``radius`` becomes half of it.
        tone: whether a constant plane keeps its value.
    """

    function: Callable[..., Plane]
    limits: Mapping[str, Limit] = field(default_factory=dict)
    window: Literal["kernel_size", "radius"] | None = None
    tone: Tone = "keeps"

    @property
    def defaults(self) -> dict[str, float]:
        """The parameters as the function's signature has them."""
        given = inspect.signature(self.function).parameters
        return {name: given[name].default for name in self.limits}


def identity(plane: Plane) -> Plane:
    """The plane as it is; its weight is how much of the image a round leaves alone."""
    return plane.copy()


FILTERS: dict[str, Kind] = {
    "identity": Kind(identity),
    "wls": Kind(wls.wls, wls.LIMITS),
    "wls-exact": Kind(wls.wls_exact, wls.LIMITS),
    "bilateral": Kind(bilateral.bilateral, bilateral.LIMITS, window="kernel_size"),
    "unsharp": Kind(unsharp.unsharp, unsharp.LIMITS, window="kernel_size"),
    "guided": Kind(guided.guided, guided.LIMITS, window="radius"),
    "clahe": Kind(histogram.clahe, histogram.LIMITS, tone="changes"),
    "gamma": Kind(gamma.gamma, gamma.LIMITS, tone="changes"),
    "median": Kind(median.median, median.LIMITS, window="kernel_size"),
    "gaussian": Kind(gaussian.gaussian, gaussian.LIMITS, window="kernel_size"),
    "equalize": Kind(histogram.equalize, tone="changes"),
}
