"""What the HTTP side puts on the ledger: sign-ins, reads of numbers; and corrections."""

from __future__ import annotations

from typing import Any

import pytest

from records.notes import Note
from tests.support.hall import CALL, PASSWORD, Hall
from tests.support.records import a_handoff, ended
from tests.unit.api.test_problems import is_problem

pytestmark = pytest.mark.asyncio


async def notes(hall: Hall, kind: str) -> list[Note]:
    """As they were written, oldest first."""
    hall.services.journal.flush()
    assert await hall.writer.flush(20)
    return [note for note in hall.store.notes.values() if note.kind == kind]


async def test_sign_ins_and_sign_outs_are_noted_and_so_are_failures(hall: Hall) -> None:
    answer = await hall.http.post("/v1/sessions", json={"user": "shen", "password": PASSWORD})
    who = {"Authorization": f"Bearer {answer.json()['token']}"}
    await hall.http.delete("/v1/sessions/current", headers=who)
    await hall.http.post("/v1/sessions", json={"user": "shen", "password": "wrong"})
    await hall.http.post("/v1/sessions", json={"user": "my password, typed too early", "password": "x"})
    seat = await hall.http.post("/v1/seats/2101/sign-in", json={"user": "fang", "password": PASSWORD})
    at_seat = {"Authorization": f"Bearer {seat.json()['token']}"}
    await hall.http.post("/v1/seats/2101/sign-out", headers=at_seat)

    found = await notes(hall, "sign-in")
    assert [(note.subject, note.body["event"], note.body.get("seat")) for note in found] == [
        ("shen", "in", None),
        ("shen", "out", None),
        ("shen", "failed", None),
        ("unknown", "failed", None),
        ("fang", "in", "2101"),
        ("fang", "out", "2101"),
    ]
    assert all(PASSWORD not in str(note) and "typed too early" not in str(note) for note in found)


async def test_given_a_supervisor_signs_somebody_out_then_it_is_noted_who_did(hall: Hall) -> None:
    await hall.http.post("/v1/seats/2101/sign-in", json={"user": "fang", "password": PASSWORD})
    await hall.http.post("/v1/seats/2101/sign-out", headers=hall.as_person("ban"))

    last = (await notes(hall, "sign-in"))[-1]
    assert (last.subject, last.actor, last.body["event"]) == ("fang", "ban", "out")


async def test_reads_of_full_numbers_are_noted_once_for_each_reader_and_masked_ones_are_not(hall: Hall) -> None:
    await hall.with_call()
    for who in (hall.as_person("ban"), hall.as_person("ban"), hall.as_person("shen"), hall.as_program()):
        await hall.http.get("/v1/calls/live", headers=who)
        await hall.http.get(f"/v1/calls/{CALL}", headers=who)

    found = await notes(hall, "number-read")
    assert {(note.actor, str(note.body)) for note in found} == {
        ("ban", f"{{'read': {{'call': ['{CALL}']}}}}"),
        ("key:city", f"{{'read': {{'call': ['{CALL}']}}}}"),
    }
    hall.clock.pass_by(minutes=11)
    await hall.http.get(f"/v1/calls/{CALL}", headers=hall.as_person("ban"))
    assert len(await notes(hall, "number-read")) == 3


# --- corrections -----------------------------------------------------------------------------------------------------


async def an_ended_handoff(hall: Hall) -> str:
    handoff = ended(a_handoff(category_id="traffic"))
    await hall.store.save_handoff(handoff)
    return handoff.id


async def correct(hall: Hall, handoff_id: str, user: str, **body: Any) -> Any:
    fields = {"field": "category_id", "value": "noise", "reason": "选错类别", **body}
    return await hall.http.post(f"/v1/handoffs/{handoff_id}/corrections", json=fields, headers=hall.as_person(user))


async def test_given_a_live_handoff_when_corrected_then_refused(hall: Hall) -> None:
    await hall.with_call()
    handoff_id = (await hall.hand_over(hall.as_person("fang", seat="2101"))).json()["id"]

    is_problem(await correct(hall, handoff_id, "ban"), "not-correctable")


async def test_given_an_ended_handoff_when_corrected_then_the_record_shows_it_with_its_history(hall: Hall) -> None:
    handoff = await an_ended_handoff(hall)
    answer = await correct(hall, handoff, "shen")

    record = answer.json()
    assert answer.status_code == 200
    assert record["category_id"] == "noise"
    correction = record["corrections"][0]
    assert (correction["field"], correction["before"], correction["value"]) == ("category_id", "traffic", "noise")
    assert (correction["reason"], correction["by"]) == ("选错类别", "shen")
    kept = await hall.store.handoff(handoff)
    assert kept is not None
    assert kept.category_id == "noise"
    again = await correct(hall, handoff, "ban")
    is_problem(again, "not-correctable")
    is_problem(await correct(hall, handoff, "fang"), "not-allowed")
    is_problem(await correct(hall, handoff, "ban", field="original_caller"), "invalid-request")
    is_problem(await correct(hall, handoff, "ban", field="outcome"), "invalid-request")
    is_problem(await correct(hall, handoff, "ban", field="accepted_by", value="nobody"), "unknown-acceptor")
    is_problem(await correct(hall, "no-such", "ban"), "handoff-not-found")
