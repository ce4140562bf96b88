"""What each condition of a list means, in plain Python: the other half of ``records.filters``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from telephony import numbers
from telephony.call import Call
from telephony.callback import CallBack
from telephony.errors import FilterWantsASpan
from telephony.handoff import Handoff, Resolution, durations_ms
from telephony.ports import NONE, CallBackFilter, CallFilter, HandoffFilter, Hour
from telephony.proof import finding

RETURNED = (Resolution.FIRST_SEAT, Resolution.QUEUE, Resolution.CALLBACK_ORDER)


def matching_handoffs(every: Iterable[Handoff], where: HandoffFilter) -> list[Handoff]:
    if where.hour is not None:
        _spanned(where)
    return [handoff for handoff in every if handoff_matches(handoff, where)]


def handoff_matches(handoff: Handoff, where: HandoffFilter) -> bool:
    answer_ms = durations_ms(handoff).get("to_answer")
    return (
        _within(handoff.created_at, where)
        and _one_of(where.call_id, handoff.call_id)
        and _one_of(where.line, handoff.from_line, handoff.target)
        and _one_of(where.seat, handoff.from_seat, handoff.target_seat)
        and _one_of(where.state, handoff.state)
        and _named(where.outcome, handoff.outcome)
        and _caller_is(where.caller, handoff.original_caller)
        and where.number_mismatch in (None, handoff.number_mismatch)
        and _named(where.from_line, handoff.from_line)
        and _named(where.target, handoff.target)
        and _named(where.mode, handoff.mode)
        and _named(where.resolution, handoff.resolution)
        and _named(where.accepted_by, handoff.decision.accepted_by if handoff.decision else None)
        and where.automatic in (None, handoff.decision.automatic if handoff.decision else "undecided")
        and _named(where.number_proof, finding(handoff))
        and where.returned in (None, handoff.resolution in RETURNED)
        and where.answered in (None, answer_ms is not None)
        and (where.answered_within_ms is None or (answer_ms is not None and answer_ms <= where.answered_within_ms))
        and _hour(where.hour, handoff.created_at)
    )


def calls_that_match(every: Iterable[Call], where: CallFilter) -> list[Call]:
    every = list(every)
    if where.hour is not None:
        _spanned(where)
    found = [call for call in every if _call_matches(call, where)]
    if where.same_caller_as is not None:
        same = {caller_of(call) for call in every if call.id == where.same_caller_as} - {None}
        found = [call for call in found if caller_of(call) in same]
    if where.calls_of_caller is not None or where.one_per_caller:
        _spanned(where)
        in_time = [call for call in every if _within(call.arrived_at, where) and caller_of(call) is not None]
        often = Counter(caller_of(call) for call in in_time)
        one = {caller_of(call): call.id for call in sorted(in_time, key=lambda call: call.id)}
        found = [call for call in found if often[caller_of(call)] >= (where.calls_of_caller or 0)]
        found = [call for call in found if not where.one_per_caller or one.get(caller_of(call)) == call.id]
    return found


def matching_call_backs(every: Iterable[CallBack], where: CallBackFilter) -> list[CallBack]:
    return [
        order
        for order in every
        if _within(order.created_at, where)
        and _one_of(where.line, order.line)
        and _one_of(where.state, order.state)
        and _caller_is(where.caller, order.original_caller)
        and _one_of(where.call_id, order.call_id, order.served_call_id)
        and _one_of(where.handoff_id, order.handoff_id)
    ]


def answer_ms_of(call: Call) -> int | None:
    if call.answered_at is None:
        return None
    return max(0, round((call.answered_at - call.arrived_at).total_seconds() * 1000))


def caller_of(call: Call) -> str | None:
    if numbers.is_withheld(call.original_caller):
        return None
    return numbers.e164(call.original_caller) or call.original_caller


def _call_matches(call: Call, where: CallFilter) -> bool:
    answer_ms = answer_ms_of(call)
    return (
        _within(call.arrived_at, where)
        and _one_of(where.line, call.first_line, call.line)
        and _caller_is(where.caller, call.original_caller)
        and _named(where.first_line, call.first_line)
        and where.answered in (None, answer_ms is not None)
        and (where.answered_within_ms is None or (answer_ms is not None and answer_ms <= where.answered_within_ms))
        and _hour(where.hour, call.arrived_at)
    )


def _within(at: datetime, where: HandoffFilter | CallFilter | CallBackFilter) -> bool:
    return (where.since is None or at >= where.since) and (where.until is None or at < where.until)


def _hour(wanted: Hour | None, at: datetime) -> bool:
    return wanted is None or at.astimezone(ZoneInfo(wanted.zone)).hour == wanted.of_day


def _spanned(where: HandoffFilter | CallFilter) -> None:
    if where.since is None or where.until is None:
        raise FilterWantsASpan("since and until")


def _one_of(wanted: str | None, *values: str | None) -> bool:
    return wanted is None or wanted in values


def _named(wanted: str | None, value: str | None) -> bool:
    return wanted is None or (value is None if wanted == NONE else value == wanted)


def _caller_is(wanted: str | None, caller: str | None) -> bool:
    if wanted is None or wanted == caller:
        return True
    normal = numbers.e164(wanted)
    return normal is not None and normal == numbers.e164(caller)
