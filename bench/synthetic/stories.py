"""Calls as they come to two hotlines in a year, made up: the same seed tells the same ones. No number is anybody's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple, TypeVar

from records.calldetail import CallDetail, DetailSource, LegDetail, LegRole
from telephony.call import Call, Leg
from telephony.conference import CALLER, SEAT, TARGET, Conference, Participant, PartyState
from telephony.handoff import Decision, Handoff, Mode, Outcome, Release, Resolution, State, Step

T = TypeVar("T")

_NODE = "n1"
_SEATS = {"110": [f"11{n:02d}" for n in range(1, 41)], "12345": [f"21{n:02d}" for n in range(1, 61)]}
_LINKED = ("119", "120", "122", "96116")
_CATEGORIES = (
    "noise.construction",
    "noise.neighbour",
    "traffic.parking",
    "water.supply",
    "dispute.wage",
    "public.order",
)
_REASONS = (
    "非警务类诉求",
    "夜间施工噪音",
    "涉及人身安全，转公安",
    "供水中断",
    "=1+1 是来电人的原话",
    "联系电话 13900001234",
)
_HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 11, 13, 13, 12, 10, 11, 12, 12, 12, 11, 10, 9, 8, 7, 5, 3)
"""How many of a day's calls come in each hour."""

_FIRST_LINES = {"110": 58, "12345": 42}
_MODES = {Mode.TRANSFER: 76, Mode.CONFERENCE: 16, Mode.DESK: 4, Mode.PUSH: 2, Mode.IVR: 2}
_OUTCOMES = {
    Outcome.ANSWERED: 800,
    Outcome.NO_ANSWER: 60,
    Outcome.BUSY: 50,
    Outcome.ABANDONED: 30,
    Outcome.REJECTED: 20,
    Outcome.UNREACHABLE: 20,
    Outcome.CANCELLED: 15,
    Outcome.FAILED: 5,
}
_SIP = {Outcome.BUSY: 486, Outcome.NO_ANSWER: 480, Outcome.REJECTED: 603, Outcome.UNREACHABLE: 503}
_BACK = {Resolution.FIRST_SEAT: 85, Resolution.QUEUE: 10, Resolution.CALLBACK_ORDER: 5}
_CALLERS = {"mobile": 78, "international": 6, "landline": 10, "withheld": 4, "anonymous": 2}
_REPEATS = 0.25
_KNOWN = 50_000
_MORE_HANDOFFS = 0.08


@dataclass(frozen=True, slots=True)
class Story:
    """One call with all that goes on record of it."""

    call: Call
    handoffs: tuple[Handoff, ...]
    conferences: tuple[Conference, ...]
    detail: CallDetail


class _Moments(NamedTuple):
    began: datetime
    answered: datetime | None
    ended: datetime


def stories(handoffs: int, seed: int, since: datetime, days: int) -> Iterator[Story]:
    """In the order of their time, until so many handoffs have been told of; ``since`` is a midnight in China."""
    since, teller = since.astimezone(UTC), _Teller(random.Random(seed))
    told = 0
    while told < handoffs:
        at = since + _place(told / handoffs, days)
        story = teller.story(at, at_most=handoffs - told)
        told += len(story.handoffs)
        yield story


def _place(share: float, days: int) -> timedelta:
    """When, if that share of all calls has come before: the night is quiet and the morning is not."""
    day, of_day = divmod(share * days, 1)
    total = sum(_HOURS)
    before = 0
    for hour, (weight, until) in enumerate(zip(_HOURS, accumulate(_HOURS), strict=True)):
        if of_day * total < until:
            return timedelta(days=day, hours=hour + (of_day * total - before) / weight)
        before = until
    return timedelta(days=day + 1)


class _Teller:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._known: list[str | None] = []
        self._count = 0

    def story(self, at: datetime, at_most: int) -> Story:
        self._count += 1
        pick = self._chance
        line = _of(pick, _FIRST_LINES)
        seat = pick.choice(_SEATS[line])
        arrived = at
        answered = arrived + timedelta(milliseconds=round(pick.gammavariate(2, 2500)))
        caller = self._caller()
        # ids as Asterisk and the service make them: they hold the time
        call_id = f"{_NODE}-{int(arrived.timestamp())}.{self._count}"
        call = Call(
            id=call_id,
            node=_NODE,
            arrived_at=arrived,
            caller_channel=f"PJSIP/pstn-{self._count:08x}",
            original_caller=caller,
            presentation="allowed" if caller else "prohib_passed_screen",
            dialled=line,
            trunk="pstn",
            first_line=line,
            line=line,
            answered_at=answered,
        )
        told: list[Handoff] = []
        rooms: list[Conference] = []
        began, from_line, from_seat = answered + self._seconds(40), line, seat
        while True:
            handoff = self._handoff(call, began, from_line, from_seat)
            told.append(handoff)
            if handoff.mode is Mode.CONFERENCE:
                rooms.append(_room(handoff))
            again = len(told) < at_most and pick.random() < _MORE_HANDOFFS
            taken = handoff.outcome is Outcome.ANSWERED and handoff.target in _SEATS
            if not again or not (taken or handoff.resolution is Resolution.FIRST_SEAT):
                break
            assert handoff.ended_at is not None
            began = handoff.ended_at + self._seconds(20)
            if taken:
                from_line, from_seat = handoff.target, handoff.target_seat or from_seat
        return self._ended(call, seat, told, rooms)

    def _handoff(self, call: Call, began: datetime, line: str, seat: str) -> Handoff:
        pick = self._chance
        other = "12345" if line == "110" else "110"
        target = other if pick.random() < 0.9 else pick.choice(_LINKED)
        outcome = _of(pick, _OUTCOMES)
        mode = _of(pick, _MODES)
        target_seat = pick.choice(_SEATS[target]) if target in _SEATS else None
        rings = began + timedelta(milliseconds=round(pick.uniform(60, 400)))
        settled = rings + timedelta(milliseconds=round(pick.gammavariate(2, 4000)))
        ended = settled + self._seconds(180) if outcome is Outcome.ANSWERED else settled + self._seconds(5)
        mismatch = outcome is Outcome.ANSWERED and pick.random() < 0.001
        handoff = Handoff(
            id=self._uuid(began),
            call_id=call.id,
            mode=mode,
            target=target,
            created_at=began,
            node=_NODE,
            state=State.ENDED,
            outcome=outcome,
            resolution=self._resolution(outcome),
            release=Release.NOW if pick.random() < 0.1 else Release.ON_ANSWER,
            via=pick.choice(("api", "api", "key", "refer")),
            original_caller=call.original_caller,
            caller_seen_by_target="02161234567" if mismatch else call.original_caller,
            number_mismatch=mismatch,
            from_line=line,
            from_seat=seat,
            target_channel=f"PJSIP/{target_seat or 'pstn'}-{pick.getrandbits(32):08x}",
            target_seat=target_seat,
            category_id=pick.choice(_CATEGORIES),
            reason=pick.choice(_REASONS) if pick.random() < 0.6 else None,
            hangup_cause=16 if outcome is Outcome.ANSWERED else 17 if outcome is Outcome.BUSY else 19,
            sip_code=_SIP.get(outcome),
            timeline=self._timeline(outcome, _Moments(began, rings, settled), ended, call.original_caller),
            ended_at=ended,
            requested_by=seat,
        )
        return self._decided(handoff) if mode is Mode.CONFERENCE and outcome is Outcome.ANSWERED else handoff

    def _decided(self, handoff: Handoff) -> Handoff:
        automatic = self._chance.random() < 0.3
        accepted = handoff.from_line or "" if automatic else handoff.target
        reason = "首接负责" if automatic else "属受理范围"
        assert handoff.ended_at is not None
        decision = Decision(accepted, reason, None if automatic else handoff.from_seat, handoff.ended_at, automatic)
        return replace(handoff, decision=decision)

    def _timeline(self, outcome: Outcome, at: _Moments, ended: datetime, caller: str | None) -> tuple[Step, ...]:
        assert at.answered is not None
        shown = {"from": f"<sip:{caller or 'anonymous'}@10.0.0.2>"}
        steps = [Step(at.began, "started"), Step(at.answered, "rings", {"channel": "PJSIP/x"})]
        if outcome is Outcome.ANSWERED:
            return (*steps, Step(at.ended, "answers", shown), Step(ended, "parted"))
        if outcome is Outcome.ABANDONED:
            return (*steps, Step(ended, "caller_gone"))
        return (*steps, Step(at.ended, "fails", {"status": outcome.value.upper()}), Step(ended, "served"))

    def _resolution(self, outcome: Outcome) -> Resolution:
        if outcome is Outcome.ANSWERED:
            return Resolution.TARGET
        return Resolution.CALLER_HUNG_UP if outcome is Outcome.ABANDONED else _of(self._chance, _BACK)

    def _ended(self, call: Call, seat: str, handoffs: list[Handoff], rooms: list[Conference]) -> Story:
        last = handoffs[-1]
        assert last.ended_at is not None and call.answered_at is not None
        over = last.ended_at + self._seconds(10)
        legs = {
            call.id: Leg(
                call.id, call.caller_channel, call.original_caller or "", call.arrived_at, None, call.arrived_at
            )
        }
        first = f"{call.id}.s"
        channel = f"PJSIP/{seat}-{self._count:08x}"
        legs[first] = Leg(first, channel, seat, call.arrived_at + timedelta(seconds=1), seat, call.answered_at)
        for number, handoff in enumerate(handoffs):
            rung = handoff.timeline[1].at
            answered = handoff.timeline[2].at if handoff.outcome is Outcome.ANSWERED else None
            own = f"{call.id}.t{number}"
            number_there = handoff.target_seat or handoff.target
            legs[own] = Leg(
                own, handoff.target_channel or "", number_there, rung, handoff.target_seat, answered, handoff.ended_at
            )
        legs = {id: replace(leg, ended_at=leg.ended_at or over, cause=16) for id, leg in legs.items()}
        to = [handoff.target for handoff in handoffs if handoff.outcome is Outcome.ANSWERED]
        call = replace(call, ended_at=over, line=to[-1] if to else call.line, legs=legs)
        return Story(call, tuple(handoffs), tuple(rooms), _detail(call, seat, handoffs, rooms))

    def _caller(self) -> str | None:
        pick = self._chance
        if self._known and pick.random() < _REPEATS:
            return pick.choice(self._known)
        rest = f"{pick.randrange(10**8):08d}"
        caller: str | None
        match _of(pick, _CALLERS):
            case "mobile":
                caller = f"1{pick.choice(('38', '39', '58', '77', '86', '99'))}{rest}"
            case "international":
                caller = f"+86138{rest}"
            case "landline":
                caller = f"0571{rest}"
            case "anonymous":
                caller = "anonymous"
            case _:
                caller = None
        if len(self._known) < _KNOWN:
            self._known.append(caller)
        return caller

    def _seconds(self, mean: float) -> timedelta:
        return timedelta(milliseconds=1 + round(self._chance.expovariate(1 / mean) * 1000))

    def _uuid(self, at: datetime) -> str:
        """UUIDv7 (RFC 9562 section 5.7)."""
        time, low = int(at.timestamp() * 1000), self._chance.getrandbits(74)
        text = f"{time:012x}7{low >> 62:03x}{8 | (low >> 60 & 3):x}{low & (1 << 60) - 1:015x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _of(chance: random.Random, weights: dict[T, int]) -> T:
    return chance.choices(list(weights), list(weights.values()))[0]


def _room(handoff: Handoff) -> Conference:
    came = handoff.timeline[2].at if handoff.outcome is Outcome.ANSWERED else None
    parties = tuple(
        Participant(
            party,
            f"{handoff.id}-{party}",
            f"PJSIP/{party}",
            target,
            PartyState.LEFT,
            joined_at=came,
            left_at=handoff.ended_at,
        )
        for party, target in ((CALLER, None), (SEAT, None), (TARGET, handoff.target))
    )
    return Conference(handoff.id, handoff.call_id, handoff.created_at, parties)


def _detail(call: Call, seat: str, handoffs: list[Handoff], rooms: list[Conference]) -> CallDetail:
    assert call.ended_at is not None and call.answered_at is not None
    taken = next((each for each in reversed(handoffs) if each.outcome is Outcome.ANSWERED), None)
    decided = next((each.decision.accepted_by for each in reversed(handoffs) if each.decision), None)
    talked = round((call.ended_at - call.answered_at) / timedelta(milliseconds=1))
    waited = round((call.answered_at - call.arrived_at) / timedelta(milliseconds=1))
    came = [
        (f"{CALLER}", f"{SEAT} {seat}", f"{TARGET} {handoffs[0].target}") for room in rooms if room.parties[0].joined_at
    ]
    return CallDetail(
        call_id=call.id,
        node=call.node,
        arrived_at=call.arrived_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        original_caller=call.original_caller,
        presentation=call.presentation,
        dialled=call.dialled,
        trunk=call.trunk,
        first_line=call.first_line,
        first_seat=seat,
        last_line=call.line,
        last_seat=(taken.target_seat if taken else None) or seat,
        accepted_by=decided or (taken.target if taken else call.first_line),
        accepted_seat=taken.target_seat if taken else seat,
        total_ms=waited + talked,
        wait_ms=waited,
        queue_ms=waited,
        ring_ms=talked // 20,
        talk_ms=talked - talked // 10,
        hold_ms=talked // 20,
        hangup_cause=16,
        handoff_ids=tuple(handoff.id for handoff in handoffs),
        conference_parties=came[0] if came else (),
        source=DetailSource.CEL,
        legs=tuple(_leg(call, position, leg, handoffs) for position, leg in enumerate(call.legs.values(), 1)),
    )


def _leg(call: Call, position: int, leg: Leg, handoffs: list[Handoff]) -> LegDetail:
    handoff = handoffs[position - 3] if position > 2 else None
    until = leg.answered_at or leg.ended_at or leg.created_at
    role = LegRole.CALLER if position == 1 else LegRole.TARGET if handoff else LegRole.SEAT
    return LegDetail(
        uniqueid=leg.uniqueid,
        call_id=call.id,
        position=position,
        role=role,
        channel=leg.channel,
        created_at=leg.created_at,
        line=handoff.target if handoff else call.first_line,
        seat=leg.seat,
        handoff_id=handoff.id if handoff else None,
        number=leg.number or None,
        outside=leg.seat is None,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
        queue_ms=0 if position == 1 else None,
        ring_ms=round((until - leg.created_at) / timedelta(milliseconds=1)),
        talk_ms=round(((leg.ended_at or until) - until) / timedelta(milliseconds=1)),
        hold_ms=0,
        hangup_cause=leg.cause,
    )
