"""The model of Asterisk says what the real one said: the same stories, told by both (transcripts/ours)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from telephony import events
from telephony.ami.frames import AmiEvent
from telephony.ami.translate import translate
from telephony.handoff import Release
from telephony.lines import Desk, Directory, Line, LinkedNumber, Seat, Trunk
from telephony.replay.lines import read
from tests.support.model.channels import At, Channel
from tests.support.model.rooms import Dialplan

FOLDER = Path(__file__).parent / "transcripts" / "ours"
DIRECTORY = Directory(
    lines=(
        Line("110", "报警", ("110",), (Desk("police", "接警", ("1101",)),)),
        Line("12345", "便民", ("12345",), (Desk("hall", "大厅", ("2101",)),)),
    ),
    seats=(Seat("1101", "1101", "secret"), Seat("2101", "2101", "secret")),
    trunks=(Trunk("pstn", ("127.0.0.1",), "sip:127.0.0.1"),),
    linked_numbers=(LinkedNumber("120", "急救", "pstn", "120"),),
)


class Told:
    """A story on the model, and what it said."""

    def __init__(self) -> None:
        self.facts: list[events.Event] = []
        self.plan = Dialplan(DIRECTORY, self.facts.append)

    def one(self, at: At, seat: str = "") -> Channel:
        return next(each for each in self.plan.channels.values() if each.at is at and seat in each.seat)

    def call(self, line: str = "12345", seat: str = "2101") -> Channel:
        return self.plan.arrive("13800001111", line, seat)

    def transfer(self, caller: Channel, target: str = "110") -> None:
        self.plan.hand_over(caller, target, "h1", "api", Release.ON_ANSWER.value)


def answered(told: Told) -> None:
    caller = told.call()
    told.transfer(caller)
    told.plan.answer(told.one(At.RINGING))
    told.plan.hang_up(told.one(At.TALKING, "1101"))


def busy(told: Told) -> None:
    caller = told.call()
    told.transfer(caller)
    told.plan.refuse(told.one(At.RINGING), 486)
    told.plan.hang_up(caller)


def not_answered(told: Told) -> None:
    caller = told.call()
    told.transfer(caller)
    told.plan.time_out(caller)
    told.plan.hang_up(caller)


def abandoned(told: Told) -> None:
    caller = told.call()
    told.transfer(caller)
    told.plan.hang_up(caller)
    told.plan.hang_up(told.one(At.TOLD))


def taken_back(told: Told) -> None:
    caller = told.call()
    told.transfer(caller)
    told.plan.take_back(told.one(At.WAITING))
    told.plan.hang_up(caller)


def third_busy(told: Told) -> None:
    caller = told.call()
    told.plan.open_room(caller.name, "h1", "110")
    told.plan.refuse(told.one(At.RINGING), 486)
    told.plan.hang_up(caller)


def third_cancelled(told: Told) -> None:
    caller = told.call()
    told.plan.open_room(caller.name, "h1", "110")
    told.plan.hang_up(told.plan.channels["h1-target"], "by us")
    told.plan.hang_up(caller)


def by_feature_code(told: Told) -> None:
    told.call()
    told.plan.key(told.one(At.TALKING, "2101"), "110")
    told.plan.answer(told.one(At.RINGING))
    told.plan.hang_up(told.one(At.TALKING, "1101"))


def by_refer(told: Told) -> None:
    told.call()
    told.plan.refer(told.one(At.TALKING, "2101"), "110")
    told.plan.answer(told.one(At.RINGING))
    told.plan.hang_up(told.one(At.TALKING, "1101"))


def to_a_linked_number(told: Told) -> None:
    caller = told.call()
    told.transfer(caller, "120")
    told.plan.answer(told.one(At.RINGING))
    told.plan.hang_up(caller)


def three_way(told: Told) -> None:
    caller = told.call()
    seat = told.one(At.TALKING, "2101")
    told.plan.open_room(caller.name, "h1", "110")
    told.plan.answer(told.one(At.RINGING))
    told.plan.hang_up(seat, "by us")
    told.plan.hang_up(told.plan.channels["h1-target"])


STORIES: dict[str, Callable[[Told], None]] = {
    "one_key_12345_to_110": answered,
    "busy_target_the_caller_comes_back": busy,
    "no_answer_the_caller_comes_back": not_answered,
    "the_caller_hangs_up_while_it_rings": abandoned,
    "the_seat_takes_the_caller_back": taken_back,
    "third_busy": third_busy,
    "third_cancelled": third_cancelled,
    "feature_code_on_the_seat_s_phone": by_feature_code,
    "sip_refer_from_the_seat_s_phone": by_refer,
    "linked_number_120_over_the_trunk": to_a_linked_number,
    "three_way_call_with_a_recorded_decision": three_way,
}


def recorded(name: str) -> list[events.Event]:
    with (FOLDER / f"{name}.jsonl").open("rb") as lines:
        raw: list[AmiEvent] = list(read(lines, name, skipped=lambda problem: pytest.fail(str(problem))))
    return [fact for fact in map(translate, raw) if fact is not None]


def who(channel: str) -> str:
    """``PJSIP/1101-0000000b`` → ``1101``; the two halves of a Local pair are told apart."""
    kind, _, name = channel.partition("/")
    return name.rpartition("-")[0] if kind == "PJSIP" else f"{kind}{channel[-2:]}"


_NOT_COMPARED = (
    events.SeatPhoneChanged,
    events.SeatPauseChanged,
    events.DialEnded,
    events.HoldChanged,  # phones hold before a REFER
    events.ConferenceJoined,  # before or after the bridge of the room
)


def of_each(facts: list[events.Event]) -> dict[str, list[str]]:
    """What is told of each party, in order: Asterisk's threads keep none among each other."""
    names: dict[str, str] = {}
    told: dict[str, list[str]] = {}
    for fact in facts:
        if isinstance(fact, events.ChannelCreated) and not fact.channel.startswith("Outgoing"):
            name = who(fact.channel)
            names[fact.uniqueid] = name + "'" * sum(name in other for other in names.values())
        party = names.get(getattr(fact, "uniqueid", ""))
        if party is None or isinstance(fact, _NOT_COMPARED):
            continue
        word = type(fact).__name__
        if isinstance(fact, events.HandoffReported | events.ConferenceReported):
            word = f"{fact.step} {fact.status}".strip()
        told.setdefault(party, []).append(word)
    return told


def in_rooms(facts: list[events.Event]) -> int:
    return sum(isinstance(fact, events.ConferenceJoined) for fact in facts)


@pytest.mark.parametrize("name", STORIES)
def test_the_model_tells_of_each_party_what_asterisk_told(name: str) -> None:
    told = Told()
    STORIES[name](told)

    assert of_each(told.facts) == of_each(recorded(name))
    assert in_rooms(told.facts) == in_rooms(recorded(name))


def test_each_story_is_of_a_recording_with_its_record() -> None:
    for name in STORIES:
        assert orjson.loads((FOLDER / f"{name}.record.json").read_bytes())["state"] == "ended"
