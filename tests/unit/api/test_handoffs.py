"""一键转接 over HTTP, on the real switchboard."""

import asyncio
from typing import Any

import pytest
from uuid6 import uuid7

from telephony import commands, events
from telephony.errors import AmiActionFailed, AmiTimeout
from tests.support.fake_asterisk import NOW, talking_call
from tests.support.hall import CALL, CALLER, Hall
from tests.unit.api.test_problems import is_problem


def transfers(hall: Hall) -> list[commands.Transfer]:
    return [command for command in hall.asterisk.commands if isinstance(command, commands.Transfer)]


async def ringing_and_answered(hall: Hall, handoff_id: str) -> None:
    """Seat 1101 of line 110 takes the caller."""
    leg, phone = "n-1.0-t", "PJSIP/1101-00000009"
    await hall.hears(
        events.HandoffReported(NOW, "start", handoff_id, CALL, CALL, via="api", target="110"),
        events.ChannelCreated(NOW, leg, CALL, phone, "1101"),
        events.DialStarted(NOW, leg, CALL, phone, CALLER, handoff_id),
        events.DialRinging(NOW, leg),
        events.ChannelAnswered(NOW, leg),
        events.HandoffReported(NOW, "answered", handoff_id, leg, CALL, seat="1101", shown=f"<sip:{CALLER}@10.0.0.1>"),
    )


@pytest.mark.asyncio
async def test_given_a_seat_with_a_call_when_it_hands_over_then_202_with_the_record_and_its_address(hall: Hall) -> None:
    await hall.with_call()
    answer = await hall.hand_over(hall.as_person("fang", seat="2101"), reason="夜间噪音")
    assert answer.status_code == 202
    record = answer.json()
    assert answer.headers["location"] == f"/v1/handoffs/{record['id']}"
    assert (record["call_id"], record["mode"], record["target"]) == (CALL, "transfer", "110")
    assert (record["state"], record["outcome"], record["release"]) == ("requested", None, "on_answer")
    assert (record["original_caller"], record["original_caller_e164"]) == (CALLER, "+8613800001111")
    assert (record["requested_by"], record["from_seat"], record["from_line"]) == ("fang", "2101", "12345")
    assert (record["created_at"], record["numbers_masked"]) == ("2026-11-21T08:00:00.000Z", False)
    assert [(transfer.target, transfer.handoff_id) for transfer in transfers(hall)] == [("110", record["id"])]


@pytest.mark.asyncio
async def test_given_the_target_answers_then_the_record_has_outcome_timeline_and_what_was_seen(hall: Hall) -> None:
    await hall.with_call()
    who = hall.as_person("fang", seat="2101")
    handoff_id = (await hall.hand_over(who)).json()["id"]
    await ringing_and_answered(hall, handoff_id)
    record = (await hall.http.get(f"/v1/handoffs/{handoff_id}", headers=who)).json()
    assert (record["state"], record["outcome"], record["resolution"]) == ("answered", "answered", "target")
    assert (record["caller_seen_by_target"], record["number_mismatch"]) == (CALLER, False)
    assert [step["event"] for step in record["timeline"]] == ["started", "rings", "answers"]
    assert set(record["durations_ms"]) == {"to_ringing", "to_answer"}


@pytest.mark.asyncio
async def test_given_the_same_key_again_then_the_same_handoff_and_nothing_is_sent_twice(hall: Hall) -> None:
    await hall.with_call()
    who = hall.as_person("fang", seat="2101")
    answers = await asyncio.gather(*(hall.hand_over(who, key="press-1") for _ in range(3)))
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(transfers(hall)) == 1


@pytest.mark.asyncio
async def test_given_the_same_key_for_another_request_then_422(hall: Hall) -> None:
    await hall.with_call()
    who = hall.as_person("fang", seat="2101")
    await hall.hand_over(who, key="press-1")
    is_problem(await hall.hand_over(who, key="press-1", target="120"), "idempotency-key-reused")


@pytest.mark.asyncio
async def test_given_no_key_then_400_and_nothing_is_sent(hall: Hall) -> None:
    await hall.with_call()
    body = {"call_id": CALL, "mode": "transfer", "target": "110"}
    answer = await hall.http.post("/v1/handoffs", json=body, headers=hall.as_person("fang", seat="2101"))
    is_problem(answer, "idempotency-key-missing")
    assert transfers(hall) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["x" * 201, "with space", "键".encode()], ids=["long", "space", "chinese"])
async def test_given_a_key_of_another_shape_then_422(hall: Hall, key: Any) -> None:
    await hall.with_call()
    is_problem(await hall.hand_over(hall.as_person("fang", seat="2101"), key=key), "invalid-request")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"mode": "teleport"}, "body.mode"),
        ({"target": "110\r\nAction: Originate"}, "body.target"),
        ({"call_id": ""}, "body.call_id"),
        ({"release": "later"}, "body.release"),
        ({"reason": "bell \x07"}, "body.reason"),
        ({"original_caller": "110"}, "body.original_caller"),
    ],
)
async def test_given_a_field_that_is_wrong_then_422_names_it(hall: Hall, about: dict[str, str], field: str) -> None:
    await hall.with_call()
    document = is_problem(await hall.hand_over(hall.as_person("fang", seat="2101"), **about), "invalid-request")
    assert [fault["field"] for fault in document["errors"]] == [field]
    assert transfers(hall) == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("about", "slug"),
    [
        ({"call_id": "n-9.9"}, "call-not-found"),
        ({"target": "911"}, "unknown-target"),
        ({"target": "12345"}, "target-has-call"),
        ({"mode": "push"}, "mode-not-supported"),
    ],
)
async def test_given_what_cannot_be_done_then_the_problem_says_why(
    hall: Hall, about: dict[str, str], slug: str
) -> None:
    await hall.with_call()
    is_problem(await hall.hand_over(hall.as_person("fang", seat="2101"), **about), slug)


@pytest.mark.asyncio
async def test_given_anothers_call_then_a_seat_is_refused_and_a_supervisor_is_not(hall: Hall) -> None:
    await hall.with_call()
    is_problem(await hall.hand_over(hall.as_person("li", seat="1101")), "not-your-call")
    is_problem(await hall.hand_over(hall.as_person("fang")), "not-your-call")
    assert (await hall.hand_over(hall.as_person("ban"))).status_code == 202


@pytest.mark.asyncio
async def test_given_a_key_of_one_line_then_it_hands_over_calls_of_that_line_only(hall: Hall) -> None:
    await hall.with_call()
    is_problem(await hall.hand_over(hall.as_program("police")), "not-your-call")
    await hall.with_call("n-2.0", line="110", seat="1101")
    answer = await hall.hand_over(hall.as_program("police"), call_id="n-2.0", target="12345")
    assert answer.status_code == 202
    assert answer.json()["requested_by"] == "key:police"


@pytest.mark.asyncio
async def test_given_a_key_of_one_line_then_it_steers_handoffs_from_or_to_that_line_only(hall: Hall) -> None:
    await hall.with_call()
    handoff_id = (await hall.hand_over(hall.as_person("fang", seat="2101"), target="120")).json()["id"]
    complete = f"/v1/handoffs/{handoff_id}/complete"
    is_problem(await hall.http.post(complete, headers=hall.as_program("police")), "not-your-call")
    assert (await hall.http.post(complete, headers=hall.as_program("city"))).status_code == 202


@pytest.mark.asyncio
async def test_given_a_handoff_under_way_then_a_second_press_with_a_new_key_is_409(hall: Hall) -> None:
    await hall.with_call()
    who = hall.as_person("fang", seat="2101")
    await hall.hand_over(who)
    is_problem(await hall.hand_over(who, target="120"), "handoff-in-progress")


@pytest.mark.asyncio
async def test_given_asterisk_refuses_then_the_record_says_failed_and_the_caller_stays(
    hall: Hall,
) -> None:
    await hall.with_call()
    hall.asterisk.refuse = AmiActionFailed("Redirect", "Permission denied", {})
    record = (await hall.hand_over(hall.as_person("fang", seat="2101"))).json()
    assert (record["state"], record["outcome"], record["resolution"]) == ("ended", "failed", "first_seat")


@pytest.mark.asyncio
async def test_given_asterisk_may_have_done_it_then_the_record_is_unknown_and_nothing_is_repeated(hall: Hall) -> None:
    await hall.with_call()
    hall.asterisk.refuse = AmiTimeout("no answer within 5 s")
    answer = await hall.hand_over(hall.as_person("fang", seat="2101"))
    assert (answer.status_code, answer.json()["state"]) == (202, "unknown")
    assert len(transfers(hall)) == 1


@pytest.mark.asyncio
async def test_given_the_link_is_down_then_503_and_the_caller_is_as_before(hall: Hall) -> None:
    await hall.with_call()
    await hall.hears(events.LinkLost(NOW, "test"))
    is_problem(await hall.hand_over(hall.as_person("fang", seat="2101")), "ami-not-connected")


@pytest.mark.asyncio
async def test_given_the_database_is_away_then_the_caller_is_handed_over_all_the_same(hall: Hall) -> None:
    await hall.with_call()
    hall.store.away = True
    answer = await hall.hand_over(hall.as_person("fang", seat="2101"))
    assert answer.status_code == 202
    assert len(transfers(hall)) == 1


@pytest.mark.asyncio
async def test_given_a_ringing_target_when_cancelled_then_the_record_comes_back(hall: Hall) -> None:
    await hall.with_call()
    who = hall.as_person("fang", seat="2101")
    handoff_id = (await hall.hand_over(who)).json()["id"]
    cancelling = asyncio.create_task(hall.http.delete(f"/v1/handoffs/{handoff_id}", headers=who))
    await hall.asterisk.asked(commands.CancelTransfer)
    await hall.hears(
        events.BridgeLeft(NOW, CALL, "b1"),
        events.BridgeLeft(NOW, f"{CALL}-s", "b1"),
        events.HandoffReported(NOW, "start", handoff_id, CALL, CALL, via="api", target="110"),
        events.HandoffReported(NOW, "result", handoff_id, CALL, CALL, status="CANCELLED"),
        events.HandoffReported(NOW, "back", handoff_id, CALL, CALL, seat="2101"),
        events.BridgeEntered(NOW, f"{CALL}-s", "b2"),
        events.BridgeEntered(NOW, CALL, "b2"),
    )
    answer = await cancelling
    assert answer.status_code == 202
    assert (answer.json()["outcome"], answer.json()["resolution"]) == ("cancelled", "first_seat")


@pytest.mark.asyncio
async def test_given_an_answered_handoff_then_it_is_too_late_to_cancel(hall: Hall) -> None:
    await hall.with_call()
    who = hall.as_person("fang", seat="2101")
    handoff_id = (await hall.hand_over(who)).json()["id"]
    await ringing_and_answered(hall, handoff_id)
    is_problem(await hall.http.delete(f"/v1/handoffs/{handoff_id}", headers=who), "handoff-settled")


@pytest.mark.asyncio
async def test_given_a_handoff_that_rings_when_completed_then_the_seat_is_let_go(hall: Hall) -> None:
    await hall.with_call()
    who = hall.as_person("fang", seat="2101")
    handoff_id = (await hall.hand_over(who)).json()["id"]
    answer = await hall.http.post(f"/v1/handoffs/{handoff_id}/complete", headers=who)
    assert answer.status_code == 202
    assert isinstance(hall.asterisk.commands[-1], commands.ReleaseSeat)


@pytest.mark.asyncio
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/complete")])
async def test_given_a_handoff_that_never_was_then_404(hall: Hall, method: str, path: str) -> None:
    answer = await hall.http.request(method, f"/v1/handoffs/{uuid7()}{path}", headers=hall.as_person("ban"))
    is_problem(answer, "handoff-not-found")


# --- the list --------------------------------------------------------------------------------------------------------


async def three_handoffs(hall: Hall) -> list[str]:
    made = []
    for number in range(3):
        call_id = f"n-{number}.7"
        await hall.hears(*talking_call(call_id, caller=f"1380000{number}222", line="12345", seat="2101"))
        made.append((await hall.hand_over(hall.as_person("ban"), call_id=call_id)).json()["id"])
        hall.clock.pass_by(seconds=1)
    assert await hall.writer.flush(2)
    return made


@pytest.mark.asyncio
async def test_given_three_handoffs_then_pages_are_newest_first_and_the_cursor_leads_on(hall: Hall) -> None:
    made, who = await three_handoffs(hall), hall.as_person("ban")
    first = (await hall.http.get("/v1/handoffs?limit=2", headers=who)).json()
    assert [record["id"] for record in first["items"]] == [made[2], made[1]]
    rest = (await hall.http.get(f"/v1/handoffs?limit=2&cursor={first['next_cursor']}", headers=who)).json()
    assert ([record["id"] for record in rest["items"]], rest["next_cursor"]) == ([made[0]], None)


@pytest.mark.asyncio
async def test_given_filters_then_all_hold_and_until_is_not_included(hall: Hall) -> None:
    made, who = await three_handoffs(hall), hall.as_person("ban")
    for query, expected in {
        "since=2026-11-21T08:00:01Z&until=2026-11-21T16:00:02%2B08:00": [made[1]],
        "caller=%2B8613800002222": [made[2]],
        "caller=13800000222&line=110": [made[0]],
        "call_id=n-1.7": [made[1]],
        "outcome=busy": [],
        "state=requested&seat=2101&limit=1": [made[2]],
    }.items():
        page = (await hall.http.get(f"/v1/handoffs?{query}", headers=who)).json()
        assert [record["id"] for record in page["items"]] == expected, query


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "since=yesterday",
        "since=2026-11-21T08:00:00",
        "since=0001-01-01T00:00:00%2B14:00",
        "state=x",
    ],
)
async def test_given_a_filter_that_cannot_be_read_then_422(hall: Hall, query: str) -> None:
    is_problem(await hall.http.get(f"/v1/handoffs?{query}", headers=hall.as_person("ban")), "invalid-request")


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["handoffs", "calls"])
async def test_given_a_cursor_of_no_page_then_400(hall: Hall, path: str) -> None:
    is_problem(await hall.http.get(f"/v1/{path}?cursor=nonsense", headers=hall.as_person("ban")), "bad-cursor")


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["handoffs", "calls"])
async def test_given_who_may_not_see_numbers_then_it_may_not_search_by_one_either(hall: Hall, path: str) -> None:
    for who in (hall.as_person("shen"), hall.as_person("fang", seat="2101"), hall.as_program("police")):
        is_problem(await hall.http.get(f"/v1/{path}?caller={CALLER}", headers=who), "not-allowed")
