"""Our record of a handoff beside Asterisk's: what differs, and what explains it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from telephony.cel import Row, Written
from telephony.handoff import Decision, Handoff, Mode, Outcome, Resolution, State, Step
from telephony.reconcile import Difference, Why, differences, holds_a_number, rebuild
from tests.support.own_record import ANSWERED, CALLER, CHANNELS, NUMBER, PHONE, ROOM, SEAT, SHOWN, H, OwnRecord
from tests.support.records import NOON

LATER = NOON + timedelta(hours=1)
Tell = Callable[[OwnRecord], object]


def ours(**changes: object) -> Handoff:
    """The record of a transfer that the target took and that is over."""
    record = Handoff(
        H, CALLER, Mode.TRANSFER, "110", NOON, "n1", State.ENDED, Outcome.ANSWERED, Resolution.TARGET,
        original_caller=NUMBER, caller_seen_by_target=NUMBER, from_line="12345", from_seat="2101",
        target_channel=CHANNELS[PHONE], timeline=(Step(NOON, "started"),), ended_at=NOON + timedelta(minutes=1),
    )  # fmt: skip
    return replace(record, **changes)  # type: ignore[arg-type]  # the test's own words


def three_way(**changes: object) -> Handoff:
    return ours(**({"id": ROOM, "mode": Mode.CONFERENCE, "resolution": Resolution.FIRST_SEAT} | changes))


def refused(**changes: object) -> Handoff:
    about = {"outcome": Outcome.BUSY, "resolution": Resolution.FIRST_SEAT, "target_channel": None}
    return ours(**(about | changes))


def compared(
    tell: Tell,
    *records: Handoff,
    now: datetime = LATER,
    begins: datetime | None = NOON,
    torn: tuple[datetime, ...] = (),
) -> list[Difference]:
    story = OwnRecord()
    tell(story)
    return differences(rebuild(story.rows), {each.id: each for each in records}, Written((), begins, torn), now)


def told(found: list[Difference]) -> list[tuple[str, str, str, Why | None]]:
    return [(each.field, each.ours, each.asterisk, each.why) for each in found]


def over(record: OwnRecord) -> OwnRecord:
    return record.answered().ends(PHONE).ends(CALLER)


def test_records_that_say_the_same_have_no_difference() -> None:
    assert compared(over, ours()) == []
    assert compared(lambda r: r.refused().back().ends(SEAT).ends(CALLER), refused()) == []
    assert compared(lambda r: r.three_way().third_ends().ends(SEAT).ends(CALLER), three_way()) == []
    assert compared(lambda r: r.refused().handoff("queue {H} 110").ends(CALLER), refused(
        resolution=Resolution.CALLER_HUNG_UP, original_caller="+86" + NUMBER, caller_seen_by_target=None,
    )) == []  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field", "mine", "its"),
    [
        ({"call_id": "n1-1.1"}, "call_id", "n1-1.1", CALLER),
        ({"mode": Mode.CONFERENCE}, "mode", "conference", "transfer"),
        ({"target": "120"}, "target", "120", "110"),
        ({"from_line": None}, "from_line", "", "12345"),
        ({"resolution": Resolution.FIRST_SEAT}, "resolution", "first_seat", "target"),
        ({"state": State.ANSWERED, "ended_at": None}, "ended", "no", "yes"),
        ({"original_caller": None}, "original_caller", "", NUMBER),
        ({"caller_seen_by_target": "2101"}, "caller_seen_by_target", "2101", NUMBER),
        ({"target_channel": CHANNELS[SEAT]}, "talked_with", CHANNELS[SEAT], CHANNELS[PHONE]),
        ({"target_channel": None}, "talked_with", "", CHANNELS[PHONE]),
    ],
)
def test_each_field_that_differs_is_told_and_nothing_explains_it(
    changes: dict[str, object], field: str, mine: str, its: str
) -> None:
    assert told(compared(over, ours(**changes))) == [(field, mine, its, None)]


def test_an_outcome_that_differs_and_one_that_is_missing_are_told() -> None:
    found = told(compared(over, refused()))
    assert ("outcome", "busy", "answered", None) in found

    found = told(compared(over, ours(outcome=None, resolution=None)))
    assert ("outcomes", "0", "1", None) in found


def test_a_caller_who_is_said_to_be_back_with_a_seat_was_with_it() -> None:
    found = compared(lambda r: r.refused().back().ends(CALLER), refused(from_seat="2102"))
    assert told(found) == [("talked_with", "2102", CHANNELS[SEAT], None)]
    assert compared(lambda r: r.refused().back().ends(CALLER), refused(from_seat=None)) == []


def test_steps_that_contradict_the_channels_are_a_difference() -> None:
    found = compared(lambda r: r.rings().bridged(PHONE, CALLER, bridge="b1").ends(CALLER), refused())
    assert ("steps", "the target did not answer", f"it talked with the caller: {CHANNELS[PHONE]}", None) in told(found)


def test_what_somebody_decided_is_no_matter_of_channels() -> None:
    def tell(record: OwnRecord) -> None:
        record.three_way().third_ends().ends(SEAT).ends(CALLER)

    for accepted_by, resolution in (("110", Resolution.TARGET), ("12345", Resolution.FIRST_SEAT)):
        decision = Decision(accepted_by, "x", "fang", NOON)
        assert compared(tell, three_way(decision=decision, resolution=resolution)) == []
    by_itself = Decision("12345", "首接负责", None, NOON, automatic=True)
    assert compared(tell, three_way(decision=by_itself)) == []


def test_a_record_that_one_side_does_not_have_is_told() -> None:
    assert told(compared(over)) == [("record", "", "transfer to 110", None)]
    assert told(compared(lambda r: r, ours())) == [("record", "transfer to 110", "", None)]


def test_only_differences_in_numbers_hold_numbers() -> None:
    (number,) = compared(over, ours(original_caller="13900002222"))
    (field,) = compared(over, ours(from_line=None))
    assert holds_a_number(number)
    assert not holds_a_number(field)


# -------------------------------------------------------------- what explains a difference


@pytest.mark.parametrize(
    ("tell", "records", "now"),
    [
        (lambda r: r.answered(), (), LATER),
        (over, (), NOON + timedelta(seconds=37)),
        (lambda r: r, (ours(state=State.REQUESTED, ended_at=None),), LATER),
    ],
)
def test_what_goes_on_or_ended_just_now_is_on_its_way(tell: Tell, records: tuple[Handoff, ...], now: datetime) -> None:
    assert [each.why for each in compared(tell, *records, now=now)] == [Why.GOING_ON]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (ours(outcome=Outcome.FAILED, timeline=(Step(NOON, "not_started"),)), Why.NEVER_REACHED),
        (ours(outcome=Outcome.ABANDONED, timeline=(Step(NOON, "caller_gone"),)), Why.NEVER_REACHED),
        (ours(outcome=Outcome.FAILED, timeline=(Step(NOON, "started"),)), None),
        (ours(outcome=Outcome.BUSY, timeline=()), None),
    ],
)
def test_what_never_reached_asterisk_says_so_itself(record: Handoff, why: Why | None) -> None:
    assert [each.why for each in compared(lambda r: r, record)] == [why]


def test_a_record_from_before_the_file_begins_is_explained_and_one_without_any_file_is_not() -> None:
    assert [each.why for each in compared(lambda r: r, ours(), begins=NOON + timedelta(seconds=1))] == [Why.CEL_LATER]
    assert [each.why for each in compared(lambda r: r, ours(), begins=None)] == [None]
    assert [each.why for each in compared(over, begins=LATER)] == [None]


@pytest.mark.parametrize(
    ("torn", "why"),
    [
        (NOON - timedelta(seconds=2), None),
        (NOON + timedelta(seconds=30), Why.CEL_TORN),
        (NOON + timedelta(minutes=2), None),
    ],
)
def test_a_torn_row_explains_what_happened_about_then(torn: datetime, why: Why | None) -> None:
    assert [each.why for each in compared(lambda r: r, ours(), torn=(torn,))] == [why]
    assert [each.why for each in compared(over, ours(from_line=None), torn=(torn,))] == [why]


def test_rows_that_are_missing_explain_what_they_would_have_said() -> None:
    found = compared(lambda r: r.handoff("start {H} 110  {C} 2101    12345").row("CHAN_END", CALLER), ours())
    assert {each.why for each in found} == {Why.CEL_TORN}


def test_when_asterisk_died_what_it_did_not_write_is_explained() -> None:
    def tell(record: OwnRecord) -> None:
        record.rings().row("CHAN_START", "n1-1795309999.0")

    found = compared(tell, refused(outcome=Outcome.ABANDONED))
    assert {each.why for each in found} == {Why.ASTERISK_ENDED}
    assert {each.field for each in found} == {"outcome", "resolution", "ended"}


def test_when_asterisk_was_restarted_and_no_call_came_since_the_record_says_it() -> None:
    gone = Step(NOON, "caller_gone", {"reason": "asterisk-restarted"})
    found = compared(lambda r: r.rings(), refused(outcome=Outcome.FAILED, timeline=(gone,)))
    assert {each.why for each in found} == {Why.ASTERISK_ENDED}


def test_answers_and_ends_in_the_same_moment_may_be_told_in_either_order() -> None:
    def answered_and_gone(record: OwnRecord) -> None:
        record.rings().answers(PHONE).at_once().handoff(ANSWERED, PHONE).ends(PHONE).slowly().ends(CALLER)

    assert told(compared(answered_and_gone, ours())) == [("talked_with", CHANNELS[PHONE], "", Why.SAME_MOMENT)]

    def third_too_late(record: OwnRecord) -> None:
        record.dials_third().answers(PHONE).at_once()
        record.ends(CALLER).conference("answered {R} target 110 ANSWER {P} 1101   " + SHOWN, PHONE)
        record.slowly().third_ends().ends(SEAT)

    found = compared(third_too_late, three_way())
    assert {each.field: each.why for each in found} == {
        "outcome": Why.SAME_MOMENT,
        "resolution": Why.SAME_MOMENT,
        "talked_with": Why.SAME_MOMENT,
    }
    assert ("outcome", None) in [(each.field, each.why) for each in compared(third_too_late, three_way(
        outcome=Outcome.BUSY, target_channel=None,
    ))]  # fmt: skip


def test_a_lost_link_explains_what_the_record_left_open_and_nothing_else() -> None:
    gap = (Step(NOON, "started"), Step(NOON, "link_lost"))

    def whys(**changes: object) -> dict[str, Why | None]:
        return {each.field: each.why for each in compared(over, ours(timeline=gap, **changes))}

    assert whys(caller_seen_by_target=None) == {"caller_seen_by_target": Why.LINK_DOWN}
    assert whys(caller_seen_by_target="2101") == {"caller_seen_by_target": None}
    assert whys(from_line="119") == {"from_line": None}


def test_the_row_of_a_foreign_call_changes_nothing() -> None:
    other = Row(NOON, "CHAN_START", "n1-1.1", "n1-1.1", "PJSIP/pstn-1")
    story = OwnRecord()
    over(story)
    assert differences(rebuild([other, *story.rows]), {H: ours()}, Written(()), LATER) == []
