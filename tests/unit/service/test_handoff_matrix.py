"""Every situation of a transfer meets everything that can happen in it.

The model of Asterisk tells the switchboard what the real one would (tests/support/model). A cell is what is on record
once all is told: ``=`` as if nothing had happened, ``.`` cannot happen there, ``!slug`` refused with that error. Else a
state, or an outcome and where the caller is: ``busy>seat`` has ended so, ``busy>...`` is still on the ladder,
``answered>target...`` goes on with the target.

In each cell, too: nobody is lost, no command is repeated, nothing is unknown while the link is up (``Switchroom``).
"""

from __future__ import annotations

from functools import cache

import pytest

from tests.support.model.transfer_scene import EVENTS, SITUATIONS, TOLD, WAYS, Event, Scene, described

UNANSWERED = """
                               asked                 moved                 rings                 both_ring
target_answers                 answered>target...    answered>target...    answered>target...    answered>target...
the_other_answers              .                     .                     .                     answered>target...
target_is_busy                 busy>seat             busy>seat             busy>seat             busy>seat
target_rejects                 rejected>seat         rejected>seat         rejected>seat         rejected>seat
target_is_out_of_service       unreachable>seat      unreachable>seat      unreachable>seat      unreachable>seat
one_phone_refuses              .                     .                     .                     =
nobody_answers                 no_answer>seat        no_answer>seat        no_answer>seat        no_answer>seat
a_seat_answers                 .                     .                     .                     .
caller_hangs_up                abandoned>gone        abandoned>gone        abandoned>gone        abandoned>gone
first_seat_hangs_up            =                     =                     =                     =
target_hangs_up                .                     .                     .                     .
target_hangs_up_at_once        .                     .                     .                     .
phones_hold_and_come_back      .                     .                     .                     .
phones_lose_their_registration =                     =                     =                     =
seat_presses_star_zero         cancelled>seat        cancelled>seat        cancelled>seat        cancelled>seat
seat_presses_a_feature_code    .                     .                     .                     .
seats_phone_refers             .                     .                     .                     .
link_is_lost                   unknown               unknown               unknown               unknown
link_is_lost_and_back          =                     =                     =                     =
service_dies_and_starts        =                     =                     =                     =
second_click                   !handoff-in-progress  !handoff-in-progress  !handoff-in-progress  !handoff-in-progress
another_seat_clicks            !not-your-call        !not-your-call        !not-your-call        !not-your-call
supervisor_clicks              !handoff-in-progress  !handoff-in-progress  !handoff-in-progress  !handoff-in-progress
three_way_is_asked_for         !handoff-in-progress  !handoff-in-progress  !handoff-in-progress  !handoff-in-progress
cancel                         cancelled>seat        cancelled>seat        cancelled>seat        cancelled>seat
cancel_as_target_answers       !handoff-settled      !handoff-settled      !handoff-settled      !handoff-settled
cancel_as_target_refuses       busy>seat             busy>seat             busy>seat             busy>seat
cancel_as_caller_hangs_up      abandoned>gone        abandoned>gone        abandoned>gone        abandoned>gone
complete                       =                     =                     =                     =
complete_as_target_refuses     busy>seat             busy>seat             busy>seat             busy>seat
fourth_is_asked_in             !conference-not-found !conference-not-found !conference-not-found !conference-not-found
they_decide                    !conference-not-found !conference-not-found !conference-not-found !conference-not-found
"""

RETURNING = """
                               back                  rung_again            queued                promised
target_answers                 .                     .                     .                     .
the_other_answers              .                     .                     .                     .
target_is_busy                 .                     .                     .                     .
target_rejects                 .                     .                     .                     .
target_is_out_of_service       .                     .                     .                     .
one_phone_refuses              .                     .                     .                     .
nobody_answers                 .                     =                     busy>call-back        .
a_seat_answers                 .                     busy>seat             busy>queue            .
caller_hangs_up                =                     busy>gone             busy>gone             =
first_seat_hangs_up            =                     .                     .                     .
target_hangs_up                .                     .                     .                     .
target_hangs_up_at_once        .                     .                     .                     .
phones_hold_and_come_back      =                     .                     .                     .
phones_lose_their_registration =                     =                     =                     =
seat_presses_star_zero         .                     .                     .                     .
seat_presses_a_feature_code    =                     .                     .                     .
seats_phone_refers             =                     .                     .                     .
link_is_lost                   =                     unknown               unknown               =
link_is_lost_and_back          =                     =                     =                     =
service_dies_and_starts        =                     =                     =                     =
second_click                   =                     !not-your-call        !not-your-call        !not-your-call
another_seat_clicks            !not-your-call        !not-your-call        !not-your-call        !not-your-call
supervisor_clicks              =                     !handoff-in-progress  !handoff-in-progress  !not-talking
three_way_is_asked_for         =                     !handoff-in-progress  !handoff-in-progress  !not-talking
cancel                         !handoff-settled      !handoff-settled      !handoff-settled      !handoff-settled
cancel_as_target_answers       .                     .                     .                     .
cancel_as_target_refuses       .                     .                     .                     .
cancel_as_caller_hangs_up      !handoff-settled      !handoff-settled      !handoff-settled      !handoff-settled
complete                       !handoff-settled      !handoff-settled      !handoff-settled      !handoff-settled
complete_as_target_refuses     .                     .                     .                     .
fourth_is_asked_in             !handoff-settled      !conference-not-found !conference-not-found !handoff-settled
they_decide                    !conference-not-found !conference-not-found !conference-not-found !conference-not-found
"""

TAKEN = """
                               answered              handed_on             ended
target_answers                 .                     =                     .
the_other_answers              .                     .                     .
target_is_busy                 .                     =                     .
target_rejects                 .                     =                     .
target_is_out_of_service       .                     =                     .
one_phone_refuses              .                     .                     .
nobody_answers                 .                     =                     .
a_seat_answers                 .                     .                     .
caller_hangs_up                answered>target       =                     .
first_seat_hangs_up            .                     .                     .
target_hangs_up                answered>target       =                     .
target_hangs_up_at_once        answered>...          =                     .
phones_hold_and_come_back      =                     .                     .
phones_lose_their_registration =                     =                     =
seat_presses_star_zero         .                     =                     .
seat_presses_a_feature_code    answered>target       .                     .
seats_phone_refers             answered>target       .                     .
link_is_lost                   unknown               =                     =
link_is_lost_and_back          =                     =                     =
service_dies_and_starts        =                     =                     =
second_click                   !not-your-call        !not-your-call        !call-not-found
another_seat_clicks            !not-your-call        !not-your-call        !call-not-found
supervisor_clicks              answered>target       !handoff-in-progress  !call-not-found
three_way_is_asked_for         answered>target       !handoff-in-progress  !call-not-found
cancel                         !handoff-settled      !handoff-settled      !handoff-settled
cancel_as_target_answers       .                     !handoff-settled      .
cancel_as_target_refuses       .                     !handoff-settled      .
cancel_as_caller_hangs_up      !handoff-settled      !handoff-settled      .
complete                       !handoff-settled      !handoff-settled      !handoff-settled
complete_as_target_refuses     .                     !handoff-settled      .
fourth_is_asked_in             !conference-not-found !handoff-settled      !handoff-settled
they_decide                    !conference-not-found !conference-not-found !conference-not-found
"""


def cells(*tables: str) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for table in tables:
        header, *rows = [line.split() for line in table.strip().splitlines()]
        for event, *row in rows:
            found |= {(event, situation): cell for situation, cell in zip(header, row, strict=True)}
    return found


TABLE = cells(UNANSWERED, RETURNING, TAKEN)


@cache
def nothing_happens(situation: str) -> str:
    return cell(situation, None, "heard")


def cell(situation: str, event: Event | None, way: str) -> str:
    """A refusal has to leave everything as if it had not been asked for."""
    scene = Scene()
    try:
        SITUATIONS[situation](scene)
        before, after = WAYS[way]
        before(scene)
        said = event(scene) if event else ""
        after(scene)
        scene.hear_all()
        scene.every_promise_is_kept()
        return said or described(scene.record)
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
