"""Orders over the API, and those that handoffs make."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from records.notes import Note
from tests.support.hall import CALL, CALLER, Hall

pytestmark = pytest.mark.asyncio

ORDER = {"to": "12345", "from_line": "110", "content": f"路灯不亮，回拨 {CALLER}", "category_id": "byn-a01"}


async def opened(
    hall: Hall, *, key: str = "press-1", who: dict[str, str] | None = None, **changes: Any
) -> httpx.Response:
    headers = {**(who or hall.as_person("fang", seat="2101")), "Idempotency-Key": key}
    return await hall.http.post("/v1/orders", headers=headers, json={**ORDER, **changes})


async def acted(hall: Hall, order: str, act: str, **detail: Any) -> httpx.Response:
    return await hall.http.post(f"/v1/orders/{order}/{act}", headers=hall.as_person("ban"), json=detail)


@pytest.mark.shows(21, 27, 30, 86, 92)
async def test_an_order_goes_its_whole_way(hall: Hall) -> None:
    answer = await opened(hall)
    (order,) = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/orders/{order['id']}"
    assert (order["state"], order["owner"], order["rule"]) == ("sent", "110", "T14")

    early = await acted(hall, order["id"], "return", reason="不归我们")
    assert (early.status_code, early.json()["type"]) == (409, "urn:hotline:problem:order-first-action-missing")

    for act, detail in (
        ("acknowledge", {}),
        ("accept", {}),
        ("first-action", {"result": "已到场"}),
        ("progress", {}),
        ("extend", {"reason": "待料", "until": "2099-01-01T00:00:00Z"}),
        ("feedback", {"result": "已联系"}),
        ("close", {"outcome": "已修好"}),
        ("call-back", {"result": "满意"}),
        ("rate", {"rating": 5}),
    ):
        done = await acted(hall, order["id"], act, **detail)
        assert done.status_code == 200, (act, done.text)
    final = (await hall.http.get(f"/v1/orders/{order['id']}", headers=hall.as_person("shen"))).json()
    assert (final["state"], final["owner"], final["allowed"], final["revision"]) == ("rated", "12345", [], 9)
    assert final["due_at"] == "2099-01-01T00:00:00.000Z"
    assert [each["act"] for each in final["history"]][:2] == ["acknowledge", "accept"]


async def test_the_same_key_again_opens_nothing_and_a_threat_goes_to_both(hall: Hall) -> None:
    first = (await opened(hall)).json()
    assert (await opened(hall, content="again")).json() == first

    both = await opened(hall, key="press-2", to="110", from_line="12345", category_id="byn-c02")
    assert [each["to_line"] for each in both.json()] == ["110", "属地政府"]
    listed = await hall.http.get("/v1/orders?open=true&limit=2", headers=hall.as_person("ban"))
    assert len(listed.json()["items"]) == 2 and listed.json()["next_cursor"]


@pytest.mark.shows(55)
async def test_an_overdue_order_has_a_slip_and_what_is_given_out_often_is_listed(hall: Hall) -> None:
    (order,) = (await opened(hall)).json()
    who = hall.as_person("ban")
    hall.clock.pass_by(hours=3)

    await hall.services.linkage.supervisor.round()

    told = (await hall.http.get(f"/v1/orders/{order['id']}/deadlines", headers=who)).json()
    assert [(each["timer"], each["state"], each["level"]) for each in told] == [
        ("feedback", "overdue", 1),
        ("close", "running", 0),
    ]
    assert (await acted(hall, order["id"], "supervise")).status_code == 409
    await acted(hall, order["id"], "dispute", reason="不归我们")
    await acted(hall, order["id"], "assign", unit="住建局")
    often = await hall.http.get("/v1/orders?open=true&assigned_at_least=2", headers=who)
    assert [each["id"] for each in often.json()["items"]] == [order["id"]]


async def test_consoles_are_told_of_every_change_and_alarmed_of_what_is_overdue(hall: Hall) -> None:
    notices: list[tuple[str, dict[str, Any]]] = []
    linkage = hall.services.linkage
    linkage._tell = lambda kind, **data: notices.append((kind, data))
    (order,) = (await opened(hall)).json()
    await opened(hall, content="again")
    await acted(hall, order["id"], "acknowledge")
    hall.clock.pass_by(hours=3)
    await linkage.supervisor.round()

    assert [kind for kind, _ in notices] == ["order", "order", "order", "alarm"]
    assert notices[1][1] == {"id": order["id"], "state": "acknowledged", "unit": "12345", "to_line": "12345"}
    assert notices[-1][1]["alarm"] == "order_overdue"
    assert CALLER not in str(notices)


@pytest.mark.shows(4, 47)
async def test_an_order_in_hand_is_told_to_110(hall: Hall) -> None:
    (order,) = (await opened(hall)).json()

    told = await acted(hall, order["id"], "escalate", reason="要动手")

    assert told.json()["police_order"]["linked_id"] == order["id"]
    linked = await hall.http.get(f"/v1/orders?linked_id={order['id']}", headers=hall.as_person("ban"))
    assert [each["to_line"] for each in linked.json()["items"]] == ["110"]


async def test_the_callers_number_comes_from_the_call_and_goes_out_only_to_who_may_see_it(hall: Hall) -> None:
    await hall.with_call()
    (order,) = (await opened(hall, call_id=CALL)).json()

    clear = await hall.http.get(f"/v1/orders/{order['id']}", headers=hall.as_person("ban"))
    masked = await hall.http.get(f"/v1/orders/{order['id']}", headers=hall.as_person("shen"))

    assert clear.json()["caller"] == CALLER and not clear.json()["numbers_masked"]
    assert CALLER not in masked.text and masked.json()["numbers_masked"]
    assert (await opened(hall, key="press-3", call_id="gone")).status_code == 404
    assert (await opened(hall, key="press-4", caller="13900000000")).status_code == 422


async def test_a_seat_of_one_of_its_lines_sees_the_number_of_the_order_that_it_opens_and_each_reading_is_noted(
    hall: Hall,
) -> None:
    await hall.with_call()
    (order,) = (await opened(hall, call_id=CALL, place=f"{CALLER} 家门口")).json()
    assert order["caller"] == CALLER
    seat_of = {"110": hall.as_person("li", seat="1101"), "12345": hall.as_person("fang", seat="2102")}
    for who in seat_of.values():
        one = await hall.http.get(f"/v1/orders/{order['id']}", headers=who)
        assert (one.json()["caller"], one.json()["numbers_masked"]) == (CALLER, False)
        assert CALLER not in (await hall.http.get("/v1/orders", headers=who)).text
    assert CALLER not in (await hall.http.get(f"/v1/orders/{order['id']}", headers=hall.as_person("li"))).text
    assert CALLER in (await hall.http.get("/v1/orders", headers=hall.as_person("ban"))).text
    assert CALLER not in (await hall.http.get("/v1/orders", headers=hall.as_person("shen"))).text
    typed = (await opened(hall, key="press-9", who=hall.as_person("ban"))).json()[0]["id"]

    read = {
        (note.actor, kind, id) for note in await notes(hall) for kind, ids in note.body["read"].items() for id in ids
    }
    assert {each for each in read if each[1] == "order"} == {
        ("fang", "order", order["id"]),
        ("li", "order", order["id"]),
        ("ban", "order", order["id"]),
        ("ban", "order", typed),
    }


async def notes(hall: Hall) -> list[Note]:
    hall.services.journal.flush()
    assert await hall.writer.flush(20)
    return [note for note in hall.store.notes.values() if note.kind == "number-read"]


async def test_an_order_is_no_way_to_read_the_callers_of_others(hall: Hall) -> None:
    await hall.with_call()
    for number, who in enumerate(
        (hall.as_person("fang", seat="2102"), hall.as_person("fang"), hall.as_program("police"))
    ):
        refused = await opened(hall, key=f"press-{number}", who=who, call_id=CALL)
        assert (refused.status_code, CALLER in refused.text) == (403, False)
    assert (await opened(hall, who=hall.as_person("ban"), call_id=CALL)).status_code == 201


async def test_what_was_pushed_by_mistake_is_taken_back(hall: Hall) -> None:
    (order,) = (await opened(hall)).json()

    taken_back = await acted(hall, order["id"], "withdraw", reason="误派")

    assert (taken_back.json()["state"], taken_back.json()["allowed"]) == ("withdrawn", [])
    times = await hall.http.get(f"/v1/orders/{order['id']}/deadlines", headers=hall.as_person("ban"))
    assert times.json() == []
    assert (await hall.http.get("/v1/orders?open=true", headers=hall.as_person("ban"))).json()["items"] == []


async def test_a_programs_key_has_its_own_lines_orders_only(hall: Hall) -> None:
    police = hall.as_program("police")
    (order,) = (await opened(hall, from_line="12345", to="供水公司")).json()

    assert (await hall.http.get(f"/v1/orders/{order['id']}", headers=police)).status_code == 403
    assert (await hall.http.get("/v1/orders", headers=police)).json()["items"] == []
    assert (await opened(hall, key="press-5", who=police, from_line="12345")).status_code == 403
    assert (await opened(hall, key="press-5", who=police)).status_code == 201
    gone = await hall.http.get("/v1/orders/gone", headers=hall.as_person("ban"))
    assert gone.json()["type"] == "urn:hotline:problem:order-not-found"


@pytest.mark.shows(3, 66)
async def test_a_handoff_has_its_order_before_the_target_rings(hall: Hall) -> None:
    await hall.with_call()
    working = asyncio.create_task(hall.services.linkage.orders.run())
    who = hall.as_person("fang", seat="2101")

    handoff = (await hall.hand_over(who, category_id="byn-b01", reason="打架")).json()
    async with asyncio.timeout(30):
        while not (
            found := (await hall.http.get(f"/v1/orders?handoff_id={handoff['id']}", headers=who)).json()["items"]
        ):
            await asyncio.sleep(0.01)

    async with asyncio.timeout(30):
        while not (now := (await hall.http.get(f"/v1/handoffs/{handoff['id']}", headers=who)).json())["order_ids"]:
            await asyncio.sleep(0.01)
    assert now["order_ids"] == [found[0]["id"]]
    assert now["state"] in ("requested", "redirected")
    assert [(each["kind"], each["to_line"], each["content"]) for each in found] == [("police", "110", "打架")]
    assert found[0]["call_id"] == CALL
    call = (await hall.http.get(f"/v1/calls/{CALL}", headers=who)).json()
    shown = {"id": found[0]["id"], "kind": "police", "state": "sent", "to_line": "110", "unit": "110"}
    assert call["orders"] == [shown]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
