"""A caller, a seat and a target, and what replay says of them."""

from __future__ import annotations

from telephony.replay.report import Call, Handoff, report
from tests.support.manager_events import Stream

CALLER, SEAT, SEAT2, TARGET, OTHER = "SIP/gw-1", "SIP/201-2", "SIP/201-3", "SIP/202-4", "SIP/203-5"
NUMBER = "02155550001"


def talk(*, times: bool = True) -> Stream:
    """A caller and a seat, connected."""
    stream = Stream(times=times)
    stream.comes(CALLER, 1, NUMBER, "4000")
    stream.rung(CALLER, SEAT, 2, 1, "201")
    stream.up(SEAT)
    stream.dial_ends(CALLER, SEAT, "ANSWER")
    stream.up(CALLER)
    stream.enters("b1", SEAT, CALLER)
    return stream


def blind(stream: Stream, *, target: str = "600", result: str = "Success", transferee: bool = True) -> Stream:
    roles = {"Transferer": SEAT, **({"Transferee": CALLER} if transferee else {})}
    stream.event("BlindTransfer", roles=roles, Result=result, Extension=target, BridgeUniqueid="b1")
    stream.goes(CALLER, target)
    stream.leaves("b1", CALLER, SEAT)
    stream.gone(SEAT)
    return stream


def only_handoff(stream: Stream) -> Handoff:
    (handoff,) = report(stream.events)["handoffs"]
    return handoff


def outcome(stream: Stream) -> tuple[str | None, str | None]:
    handoff = only_handoff(stream)
    return handoff["outcome"], handoff["target_channel"]


def call_of(stream: Stream, linkedid: str) -> Call:
    return next(call for call in report(stream.events)["calls"] if call["linkedid"] == linkedid)


def in_room(stream: Stream, *names: str) -> None:
    for name in names:
        stream.event("ConfbridgeJoin", name, Conference="9000", BridgeUniqueid="room")
        stream.enters("room", name)


def ringing() -> Stream:
    stream = blind(talk())
    stream.rung(CALLER, TARGET, 4, 1, "202")
    return stream
