"""Parameters of filters that the agent sets, from text such as ``wls.lambda_=0.1:10``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from flawscope.enhance.adjustable import Adjustable
from flawscope.enhance.bank import FilterBank
from flawscope.errors import UsageError

_FORM = re.compile(r"([\w-]+)\.(\w+)=([^:]+):([^:]+)")


def adjustable_bank(bank: FilterBank, texts: Sequence[str]) -> FilterBank:
    """The bank with one adjustable parameter for each text, ``FILTER.PARAMETER=LOW:HIGH``.

    Raises:
        UsageError: not of this form, no such filter or parameter, a range out of its limits, or a parameter twice.
    """
    made = tuple(_read(text) for text in texts)
    names = [(one.filter, one.parameter) for one in made]
    if len(set(names)) < len(names):
        raise UsageError("a parameter is named twice", where=f"--adjustable {','.join(texts)}")
    return replace(bank, adjustable=made)


def _read(text: str) -> Adjustable:
    try:
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise ValueError
        low, high = float(found[3]), float(found[4])
    except ValueError:
        raise UsageError(
            f"'{text}' is not of the form FILTER.PARAMETER=LOW:HIGH",
            where="--adjustable",
            remedy="Write it like wls.lambda_=0.1:10",
        ) from None
    return Adjustable(found[1], found[2], low, high)
