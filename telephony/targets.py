"""The phones that are being rung for a handoff, until one answers or all have refused. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from telephony import events, numbers
from telephony.handoff import Happening, Trigger, outcome_of


def phone_of(channel: str) -> str | None:
    """The endpoint behind a channel name: ``PJSIP/1101-0000002a`` → ``1101``; None for other technologies."""
    if not channel.startswith("PJSIP/"):
        return None
    return channel.removeprefix("PJSIP/").rpartition("-")[0] or None


@dataclass(slots=True)
class TargetLeg:
    """A channel that was dialled for a handoff and has not been answered."""

    handoff_id: str
    channel: str
    shown: str
    cause: int | None = None
    sip_code: int | None = None
    gone: bool = False


class Targets:
    """By Uniqueid; a handoff's own are forgotten when it is answered, on the ladder or over."""

    def __init__(self) -> None:
        self.legs: dict[str, TargetLeg] = {}

    def dial(self, event: events.DialStarted) -> None:
        if phone_of(event.channel) is not None:
            self.legs[event.uniqueid] = TargetLeg(event.handoff_id, event.channel, event.shown)

    def gone(self, event: events.ChannelGone) -> None:
        leg = self.legs.get(event.uniqueid)
        if leg is not None:
            leg.cause, leg.sip_code, leg.gone = event.cause, event.sip_code, True

    def forget(self, handoff_id: str) -> None:
        for uniqueid in [uniqueid for uniqueid, leg in self.legs.items() if leg.handoff_id == handoff_id]:
            del self.legs[uniqueid]

    def only(self, handoff_id: str) -> TargetLeg | None:
        """The one phone that was rung for it; None when there were several, or none is known."""
        legs = [leg for leg in self.legs.values() if leg.handoff_id == handoff_id]
        return legs[0] if len(legs) == 1 else None

    def rings(self, leg: TargetLeg, at: datetime) -> Happening:
        return Happening(
            Trigger.RINGS,
            at,
            {"channel": leg.channel},
            seen=leg.shown,
            target_channel=leg.channel,
            target_seat=phone_of(leg.channel),
        )

    def answers(
        self, at: datetime, shown_uri: str, leg: TargetLeg | None, seat: str, channel: str | None = None
    ) -> Happening:
        """What the From of the target's dialog shows; where that is withheld, what its identity header carries."""
        seen = numbers.from_uri(shown_uri) or (leg.shown if leg else None)
        channel = leg.channel if leg else channel
        if phone_of(channel or "") is None:  # read back after an outage: Asterisk's own channel in the room
            channel = None
        detail = {"from": shown_uri} if shown_uri else {}
        return Happening(Trigger.ANSWERS, at, detail, seen=seen, target_channel=channel, target_seat=seat or None)

    def with_number(self, answer: Happening) -> Iterator[Happening]:
        """That it answered may be known already, from a room or a snapshot, and not what it was shown."""
        yield answer
        if answer.seen is not None:
            yield replace(answer, trigger=Trigger.SHOWN)

    def refusal(
        self, at: datetime, handoff_id: str, status: str, sip_code: int | None = None, cause: int | None = None
    ) -> Happening:
        """The SIP answer counts only when it is that of every phone that rang: one may be busy, another silent.

        The dialplan knows it for sure; the end of a phone's channel may be told before its report, or only after.
        """
        if sip_code is None:
            sip_code, cause = self._common_answer(handoff_id)
        return Happening(
            Trigger.FAILS,
            at,
            {"status": status} | ({"sip": str(sip_code)} if sip_code else {}),
            outcome=outcome_of(status, sip_code, cause),
            cause=cause,
            sip_code=sip_code,
        )

    def _common_answer(self, handoff_id: str) -> tuple[int | None, int | None]:
        legs = [leg for leg in self.legs.values() if leg.handoff_id == handoff_id]
        alike = len({leg.sip_code for leg in legs}) == 1 and all(leg.gone for leg in legs)
        return (legs[0].sip_code, legs[0].cause) if alike else (None, None)
