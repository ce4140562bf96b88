"""A call told step by step to a Tracker, in the words of the people in it; every step holds the record's promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from telephony import events
from telephony.call import Call
from telephony.changes import Changes
from telephony.conference import TARGET, Conference
from telephony.events import ChannelSnapshot, LinkRestored
from telephony.handoff import Handoff, Happening, Mode, Outcome, Release, Resolution, State, Trigger
from telephony.resync import missed
from telephony.rooms import channel_id
from telephony.tracker import Tracker
from tests.support.fake_asterisk import NOW, talking_call

CALL = "n-1.0"
NUMBER = "13800001111"
TRUNK = f"PJSIP/pstn-{CALL}"
SEAT_PHONE = f"PJSIP/2101-{CALL}"
SEAT_ID = f"{CALL}-s"


def phone(seat: str) -> str:
    return f"PJSIP/{seat}-000000{seat[-2:]}"


def leg(seat: str) -> str:
    return f"n-leg.{seat}"


class Story:
    """One call from ``NUMBER``, taken by seat 2101 of line 12345; each told fact is 100 ms after the one before.

    ``handoff`` is the newest one's record, live or not.
    """

    def __init__(self, number: str = NUMBER) -> None:
        self.tracker = Tracker("n")
        self.now = NOW
        self.handoffs: dict[str, Handoff] = {}
        self.calls: dict[str, Call] = {}
        self.conferences: dict[str, Conference] = {}
        self.number = number
        self.id = ""

    # ------------------------------------------------------------ telling

    def tick(self) -> datetime:
        self.now += timedelta(milliseconds=100)
        return self.now

    def take(self, changes: Changes) -> Story:
        for handoff in changes.handoffs.values():
            before = self.handoffs.get(handoff.id)
            if before is not None:
                assert before.live or not handoff.live, f"{handoff.id} came back to life"
                assert before.outcome in (None, handoff.outcome), f"{handoff.id} changed its outcome"
            assert handoff.live or (handoff.outcome and handoff.resolution and handoff.ended_at), handoff
            self.handoffs[handoff.id] = handoff
        self.calls |= changes.calls
        self.conferences |= changes.conferences
        return self

    def tell(self, *facts: events.Event) -> Story:
        for fact in facts:
            self.take(self.tracker.apply(replace(fact, at=self.tick())))
        return self

    def talking(self, seat: str = "2101", line: str = "12345") -> Story:
        return self.tell(*talking_call(CALL, caller=self.number, line=line, seat=seat))

    # ------------------------------------------------------------ a transfer

    def asks(
        self,
        target: str = "110",
        *,
        id: str = "h1",
        mode: Mode = Mode.TRANSFER,
        release: Release = Release.ON_ANSWER,
    ) -> Story:
        """The seat has clicked; the command is on its way."""
        call = self.tracker.book.calls[CALL]
        self.id = id
        asked = Handoff(
            id,
            CALL,
            mode,
            target,
            self.tick(),
            "n",
            release=release,
            original_caller=call.original_caller,
            from_line=call.line,
            from_seat=call.seat,
            requested_by="wang",
        )
        return self.take(self.tracker.open(asked))

    def step(self, step: str, *, uniqueid: str = CALL, id: str | None = None, **said: Any) -> Story:
        self.id = id or self.id
        return self.tell(events.HandoffReported(self.now, step, self.id, uniqueid, CALL, **said))

    def starts(self, **said: str) -> Story:
        return self.step("start", **({"target": "110", "from_line": "12345", "seat": "2101"} | said))

    def dials(self, *seats: str, shown: str | None = None) -> Story:
        number = self.number if shown is None else shown
        for seat in seats:
            self.tell(
                events.ChannelCreated(self.now, leg(seat), CALL, phone(seat), seat),
                events.DialStarted(self.now, leg(seat), CALL, phone(seat), number, self.id),
            )
        return self

    def rings(self, *seats: str, shown: str | None = None) -> Story:
        self.dials(*seats, shown=shown)
        return self.tell(*(events.DialRinging(self.now, leg(seat)) for seat in seats))

    def answers(self, seat: str = "1101", *, shown: str | None = None) -> Story:
        uri = f'"{self.number}" <sip:{self.number}@127.0.0.1>' if shown is None else shown
        return self.tell(events.ChannelAnswered(self.now, leg(seat))).step(
            "answered", uniqueid=leg(seat), shown=uri, seat=seat
        )

    def bridged(self, *uniqueids: str, bridge: str = "b2") -> Story:
        return self.tell(*(events.BridgeEntered(self.now, uniqueid, bridge) for uniqueid in uniqueids))

    def hangs_up(self, uniqueid: str, channel: str = "", cause: int | None = 16, sip: int | None = None) -> Story:
        return self.tell(events.ChannelGone(self.now, uniqueid, CALL, channel, cause, sip))

    def phone_ends(self, seat: str, cause: int | None = None, sip: int | None = None) -> Story:
        return self.hangs_up(leg(seat), phone(seat), cause, sip)

    def seat_hangs_up(self) -> Story:
        return self.hangs_up(SEAT_ID, SEAT_PHONE)

    def caller_hangs_up(self) -> Story:
        return self.hangs_up(CALL, TRUNK)

    def answered_transfer(self) -> Story:
        """110's 1101 has the caller; the first seat is gone."""
        self.talking().asks().starts().rings("1101").answers("1101").bridged(leg("1101"), CALL)
        return self.seat_hangs_up()

    # ------------------------------------------------------------ a three-way call

    def party(self, step: str, party: str = TARGET, *, uniqueid: str = "", **said: Any) -> Story:
        return self.tell(events.ConferenceReported(self.now, step, self.id, party, uniqueid, **said))

    def dials_third(self, seat: str = "1101", party: str = TARGET, target: str = "110") -> Story:
        """The Local pair and the phone behind it, as Asterisk makes them."""
        local, room = channel_id(self.id, party), f"Local/{target}@conference-dial-{party}"
        return self.tell(
            events.ChannelCreated(self.now, local, local, f"{room};1", ""),
            events.ChannelCreated(self.now, f"{local}-dial", local, f"{room};2", ""),
            events.DialStarted(self.now, local, local, f"{room};1", "", self.id),
            events.ConferenceReported(self.now, "dialling", self.id, party, f"{local}-dial", target=target),
            events.ChannelCreated(self.now, leg(seat), local, phone(seat), seat),
            events.DialStarted(self.now, leg(seat), local, phone(seat), self.number, self.id),
            events.DialRinging(self.now, leg(seat)),
        )

    def third_gone(self, seat: str = "1101", party: str = TARGET, sip: int | None = None) -> Story:
        local = channel_id(self.id, party)
        return self.phone_ends(seat, None, sip).hangs_up(f"{local}-dial").hangs_up(local)

    def joins(self, uniqueid: str, channel: str) -> Story:
        return self.tell(events.ConferenceJoined(self.now, self.id, uniqueid, channel))

    def three_way(self) -> Story:
        """Caller, seat 2101 and 110's 1101 in one room."""
        self.talking().asks(mode=Mode.CONFERENCE).dials_third()
        self.party("answered", uniqueid=leg("1101"), shown=f"sip:{self.number}@h", seat="1101")
        self.joins(channel_id(self.id, TARGET), "Local/110@conference-dial-target;1")
        return self.joins(SEAT_ID, SEAT_PHONE).joins(CALL, TRUNK)

    # ------------------------------------------------------------ a lost link

    def link_lost(self) -> Story:
        return self.tell(events.LinkLost(self.now, "ami-link-lost"))

    def link_back(self, *channels: ChannelSnapshot, rooms: Mapping[str, tuple[str, ...]] | None = None) -> Story:
        snapshot = LinkRestored(self.tick(), channels, rooms or {})
        for event in missed(self.tracker, snapshot):
            self.take(self.tracker.apply(event))
        return self

    def caller_channel(self, bridge: str = "", **variables: str) -> ChannelSnapshot:
        known = {
            "HOTLINE_CALLER": self.number,
            "HOTLINE_DIALLED": "12345",
            "HOTLINE_LINE": "12345",
            "CALLER_CHANNEL": TRUNK,
            "SEAT": "2101",
            "SEAT_CHANNEL": SEAT_PHONE,
            "HANDOFF_ID": self.id,
            "HANDOFF_TARGET": "110",
            "HANDOFF_VIA": "api",
            "HANDOFF_RELEASE": "on_answer",
        } | variables
        present = {name: value for name, value in known.items() if value}
        return ChannelSnapshot(CALL, CALL, TRUNK, True, self.number, bridge, 30, present)

    def seat_channel(self, bridge: str = "") -> ChannelSnapshot:
        return ChannelSnapshot(SEAT_ID, CALL, SEAT_PHONE, True, "2101", bridge, 30)

    def phone_channel(self, seat: str = "1101", *, up: bool, bridge: str = "") -> ChannelSnapshot:
        inherited = {"HANDOFF_ID": self.id, "HOTLINE_CALLER": "a copy", "CALLER_CHANNEL": TRUNK}
        return ChannelSnapshot(leg(seat), CALL, phone(seat), up, seat, bridge, 5, inherited, shown=self.number)

    def third_channel(self, party: str = TARGET) -> ChannelSnapshot:
        local = channel_id(self.id, party)
        return ChannelSnapshot(local, local, "Local/110@conference-dial-target;1", True, "", "", 5, {})

    # ------------------------------------------------------------ what is on record

    @property
    def handoff(self) -> Handoff:
        return self.handoffs[self.id]

    @property
    def call(self) -> Call:
        return self.calls[CALL]

    @property
    def conference(self) -> Conference:
        return self.conferences[self.id]

    def party_states(self) -> dict[str, str]:
        return {party.id: party.state.value for party in self.conference.parties}

    def stands(self, state: State, outcome: Outcome | None = None, resolution: Resolution | None = None) -> Story:
        assert (self.handoff.state, self.handoff.outcome, self.handoff.resolution) == (state, outcome, resolution)
        return self

    def ended(self, outcome: Outcome, resolution: Resolution) -> Story:
        return self.stands(State.ENDED, outcome, resolution)


def left_behind(tracker: Tracker) -> dict[str, object]:
    """What a tracker still holds; empty when it has forgotten every call."""
    held: dict[str, object] = {
        "calls": tracker.book.calls,
        "legs": tracker.book._call_of,
        "handoffs": tracker.handoffs,
        "ended": tracker._ended,
        "targets": tracker.targets.legs,
        "rooms": tracker.rooms.conferences,
    }
    return {name: value for name, value in held.items() if value}


def steps_of(handoff: Handoff) -> list[str]:
    return [step.event for step in handoff.timeline]


def happening(trigger: Trigger, **values: object) -> Happening:
    return Happening(trigger, NOW + timedelta(seconds=1), **values)  # type: ignore[arg-type]  # checked by the caller


Gap = Callable[[Story], Story]


def restarted(story: Story) -> Story:
    """Another process takes up what the first one had put on record."""
    after = Story(story.number)
    after.now, after.id = story.now, story.id
    live = [handoff for handoff in story.handoffs.values() if handoff.live]
    calls = [call for call in story.calls.values() if call.live]
    after.tracker.adopt(calls, live, [room for room in story.conferences.values() if not room.over])
    after.handoffs, after.calls = dict(story.handoffs), dict(story.calls)
    after.conferences = dict(story.conferences)
    return after


def lost(story: Story) -> Story:
    return story.link_lost()


GAPS: list[Gap] = [lost, restarted]
"""Both ways not to have listened for a while."""


def story_caller(bridge: str = "", **variables: str) -> ChannelSnapshot:
    story = Story()
    story.id = "h1"
    return story.caller_channel(bridge, **variables)


def ringing_phone(seat: str) -> ChannelSnapshot:
    story = Story()
    story.id = "h1"
    return story.phone_channel(seat, up=False)
