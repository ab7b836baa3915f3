"""A bank of filters: ordered, named, with parameters; mixed with weights it is one round of enhancement."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.enhance.adjustable import Adjustable
from flawscope.enhance.filters import FILTERS
from flawscope.enhance.limits import check
from flawscope.enhance.planes import Plane, check_plane, clip, to_plane
from flawscope.enhance.simplex import check_weights
from flawscope.errors import UsageError, WeightsError
from flawscope.images import Image

_FINGERPRINT_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter with its parameters.

    Attributes:
        name: a key of ``FILTERS``.
        parameters: name and value of each, in the order of the function.
    """

    name: str
    parameters: tuple[tuple[str, float], ...] = ()

    def __call__(self, plane: Plane, changed: Mapping[str, float] | None = None) -> Plane:
        """The filtered plane, with some parameters changed."""
        return FILTERS[self.name].function(plane, **{**dict(self.parameters), **(changed or {})})


@dataclass(frozen=True, slots=True)
class FilterBank:
    """Ordered filters whose weighted sum is one round of enhancement (SDIE's Eq. 5 and its transition).

    The same plane, weights and parameters give the same next plane bit for bit, whatever the number of
    threads. Make one with ``flawscope.enhance.bank``.

    Attributes:
        filters: in the order of the weights; no name twice.
        adjustable: parameters that may change from round to round, in the order of ``parameters`` below.

    Raises:
        UsageError: no filter, an unknown or doubled name, or a parameter unknown or out of range.
    """

    filters: tuple[Filter, ...]
    adjustable: tuple[Adjustable, ...] = ()

    def __post_init__(self) -> None:
        if not self.filters:
            raise UsageError("a bank needs at least one filter")
        if len(set(self.names)) < len(self.filters):
            raise UsageError(f"a filter stands twice in the bank: {', '.join(self.names)}")
        for one in self.filters:
            if one.name not in FILTERS:
                raise UsageError(
                    f"there is no filter '{one.name}'", remedy=f"There are: {', '.join(FILTERS)}"
                )
            kind = FILTERS[one.name]
            if [name for name, _ in one.parameters] != list(kind.limits):
                raise UsageError(f"{one.name} takes the parameters: {', '.join(kind.limits) or 'none'}")
            check(one.name, kind.limits, **dict(one.parameters))
        for moving in self.adjustable:
            if moving.filter not in self.names:
                raise UsageError(f"{moving.filter} is adjustable but not in the bank")

    def __len__(self) -> int:
        return len(self.filters)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the filters, in the order of the weights."""
        return tuple(one.name for one in self.filters)

    def filtered(self, plane: Plane, parameters: npt.ArrayLike | None = None) -> npt.NDArray[np.float32]:
        """The plane through every filter.

        Args:
            plane: ``(h, w)`` ``float32`` in 0 to 1, any size.
            parameters: ``(m,)`` values of the m adjustable parameters, in their own units; without them the
                bank's.

        Returns:
            ``(n, h, w)`` ``float32`` in 0 to 1, in the order of ``names``.

        Raises:
            UsageError: not a plane, or parameters that do not fit.
        """
        plane, changed = check_plane(plane), self._changed(parameters)
        return np.stack([one(plane, changed.get(one.name)) for one in self.filters])

    def mix(self, plane: Plane, weights: npt.ArrayLike, parameters: npt.ArrayLike | None = None) -> Plane:
        """One round: the weighted sum of the filtered planes. Filters of weight 0 are not computed.

        Args:
            plane: ``(h, w)`` ``float32`` in 0 to 1, any size.
            weights: ``(n,)``, none negative, sum 1; see ``simplex`` and ``normalize``.
            parameters: as for :meth:`filtered`.

        Returns:
            ``(h, w)`` ``float32`` in 0 to 1, bit for bit ``blend(filtered(plane), weights)``.

        Raises:
            UsageError: not a plane, or weights or parameters that do not fit.
        """
        plane, changed = check_plane(plane), self._changed(parameters)
        given = check_weights(weights, len(self))
        total = np.zeros_like(plane)
        for one, weight in zip(self.filters, given, strict=True):
            if weight > 0:
                total += np.float32(weight) * one(plane, changed.get(one.name))
        return clip(total)

    def enhance(
        self,
        image: Image,
        weights_per_round: Sequence[npt.ArrayLike],
        parameters_per_round: Sequence[npt.ArrayLike] | None = None,
    ) -> list[Plane]:
        """Several rounds, each on the result of the one before.

        Args:
            image: in the convention of ``flawscope.images``, or already a plane.
            weights_per_round: one ``(n,)`` a round.
            parameters_per_round: one ``(m,)`` a round, or None for the bank's own.

        Returns:
            The plane after each round; see ``with_plane`` for the way back to an image.

        Raises:
            UsageError: as :meth:`mix`; or parameters for another number of rounds.
        """
        rounds = len(weights_per_round)
        parameters = [None] * rounds if parameters_per_round is None else list(parameters_per_round)
        if len(parameters) != rounds:
            raise UsageError(f"parameters for {len(parameters)} rounds, weights for {rounds}")
        plane = image if image.ndim == 2 else to_plane(image)
        planes = []
        for weights, values in zip(weights_per_round, parameters, strict=True):
            plane = self.mix(plane, weights, values)
            planes.append(plane)
        return planes

    def parameters(self, action: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Values of the adjustable parameters, ``(m,)``, from an action in the box -1 to 1.

        Raises:
            UsageError: the action has another size, or NaN.
        """
        given = np.asarray(action, dtype=np.float64)
        if given.shape != (len(self.adjustable),) or np.isnan(given).any():
            raise UsageError(f"the bank has {len(self.adjustable)} adjustable parameters, not {given.shape}")
        return np.array([one.value(part) for one, part in zip(self.adjustable, given, strict=True)])

    def to_json(self) -> dict[str, Any]:
        """What :func:`bank_from_json` makes the same bank of."""
        return {
            "filters": [
                {"name": one.name, "parameters": {name: float(value) for name, value in one.parameters}}
                for one in self.filters
            ],
            "adjustable": [one.to_json() for one in self.adjustable],
        }

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of names, order, parameters and adjustable ranges."""
        described = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(described.encode()).hexdigest()[:_FINGERPRINT_DIGITS]

    def check_fingerprint(self, fingerprint: str, where: str | None = None) -> None:
        """Compare with the fingerprint that was stored beside weights.

        Raises:
            WeightsError: the weights were made for another bank.
        """
        if fingerprint != self.fingerprint():
            raise WeightsError(
                f"weights of another bank ({fingerprint}, this is {self.fingerprint()})",
                where=where,
                remedy="Use the bank they were made with",
            )

    def _changed(self, parameters: npt.ArrayLike | None) -> dict[str, dict[str, float]]:
        """Parameters that differ from the bank's, by filter; every filter checks its own range."""
        changed: dict[str, dict[str, float]] = {}
        if parameters is None:
            return changed
        given = np.asarray(parameters, dtype=np.float64)
        if given.shape != (len(self.adjustable),):
            raise UsageError(f"the bank has {len(self.adjustable)} adjustable parameters, not {given.shape}")
        for one, value in zip(self.adjustable, given, strict=True):
            changed.setdefault(one.filter, {})[one.parameter] = float(value)
        return changed


def blend(stack: npt.NDArray[np.float32], weights: npt.ArrayLike) -> Plane:
    """The weighted sum of planes filtered before, for those who keep them.

    Args:
        stack: ``(n, h, w)`` from :meth:`FilterBank.filtered`.
        weights: ``(n,)``, none negative, sum 1.

    Returns:
        ``(h, w)`` ``float32`` in 0 to 1.

    Raises:
        UsageError: weights that do not fit.
    """
    given = check_weights(weights, len(stack))
    total = np.zeros_like(stack[0])
    for filtered, weight in zip(stack, given, strict=True):
        if weight > 0:
            total += np.float32(weight) * filtered
    return clip(total)


def bank_from_json(payload: Mapping[str, Any], where: str | None = None) -> FilterBank:
    """The bank that :meth:`FilterBank.to_json` described.

    Raises:
        WeightsError: not such a description.
        UsageError: names or parameters that this version does not know.
    """
    try:
        filters = tuple(
            Filter(one["name"], tuple((str(name), float(value)) for name, value in one["parameters"].items()))
            for one in payload["filters"]
        )
        adjustable = tuple(Adjustable(**one) for one in payload["adjustable"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError("not the description of a filter bank", where=where) from error
    return FilterBank(filters, adjustable)
