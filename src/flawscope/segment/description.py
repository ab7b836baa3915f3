"""What a segmenter says of itself, for reports and for telling two sets of results apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from flawscope.digests import sha256
from flawscope.segment.base import Segmenter
from flawscope.segment.header import Header


@dataclass(frozen=True, slots=True)
class Description:
    """In words.

    Attributes:
        method: the model or algorithm with its settings; two segmenters without weights and of the same method give
            the same masks.
        labels: names of classes 1 to K.
        threshold_from: where the segmenter's own threshold comes from.
        fingerprint: first digits of the SHA-256 of its weights, or None without weights.
        provenance: how the weights were made, free form.
    """

    method: str
    labels: tuple[str, ...]
    threshold_from: str = "the segmenter's own"
    fingerprint: str | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_network(cls, header: Header, fingerprint: str | None = None) -> Description:
        """What a weights file says of its network."""
        return cls(
            method=f"{header.model}, input {header.imgsz[1]} x {header.imgsz[0]} px",
            labels=header.labels,
            threshold_from="calibrated, from the weights",
            fingerprint=fingerprint,
            provenance=header.provenance,
        )


@runtime_checkable
class Described(Protocol):
    """A segmenter that can say more than its name."""

    def describe(self) -> Description:
        """What it is; may read its weights file."""
        ...


def describe(segmenter: Segmenter) -> Description:
    """What a segmenter says of itself, or its name and labels when it says nothing."""
    if isinstance(segmenter, Described):
        return segmenter.describe()
    return Description(segmenter.name, segmenter.labels)


def made_with(segmenter: Segmenter) -> str:
    """Name and fingerprint, such as ``ocinet-tiny (sha256 0123456789ab)``; without weights, name and method."""
    about = describe(segmenter)
    if about.fingerprint is not None:
        return f"{segmenter.name} (sha256 {about.fingerprint})"
    return segmenter.name if about.method == segmenter.name else f"{segmenter.name} ({about.method})"


def fingerprint(files: Iterable[Path]) -> str:
    """The first 12 digits of the SHA-256 of the files' contents, one after the other."""
    return sha256(*files)[:12]
