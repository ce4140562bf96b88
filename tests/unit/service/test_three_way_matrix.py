"""Every situation of a three-way call meets everything that can happen in it.

As in test_handoff_matrix; where there is a room, a cell says who is where: caller/seat/target, and whoever was added.
``in`` the room, ``held`` out of it, ``muted``, on the way ``to`` it, ``dial`` and ``ring`` for a phone, ``-`` gone.
"""

from __future__ import annotations

from functools import cache

import pytest

from tests.support.model.room_scene import EVENTS, SITUATIONS, TOLD, described
from tests.support.model.transfer_scene import WAYS, Event, Scene
from tests.unit.service.test_handoff_matrix import cells

RINGING = """
                            asked                      rings                      refused
third_answers               answered:in/in/in          answered:in/in/in          .
third_is_busy               busy>seat                  busy>seat                  .
third_does_not_answer       no_answer>seat             no_answer>seat             .
a_seat_answers              .                          .                          .
no_seat_answers             .                          .                          .
caller_hangs_up             abandoned>gone             abandoned>gone             =
seat_hangs_up               ringing:to/-/ring          ringing:to/-/ring          =
third_hangs_up              .                          .                          .
all_hang_up                 abandoned>gone             abandoned>gone             =
seat_presses_a_feature_code cancelled>seat             cancelled>seat             =
link_is_lost                unknown:to/to/dial         unknown:to/to/ring         =
link_is_lost_and_back       =                          =                          =
service_dies_and_starts     =                          =                          =
caller_is_put_on_hold       !handoff-not-answered      !handoff-not-answered      !handoff-settled
caller_is_taken_back        !handoff-not-answered      !handoff-not-answered      !handoff-settled
caller_is_muted             !handoff-not-answered      !handoff-not-answered      !handoff-settled
third_is_removed            cancelled>seat             cancelled>seat             !handoff-settled
seat_is_removed             !handoff-not-answered      !handoff-not-answered      !handoff-settled
fourth_is_asked_in          !handoff-not-answered      !handoff-not-answered      !handoff-settled
they_decide                 !not-your-call             !handoff-not-answered      !handoff-not-answered
cancel                      cancelled>seat             cancelled>seat             !handoff-settled
cancel_as_third_answers     !handoff-settled           !handoff-settled           .
cancel_as_third_refuses     !handoff-settled           !handoff-settled           .
complete                    !handoff-not-answered      !handoff-not-answered      !handoff-settled
complete_as_third_hangs_up  .                          .                          .
second_click                !handoff-in-progress       !handoff-in-progress       =
transfer_is_asked_for       !handoff-in-progress       !handoff-in-progress       =
"""

TOGETHER = """
                            joining                    together                   caller_held
third_answers               .                          .                          .
third_is_busy               .                          .                          .
third_does_not_answer       .                          .                          .
a_seat_answers              .                          .                          .
no_seat_answers             .                          .                          .
caller_hangs_up             answered:-/in/in           answered:-/in/in           answered:-/in/in
seat_hangs_up               answered:in/-/in           answered:in/-/in           answered:held/-/in
third_hangs_up              answered:in/in/-           answered:in/in/-           answered:held/in/-
all_hang_up                 answered>target            answered>target            answered>target
seat_presses_a_feature_code .                          .                          .
link_is_lost                unknown:to/to/to           unknown:in/in/in           unknown:held/in/in
link_is_lost_and_back       =                          =                          =
service_dies_and_starts     =                          =                          =
caller_is_put_on_hold       !handoff-not-answered      answered:held/in/in        =
caller_is_taken_back        !handoff-not-answered      =                          answered:in/in/in
caller_is_muted             !handoff-not-answered      answered:muted/in/in       !handoff-settled
third_is_removed            !handoff-not-answered      answered:in/in/-           answered:held/in/-
seat_is_removed             !handoff-not-answered      answered:in/-/in           answered:held/-/in
fourth_is_asked_in          answered:in/in/in/dial     answered:in/in/in/dial     answered:held/in/in/dial
they_decide                 =                          =                          =
cancel                      !handoff-settled           !handoff-settled           !handoff-settled
cancel_as_third_answers     .                          .                          .
cancel_as_third_refuses     .                          .                          .
complete                    answered:in/-/in           answered:in/-/in           answered:held/-/in
complete_as_third_hangs_up  answered>seat              answered>seat              answered:held/-/-
second_click                !handoff-in-progress       !handoff-in-progress       !handoff-in-progress
transfer_is_asked_for       !handoff-in-progress       !handoff-in-progress       !handoff-in-progress
"""

FEWER = """
                            caller_muted               third_gone                 seat_gone
third_answers               .                          .                          .
third_is_busy               .                          .                          .
third_does_not_answer       .                          .                          .
a_seat_answers              .                          .                          .
no_seat_answers             .                          .                          .
caller_hangs_up             answered:-/in/in           answered>seat              answered>target
seat_hangs_up               answered:muted/-/in        answered>seat              .
third_hangs_up              answered:muted/in/-        .                          answered>target
all_hang_up                 answered>target            answered>seat              answered>target
seat_presses_a_feature_code .                          .                          .
link_is_lost                unknown:muted/in/in        unknown:in/in/-            unknown:in/-/in
link_is_lost_and_back       =                          =                          =
service_dies_and_starts     =                          =                          =
caller_is_put_on_hold       answered:held/in/in        answered:held/in/-         answered:held/-/in
caller_is_taken_back        =                          =                          =
caller_is_muted             =                          answered:muted/in/-        answered:muted/-/in
third_is_removed            answered:muted/in/-        =                          answered>target
seat_is_removed             answered:muted/-/in        answered>seat              =
fourth_is_asked_in          answered:muted/in/in/dial  answered:in/in/-/dial      answered:in/-/in/dial
they_decide                 =                          =                          =
cancel                      !handoff-settled           !handoff-settled           !handoff-settled
cancel_as_third_answers     .                          .                          .
cancel_as_third_refuses     .                          .                          .
complete                    answered:muted/-/in        answered>seat              !handoff-settled
complete_as_third_hangs_up  answered>seat              .                          !handoff-settled
second_click                !handoff-in-progress       !handoff-in-progress       !handoff-in-progress
transfer_is_asked_for       !handoff-in-progress       !handoff-in-progress       !handoff-in-progress
"""

AFTERWARDS = """
                            alone                      over
third_answers               .                          .
third_is_busy               .                          .
third_does_not_answer       .                          .
a_seat_answers              answered>seat              .
no_seat_answers             =                          .
caller_hangs_up             answered>gone              .
seat_hangs_up               .                          .
third_hangs_up              .                          .
all_hang_up                 answered>gone              .
seat_presses_a_feature_code .                          .
link_is_lost                unknown:held/-/-           =
link_is_lost_and_back       =                          =
service_dies_and_starts     =                          =
caller_is_put_on_hold       !handoff-settled           !handoff-settled
caller_is_taken_back        !handoff-settled           !handoff-settled
caller_is_muted             !handoff-settled           !handoff-settled
third_is_removed            !handoff-settled           !handoff-settled
seat_is_removed             !handoff-settled           !handoff-settled
fourth_is_asked_in          !handoff-settled           !handoff-settled
they_decide                 =                          =
cancel                      !handoff-settled           !handoff-settled
cancel_as_third_answers     .                          .
cancel_as_third_refuses     .                          .
complete                    !handoff-settled           !handoff-settled
complete_as_third_hangs_up  .                          .
second_click                !handoff-in-progress       !call-not-found
transfer_is_asked_for       !handoff-in-progress       !call-not-found
"""

TABLE = cells(RINGING, TOGETHER, FEWER, AFTERWARDS)


@cache
def nothing_happens(situation: str) -> str:
    return cell(situation, None, "heard")


def cell(situation: str, event: Event | None, way: str) -> str:
    scene = Scene()
    try:
        SITUATIONS[situation](scene)
        scene.write()
        before, after = WAYS[way]
        before(scene)
        said = event(scene) if event else ""
        after(scene)
        scene.hear_all()
        scene.every_promise_is_kept()
        return said or described(scene)
    finally:
        scene.close()


def row(event: str, way: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for situation in SITUATIONS:
        if TABLE[event, situation] != "." or way == "heard":
            came = cell(situation, EVENTS[event], way)
            found[situation] = "=" if came == nothing_happens(situation) else came
    return found


def wanted(event: str, way: str) -> dict[str, str]:
    cells_of_event = {situation: TABLE[event, situation] for situation in SITUATIONS}
    return {each: cell for each, cell in cells_of_event.items() if cell != "." or way == "heard"}


def test_every_situation_has_a_cell_for_every_event() -> None:
    assert set(TABLE) == {(event, situation) for event in EVENTS for situation in SITUATIONS}


@pytest.mark.parametrize("way", ["heard", "every event told twice"])
@pytest.mark.parametrize("event", EVENTS)
def test_given_any_situation_when_anything_happens_then_the_record_says_what_came_of_it(event: str, way: str) -> None:
    assert row(event, way) == wanted(event, way)


@pytest.mark.parametrize("way", ["while the link is down", "while the service is dead"])
@pytest.mark.parametrize("event", [event.__name__ for event in TOLD])
def test_given_any_situation_when_it_happens_unheard_then_the_record_is_the_same(event: str, way: str) -> None:
    assert row(event, way) == wanted(event, way)
