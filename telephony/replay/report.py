"""What a recording says, as ``hotline replay --json`` prints it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypedDict

from telephony.ami.frames import AmiEvent
from telephony.replay.attempts import Result
from telephony.replay.facts import Channel
from telephony.replay.handoffs import Found, handoffs
from telephony.replay.observe import observe
from telephony.replay.order import in_order
from telephony.replay.parties import Parties


class Leg(TypedDict):
    uniqueid: str
    channel: str
    number: str | None
    answered_at: str | None
    ended_at: str | None
    cause: int | None


class Call(TypedDict):
    linkedid: str
    original_caller: str | None
    dialled: str | None
    legs: list[Leg]


class Handoff(TypedDict):
    kind: str
    linkedid: str
    transferor: str | None
    transferee: str
    original_caller: str | None
    target: str | None
    target_channel: str | None
    outcome: str | None


class Report(TypedDict):
    calls: list[Call]
    handoffs: list[Handoff]


def report(events: Iterable[AmiEvent]) -> Report:
    """Numbers as strings, channels by name, times in ISO 8601 UTC; None is what the recording does not show.

    A leg is a phone or a line; Asterisk's own Local and other helper channels are none.
    """
    facts = observe(in_order(events))
    parties = Parties(facts)
    return {
        "calls": _calls(parties),
        "handoffs": [_handoff(found, result, parties) for found, result in handoffs(facts, parties)],
    }


def _calls(parties: Parties) -> list[Call]:
    legs: dict[str, list[Leg]] = {}
    for channel in parties.facts.channels.values():
        if channel.is_party:
            legs.setdefault(parties.call_of(channel), []).append(_leg(channel, parties))
    return [
        {
            "linkedid": linkedid,
            "original_caller": parties.caller_of(linkedid),
            "dialled": parties.dialled(linkedid),
            "legs": its_legs,
        }
        for linkedid, its_legs in legs.items()
    ]


def _leg(channel: Channel, parties: Parties) -> Leg:
    return {
        "uniqueid": channel.uniqueid,
        "channel": channel.name,
        "number": parties.number_of(channel),
        "answered_at": _iso(channel.answered_at),
        "ended_at": _iso(channel.gone_at),
        "cause": channel.cause,
    }


def _handoff(found: Found, result: Result, parties: Parties) -> Handoff:
    return {
        "kind": found.kind,
        "linkedid": parties.call_of(found.transferee),
        "transferor": found.transferor.name if found.transferor else None,
        "transferee": found.transferee.name,
        "original_caller": parties.original_caller(found.transferee),
        "target": found.target,
        "target_channel": result.channel.name if result.channel else None,
        "outcome": result.outcome.value if result.outcome else None,
    }


def _iso(stamp: float | None) -> str | None:
    if stamp is None:
        return None
    return datetime.fromtimestamp(stamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
