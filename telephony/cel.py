"""Asterisk's own record (CEL): what one row says, as it stands there and as the facts that the tracker takes. Pure.

Columns: asterisk-config/cel_custom.conf.j2. Our dialplan's own rows: ``CELGenUserEvent`` in extensions.conf.j2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from telephony import events
from telephony.targets import phone_of

COLUMNS = 19
SOURCE = "cel"
HANDOFF_STEP, CONFERENCE_STEP, CALL_ARRIVED = "HandoffStep", "ConferenceStep", "CallArrived"
CALL_BACK_PROMISED, CALL_BACK_STEP = "CallBackPromised", "CallBackStep"


@dataclass(frozen=True, slots=True)
class Row:
    """``event``: Asterisk's name of it, or that of the dialplan's own. ``number``: the channel's caller number."""

    at: datetime
    event: str
    uniqueid: str
    linkedid: str
    channel: str
    name: str = ""
    number: str = ""
    context: str = ""
    exten: str = ""
    app: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(str(self.extra.get("extra", "")).split(" "))


@dataclass(frozen=True, slots=True)
class Written:
    """What was read of the file. ``begins``: its first row. ``torn``: when a row was not whole, by the one before."""

    rows: tuple[Row, ...]
    begins: datetime | None = None
    torn: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the dialplan about one handoff; ``call_id`` is the caller's channel where the row is not of its call."""

    at: datetime
    step: str
    handoff_id: str
    uniqueid: str
    linkedid: str
    channel: str
    party: str = ""
    target: str = ""
    status: str = ""
    seat: str = ""
    sip_code: int | None = None
    cause: int | None = None
    shown: str = ""
    from_line: str = ""
    via: str = ""
    release: str = ""
    call_id: str = ""


def row_of(columns: Sequence[str]) -> Row | None:
    """None when the row is not whole. CEL writes the machine's own time, without its zone."""
    if len(columns) != COLUMNS:
        return None
    try:
        at = datetime.fromisoformat(columns[1]).astimezone(UTC)
        extra = json.loads(columns[18]) if columns[18] else {}
    except ValueError:
        return None
    if not isinstance(extra, dict) or not columns[12]:
        return None
    return Row(
        at,
        columns[0],
        uniqueid=columns[12],
        linkedid=columns[13],
        channel=columns[9],
        name=columns[2],
        number=columns[3],
        context=columns[8],
        exten=columns[7],
        app=columns[10],
        extra=extra,
    )


_HANDOFF_WORDS = (
    "step",
    "handoff_id",
    "target",
    "status",
    "uniqueid",
    "seat",
    "sip_code",
    "cause",
    "shown",
    "from_line",
    "via",
    "release",
)
_CONFERENCE_WORDS = (
    "step",
    "handoff_id",
    "party",
    "target",
    "status",
    "uniqueid",
    "seat",
    "sip_code",
    "cause",
    "shown",
    "from_line",
    "call_id",
)
_WORDS = {HANDOFF_STEP: _HANDOFF_WORDS, CONFERENCE_STEP: _CONFERENCE_WORDS}


def step_of(row: Row) -> Step | None:
    """None for a row that is no step, or one without the handoff's id. Words that are not there are empty."""
    names = _WORDS.get(row.event)
    if names is None or len(row.words) < 2:
        return None
    said: dict[str, Any] = dict(zip(names, row.words, strict=False))
    for whole in ("sip_code", "cause"):
        said[whole] = int(said[whole]) if said.get(whole, "").isdecimal() else None
    said["shown"] = unquote(said.get("shown", ""))
    said["uniqueid"] = said.get("uniqueid") or row.uniqueid
    return Step(row.at, linkedid=row.linkedid, channel=row.channel, **said)


def facts(row: Row) -> Iterator[events.Event]:
    """As the manager interface would have told it, as far as the tracker can use it."""
    at, uniqueid, bridge = row.at, row.uniqueid, str(row.extra.get("bridge_id", ""))
    match row.event:
        case "CHAN_START":
            yield events.ChannelCreated(at, uniqueid, row.linkedid, row.channel, row.number)
        case "ANSWER":
            yield events.ChannelAnswered(at, uniqueid)
        case "BRIDGE_ENTER":
            seat = phone_of(row.channel)
            if row.app == "AppQueue" and seat:  # the phone that took the call from its line's queue
                yield events.SeatAnswered(at, uniqueid, row.linkedid, row.channel, seat, "")
            if row.app == "ConfBridge":
                yield events.ConferenceJoined(at, row.exten, uniqueid, row.channel)
            yield events.BridgeEntered(at, uniqueid, bridge)
        case "BRIDGE_EXIT":
            yield events.BridgeLeft(at, uniqueid, bridge)
        case "HANGUP":
            cause = row.extra.get("hangupcause")
            told = cause if isinstance(cause, int) else None
            yield events.ChannelGone(at, uniqueid, row.linkedid, row.channel, told, None)
        case "CallArrived":
            yield from _arrival(row)
        case "HandoffStep" | "ConferenceStep":
            yield from _told(step_of(row), row.event)
        case "CallBackPromised" | "CallBackStep":
            yield from _of_a_call_back(row)


def _arrival(row: Row) -> Iterator[events.Event]:
    line, dialled, number, trunk = (*row.words, "", "", "", "")[:4]
    yield events.CallArrived(
        row.at, row.uniqueid, row.linkedid, row.channel, unquote(number), row.name, "", unquote(dialled), line, trunk
    )


def _of_a_call_back(row: Row) -> Iterator[events.Event]:
    """Nothing of a row without the order's id. Words that are not there are empty."""
    first, second, third, fourth, fifth, sixth, seventh = (*row.words, *[""] * 7)[:7]
    if row.event == CALL_BACK_STEP:
        if second:
            attempt = int(third) if third.isdecimal() else None
            yield events.CallBackReported(row.at, first, second, attempt, status=fourth, call_id=fifth, seat=sixth)
    elif first:
        since = datetime.fromtimestamp(int(sixth), UTC) if sixth.isdecimal() else None
        number = unquote(third)
        yield events.CallBackPromised(
            row.at, first, row.uniqueid, row.linkedid, second, number, fourth, fifth, since, handoff_id=seventh
        )


def _told(step: Step | None, kind: str) -> Iterator[events.Event]:
    if step is None:
        return
    if kind == HANDOFF_STEP:
        yield events.HandoffReported(
            step.at,
            step.step,
            step.handoff_id,
            step.uniqueid,
            step.linkedid,
            via=step.via,
            target=step.target,
            from_line=step.from_line,
            seat=step.seat,
            release=step.release,
            status=step.status,
            shown=step.shown,
            sip_code=step.sip_code,
            cause=step.cause,
            source=SOURCE,
        )
        return
    yield events.ConferenceReported(
        step.at,
        step.step,
        step.handoff_id,
        step.party,
        step.uniqueid,
        target=step.target,
        status=step.status,
        shown=step.shown,
        seat=step.seat,
        sip_code=step.sip_code,
        cause=step.cause,
        source=SOURCE,
    )
