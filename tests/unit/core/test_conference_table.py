"""Every state of a party meets everything that can happen to it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from telephony.conference import PARTY_TRANSITIONS, Conference, Participant, PartyState, PartyTrigger, move
from tests.support.fake_asterisk import NOW

TABLE = """
          rings   answers joins  holds goes
dialling  ringing joining joined .     left
ringing   .       joining joined .     left
joining   .       .       joined .     left
joined    .       .       .      held  left
held      .       .       joined .     left
left      .       .       .      .     .
"""


def cells() -> list[tuple[PartyState, PartyTrigger, str]]:
    header, *rows = [line.split() for line in TABLE.strip().splitlines()]
    assert [PartyTrigger(name) for name in header] == list(PartyTrigger)
    assert [PartyState(row[0]) for row in rows] == list(PartyState)
    return [
        (PartyState(row[0]), PartyTrigger(name), cell)
        for row in rows
        for name, cell in zip(header, row[1:], strict=True)
    ]


@pytest.mark.parametrize(("state", "trigger", "cell"), cells())
def test_given_any_state_when_anything_happens_then_only_the_table_changes_it(
    state: PartyState, trigger: PartyTrigger, cell: str
) -> None:
    before = Participant("target", "u1", "", state=state, muted=True)
    after = move(before, trigger, NOW)

    assert ((state, trigger) in PARTY_TRANSITIONS) is (cell != ".")
    if cell == ".":
        assert after is before
        return
    assert after.state is PartyState(cell)
    assert (after.left_at == NOW) is (cell == "left")
    assert (after.joined_at == NOW) is (cell == "joined")
    assert not after.muted  # Asterisk's room mutes for one stay only


def test_given_a_held_party_when_it_comes_back_then_it_keeps_the_time_of_its_first_coming() -> None:
    later = NOW + timedelta(seconds=5)
    held = move(move(Participant("p", "u", ""), PartyTrigger.JOINS, NOW), PartyTrigger.HOLDS, later)

    assert move(held, PartyTrigger.JOINS, later).joined_at == NOW


def test_parties_are_found_by_id_and_by_channel_and_replaced_in_their_place() -> None:
    caller, seat = Participant("caller", "u1", "c"), Participant("seat", "u2", "s", state=PartyState.JOINED)
    room = Conference("h1", "c1", NOW, (caller, seat))
    left = move(caller, PartyTrigger.GOES, NOW)

    assert (room.party("seat"), room.party("p4")) == (seat, None)
    assert (room.by_uniqueid("u1"), room.by_uniqueid("u3")) == (caller, None)
    assert room.put(left).parties == (left, seat)
    assert room.put(Participant("target", "u3", "")).parties[2].id == "target"
    assert room.present == (seat,)


def test_a_room_is_over_when_everybody_who_was_expected_has_left() -> None:
    parties = tuple(Participant(name, name, "", state=PartyState.JOINED) for name in ("caller", "seat", "target"))
    room = Conference("h1", "c1", NOW, parties)
    for party in parties:
        assert not room.over
        room = room.put(move(party, PartyTrigger.GOES, NOW))

    assert room.over and room.present == ()


def test_added_parties_get_names_that_were_never_used() -> None:
    three = tuple(Participant(name, name, "") for name in ("caller", "seat", "target"))
    room = Conference("h1", "c1", NOW, three)

    assert Conference("h1", "c1", NOW).next_party_id() == "p4"
    assert room.next_party_id() == "p4"
    assert room.put(Participant("p4", "u", "")).next_party_id() == "p5"
