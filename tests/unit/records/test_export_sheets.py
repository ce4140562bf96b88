"""An xlsx of more rows than a sheet holds, read back with calamine; the limit is injected, Excel's takes minutes."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pytest
from python_calamine import CalamineWorkbook

from records.export.columns import SHEETS, Holds
from records.export.files import Counted
from records.export.shape import Shape
from records.export.spec import Format, Kind, Language, Spec
from records.export.writers import SHEET_ROWS, XlsxWriter

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
ZH = Spec(Kind.HANDOFFS, Format.XLSX, BEGAN, BEGAN + timedelta(days=1), Language.ZH, clear=True)
ROWS_OF_A_SHEET = 3
TYPES = {Holds.TIME: pa.timestamp("us", "UTC"), Holds.INTEGER: pa.int64(), Holds.BOOLEAN: pa.bool_()}


def page(first: int, rows: int) -> pa.Table:
    """As the database has it: handoffs that are numbered and begin a second after each other."""
    texts = [str(number) for number in range(first, first + rows)]
    filled = {
        "id": pa.array(texts),
        "created_at": pa.array([BEGAN + timedelta(seconds=int(text)) for text in texts], pa.timestamp("us", "UTC")),
        "order_ids": pa.array(["[]"] * rows),
    }
    columns = SHEETS[Kind.HANDOFFS].shown(Format.XLSX)
    empty = {column.key: pa.nulls(rows, TYPES.get(column.holds, pa.string())) for column in columns}
    return pa.table(empty | filled)


def written(scratch: Path, *pages: pa.Table) -> CalamineWorkbook:
    file, shape = io.BytesIO(), Shape(ZH)
    sink = cast(IO[bytes], Counted(file))  # written from front to back, as over HTTP
    writer = XlsxWriter(sink, shape, scratch, Kind.HANDOFFS, sheet_rows=1 + ROWS_OF_A_SHEET)
    for each in pages:
        writer.write(shape.of(each))
    writer.close()
    return CalamineWorkbook.from_filelike(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize(
    ("pages", "sheets"),
    [
        ((0,), [0]),
        ((2,), [2]),
        ((3,), [3]),
        ((4,), [3, 1]),
        ((2, 4), [3, 3]),
        ((3, 3, 2), [3, 3, 2]),
        ((8,), [3, 3, 2]),
    ],
)
def test_given_more_rows_than_a_sheet_holds_then_they_go_on_in_the_next_with_the_headers_again(
    tmp_path: Path, pages: tuple[int, ...], sheets: list[int]
) -> None:
    book = written(tmp_path, *(page(sum(pages[:place]), rows) for place, rows in enumerate(pages)))

    assert book.sheet_names == ["转接记录", *(f"转接记录 {number}" for number in range(2, len(sheets) + 1))]
    read = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
    assert [sheet[0] for sheet in read] == [Shape(ZH).headers] * len(sheets)
    assert [len(sheet) - 1 for sheet in read] == sheets
    rows = [row for sheet in read for row in sheet[1:]]
    assert [row[0] for row in rows] == [str(number) for number in range(sum(pages))]
    in_china = BEGAN.replace(tzinfo=None) + timedelta(hours=8)
    assert all(abs(row[3] - in_china - timedelta(seconds=int(row[0]))) < timedelta(milliseconds=2) for row in rows)


def test_a_sheet_holds_as_many_rows_as_excel_takes() -> None:
    assert SHEET_ROWS == 2**20
