"""Measured numbers with as many digits as anybody reads."""

from __future__ import annotations

import math


def short(value: float) -> str:
    """Three significant digits, and all of those before the point: ``8.99``, ``0.0123``, ``704``, ``2,948``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text
