"""A caller who is handed on and on: each handoff has its own record, and the hop limit ends the loop with a human."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telephony.handoff import Mode, Outcome, Release, Resolution
from telephony.service import HandoffRequest
from tests.support.model.channels import At
from tests.support.model.transfer_scene import Scene
from tests.support.model.transfers import MAX_HOPS
from tests.unit.service.conftest import CHIEF


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.every_promise_is_kept()
    scene.close()


def test_given_two_lines_that_hand_a_caller_to_and_fro_then_the_hop_limit_ends_it_with_who_has_the_caller(
    scene: Scene,
) -> None:
    lines = ["110", "12345"] * MAX_HOPS
    for target in lines[:MAX_HOPS]:
        assert scene.click(target=target) == ""
        scene.plan.answer(scene.one(At.RINGING))
        scene.hear_all()
    assert scene.click(target=lines[MAX_HOPS]) == ""
    scene.hear_all()

    *taken, turned_down = scene.sink.newest.values()
    assert [(record.outcome, record.resolution) for record in taken] == [(Outcome.ANSWERED, Resolution.TARGET)] * 3
    assert [record.from_line for record in taken] == ["12345", "110", "12345"]
    assert (turned_down.outcome, turned_down.resolution) == (Outcome.REJECTED, Resolution.FIRST_SEAT)
    assert turned_down.timeline[1].detail["status"] == "LOOP"
    assert scene.plan.partners(scene.caller)[0].seat == "1101"


def test_given_a_line_whose_seats_all_ring_for_another_handoff_then_it_is_busy_and_the_caller_is_back(
    scene: Scene,
) -> None:
    other = scene.plan.arrive("13900002222", "12345", "2102")
    scene.hear_all()
    scene.click()
    assert [phone.seat for phone in scene.plan.rung_by(scene.caller)] == ["1101"]

    request = HandoffRequest(other.uniqueid, Mode.TRANSFER, "110", Release.ON_ANSWER)
    scene.answer_to(scene.board.start_handoff(request, CHIEF))
    scene.hear_all()

    record = next(record for record in scene.sink.newest.values() if record.call_id == other.uniqueid)
    assert (record.outcome, record.resolution) == (Outcome.BUSY, Resolution.FIRST_SEAT)
    assert scene.plan.partners(other)[0].seat == "2102"


def test_given_two_seats_that_click_for_their_own_calls_at_once_then_each_rings_its_own(scene: Scene) -> None:
    scene.plan.offline.discard("1102")
    other = scene.plan.arrive("13900002222", "12345", "2102")
    scene.hear_all()
    for call, target in ((scene.caller, "110"), (other, "120")):
        request = HandoffRequest(call.uniqueid, Mode.TRANSFER, target, Release.ON_ANSWER)
        scene.ask(scene.board.start_handoff(request, CHIEF))
    scene.hear_all()

    assert {record.target: record.state.value for record in scene.sink.newest.values()} == {
        "110": "ringing",
        "120": "ringing",
    }


@pytest.mark.parametrize("release", Release)
def test_given_a_caller_on_the_ladder_of_a_linked_number_then_the_line_that_was_first_takes_the_caller(
    scene: Scene, release: Release
) -> None:
    scene.click(target="120")
    scene.plan.answer(scene.one(At.RINGING))
    scene.hear_all()
    request = HandoffRequest(scene.caller.uniqueid, Mode.TRANSFER, "110", release)
    scene.answer_to(scene.board.start_handoff(request, CHIEF))
    if waiting := scene.doing(At.WAITING):
        scene.plan.hang_up(waiting[0])
    scene.plan.refuse(scene.one(At.RINGING, "1101"), 486)
    scene.hear_all()

    assert scene.caller.at is At.QUEUE
    assert {phone.seat for phone in scene.plan.rung_by(scene.caller)} == {"2101", "2102"}
