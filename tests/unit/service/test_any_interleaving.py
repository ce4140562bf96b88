"""A switchboard and a model of Asterisk under anything that people, phones, links and crashes can do, in any order."""

from __future__ import annotations

import os
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from telephony import events
from telephony.handoff import Handoff, Mode, Outcome, Release
from telephony.service import HandoffRequest, PartyAction, Switchboard
from tests.support.model.channels import At
from tests.support.model.control import Fate
from tests.support.model.switchroom import Switchroom
from tests.support.story import left_behind
from tests.unit.service.conftest import CHIEF, DIRECTORY

SEATS = {"12345": ("2101", "2102"), "110": ("1101", "1102")}
NEVER_BEGUN = {Outcome.FAILED, Outcome.ABANDONED, Outcome.CANCELLED}
REFUSED = {Outcome.BUSY, Outcome.REJECTED, Outcome.UNREACHABLE}
targets = st.sampled_from(["110", "12345", "120"])
fates = st.sampled_from([Fate.DONE] * 5 + [Fate.REFUSED, Fate.SILENT, Fate.LOST])
which = st.integers(0, 7)
T = TypeVar("T")


def one_of(things: list[T], number: int) -> T:
    return things[number % len(things)]


class AnyInterleaving(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.room = Switchroom(DIRECTORY)
        self.asterisk, self.plan = self.room.asterisk, self.room.plan
        self.deaf = False

    @property
    def board(self) -> Switchboard:
        return self.room.board

    def handoff(self, number: int, *, room: bool = False) -> str:
        tracker = self.board.tracker
        return one_of(list(tracker.rooms.conferences if room else tracker.handoffs), number)

    # ------------------------------------------------------------ calls and clicks

    @precondition(lambda self: len(self.plan.callers()) < 2)
    @rule(line=st.sampled_from(list(SEATS)), number=st.sampled_from(["13800001111", "13900002222", ""]))
    def a_citizen_calls(self, line: str, number: str) -> None:
        free = [seat for seat in SEATS[line] if self.plan.is_free(seat)]
        if free:
            self.plan.arrive(number, line, free[0])
            self.room.hear()
            self.room.write()  # a person needs longer to click than a record to be written

    @precondition(lambda self: self.board.tracker.book.calls)
    @rule(
        call=which,
        to=targets,
        mode=st.sampled_from([Mode.TRANSFER, Mode.TRANSFER, Mode.CONFERENCE]),
        release=st.sampled_from([Release.ON_ANSWER, Release.ON_ANSWER, Release.NOW]),
        fate=fates,
        twice=st.booleans(),
    )
    def somebody_clicks(self, call: int, to: str, mode: Mode, release: Release, fate: Fate, twice: bool) -> None:
        call_id = one_of(list(self.board.tracker.book.calls), call)
        for _ in range(1 + twice):
            request = HandoffRequest(call_id, mode, to, release, idempotency_key=f"key {next(self.room.ids)}")
            self.room.ask(self.board.start_handoff(request, CHIEF), fate)

    @precondition(lambda self: self.board.tracker.handoffs)
    @rule(number=which, fate=fates)
    def somebody_cancels(self, number: int, fate: Fate) -> None:
        self.room.ask(self.board.cancel_handoff(self.handoff(number), CHIEF), fate)

    @precondition(lambda self: self.board.tracker.handoffs)
    @rule(number=which, fate=fates)
    def somebody_completes(self, number: int, fate: Fate) -> None:
        self.room.ask(self.board.complete_handoff(self.handoff(number), CHIEF), fate)

    @precondition(lambda self: self.board.tracker.rooms.conferences)
    @rule(number=which, fate=fates)
    def a_fourth_is_asked_in(self, number: int, fate: Fate) -> None:
        self.room.ask(self.board.add_party(self.handoff(number, room=True), "120", CHIEF), fate)

    @precondition(lambda self: self.board.tracker.rooms.conferences)
    @rule(
        number=which,
        party=st.sampled_from(["caller", "seat", "target", "p4"]),
        action=st.sampled_from(PartyAction),
        fate=fates,
    )
    def a_party_is_controlled(self, number: int, party: str, action: PartyAction, fate: Fate) -> None:
        self.room.ask(self.board.control_party(self.handoff(number, room=True), party, action, CHIEF), fate)

    @precondition(lambda self: self.board.tracker.rooms.conferences)
    @rule(number=which, accepted_by=targets)
    def they_decide(self, number: int, accepted_by: str) -> None:
        self.room.ask(self.board.decide(self.handoff(number, room=True), accepted_by, "", CHIEF))

    # ------------------------------------------------------------ phones

    @precondition(lambda self: self.room.doing(At.RINGING))
    @rule(number=which)
    def a_phone_answers(self, number: int) -> None:
        self.plan.answer(one_of(self.room.doing(At.RINGING), number))

    @precondition(lambda self: self.room.doing(At.RINGING))
    @rule(number=which, sip=st.sampled_from([486, 603, 403, 503]))
    def a_phone_refuses(self, number: int, sip: int) -> None:
        self.plan.refuse(one_of(self.room.doing(At.RINGING), number), sip)

    @precondition(lambda self: self.room.doing(At.DIALLING, At.FIRST_SEAT, At.QUEUE))
    @rule(number=which)
    def nobody_answers(self, number: int) -> None:
        self.plan.time_out(one_of(self.room.doing(At.DIALLING, At.FIRST_SEAT, At.QUEUE), number))

    @precondition(lambda self: self.plan.channels)
    @rule(number=which, soon=st.booleans())
    def somebody_hangs_up(self, number: int, soon: bool) -> None:
        phones = [each for each in self.plan.channels.values() if not each.name.startswith("Local/")]
        self.plan.hang_up(one_of(phones, number), soon=soon)

    @precondition(lambda self: self.room.seats_that_talk())
    @rule(number=which, to=targets, refer=st.booleans())
    def a_seats_phone_hands_over(self, number: int, to: str, refer: bool) -> None:
        (self.plan.refer if refer else self.plan.key)(one_of(self.room.seats_that_talk(), number), to)

    @precondition(lambda self: self.room.doing(At.WAITING))
    @rule(number=which)
    def a_seat_presses_star_zero(self, number: int) -> None:
        self.plan.take_back(one_of(self.room.doing(At.WAITING), number))

    @precondition(lambda self: self.room.doing(At.TALKING))
    @rule(number=which, held=st.booleans())
    def a_phone_holds(self, number: int, held: bool) -> None:
        self.plan.say(events.HoldChanged, one_of(self.room.doing(At.TALKING), number).uniqueid, held)

    @precondition(lambda self: self.room.doing(At.PROMISED, At.TOLD, At.HELD))
    @rule(number=which)
    def what_was_played_ends(self, number: int) -> None:
        channel = one_of(self.room.doing(At.PROMISED, At.TOLD, At.HELD), number)
        if channel.at is At.HELD:
            self.plan.music_ends(channel)
        elif channel.at is At.PROMISED:
            self.plan.end(channel, "promised")
        else:
            self.plan.hang_up(channel, "by us")

    @precondition(lambda self: self.plan.channels)
    @rule(seat=st.sampled_from(["1101", "1102", "2101"]), back=st.booleans())
    def a_phone_loses_its_registration(self, seat: str, back: bool) -> None:
        (self.plan.offline.discard if back else self.plan.offline.add)(seat)

    # ------------------------------------------------------------ the wire, the link, the process

    @precondition(lambda self: self.asterisk.waiting)
    @rule(number=st.integers(1, 6))
    def some_events_arrive(self, number: int) -> None:
        self.asterisk.deliver(number)

    @precondition(lambda self: self.asterisk.waiting)
    @rule()
    def all_events_arrive(self) -> None:
        self.asterisk.deliver()

    @precondition(lambda self: self.plan.channels)
    @rule()
    def the_last_event_comes_again(self) -> None:
        self.asterisk.repeat()

    @precondition(lambda self: self.asterisk.waiting > 1)
    @rule()
    def two_channels_events_change_places(self) -> None:
        self.asterisk.swap()

    @precondition(lambda self: self.asterisk.link_up)
    @rule()
    def the_link_is_cut(self) -> None:
        self.asterisk.cut()
        self.deaf = True

    @precondition(lambda self: not self.asterisk.link_up)
    @rule()
    def the_link_is_back(self) -> None:
        self.asterisk.mend()

    @rule()
    def records_are_written(self) -> None:
        self.room.write()

    @rule()
    def time_passes(self) -> None:
        self.room.loop.pass_time(5)

    @rule()
    def the_service_is_killed_and_starts_again(self) -> None:
        self.room.kill()
        self.deaf = True
        self.room.start()

    # ------------------------------------------------------------ what always holds

    @invariant()
    def every_promise_is_kept(self) -> None:
        self.room.every_promise_is_kept()

    def agree(self, record: Handoff, came: Outcome | None) -> bool:
        """Which of several phones refused how can only be told by who heard them all; what is not known is said so."""
        if self.deaf and record.outcome is Outcome.FAILED is not came:
            return any(step.detail.get("status") == "LOST" or "reason" in step.detail for step in record.timeline)
        return record.outcome is came or (self.deaf and {record.outcome, came} <= REFUSED)

    def teardown(self) -> None:
        """Everybody hangs up; then every record has its one outcome, and it is what came of it."""
        try:
            self.asterisk.mend()
            self.room.hear()
            for each in [*self.plan.callers(), *self.plan.channels.values()]:
                if each.uniqueid in self.plan.channels:
                    self.plan.hang_up(each)
            self.asterisk.deliver()
            self.room.loop.pass_time(10)
            self.room.every_promise_is_kept()
            assert not self.room.asked
            assert left_behind(self.board.tracker) == {}
            for handoff_id, record in self.room.sink.newest.items():
                truth = self.plan.truth.get(handoff_id)
                if truth is None:
                    assert record.outcome in NEVER_BEGUN, record
                else:
                    assert self.agree(record, truth.outcome), (record, truth)
        finally:
            self.room.close()


MORE = os.environ.get("INTERLEAVINGS")
"""How many to try, each time others; without it the same few every time."""

AnyInterleaving.TestCase.settings = settings(
    max_examples=int(MORE or 40), stateful_step_count=40, deadline=None, derandomize=MORE is None
)
TestAnyInterleaving = AnyInterleaving.TestCase
