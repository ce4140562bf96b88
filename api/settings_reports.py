"""What reports and the check against the other side's list may be told in ``hotline.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from records.reports.model import Format
from records.reports.periods import Kind
from telephony.handoff import Outcome


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("zone", "须为时区名，如 Asia/Shanghai · must be an IANA time zone") from None
    return name


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OtherSide(Part):
    """The other side's list: the names of its columns, its words for outcomes, how far times may be apart."""

    number: str = "主叫号码"
    time: str = "时间"
    outcome: str = "结果"
    order: str = "工单号"
    outcomes: dict[str, Outcome] = {}
    window_seconds: Annotated[int, Field(ge=1, le=86400)] = 120


class ReportSettings(Part):
    """``repeat_calls``: from how many calls on in one period somebody is a repeat caller."""

    time_zone: Annotated[str, AfterValidator(_time_zone)] = "Asia/Shanghai"
    answer_within_seconds: Annotated[float, Field(gt=0, le=600)] = 15
    answered_goal: Annotated[float, Field(gt=0, le=1)] = 0.95
    service_level: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    wrap_up_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    repeat_calls: Annotated[int, Field(ge=2, le=1000)] = 3
    folder: Path | None = None
    kinds: tuple[Kind, ...] = tuple(Kind)
    other_side: OtherSide = OtherSide()
    formats: tuple[Format, ...] = (Format.PAGE, Format.XLSX, Format.PDF)
