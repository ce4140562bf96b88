"""One writer for each format. Each takes tables of the same columns one after the other and keeps none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import xlsxwriter

from records.export import cells
from records.export.columns import SHEETS, Holds
from records.export.shape import Shape
from records.export.spec import Format, Kind

_OURS = (Holds.WORD, Holds.TIME, Holds.INTEGER, Holds.BOOLEAN)
_AS_OBJECTS = 2_000
"""Rows that are Python's at one time, where Arrow cannot write them itself."""

_BOM = b"\xef\xbb\xbf"
SHEET_ROWS = 1_048_576
"""Of Excel, its header too. What goes beyond goes on in the next sheet."""


class Writer(Protocol):
    def write(self, table: pa.Table) -> None:
        """Raises OSError."""

    def close(self) -> None:
        """Writes what completes the file; without it there is none. Raises OSError."""


class CsvWriter:
    """RFC 4180 with a byte order mark, without which Excel takes UTF-8 for something else."""

    def __init__(self, sink: IO[bytes], shape: Shape) -> None:
        named = zip(shape.headers, shape.columns, strict=True)
        schema = pa.schema([(header, _csv_type(column.holds)) for header, column in named])
        sink.write(_BOM)
        self._risky = [column.holds not in _OURS for column in shape.columns]
        self._schema = schema
        self._writer = pyarrow.csv.CSVWriter(sink, schema, write_options=pyarrow.csv.WriteOptions(eol="\r\n"))

    def write(self, table: pa.Table) -> None:
        columns = [
            cells.harmless(values) if risky else _plain(values)
            for values, risky in zip(table.columns, self._risky, strict=True)
        ]
        self._writer.write(pa.Table.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _csv_type(holds: Holds) -> pa.DataType:
    return {Holds.INTEGER: pa.int64(), Holds.BOOLEAN: pa.bool_()}.get(holds, pa.string())


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return cells.as_iso(values) if pa.types.is_timestamp(values.type) else values


class JsonlWriter:
    """A JSON object a line, by the columns' keys; what is empty is null."""

    def __init__(self, sink: IO[bytes], shape: Shape) -> None:
        self._sink = sink
        self._headers = shape.headers
        self._raw = [column.holds is Holds.JSON for column in shape.columns]

    def write(self, table: pa.Table) -> None:
        for begin in range(0, table.num_rows, _AS_OBJECTS):
            self._write(table.slice(begin, _AS_OBJECTS))

    def _write(self, table: pa.Table) -> None:
        columns = [
            map(_fragment, values.to_pylist()) if raw else _plain(values).to_pylist()
            for values, raw in zip(table.columns, self._raw, strict=True)
        ]
        rows = zip(*columns, strict=True)
        dumps, option, headers = orjson.dumps, orjson.OPT_APPEND_NEWLINE, self._headers
        self._sink.write(b"".join([dumps(dict(zip(headers, row, strict=True)), option=option) for row in rows]))

    def close(self) -> None:
        pass


def _fragment(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)


class ParquetWriter:
    """Typed: times with their zone, lists as lists, the timeline as JSON text."""

    def __init__(self, sink: IO[bytes], shape: Shape) -> None:
        types = {
            Holds.INTEGER: pa.int64(),
            Holds.BOOLEAN: pa.bool_(),
            Holds.TIME: pa.timestamp("ms", "UTC"),
            Holds.LIST: pa.list_(pa.string()),
        }
        schema = pa.schema([(column.key, types.get(column.holds, pa.string())) for column in shape.columns])
        self._writer = pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd")

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()


class XlsxWriter:
    """A row is on the disk before the next one comes. Nothing in a cell is a formula or a link."""

    def __init__(self, sink: IO[bytes], shape: Shape, scratch: Path, kind: Kind, sheet_rows: int = SHEET_ROWS) -> None:
        options = {
            "constant_memory": True,
            "tmpdir": str(scratch),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "use_zip64": True,  # for a sheet of more than 2 GiB; what is smaller is the same without
        }
        self._book = xlsxwriter.Workbook(sink, options)
        self._bold = self._book.add_format({"bold": True, "bg_color": "#DDE6F0"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._headers, self._columns = shape.headers, shape.columns
        self._yes_no = ("是", "否") if shape.for_people else ("true", "false")
        self._title, self._sheet_rows, self._row, self._sheets = SHEETS[kind].zh, sheet_rows, 0, 0
        self._next_sheet()

    def _next_sheet(self) -> None:
        self._sheets += 1
        self._sheet = self._book.add_worksheet(self._title if self._sheets == 1 else f"{self._title} {self._sheets}")
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            moment = self._moment if column.holds is Holds.TIME else None
            self._sheet.set_column(place, place, 24 if moment else 16, moment)
        self._sheet.write_row(0, 0, self._headers, self._bold)
        self._row = 1

    def write(self, table: pa.Table) -> None:
        for begin in range(0, table.num_rows, _AS_OBJECTS):
            self._write(table.slice(begin, _AS_OBJECTS))

    def _write(self, table: pa.Table) -> None:
        for row in _rows(table, self._yes_no):
            if self._row == self._sheet_rows:
                self._next_sheet()
            write_string, write_number, at = self._sheet.write_string, self._sheet.write_number, self._row
            for place, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, str):
                    write_string(at, place, value)
                elif isinstance(value, float):
                    write_number(at, place, value, self._moment)
                else:
                    write_number(at, place, value)
            self._row += 1

    def close(self) -> None:
        self._book.close()


_EXCEL_EPOCH_DAYS = 25_569  # 1970-01-01, counted from 1899-12-30 (ECMA-376 part 1, 18.17.4.1)
_DAY_MS = 86_400_000


def _rows(table: pa.Table, yes_no: tuple[str, str]) -> Iterator[Sequence[Any]]:
    """Times as Excel counts them, which are the only floats; yes and no in words."""
    return zip(*(_for_excel(values, yes_no).to_pylist() for values in table.columns), strict=True)


def _for_excel(values: pa.ChunkedArray, yes_no: tuple[str, str]) -> pa.ChunkedArray:
    if pa.types.is_timestamp(values.type):
        days = pc.divide(values.cast(pa.int64()).cast(pa.float64()), float(_DAY_MS))
        return pc.add(days, float(_EXCEL_EPOCH_DAYS))
    if pa.types.is_boolean(values.type):
        return pc.if_else(values, *yes_no)
    return values


def writer_for(format: Format, kind: Kind, sink: IO[bytes], shape: Shape, scratch: Path) -> Writer:
    """``scratch``: a folder for what must wait on the disk until the end."""
    if format is Format.XLSX:
        return XlsxWriter(sink, shape, scratch, kind)
    return _PLAIN[format](sink, shape)


_PLAIN: Mapping[Format, Callable[[IO[bytes], Shape], Writer]] = {
    Format.CSV: CsvWriter,
    Format.JSONL: JsonlWriter,
    Format.PARQUET: ParquetWriter,
}
