"""What is to be exported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from telephony.errors import ExportRefused
from telephony.handoff import Outcome


class Kind(StrEnum):
    """One row for each of these."""

    HANDOFFS = "handoffs"
    CALLS = "calls"
    LEGS = "legs"


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    XLSX = "xlsx"
    PARQUET = "parquet"

    @property
    def for_programs(self) -> bool:
        """Whether nothing but a program opens it."""
        return self in (Format.JSONL, Format.PARQUET)


class Language(StrEnum):
    """``en``: keys, words and times as the interface has them. ``zh``: headers and words in Chinese, times in China."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class Spec:
    """From ``since`` up to but without ``until``; all given conditions hold. ``clear``: with whole telephone numbers.

    Raises ExportRefused.
    """

    kind: Kind
    format: Format
    since: datetime
    until: datetime
    language: Language = Language.EN
    clear: bool = False
    line: str | None = None
    seat: str | None = None
    outcome: Outcome | None = None
    number: str | None = None
    category: str | None = None

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise ExportRefused("时间须带时区 · a time needs its zone")
        if self.since >= self.until:
            raise ExportRefused(
                f"起始时间须早于结束时间 · from must be before to: {self.since.isoformat()} … {self.until.isoformat()}"
            )
        if self.language is Language.ZH and self.format.for_programs:
            raise ExportRefused(f"{self.format} 供程序读取，只有英文字段名 · {self.format} has English keys only")

    @property
    def file_name(self) -> str:
        """Of a file that was not given a name."""
        return f"{self.kind}-{self.since.date().isoformat()}.{self.format}"

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return _SPEC.dump_python(self, mode="json")  # type: ignore[no-any-return]  # a dict


_SPEC = TypeAdapter(Spec)


def spec_of(content: Any) -> Spec:
    """What ``plain`` made of one. Raises ExportRefused, ValueError."""
    return _SPEC.validate_python(content)


def language_for(wanted: Language | None, format: Format) -> Language:
    """People open an xlsx, programs the others, unless somebody says otherwise."""
    return wanted or (Language.ZH if format is Format.XLSX else Language.EN)
