"""The rows of ``results.csv`` as a Parquet table, for those who count on with other tools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from flawscope.errors import MissingExtraError
from flawscope.inspect.tables import INSPECTED, JUDGED, MEASURES, Record, table_rows
from flawscope.outputs import atomic
from flawscope.results import ROW_COLUMNS

COLUMNS = (*ROW_COLUMNS, *MEASURES, *JUDGED, INSPECTED)
"""Always all of them; what was not measured or judged is null."""

_TEXTS = ("source", "label", *JUDGED, INSPECTED)
_WHOLE = ("defect", "x", "y", "width", "height", "area_px")
_ROWS_AT_ONCE = 10_000


def check_parquet() -> None:
    """Find out before the work whether Parquet can be written.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error


def write_parquet(path: str | Path, records: Iterable[Record]) -> Path:
    """Write one row a defect; a clean image has one row with defect 0.

    Args:
        path: the file.
        records: lines of ``results.jsonl``.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OutputError: the file cannot be written.
    """
    check_parquet()
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    kinds = {
        **dict.fromkeys(COLUMNS, pa.float64()),
        **dict.fromkeys(_TEXTS, pa.string()),
        **dict.fromkeys(_WHOLE, pa.int64()),
    }
    schema = pa.schema([(name, kinds[name]) for name in COLUMNS])
    rows = _rows(records)
    with atomic(path) as temporary, ParquetWriter(temporary, schema) as writer:
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
    return Path(path)


def _rows(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    for record in records:
        source = record["source"].encode("utf-8", "backslashreplace").decode("utf-8")
        for row in table_rows(record):
            yield {**row, "source": source}
