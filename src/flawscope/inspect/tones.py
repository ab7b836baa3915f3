"""What is said once for a whole batch about images that look too dark, or cut off at white."""

from __future__ import annotations

from dataclasses import dataclass, field

from flawscope.images import Tones


@dataclass
class ToneNotes:
    """Collects what :class:`flawscope.images.Tones` notes about the files of a batch; safe between threads."""

    _noted: list[tuple[str, Tones]] = field(default_factory=list)

    def add(self, source: str, tones: Tones) -> None:
        """Remember a file if there is something to say about it."""
        if tones.note is not None:
            self._noted.append((source, tones))

    def lines(self) -> list[str]:
        """At most two lines, one for each kind of doubt: the first file by name, its note, and how many."""
        said = []
        for clipped in (False, True):
            alike = sorted(
                ((source, tones) for source, tones in self._noted if (tones.white is not None) == clipped),
                key=lambda noted: noted[0],
            )
            if alike:
                # one --white serves the batch: it must hold the brightest of all
                note = (
                    alike[0][1].note if clipped else max(alike, key=lambda noted: noted[1].brightest)[1].note
                )
                more = f" ({len(alike)} such images)" if len(alike) > 1 else ""
                said.append(f"{alike[0][0]}: {note}{more}")
        return said
