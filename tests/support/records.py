"""Records for tests: small ones by hand, and any that the types allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st
from uuid6 import uuid7

from telephony.call import Call, Leg
from telephony.callback import CallBack, CallBackState
from telephony.conference import Conference, Participant, PartyState
from telephony.handoff import Decision, Handoff, Mode, Outcome, Release, Resolution, State, Step

NOON = datetime(2026, 11, 21, 4, 0, 0, 123456, tzinfo=UTC)


def a_handoff(**changes: Any) -> Handoff:
    plain = Handoff(str(uuid7()), "n1-1700000000.1", Mode.TRANSFER, "12345", NOON, "n1", from_line="110")
    return replace(plain, original_caller="13800001111", **changes)


def ended(handoff: Handoff) -> Handoff:
    at = handoff.created_at + timedelta(seconds=9)
    return replace(handoff, state=State.ENDED, outcome=Outcome.ANSWERED, resolution=Resolution.TARGET, ended_at=at)


def a_call(**changes: Any) -> Call:
    plain = Call(f"n1-{uuid7().int % 10**10}.1", "n1", NOON, "PJSIP/trunk-1", "13800001111")
    leg = Leg(plain.id, plain.caller_channel, "13800001111", NOON)
    return replace(plain.with_leg(leg), **changes)


def a_conference(handoff: Handoff, **changes: Any) -> Conference:
    caller = Participant("caller", "n1-1.1", "PJSIP/trunk-1", state=PartyState.JOINED, joined_at=NOON)
    seat = Participant("seat", "n1-1.2", "PJSIP/8001-2", state=PartyState.JOINED, joined_at=NOON)
    return replace(Conference(handoff.id, handoff.call_id, NOON, (caller, seat)), **changes)


def a_call_back(**changes: Any) -> CallBack:
    promised = CallBack(
        str(uuid7()),
        "n1",
        "12345",
        "13800001111",
        "pstn",
        "queue",
        "n1-1700000000.1",
        NOON,
        NOON - timedelta(minutes=1),
    )
    return replace(promised, **changes)


# Whatever a database and JSON can hold: no NUL, no half of a surrogate pair.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
callers = st.one_of(texts, st.sampled_from(["13800001111", "+8613800001111", "01012345", "anonymous", "张三"]))
times = st.datetimes(
    datetime(1970, 1, 2),
    datetime(2200, 1, 1),
    timezones=st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)
details = st.dictionaries(texts, texts, max_size=3)


def _of(kind: type[Any], **known: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, **known)


decisions = st.builds(Decision, texts, texts, st.none() | texts, times, st.booleans())
handoffs = st.builds(
    Handoff,
    id=texts,
    call_id=texts,
    mode=st.sampled_from(Mode),
    target=texts,
    created_at=times,
    node=texts,
    state=st.sampled_from(State),
    outcome=st.none() | st.sampled_from(Outcome),
    resolution=st.none() | st.sampled_from(Resolution),
    release=st.sampled_from(Release),
    via=texts,
    original_caller=st.none() | callers,
    caller_seen_by_target=st.none() | callers,
    number_mismatch=st.booleans(),
    from_line=st.none() | texts,
    from_seat=st.none() | texts,
    target_channel=st.none() | texts,
    target_seat=st.none() | texts,
    category_id=st.none() | texts,
    reason=st.none() | texts,
    hangup_cause=st.none() | st.integers(0, 127),
    sip_code=st.none() | st.integers(100, 699),
    decision=st.none() | decisions,
    order_ids=st.lists(texts, max_size=3).map(tuple),
    timeline=st.lists(st.builds(Step, times, texts, details), max_size=4).map(tuple),
    ended_at=st.none() | times,
    requested_by=st.none() | texts,
    returning=st.none() | st.sampled_from(Outcome),
    rung=st.none() | st.sampled_from(Resolution),
)
legs = st.builds(
    Leg,
    uniqueid=texts,
    channel=texts,
    number=callers,
    created_at=times,
    seat=st.none() | texts,
    answered_at=st.none() | times,
    ended_at=st.none() | times,
    bridge=st.none() | texts,
    held=st.booleans(),
    cause=st.none() | st.integers(0, 127),
    sip_code=st.none() | st.integers(100, 699),
)
calls = st.builds(
    Call,
    id=texts,
    node=texts,
    arrived_at=times,
    caller_channel=texts,
    original_caller=st.none() | callers,
    caller_name=st.none() | texts,
    presentation=texts,
    dialled=texts,
    trunk=texts,
    first_line=st.none() | texts,
    line=st.none() | texts,
    seat=st.none() | texts,
    seat_channel=st.none() | texts,
    answered_at=st.none() | times,
    ended_at=st.none() | times,
    legs=st.dictionaries(texts, legs, max_size=3),
)
participants = st.builds(
    Participant,
    id=texts,
    uniqueid=texts,
    channel=texts,
    target=st.none() | texts,
    state=st.sampled_from(PartyState),
    muted=st.booleans(),
    outcome=st.none() | texts,
    joined_at=st.none() | times,
    left_at=st.none() | times,
)
conferences = st.builds(
    Conference,
    id=texts,
    call_id=texts,
    started_at=times,
    parties=st.lists(participants, max_size=4).map(tuple),
)
call_backs = st.builds(
    CallBack,
    id=texts,
    node=texts,
    line=texts,
    original_caller=st.none() | callers,
    trunk=texts,
    reason=texts,
    call_id=texts,
    created_at=times,
    since=times,
    handoff_id=st.none() | texts,
    state=st.sampled_from(CallBackState),
    dialled=st.integers(0, 99),
    tries=st.integers(0, 99),
    not_before=st.none() | times,
    wanted_by=st.none() | texts,
    served_call_id=st.none() | texts,
    served_seat=st.none() | texts,
    ended_at=st.none() | times,
    timeline=st.lists(st.builds(Step, times, texts, details), max_size=4).map(tuple),
)
