"""The choices of round by their names, so that the command line can offer them without loading anything."""

from __future__ import annotations

from typing import Literal

Deployable = Literal["last", "critic", "quality", "likeness", "agreement"]
"""None of these needs a label."""

Choice = Literal[Deployable, "oracle"]

CHOICES: dict[Choice, str] = {
    "last": "the last round",
    "critic": "the round whose reward the critics expect to be highest",
    "quality": "the round whose mask the segmenter itself trusts most",
    "likeness": "the round whose mask agrees best with where the supports expect defects on the unfiltered image",
    "agreement": "the round whose mask agrees best with those of the rounds beside it",
    "oracle": "ORACLE: the round that is best by the true mask, for comparison with the paper only",
}
"""What each choice is, for people."""
