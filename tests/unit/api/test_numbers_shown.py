"""Who sees a caller's number, and that nobody else finds it anywhere in an answer."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given

from api import views
from api.api_settings import ApiSettings
from api.views import Sight, Viewer
from telephony import events
from telephony.call import Call
from telephony.handoff import Handoff
from tests.support.fake_asterisk import NOW
from tests.support.hall import CALL, CALLER, Hall, open_hall
from tests.support.records import calls, handoffs
from tests.unit.api.conftest import Accounts

NOBODY = Viewer(sees_numbers=False)


async def a_handoff_with_traces(hall: Hall) -> str:
    await hall.with_call()
    answer = await hall.hand_over(hall.as_person("fang", seat="2101"), reason=f"回拨 {CALLER} 无人接")
    handoff_id: str = answer.json()["id"]
    leg, phone = "n-1.0-t", "PJSIP/1101-00000009"
    await hall.hears(
        events.ChannelCreated(NOW, leg, CALL, phone, "1101"),
        events.DialStarted(NOW, leg, CALL, phone, CALLER, handoff_id),
        events.ChannelAnswered(NOW, leg),
        events.HandoffReported(NOW, "answered", handoff_id, leg, CALL, seat="1101", shown=f"<sip:{CALLER}@10.0.0.1>"),
    )
    return handoff_id


@pytest.mark.asyncio
@pytest.mark.shows(90)
async def test_given_a_handoff_then_those_at_its_seats_and_supervisors_see_the_number_and_others_do_not(
    hall: Hall,
) -> None:
    handoff_id = await a_handoff_with_traces(hall)
    clear = {
        "the seat that handed over": hall.as_person("fang", seat="2101"),
        "the seat that took it": hall.as_person("li", seat="1101"),
        "supervisor": hall.as_person("ban"),
        "administrator": hall.as_person("guan"),
        "program": hall.as_program("city"),
        "program of a line that took part": hall.as_program("police"),
    }
    masked = {
        "auditor": hall.as_person("shen"),
        "a seat that had nothing to do with it": hall.as_person("fang", seat="2102"),
        "a person at no seat": hall.as_person("fang"),
    }
    for name, who in {**clear, **masked}.items():
        answer = await hall.http.get(f"/v1/handoffs/{handoff_id}", headers=who)
        record = answer.json()
        assert (CALLER in answer.text) is (name in clear), name
        assert record["numbers_masked"] is (name in masked), name
        assert record["original_caller"] == (CALLER if name in clear else "138****1111"), name


@pytest.mark.asyncio
async def test_given_a_call_then_its_seat_sees_the_number_and_an_auditor_does_not(hall: Hall) -> None:
    await hall.with_call()
    for path in (f"/v1/calls/{CALL}", "/v1/calls/live"):
        assert CALLER in (await hall.http.get(path, headers=hall.as_person("fang", seat="2101"))).text
        assert CALLER not in (await hall.http.get(path, headers=hall.as_person("shen"))).text


@pytest.mark.asyncio
async def test_given_the_city_lets_auditors_see_numbers_then_they_do(accounts: Accounts, tmp_path: Path) -> None:
    async with open_hall(*accounts, tmp_path, settings=ApiSettings(auditor_sees_numbers=True)) as hall:
        await hall.with_call()
        assert CALLER in (await hall.http.get(f"/v1/calls/{CALL}", headers=hall.as_person("shen"))).text


def findable(number: str | None) -> bool:
    return number is not None and re.fullmatch(r"\+?[0-9]{7,}", number) is not None


@given(handoffs)
def test_any_handoff_that_is_masked_holds_its_callers_numbers_nowhere(record: Handoff) -> None:
    shown = views.handoff(record, NOBODY)
    text = json.dumps([shown.original_caller, shown.caller_seen_by_target, shown.reason, *map(str, shown.timeline)])
    for number in filter(findable, (record.original_caller, record.caller_seen_by_target)):
        assert str(number) not in text


@given(calls)
def test_any_call_that_is_masked_holds_its_callers_number_nowhere(record: Call) -> None:
    shown = views.call(record, NOBODY)
    assert shown.caller_name is None
    if findable(record.original_caller):
        assert record.original_caller not in [shown.original_caller, *(leg.number for leg in shown.legs)]


@given(handoffs)
def test_any_handoff_that_is_not_masked_is_as_recorded(record: Handoff) -> None:
    shown = views.handoff(record, Viewer(sees_numbers=True))
    assert shown.original_caller == record.original_caller
    assert [step.detail for step in shown.timeline] == [dict(step.detail) for step in record.timeline]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("请回电13800001111谢谢", "请回电138****1111谢谢"),
        ("tel +86 138 0000 1111.", "tel +86****1111."),
        ("PJSIP/8001-00000012", "PJSIP/8001-00000012"),
        ("hall1-1795247990.41", "hall1-1795247990.41"),
        ("019aa5c2-7d3e-7c1a-9f0e-2b6d1a4c8e55", "019aa5c2-7d3e-7c1a-9f0e-2b6d1a4c8e55"),
        ("2026-11-21T08:00:00.123Z", "2026-11-21T08:00:00.123Z"),
        ("转 12345 或 110", "转 12345 或 110"),
    ],
)
def test_given_text_then_telephone_numbers_are_masked_and_the_rest_stays(text: str, shown: str) -> None:
    assert Sight(clear=False).text(text) == shown
