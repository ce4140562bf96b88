"""The other side's list of handoffs, as csv, jsonl or xlsx, read into entries."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from python_calamine import CalamineError, CalamineWorkbook

from telephony.errors import ListNotUnderstood
from telephony.handoff import Outcome

_ENCODINGS = ("utf-8-sig", "gb18030")  # what Excel writes in China
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y%m%d%H%M%S")
_MOST_BYTES = 200 * 1024 * 1024

_OUTCOMES: Mapping[str, str] = {
    "已接听": "answered",
    "已接通": "answered",
    "接通": "answered",
    "忙线": "busy",
    "占线": "busy",
    "无人接听": "no_answer",
    "未接": "no_answer",
    "拒接": "rejected",
    "无法接通": "unreachable",
    "来电人挂机": "abandoned",
    "取消": "cancelled",
    "失败": "failed",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """Names of their columns, their words for outcomes, and the time zone of times that name none."""

    number: str = "主叫号码"
    time: str = "时间"
    outcome: str = "结果"
    order: str = "工单号"
    zone: str = "Asia/Shanghai"
    outcomes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Theirs:
    """One row of theirs; ``row`` as a reader counts it, from 1, the heading included."""

    row: int
    number: str
    at: datetime
    outcome: Outcome | None
    order: str | None


def read(path: Path, how: Reading) -> list[Theirs]:
    """Raises ListNotUnderstood, which names the row and the column; OSError."""
    if path.stat().st_size > _MOST_BYTES:
        raise ListNotUnderstood(f"{path.name}: 文件过大 · more than {_MOST_BYTES // 2**20} MB")
    content = path.read_bytes()
    kind = path.suffix.lower()
    if kind not in _ROWS:
        raise ListNotUnderstood(f"{path.name}: 须为 csv、jsonl 或 xlsx · must be csv, jsonl or xlsx")
    return [_entry(number, row, how) for number, row in _ROWS[kind](content) if any(_text(v) for v in row.values())]


def _csv(content: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(_decoded(content), newline=""), restkey="", restval="")
    try:
        for row in reader:
            yield reader.line_num, {(name or "").strip(): value for name, value in row.items()}
    except csv.Error as error:
        raise ListNotUnderstood(f"第{reader.line_num}行 · row {reader.line_num}: {error}") from error


def _decoded(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ListNotUnderstood("既非 UTF-8 也非 GB 18030 · neither UTF-8 nor GB 18030")


def _jsonl(content: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ListNotUnderstood(f"第{number}行不是 JSON · row {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ListNotUnderstood(f"第{number}行不是对象 · row {number} is not an object")
        yield number, row


def _xlsx(content: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        rows = (
            CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python(skip_empty_area=False)
        )
    except CalamineError as error:
        raise ListNotUnderstood(f"不是有效的 xlsx · not a sound xlsx: {error}") from error
    if not rows:
        return
    names = [_text(name) for name in rows[0]]
    for number, values in enumerate(rows[1:], 2):
        yield number, dict(zip(names, values, strict=False))


_ROWS = {".csv": _csv, ".jsonl": _jsonl, ".xlsx": _xlsx}


def _entry(row_number: int, row: Mapping[str, Any], how: Reading) -> Theirs:
    for name in (how.number, how.time):
        if name not in row:
            there = ", ".join(map(str, row))
            raise ListNotUnderstood(f"没有列 {name} · no column {name}: 现有 · there are: {there}")
    outcome = _text(row.get(how.outcome))
    known = {**_OUTCOMES, **{each.value: each.value for each in Outcome}, **how.outcomes}
    if outcome and outcome not in known:
        where = f"第{row_number}行 · row {row_number}, {how.outcome}"
        raise ListNotUnderstood(f"{where}: 不认识的结果 · unknown outcome {outcome[:40]!r}: 请在设置中对应 · map it")
    return Theirs(
        row_number,
        _text(row[how.number]),
        _time(row[how.time], row_number, how),
        Outcome(known[outcome]) if outcome else None,
        _text(row.get(how.order)) or None,
    )


def _text(value: object) -> str:
    """A number that a spreadsheet made a floating one is a whole one again."""
    if value is None:
        return ""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value).strip()


def _time(value: object, row_number: int, how: Reading) -> datetime:
    moment = value if isinstance(value, datetime) else _parsed(_text(value))
    if moment is None or (isinstance(value, date) and not isinstance(value, datetime)):
        raise ListNotUnderstood(
            f"第{row_number}行 · row {row_number}, {how.time}: 不是时间 · no time: {_text(value)[:40]!r}"
        )
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(how.zone))).astimezone(UTC)


def _parsed(text: str) -> datetime | None:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
