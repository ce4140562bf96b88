"""Lines, seats and calls as they are shown, and what the node says of itself."""

import pytest

from telephony import events
from tests.support.fake_asterisk import NOW
from tests.support.hall import CALL, Hall
from tests.unit.api.test_handoffs import ringing_and_answered
from tests.unit.api.test_problems import is_problem


@pytest.mark.asyncio
async def test_given_a_call_then_lines_and_seats_count_it(hall: Hall) -> None:
    await hall.with_call()
    await hall.hears(
        events.SeatPhoneChanged(NOW, "2101", "INUSE"),
        events.SeatPhoneChanged(NOW, "2102", "NOT_INUSE"),
        events.SeatPhoneChanged(NOW, "1101", "UNAVAILABLE"),
    )
    who = hall.as_person("shen")
    lines = {line["id"]: line for line in (await hall.http.get("/v1/lines", headers=who)).json()}
    assert (lines["12345"]["talking"], lines["12345"]["waiting"], lines["12345"]["seats_free"]) == (1, 0, 1)
    assert lines["12345"]["desks"] == [{"id": "hall", "name": "话务席", "seats": ["2101", "2102"]}]
    assert (lines["120"]["kind"], lines["120"]["desks"]) == ("linked", [])
    seats = {seat["id"]: seat for seat in (await hall.http.get("/v1/seats", headers=who)).json()}
    assert {seat: about["state"] for seat, about in seats.items()} == {
        "1101": "offline",
        "1102": "offline",
        "2101": "talking",
        "2102": "idle",
    }
    assert (seats["2101"]["call_id"], seats["2101"]["lines"]) == (CALL, ["12345"])


@pytest.mark.asyncio
async def test_given_a_call_then_it_is_live_now_and_listed_when_over(hall: Hall) -> None:
    await hall.with_call()
    who = hall.as_person("ban")
    live = (await hall.http.get("/v1/calls/live", headers=who)).json()
    assert [(call["id"], call["state"], call["seat"]) for call in live] == [(CALL, "talking", "2101")]
    for channel in (f"{CALL}-s", CALL):
        name = "PJSIP/2101-n-1.0" if channel != CALL else "PJSIP/pstn-n-1.0"
        await hall.hears(events.ChannelGone(NOW, channel, CALL, name, 16, None))
    assert await hall.writer.flush(2)
    assert (await hall.http.get("/v1/calls/live", headers=who)).json() == []
    past = (await hall.http.get("/v1/calls?line=12345", headers=who)).json()["items"]
    assert [(call["id"], call["state"], call["ended_at"]) for call in past] == [
        (CALL, "ended", "2026-11-21T08:00:00.000Z")
    ]
    assert [leg["cause"] for leg in past[0]["legs"]] == [16, 16]


@pytest.mark.asyncio
async def test_given_the_database_is_away_then_live_calls_are_shown_all_the_same(hall: Hall) -> None:
    await hall.with_call()
    hall.store.away = True
    who = hall.as_person("ban")
    assert len((await hall.http.get("/v1/calls/live", headers=who)).json()) == 1
    is_problem(await hall.http.get("/v1/calls", headers=who), "record-store-unavailable")


@pytest.mark.asyncio
async def test_given_all_is_well_then_ready(hall: Hall) -> None:
    assert (await hall.http.get("/healthz")).json() == {"status": "alive"}
    answer = await hall.http.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "node": "n1",
        "parts": {"asterisk": {"status": "up"}, "database": {"status": "up"}, "redis": {"status": "up"}},
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("part", ["database", "redis"])
async def test_given_the_database_or_redis_is_away_then_degraded_and_still_200(hall: Hall, part: str) -> None:
    hall.store.away, hall.live.away = part == "database", part == "redis"
    answer = await hall.http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["parts"][part] == {"status": "down"}


@pytest.mark.asyncio
async def test_given_asterisk_is_away_then_503_and_the_process_is_alive_nonetheless(hall: Hall) -> None:
    await hall.hears(events.LinkLost(NOW, "test"))
    answer = await hall.http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert (await hall.http.get("/healthz")).status_code == 200


@pytest.mark.asyncio
async def test_given_a_handoff_that_ended_then_metrics_count_it_by_mode_and_outcome(hall: Hall) -> None:
    await hall.with_call()
    handoff_id = (await hall.hand_over(hall.as_person("fang", seat="2101"))).json()["id"]
    await ringing_and_answered(hall, handoff_id)
    await hall.hears(
        events.ChannelGone(NOW, f"{CALL}-s", CALL, "PJSIP/2101-n-1.0", 16, None),
        events.ChannelGone(NOW, "n-1.0-t", CALL, "PJSIP/1101-00000009", 16, None),
        events.ChannelGone(NOW, CALL, CALL, "PJSIP/pstn-n-1.0", 16, None),
    )
    text = (await hall.http.get("/metrics")).text
    assert 'hotline_handoffs_total{mode="transfer",outcome="answered",resolution="target"} 1.0' in text
    assert 'hotline_handoff_to_ringing_seconds_count{mode="transfer"} 1.0' in text
    assert "hotline_number_mismatches_total 0.0" in text
    assert "hotline_link_up 1.0" in text
    assert "hotline_record_queue_depth" in text
