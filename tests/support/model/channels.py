"""What there is in the model of Asterisk: channels, bridges, phones that ring; and what it says of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from telephony import events
from telephony.handoff import Outcome, Resolution
from telephony.lines import Directory
from tests.support.fake_asterisk import NOW


class At(StrEnum):
    """What a channel is doing."""

    RINGING = "is rung"
    TALKING = "talks"
    DIALLING = "hears the target ring"
    AWAITING = "waits for the third that is rung"
    FIRST_SEAT = "hears the first seat ring"
    QUEUE = "waits in the queue of the ladder"
    LINE = "waits in the line's queue"
    PROMISED = "hears that a call-back is promised"
    WAITING = "is held for the caller"
    TOLD = "hears that the caller has gone"
    THIRD = "is the near half of a dialled third"
    ROOM = "is in a room"
    HELD = "is held out of a room"


@dataclass
class Channel:
    """``came_by``: how a caller came to the human it talks with; WAITING, where that one was held for it."""

    uniqueid: str
    name: str
    linkedid: str
    number: str = ""
    up: bool = False
    at: At = At.RINGING
    came_by: At = At.LINE
    bridge: str = ""
    shown: str = ""
    dialler: str = ""
    refusals: list[int] = field(default_factory=list)
    rung: int = 0
    room: str = ""
    muted: bool = False
    variables: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.variables.get(name, "")

    @property
    def seat(self) -> str:
        return self.name.removeprefix("PJSIP/").rpartition("-")[0]


@dataclass
class Truth:
    """What came of a handoff, as somebody standing in the room would tell it."""

    call_id: str
    outcome: Outcome | None = None
    resolution: Resolution | None = None
    status: str = ""

    def ends(self, outcome: Outcome, resolution: Resolution | None) -> None:
        if self.outcome is None:
            self.outcome = outcome
        if self.resolution is None:
            self.resolution = resolution


class Channels(ABC):
    def __init__(self, directory: Directory, say: Callable[[events.Event], None]) -> None:
        self.directory = directory
        self.now = NOW
        self.channels: dict[str, Channel] = {}
        self.ends: dict[str, str] = {}
        self.truth: dict[str, Truth] = {}
        self.offline: set[str] = set()
        self.paused: set[str] = set()
        self._say = say
        self._made = 0

    # ------------------------------------------------------------ the small things

    def tick(self) -> datetime:
        self.now += timedelta(milliseconds=10)
        return self.now

    def say(self, make: Callable[..., events.Event], *values: Any, **said: Any) -> None:
        self._say(make(self.tick(), *values, **said))

    def number(self) -> int:
        self._made += 1
        return self._made

    def named(self, name: str) -> Channel | None:
        """By name or Uniqueid, as manager actions take it."""
        return self.channels.get(name) or next((each for each in self.channels.values() if each.name == name), None)

    def callers(self) -> list[Channel]:
        return [each for each in self.channels.values() if each["CALLER_CHANNEL"] == each.name]

    def rung_by(self, dialler: Channel) -> list[Channel]:
        return [each for each in self.channels.values() if each.dialler == dialler.uniqueid and each.at is At.RINGING]

    def is_free(self, seat: str) -> bool:
        taken = any(each.seat == seat for each in self.channels.values())
        return not taken and seat not in self.offline and seat not in self.paused

    def bridged(self, *channels: Channel) -> None:
        bridge = f"b{self.number()}"
        for each in channels:
            self.out_of_bridge(each)
            each.bridge, each.at, each.dialler = bridge, At.TALKING, ""
            self.say(events.BridgeEntered, each.uniqueid, bridge)

    def partners(self, channel: Channel) -> list[Channel]:
        same = [each for each in self.channels.values() if each.bridge == channel.bridge and each is not channel]
        return same if channel.bridge else []

    def out_of_bridge(self, channel: Channel) -> None:
        if channel.bridge:
            self.say(events.BridgeLeft, channel.uniqueid, channel.bridge)
            channel.bridge = ""

    def make(self, name: str, linkedid: str = "", uniqueid: str = "", number: str = "") -> Channel:
        uniqueid = uniqueid or f"n1-{self.number()}"
        made = Channel(uniqueid, name, linkedid or uniqueid, number)
        self.channels[uniqueid] = made
        self.say(events.ChannelCreated, uniqueid, made.linkedid, name, number)
        return made

    def gone(self, channel: Channel, cause: int | None = 16, sip: int | None = None) -> None:
        if self.channels.pop(channel.uniqueid, None) is not None:
            self.out_of_bridge(channel)
            self.say(events.ChannelGone, channel.uniqueid, channel.linkedid, channel.name, cause, sip)

    def step(self, caller: Channel, step: str) -> None:
        self.say(
            events.HandoffReported,
            step,
            caller["HANDOFF_ID"],
            caller.uniqueid,
            caller.uniqueid,
            via=caller["HANDOFF_VIA"],
            target=caller["HANDOFF_TARGET"],
            from_line=caller["HOTLINE_LINE"],
            seat=caller["SEAT"],
            release=caller["HANDOFF_RELEASE"],
            status=caller["HANDOFF_STATUS"],
            sip_code=int(caller["HANDOFF_SIP"]) if caller["HANDOFF_SIP"] else None,
        )

    # ------------------------------------------------------------ ringing

    def ring_group(self, target: str) -> tuple[list[str], str]:
        """[ring-group]: what can be rung now, and Dial's word when nothing can."""
        line, linked = self.directory.line(target), self.directory.linked_number(target)
        if linked is not None:
            return [linked.trunk], ""
        seats = line.seats if line else ()
        in_use = any(each.seat in seats for each in self.channels.values())
        return [seat for seat in seats if self.is_free(seat)], "BUSY" if in_use else "CHANUNAVAIL"

    def ring(self, dialler: Channel, endpoints: list[str], linkedid: str = "") -> bool:
        """False when there is nothing to ring."""
        dialler.refusals, dialler.rung = [], len(endpoints)
        for endpoint in endpoints:
            phone = self.make(f"PJSIP/{endpoint}-{self.number():08x}", linkedid or dialler.linkedid, number=endpoint)
            phone.dialler, phone.shown = dialler.uniqueid, dialler["HOTLINE_CALLER"]
            inherited = ("HOTLINE_CALLER", "CALLER_CHANNEL", "HANDOFF_ID")
            phone.variables = {each: dialler[each] for each in inherited if dialler[each]}
            self.say(events.DialStarted, phone.uniqueid, phone.linkedid, phone.name, phone.shown, dialler["HANDOFF_ID"])
            self.say(events.DialRinging, phone.uniqueid)
        return bool(endpoints)

    def stop_ringing(self, dialler: Channel, but: Channel | None = None) -> None:
        for phone in self.rung_by(dialler):
            if phone is not but:
                self.gone(phone, 26 if but else 16)

    # ------------------------------------------------------------ a three-way call's part in the rest

    @abstractmethod
    def third_answers(self, far: Channel, phone: Channel) -> None: ...

    @abstractmethod
    def third_unanswered(self, far: Channel, status: str, sip: int | None) -> None: ...

    @abstractmethod
    def hang_up_third(self, half: Channel) -> None: ...

    @abstractmethod
    def join(self, channel: Channel, room: str) -> None: ...

    @abstractmethod
    def out_of_room(self, channel: Channel) -> None: ...
