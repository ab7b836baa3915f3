"""Everything that can go wrong through no fault of the program.

::

    FlawscopeError            what, where, and what to do; exit code 2
    |-- UsageError            arguments that do not fit together
    |-- ImageError            a file or array that is not an image we can use
    |-- DataError             a dataset, split file or annotation that is not as it should be
    |-- WeightsError          weights that do not fit, are damaged, or are not safe to load
    |-- MissingExtraError     an optional part is not installed
    |-- OutputError           a result could not be written
    `-- DownloadError         a public dataset could not be fetched

Raise these for a user's mistake or the world's; use ``assert`` for our own bugs.
"""

from __future__ import annotations

from pathlib import Path


class FlawscopeError(Exception):
    """A problem that its reader can mend: one line that says what, where and what to do.

    Args:
        what: what is wrong, without a final full stop.
        where: the file, option or item it is about.
        remedy: what to do, as a sentence.
    """

    def __init__(self, what: str, *, where: str | Path | None = None, remedy: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy
        line = what if self.where is None else f"{self.where}: {what}"
        if remedy:
            line = f"{line}. {remedy}"
        super().__init__(" ".join(line.split()))


class UsageError(FlawscopeError):
    """Arguments that do not fit together."""


class ImageError(FlawscopeError):
    """A file or array that is not an image we can use."""


class DataError(FlawscopeError):
    """A dataset, split file or annotation that is not as it should be."""


class WeightsError(FlawscopeError):
    """Weights that do not fit, are damaged, or are not safe to load."""


class OutputError(FlawscopeError):
    """A result could not be written."""


class DownloadError(FlawscopeError):
    """A public dataset could not be fetched."""


class MissingExtraError(FlawscopeError):
    """An optional part of Flawscope is not installed.

    Args:
        package: the import that failed.
        extra: the extra that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"this needs the package '{package}', which is not installed",
            remedy=f"Install it with: pip install 'flawscope[{extra}]'",
        )
