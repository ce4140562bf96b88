"""The units that join in, as they go over the wire."""

from __future__ import annotations

from pydantic import Field

from api.schemas import Given
from linkage.units import Tier, Why


class ContactOut(Given):
    name: str
    phone: str


class OnDutyOut(Given):
    """``why``: of the roster, by the unit's duty phone, or because liaison and leader can be reached at all hours."""

    name: str
    phone: str
    why: Why


class UnitOut(Given):
    """联系卡: what it does, within what time and where, whom to call."""

    id: str
    name: str
    tier: Tier
    service: str
    area: str
    limit_minutes: int | None = Field(description="On scene; null: no limit of its own.")
    duty_phone: str
    target: str | None = Field(description="Adds it to a live call: `POST /v1/conferences/{id}/participants`.")
    leader: ContactOut
    liaison: ContactOut
    on_duty: list[OnDutyOut] = Field(description="Whom to call, in this order.")
