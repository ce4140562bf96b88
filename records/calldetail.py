"""Call detail: what happened in one call, made when it has ended from our record of it and Asterisk's own (CEL). Pure.

docs/call-detail.md explains every column. Durations are in milliseconds; None: nobody knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from records.menus import MenuPassage
from telephony.call import Call, Leg
from telephony.cel import Row
from telephony.conference import SEAT, TARGET, Conference
from telephony.handoff import Handoff, Outcome, Resolution, Trigger
from telephony.spans import Heard, heard
from telephony.targets import phone_of

_OUTCOMES = frozenset({Trigger.ANSWERS, Trigger.FAILS, Trigger.SERVED, Trigger.CALLER_GONE, Trigger.PARTED})


class LegRole(StrEnum):
    """``seat``: took the call or was rung to; ``target``: rung for a handoff; ``party``: added to a three-way call."""

    CALLER = "caller"
    SEAT = "seat"
    TARGET = "target"
    PARTY = "party"


class DetailSource(StrEnum):
    """``cel``: Asterisk wrote the whole call down; ``events``: durations are unknown, for it did not."""

    CEL = "cel"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class LegDetail:
    """One phone's part in a call. ``outside``: not a seat of ours, so that its number is somebody's."""

    uniqueid: str
    call_id: str
    position: int
    role: LegRole
    channel: str
    created_at: datetime
    line: str | None = None
    seat: str | None = None
    handoff_id: str | None = None
    number: str | None = None
    outside: bool = False
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    queue_ms: int | None = None
    ring_ms: int | None = None
    talk_ms: int | None = None
    hold_ms: int | None = None
    hangup_cause: int | None = None
    sip_code: int | None = None


@dataclass(frozen=True, slots=True)
class CallDetail:
    """One call. ``accepted_by``: who has the matter in the end, by decision or by having the caller."""

    call_id: str
    node: str
    arrived_at: datetime
    ended_at: datetime
    original_caller: str | None
    presentation: str
    dialled: str
    trunk: str
    total_ms: int
    source: DetailSource
    answered_at: datetime | None = None
    caller_name: str | None = None
    first_line: str | None = None
    first_seat: str | None = None
    last_line: str | None = None
    last_seat: str | None = None
    accepted_by: str | None = None
    accepted_seat: str | None = None
    wait_ms: int | None = None
    queue_ms: int | None = None
    ring_ms: int | None = None
    talk_ms: int | None = None
    hold_ms: int | None = None
    hangup_cause: int | None = None
    handoff_ids: tuple[str, ...] = ()
    conference_parties: tuple[str, ...] = ()
    ivr_path: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()
    legs: tuple[LegDetail, ...] = field(default=(), repr=False)


def detail_of(
    call: Call,
    handoffs: Iterable[Handoff],
    conferences: Iterable[Conference],
    menus: Iterable[MenuPassage],
    rows: Iterable[Row],
) -> CallDetail:
    """Of a call that has ended, with all that is on record of it. ``rows``: see ``belongs``; none are needed."""
    assert call.ended_at is not None
    of_call = sorted(handoffs, key=lambda handoff: (handoff.created_at, handoff.id))
    channels = heard(rows)
    legs = _legs(call, of_call, channels)
    caller = channels.get(call.id)
    whole = caller if caller and caller.whole else None
    seats = [leg for leg in legs if leg.seat and leg.answered_at]
    accepted_by, accepted_seat = _accepted(call, of_call, seats)
    return CallDetail(
        call_id=call.id,
        node=call.node,
        arrived_at=call.arrived_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        original_caller=call.original_caller,
        caller_name=call.caller_name,
        presentation=call.presentation,
        dialled=call.dialled,
        trunk=call.trunk,
        first_line=call.first_line,
        first_seat=seats[0].seat if seats else None,
        last_line=call.line,
        last_seat=seats[-1].seat if seats else None,
        accepted_by=accepted_by,
        accepted_seat=accepted_seat,
        total_ms=_ms(call.ended_at - call.arrived_at),
        wait_ms=_ms((call.answered_at or call.ended_at) - call.arrived_at),
        queue_ms=whole.queue_ms if whole else None,
        ring_ms=whole.rings_out_ms if whole else None,
        talk_ms=whole.talk_ms if whole else None,
        hold_ms=whole.hold_ms if whole else None,
        hangup_cause=legs[0].hangup_cause if legs else None,
        handoff_ids=tuple(handoff.id for handoff in of_call),
        conference_parties=tuple(_parties(of_call, conferences)),
        ivr_path=tuple(word for menu in sorted(menus, key=lambda menu: menu.began) for word in menu.words),
        order_ids=tuple(order for handoff in of_call for order in handoff.order_ids),
        source=DetailSource.CEL if whole else DetailSource.EVENTS,
        legs=tuple(legs),
    )


def belongs(row: Row, call: Call, handoff_ids: Collection[str]) -> bool:
    """Whether Asterisk wrote the row of this call. Parties of a three-way call are calls of their own to Asterisk."""
    return (
        row.linkedid == call.id
        or row.uniqueid in call.legs
        or any(row.linkedid.startswith(f"{handoff_id}-") for handoff_id in handoff_ids)
    )


def _legs(call: Call, handoffs: Sequence[Handoff], channels: dict[str, Heard]) -> list[LegDetail]:
    """The caller first, then the phones as they were rung. Asterisk's own channels inside of it are nobody's leg."""
    phones = {uniqueid for uniqueid, channel in channels.items() if channel.is_phone}
    phones |= {uniqueid for uniqueid, leg in call.legs.items() if phone_of(leg.channel)}
    began = {each: channels[each].began if each in channels else call.legs[each].created_at for each in phones}
    order = sorted(phones, key=lambda each: (each != call.id, began[each], each))
    return [
        _leg(position, uniqueid, call, handoffs, channels.get(uniqueid)) for position, uniqueid in enumerate(order, 1)
    ]


def _leg(position: int, uniqueid: str, call: Call, handoffs: Sequence[Handoff], channel: Heard | None) -> LegDetail:
    ours = call.legs.get(uniqueid) or _as_leg(channel)
    seat = ours.seat or _seat(ours, call.trunk)
    began = channel.began if channel else ours.created_at
    role, handoff = _part(ours, began, call, handoffs, channel)
    known = channel if channel and channel.whole else None
    return LegDetail(
        uniqueid=uniqueid,
        call_id=call.id,
        position=position,
        role=role,
        line=handoff.target if handoff else _line_at(began, call, handoffs),
        seat=seat,
        handoff_id=handoff.id if handoff else None,
        channel=ours.channel,
        number=(call.original_caller if role is LegRole.CALLER else ours.number) or None,
        outside=seat is None,
        created_at=began,
        answered_at=(channel and channel.answered) or ours.answered_at,
        ended_at=(channel and channel.ended) or ours.ended_at,
        queue_ms=known.queue_ms if known and role is LegRole.CALLER else None,
        ring_ms=_ring_ms(known, role),
        talk_ms=known.talk_ms if known else None,
        hold_ms=known.hold_ms if known else None,
        hangup_cause=ours.cause if ours.cause is not None else channel.cause if channel else None,
        sip_code=ours.sip_code,
    )


def _as_leg(channel: Heard | None) -> Leg:
    assert channel is not None
    return Leg(channel.uniqueid, channel.name, channel.number, channel.began)


def _seat(leg: Leg, trunk: str) -> str | None:
    """A seat's phone calls with its own name as its number."""
    endpoint = phone_of(leg.channel)
    return endpoint if endpoint != trunk and endpoint == leg.number else None


def _ring_ms(channel: Heard | None, role: LegRole) -> int | None:
    if channel is None:
        return None
    return channel.rings_out_ms if role is LegRole.CALLER else channel.rung_ms


def _part(
    leg: Leg, began: datetime, call: Call, handoffs: Sequence[Handoff], channel: Heard | None
) -> tuple[LegRole, Handoff | None]:
    """What the phone was in the call for, and in which handoff."""
    if leg.uniqueid == call.id:
        return LegRole.CALLER, None
    for handoff in handoffs:
        party = channel.linkedid.removeprefix(f"{handoff.id}-") if channel else ""
        if channel and party != channel.linkedid:
            return (LegRole.TARGET if party == TARGET else LegRole.PARTY), handoff
        if leg.channel == handoff.target_channel:
            return LegRole.TARGET, handoff
        if handoff.created_at <= began < _settled_at(handoff, call) and phone_of(leg.channel) != handoff.from_seat:
            return LegRole.TARGET, handoff
    return LegRole.SEAT, None


def _settled_at(handoff: Handoff, call: Call) -> datetime:
    """When its target had answered or was not rung any more."""
    known = [step.at for step in handoff.timeline if step.event in _OUTCOMES]
    return min(known, default=handoff.ended_at or call.ended_at or handoff.created_at)


def _line_at(at: datetime, call: Call, handoffs: Sequence[Handoff]) -> str | None:
    """Whose call it was then."""
    taken = [each for each in handoffs if each.outcome is Outcome.ANSWERED and _settled_at(each, call) <= at]
    return taken[-1].target if taken else call.first_line


def _accepted(call: Call, handoffs: Sequence[Handoff], seats: Sequence[LegDetail]) -> tuple[str | None, str | None]:
    for handoff in reversed(handoffs):
        if handoff.decision is not None:
            to_target = handoff.decision.accepted_by == handoff.target
            return handoff.decision.accepted_by, handoff.target_seat if to_target else handoff.from_seat
        if handoff.outcome is Outcome.ANSWERED and handoff.resolution is Resolution.TARGET:
            return handoff.target, handoff.target_seat
    return (call.first_line, seats[0].seat) if seats else (None, None)


def _parties(handoffs: Sequence[Handoff], conferences: Iterable[Conference]) -> Iterable[str]:
    """``caller``, ``seat 2101``, ``target 110``, ``p4 120``: who came into the room, in the order they came."""
    of_handoff = {handoff.id: handoff for handoff in handoffs}
    for room in sorted(conferences, key=lambda room: (room.started_at, room.id)):
        came = [party for party in room.parties if party.joined_at is not None]
        for party in sorted(came, key=lambda party: (party.joined_at, party.id)):
            handoff = of_handoff.get(room.id)
            who = handoff.from_seat if party.id == SEAT and handoff else party.target
            yield f"{party.id} {who}" if who else party.id


def _ms(took: timedelta) -> int:
    return max(0, round(took / timedelta(milliseconds=1)))
