"""The tracker under anything: facts lost, doubled, late and out of order must never break a record's promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from telephony import events
from telephony.changes import Changes
from telephony.conference import SEAT, TARGET, Participant
from telephony.events import ChannelSnapshot, LinkRestored
from telephony.handoff import Decision, Handoff, Happening, Mode, Outcome, State, Trigger
from telephony.resync import missed
from telephony.rooms import channel_id
from telephony.tracker import Tracker
from tests.support.fake_asterisk import NOW, talking_call
from tests.support.story import left_behind

CALLS = ("c1", "c2")
STEPS = ("start", "answered", "result", "back", "ring-seat", "queue", "call-back", "gone")
STATES = ("dialling", "answered", "back", "queue", "call-back", "conference", "")
STATUSES = ("BUSY", "NOANSWER", "CHANUNAVAIL", "CANCELLED", "")

calls = st.sampled_from(CALLS)
numbers = st.integers(1, 3)


def legs_of(call: str) -> list[str]:
    """The caller, the seat, and two phones that a handoff rings."""
    return [call, f"{call}-s", f"{call}-t1", f"{call}-t2"]


def channel_of(uniqueid: str) -> str:
    return f"PJSIP/{uniqueid.rpartition('-')[2]}-{uniqueid}"


class AnyOrder(RuleBasedStateMachine):
    """``unheard`` holds facts that happened and are told later, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = Tracker("n")
        self.now = NOW
        self.records: dict[str, Handoff] = {}
        self.over: set[str] = set()
        self.unheard: list[events.Event] = []

    # ------------------------------------------------------------ telling

    def take(self, changes: Changes) -> None:
        for handoff in changes.handoffs.values():
            before = self.records.get(handoff.id)
            if before is not None:
                assert before.live or not handoff.live, "an ended handoff came back"
                assert before.outcome in (None, handoff.outcome), "an outcome was changed"
            if not handoff.live:
                assert handoff.outcome and handoff.resolution and handoff.ended_at
            self.records[handoff.id] = handoff
        self.over |= {call.id for call in changes.calls.values() if not call.live}

    def say(self, fact: events.Event, fate: str) -> None:
        self.now += timedelta(milliseconds=10)
        fact = replace(fact, at=self.now)
        if fate in ("late", "lost"):
            if fate == "late":
                self.unheard.append(fact)
            return
        for _ in range(2 if fate == "twice" else 1):
            self.take(self.tracker.apply(fact))

    fates = st.sampled_from(["told", "told", "told", "twice", "late", "lost"])

    @precondition(lambda self: self.unheard)
    @rule(which=st.integers(0, 99))
    def a_late_fact_is_told(self, which: int) -> None:
        fact = self.unheard.pop(which % len(self.unheard))
        if not (isinstance(fact, events.CallArrived) and fact.uniqueid in self.over):
            self.take(self.tracker.apply(fact))

    # ------------------------------------------------------------ what Asterisk tells

    @rule(call=calls, fate=fates)
    def a_call_is_answered_by_a_seat(self, call: str, fate: str) -> None:
        if call not in self.over:  # a Uniqueid is never used again
            for fact in talking_call(call):
                self.say(fact, fate)

    @rule(call=calls, leg=st.integers(0, 3), fate=fates)
    def a_leg_ends(self, call: str, leg: int, fate: str) -> None:
        uniqueid = legs_of(call)[leg]
        self.say(events.ChannelGone(NOW, uniqueid, call, channel_of(uniqueid), 16, 486 if leg > 1 else None), fate)

    @rule(call=calls, leg=st.integers(0, 3), held=st.booleans(), fate=fates)
    def a_leg_moves(self, call: str, leg: int, held: bool, fate: str) -> None:
        uniqueid = legs_of(call)[leg]
        self.say(events.BridgeEntered(NOW, uniqueid, "b"), fate)
        if held:
            self.say(events.BridgeLeft(NOW, uniqueid, "b"), fate)
            self.say(events.HoldChanged(NOW, uniqueid, held), fate)

    @rule(call=calls, number=numbers, step=st.sampled_from(STEPS), status=st.sampled_from(STATUSES), fate=fates)
    def the_dialplan_reports(self, call: str, number: int, step: str, status: str, fate: str) -> None:
        uniqueid = f"{call}-t1" if step == "answered" else call
        fact = events.HandoffReported(
            NOW, step, f"{call}-h{number}", uniqueid, call, target="110", status=status, seat="1101"
        )
        self.say(fact, fate)

    @rule(call=calls, number=numbers, phone=st.integers(1, 2), answered=st.booleans(), fate=fates)
    def a_phone_rings(self, call: str, number: int, phone: int, answered: bool, fate: str) -> None:
        uniqueid = f"{call}-t{phone}"
        self.say(events.ChannelCreated(NOW, uniqueid, call, channel_of(uniqueid), "1101"), fate)
        self.say(events.DialStarted(NOW, uniqueid, call, channel_of(uniqueid), "138", f"{call}-h{number}"), fate)
        self.say(events.DialRinging(NOW, uniqueid), fate)
        if answered:
            self.say(events.ChannelAnswered(NOW, uniqueid), fate)

    @rule(
        call=calls,
        number=numbers,
        party=st.sampled_from([TARGET, SEAT, "p4", ""]),
        step=st.sampled_from(["dialling", "answered", "result", "held"]),
        status=st.sampled_from(STATUSES),
        fate=fates,
    )
    def a_party_is_reported(self, call: str, number: int, party: str, step: str, status: str, fate: str) -> None:
        handoff_id = f"{call}-h{number}"
        uniqueid = f"{call}-t1" if step == "answered" else call
        self.say(events.ConferenceReported(NOW, step, handoff_id, party, uniqueid, status=status), fate)

    @rule(call=calls, number=numbers, who=st.integers(0, 3), muted=st.booleans(), fate=fates)
    def a_party_joins(self, call: str, number: int, who: int, muted: bool, fate: str) -> None:
        room = f"{call}-h{number}"
        uniqueid = [call, f"{call}-s", channel_id(room, TARGET), channel_id(room, "p4")][who]
        self.say(events.ConferenceJoined(NOW, room, uniqueid, channel_of(uniqueid)), fate)
        self.say(events.PartyMuted(NOW, room, uniqueid, muted), fate)

    @rule(call=calls, number=numbers, party=st.sampled_from([TARGET, "p4"]), created=st.booleans(), fate=fates)
    def a_third_comes_or_goes(self, call: str, number: int, party: str, created: bool, fate: str) -> None:
        local = channel_id(f"{call}-h{number}", party)
        if created:
            self.say(events.ChannelCreated(NOW, local, local, f"Local/{local};1", ""), fate)
        else:
            self.say(events.ChannelGone(NOW, local, local, f"Local/{local};1", 16, None), fate)

    # ------------------------------------------------------------ what the service does

    @rule(call=calls, number=numbers, mode=st.sampled_from([Mode.TRANSFER, Mode.CONFERENCE]))
    def a_seat_clicks(self, call: str, number: int, mode: Mode) -> None:
        live, handoff_id = self.tracker.book.calls.get(call), f"{call}-h{number}"
        if live is None or handoff_id in self.records or self.tracker.live_handoff(call) is not None:
            return
        asked = Handoff(handoff_id, call, mode, "110", self.now, "n", from_line=live.line, from_seat=live.seat)
        self.take(self.tracker.open(asked))

    @rule(call=calls, number=numbers, trigger=st.sampled_from([Trigger.NOT_STARTED, Trigger.LINK_LOST]))
    def a_command_is_refused_or_its_effect_unknown(self, call: str, number: int, trigger: Trigger) -> None:
        happening = Happening(trigger, self.now, outcome=Outcome.FAILED)
        self.take(self.tracker.happen(f"{call}-h{number}", happening))

    @rule(call=calls, number=numbers)
    def somebody_decides(self, call: str, number: int) -> None:
        handoff = self.tracker.handoffs.get(f"{call}-h{number}")
        if handoff is not None and handoff.outcome is not None:
            decided = replace(handoff, decision=Decision("110", "", "wang", self.now))
            self.take(self.tracker.update(decided))

    @rule(call=calls, number=numbers)
    def a_fourth_is_asked_in(self, call: str, number: int) -> None:
        room = self.tracker.rooms.conferences.get(f"{call}-h{number}")
        if room is not None and room.party("p4") is None:
            fourth = Participant("p4", channel_id(room.id, "p4"), "", target="120")
            self.take(self.tracker.add_party(room.put(fourth)))

    # ------------------------------------------------------------ lost links

    @rule(fate=fates)
    def the_link_is_lost(self, fate: str) -> None:
        self.say(events.LinkLost(NOW, "ami-link-lost"), fate)

    @rule(data=st.data())
    def the_link_is_back(self, data: st.DataObject) -> None:
        channels = []
        for call in CALLS:
            if call in self.over:
                continue
            for uniqueid in data.draw(st.lists(st.sampled_from(legs_of(call)), unique=True)):
                variables = {"HANDOFF_ID": f"{call}-h{data.draw(numbers)}"}
                if uniqueid == call:
                    variables |= {
                        "CALLER_CHANNEL": channel_of(call),
                        "HANDOFF_STATE": data.draw(st.sampled_from(STATES)),
                        "SEAT_CHANNEL": channel_of(f"{call}-{data.draw(st.sampled_from(['s', 't1']))}"),
                    }
                bridge = data.draw(st.sampled_from(["", "b"]))
                up = data.draw(st.booleans())
                channels.append(ChannelSnapshot(uniqueid, call, channel_of(uniqueid), up, "", bridge, 1, variables))
        room = f"{data.draw(calls)}-h{data.draw(numbers)}"
        inside = {room: (channel_id(room, TARGET), room.partition("-")[0])} if data.draw(st.booleans()) else {}
        self.resync(LinkRestored(self.now, tuple(channels), inside))

    def resync(self, snapshot: LinkRestored) -> None:
        for fact in missed(self.tracker, snapshot):
            self.take(self.tracker.apply(fact))

    @rule()
    def the_service_restarts(self) -> None:
        before, self.tracker = self.tracker, Tracker("n")
        self.tracker.adopt(
            list(before.book.calls.values()), list(before.handoffs.values()), list(before.rooms.conferences.values())
        )
        # what ended stays known through the store, and Asterisk does not speak of it again
        self.tracker._ended = dict(before._ended)

    # ------------------------------------------------------------ what always holds

    @invariant()
    def a_call_has_one_unsettled_handoff_at_most(self) -> None:
        """Beside one that was only asked for, whose command may still win, and what a resync has yet to settle."""
        for call in CALLS:
            unsettled = [h for h in self.tracker.handoffs.values() if h.call_id == call and not h.settled]
            assert len([h for h in unsettled if h.state not in (State.REQUESTED, State.UNKNOWN)]) <= 1

    @invariant()
    def every_handoff_of_an_ended_call_has_ended(self) -> None:
        for record in self.records.values():
            assert not record.live or record.call_id not in self.over

    @invariant()
    def nothing_is_kept_of_calls_that_are_gone(self) -> None:
        live = set(self.tracker.book.calls)
        assert {handoff.call_id for handoff in self.tracker.handoffs.values()} <= live
        assert {room.call_id for room in self.tracker.rooms.conferences.values()} <= live
        assert set(self.tracker._ended.values()) <= live
        assert set(self.tracker.book._call_of.values()) <= live
        assert {leg.handoff_id for leg in self.tracker.targets.legs.values()} <= set(self.tracker.handoffs)

    def teardown(self) -> None:
        """Asterisk has no channel any more."""
        self.resync(LinkRestored(self.now, ()))
        assert left_behind(self.tracker) == {}
        assert all(not record.live for record in self.records.values())


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestAnyOrder = AnyOrder.TestCase
