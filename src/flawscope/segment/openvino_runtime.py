"""OpenVINO, imported late and silently."""

from __future__ import annotations

import sys
from typing import Any

from flawscope.errors import MissingExtraError

_TELEMETRY = "openvino_telemetry"


def openvino() -> Any:
    """The module ``openvino``.

    Importing it would send a usage event over the network and keep two files in the home folder. With its telemetry
    package out of reach it does neither.

    Raises:
        MissingExtraError: it is not installed.
    """
    sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]  # None: importing it fails
    try:
        import openvino as module
    except ImportError as error:
        raise MissingExtraError("openvino", "openvino") from error
    return module
