"""Corrections: what people entered can be put right later; what was observed stays as it was. Pure.

A correction is a step of the handoff's timeline: what stood there, what stands there now, why and by whom. The record
shows what is right, its history everything.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from telephony.errors import NotCorrectable
from telephony.handoff import Handoff, Step

CORRECTED = "corrected"


class Correctable(StrEnum):
    CATEGORY = "category_id"
    REASON = "reason"
    ACCEPTED_BY = "accepted_by"
    DECISION_REASON = "decision_reason"


def value_of(handoff: Handoff, field: Correctable) -> str | None:
    """What stands there; None where nothing does."""
    if field is Correctable.CATEGORY:
        return handoff.category_id
    if field is Correctable.REASON:
        return handoff.reason
    decision = handoff.decision
    if decision is None:
        return None
    return decision.accepted_by if field is Correctable.ACCEPTED_BY else decision.reason


def corrected(handoff: Handoff, field: Correctable, value: str, *, reason: str, by: str, at: datetime) -> Handoff:
    """The handoff with the value put right. Raises NotCorrectable."""
    before = value_of(handoff, field)
    if handoff.live:
        raise NotCorrectable("the handoff has not ended yet")
    if before == value:
        raise NotCorrectable("that is what stands there")
    right = _with(handoff, field, value)
    detail = {"field": field.value, "before": before or "", "value": value, "reason": reason, "by": by}
    step = Step(at, CORRECTED, detail)
    return replace(right, timeline=(*handoff.timeline, step))


def _with(handoff: Handoff, field: Correctable, value: str) -> Handoff:
    if field is Correctable.CATEGORY:
        return replace(handoff, category_id=value)
    if field is Correctable.REASON:
        return replace(handoff, reason=value)
    if handoff.decision is None:
        raise NotCorrectable("there is no decision on record")
    if field is Correctable.ACCEPTED_BY:
        return replace(handoff, decision=replace(handoff.decision, accepted_by=value))
    return replace(handoff, decision=replace(handoff.decision, reason=value))
