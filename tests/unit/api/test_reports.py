"""The reports: number proof of a day, and our records against Asterisk's own."""

from __future__ import annotations

import io
from collections.abc import MutableMapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from telephony import events
from telephony.cel import Row
from telephony.handoff import Outcome, Resolution, State, Step
from tests.support.fake_asterisk import NOW
from tests.support.hall import CALL, CALLER, Hall
from tests.support.records import a_handoff, ended

pytestmark = pytest.mark.asyncio

PHONE, LEG = "PJSIP/1101-00000003", "n-leg.3"


async def ringing(hall: Hall, *, shown: str) -> str:
    """A handoff whose target's phone rings and shows that number; its id."""
    await hall.with_call()
    handoff_id: str = (await hall.hand_over(hall.as_person("ban"))).json()["id"]
    await hall.hears(
        events.HandoffReported(NOW, "start", handoff_id, CALL, CALL, target="110"),
        events.ChannelCreated(NOW, LEG, CALL, PHONE, "1101"),
        events.DialStarted(NOW, LEG, CALL, PHONE, shown, handoff_id),
        events.DialRinging(NOW, LEG),
    )
    return handoff_id


async def test_given_a_target_that_sees_another_number_when_it_rings_then_it_is_red_everywhere_at_once(
    hall: Hall, logged: list[MutableMapping[str, Any]]
) -> None:
    handoff_id = await ringing(hall, shown="12345")
    await hall.writer.flush(2)

    assert "hotline_number_mismatches_total 1.0" in (await hall.http.get("/metrics")).text
    assert [entry["event"] for entry in logged].count("handoff.number_mismatch") == 1
    who = hall.as_person("ban")
    red = (await hall.http.get("/v1/handoffs", params={"number_mismatch": "true"}, headers=who)).json()["items"]
    assert [(each["id"], each["number_mismatch"]) for each in red] == [(handoff_id, True)]
    assert (await hall.http.get("/v1/handoffs?number_mismatch=false", headers=who)).json()["items"] == []

    report = (await hall.http.get("/v1/reports/number-proof", params={"day": "2026-11-21"}, headers=who)).json()
    assert (report["reached"], report["mismatched"], report["mismatched_ids"]) == (1, 1, [handoff_id])


async def test_given_a_target_that_sees_the_number_that_arrived_then_nothing_is_red(hall: Hall) -> None:
    await ringing(hall, shown=CALLER)
    await hall.writer.flush(2)

    assert "hotline_number_mismatches_total 0.0" in (await hall.http.get("/metrics")).text
    answer = await hall.http.get("/v1/reports/number-proof?day=2026-11-21", headers=hall.as_person("shen"))
    report = answer.json()
    assert (report["handoffs"], report["equal"], report["mismatched"]) == (1, 1, 0)
    assert (report["since"], report["until"]) == ("2026-11-20T16:00:00.000Z", "2026-11-21T16:00:00.000Z")


async def test_given_no_day_then_it_is_today_in_china(hall: Hall) -> None:
    hall.clock.time = NOW.replace(hour=17)  # one o'clock in the night there

    answer = await hall.http.get("/v1/reports/number-proof", headers=hall.as_person("shen"))

    assert answer.json()["day"] == (NOW.date() + timedelta(days=1)).isoformat()


async def test_given_no_comparison_yet_then_the_report_says_so(hall: Hall) -> None:
    answer = await hall.http.get("/v1/reports/reconciliation", headers=hall.as_person("shen"))

    assert answer.status_code == 200
    assert (answer.json()["at"], answer.json()["compared"], answer.json()["differences"]) == (None, 0, [])


async def test_given_a_page_or_a_workbook_then_differences_are_there_with_masked_numbers(hall: Hall) -> None:
    who = hall.as_person("ban")
    nothing = await hall.http.get("/v1/reports/reconciliation?format=page", headers=who)
    assert "尚未核对" in nothing.text

    began = NOW - timedelta(minutes=5)
    hall.own_record.append(Row(began - timedelta(hours=1), "CHAN_START", "x-1.1", "x-1.1", "PJSIP/pstn-1"))
    await hall.store.save_handoff(wrong := ended(a_handoff(created_at=began)))
    await hall.services.reconciliation.look()
    page = await hall.http.get("/v1/reports/reconciliation?format=page", headers=who)
    book = await hall.http.get("/v1/reports/reconciliation?format=xlsx", headers=who)

    assert wrong.id in page.text and "无法解释" in page.text
    assert "style-src 'sha256-" in page.headers["content-security-policy"]
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    assert any(wrong.id in row for row in sheet)


async def test_given_records_that_asterisk_does_not_confirm_then_each_is_told_once_with_what_explains_it(
    hall: Hall, logged: list[MutableMapping[str, Any]]
) -> None:
    before = NOW - timedelta(minutes=5)
    wrong = ended(a_handoff(created_at=before, timeline=(Step(before, "started"),)))
    refused = a_handoff(
        created_at=before,
        ended_at=before,
        state=State.ENDED,
        outcome=Outcome.FAILED,
        resolution=Resolution.FIRST_SEAT,
        timeline=(Step(before, "not_started"),),
    )
    hall.own_record.append(Row(before - timedelta(hours=1), "CHAN_START", "x-1.1", "x-1.1", "PJSIP/pstn-1"))
    for handoff in (wrong, refused):
        await hall.store.save_handoff(handoff)

    await hall.services.reconciliation.look()
    await hall.services.reconciliation.look()

    report = (await hall.http.get("/v1/reports/reconciliation", headers=hall.as_person("ban"))).json()
    assert report["compared"] == 2
    assert report["unexplained"] == 1
    found = {each["handoff_id"]: (each["field"], each["why"]) for each in report["differences"]}
    assert found == {wrong.id: ("record", None), refused.id: ("record", "never-reached")}
    metrics = (await hall.http.get("/metrics")).text
    assert "hotline_reconciliation_differences 1.0" in metrics
    last = metrics.partition("\nhotline_reconciliation_last_success_timestamp_seconds ")[2].partition("\n")[0]
    assert float(last) == NOW.timestamp()
    assert [entry["event"] for entry in logged].count("reconciliation.difference") == 1


async def test_given_a_difference_in_numbers_then_who_may_not_see_them_does_not(hall: Hall) -> None:
    began = NOW - timedelta(minutes=5)
    call = "n1-1.5"
    hall.own_record += [
        Row(began, "CHAN_START", call, call, "PJSIP/pstn-1", number="13900002222"),
        Row(began, "CallArrived", call, call, "PJSIP/pstn-1", extra={"extra": "110 110 13900002222 pstn"}),
        Row(began, "HandoffStep", call, call, "PJSIP/pstn-1", extra={"extra": f"start h-9 12345  {call} 1101"}),
        Row(began, "CHAN_END", call, call, "PJSIP/pstn-1"),
    ]
    record = replace(a_handoff(created_at=began), id="h-9", call_id=call, state=State.ENDED, ended_at=began)
    await hall.store.save_handoff(replace(record, outcome=Outcome.ABANDONED, resolution=Resolution.CALLER_HUNG_UP))
    await hall.services.reconciliation.look()

    async def numbers_for(user: str) -> tuple[str, str]:
        answer = await hall.http.get("/v1/reports/reconciliation", headers=hall.as_person(user))
        (found,) = answer.json()["differences"]
        assert found["field"] == "original_caller"
        return found["ours"], found["asterisk"]

    assert await numbers_for("ban") == ("13800001111", "13900002222")
    assert await numbers_for("shen") == ("138****1111", "139****2222")
