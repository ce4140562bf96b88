"""回拨 over HTTP, on the real switchboard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony.callback import CallBack, CallBackState
from telephony.handoff import Step
from tests.support.fake_asterisk import NOW
from tests.support.hall import Hall
from tests.support.records import a_call_back
from tests.unit.api.test_problems import is_problem

NUMBER = "13800001111"


async def kept(hall: Hall, **about: object) -> CallBack:
    order = a_call_back(created_at=NOW, **about)
    await hall.store.save_all((order,))
    return order


@pytest.mark.asyncio
async def test_given_orders_then_they_are_listed_with_the_number_for_who_may_see_it(hall: Hall) -> None:
    order = await kept(hall, timeline=(Step(NOW, "fails", {"attempt": "1", "status": "BUSY"}),))
    await kept(hall, line="110", state=CallBackState.SERVED, ended_at=NOW)
    url = "/v1/call-backs?line=12345&state=waiting"

    (seen,) = (await hall.http.get(url, headers=hall.as_person("ban"))).json()["items"]
    assert (seen["id"], seen["original_caller"], seen["numbers_masked"]) == (order.id, NUMBER, False)
    assert seen["timeline"][0]["detail"]["status"] == "BUSY"
    (masked,) = (await hall.http.get(url, headers=hall.as_person("fang", seat="2101"))).json()["items"]
    assert (masked["original_caller"], masked["numbers_masked"]) == ("138****1111", True)
    is_problem(
        await hall.http.get(f"{url}&caller={NUMBER}", headers=hall.as_person("fang", seat="2101")), "not-allowed"
    )
    found = await hall.http.get(f"/v1/call-backs?caller={NUMBER}", headers=hall.as_person("ban"))
    assert len(found.json()["items"]) == 2


@pytest.mark.asyncio
async def test_given_a_seat_of_its_line_when_it_takes_one_then_it_sees_whom_it_will_talk_with(hall: Hall) -> None:
    order = await kept(hall)
    url = f"/v1/call-backs/{order.id}/take"
    is_problem(await hall.http.post(url, headers=hall.as_person("li", seat="1101")), "not-your-call")
    is_problem(await hall.http.post(url, headers=hall.as_person("ban")), "no-seat-to-ring")

    answer = await hall.http.post(url, headers=hall.as_person("fang", seat="2101"))

    assert (answer.status_code, answer.json()["wanted_by"]) == (202, "2101")
    assert answer.json()["original_caller"] == NUMBER
    one = (await hall.http.get(f"/v1/call-backs/{order.id}", headers=hall.as_person("fang", seat="2102"))).json()
    assert one["original_caller"] == "138****1111"


@pytest.mark.asyncio
async def test_given_a_reason_when_a_supervisor_cancels_one_then_it_stands_on_the_order_once(hall: Hall) -> None:
    order = await kept(hall)
    url, who = f"/v1/call-backs/{order.id}/cancel", hall.as_person("ban")

    answer = await hall.http.post(url, json={"reason": "已联系上 13800001111"}, headers=who)

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    step = answer.json()["timeline"][-1]
    assert (step["event"], step["detail"]["by"]) == ("cancelled", "ban")
    is_problem(await hall.http.post(url, json={"reason": "x"}, headers=who), "call-back-settled")
    is_problem(
        await hall.http.post("/v1/call-backs/none/cancel", json={"reason": "x"}, headers=who), "call-back-not-found"
    )
    as_seen = (await hall.http.get(f"/v1/call-backs/{order.id}", headers=hall.as_person("fang", seat="2101"))).json()
    assert NUMBER not in str(as_seen)


@pytest.mark.asyncio
async def test_given_one_that_is_given_up_and_a_refused_caller_then_prometheus_reads_of_both(hall: Hall) -> None:
    hall.services.metrics.call_back_unreached(a_call_back())
    hall.services.metrics.caller_refused("pstn", "12345")
    text = (await hall.http.get("/metrics")).text
    assert 'hotline_call_backs_unreached_total{line="12345"} 1.0' in text
    assert 'hotline_callers_refused_total{line="12345",trunk="pstn"} 1.0' in text


@pytest.mark.asyncio
async def test_given_a_program_bound_to_a_line_then_it_acts_for_that_line_alone(hall: Hall) -> None:
    ours, theirs = await kept(hall), await kept(hall, line="110")
    program = hall.as_program("police")
    is_problem(
        await hall.http.post(f"/v1/call-backs/{ours.id}/cancel", json={"reason": "x"}, headers=program), "not-your-call"
    )
    answer = await hall.http.post(f"/v1/call-backs/{theirs.id}/cancel", json={"reason": "x"}, headers=program)
    assert answer.json()["state"] == "cancelled"
    assert answer.json()["original_caller"] == NUMBER


@pytest.mark.asyncio
async def test_given_one_whose_caller_was_erased_then_it_has_no_number(hall: Hall) -> None:
    order = await kept(hall)
    await hall.store.save_all((replace(order, original_caller=None),))
    seen = (await hall.http.get(f"/v1/call-backs/{order.id}", headers=hall.as_person("ban"))).json()
    assert seen["original_caller"] is None
    url = f"/v1/call-backs/{order.id}/take"
    is_problem(await hall.http.post(url, headers=hall.as_person("fang", seat="2101")), "call-back-settled")
