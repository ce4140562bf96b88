"""三方通话 over HTTP, on the real switchboard."""

import asyncio

import pytest

from telephony import commands, events
from tests.support.fake_asterisk import NOW
from tests.support.hall import CALL, CALLER, Hall
from tests.unit.api.test_problems import is_problem


async def three_talk(hall: Hall) -> str:
    """Caller, seat 2101 and seat 1101 are in the room; the conference's id."""
    await hall.with_call()
    who = hall.as_person("fang", seat="2101")
    room: str = (await hall.hand_over(who, mode="conference")).json()["id"]
    target = f"{room}-target"
    await hall.hears(
        events.ConferenceReported(NOW, "dialling", room, "target", target, target="110"),
        events.ConferenceReported(
            NOW, "answered", room, "target", target, target="110", shown=f"<sip:{CALLER}@10.0.0.1>", seat="1101"
        ),
        events.ConferenceJoined(NOW, room, target, "Local/target-1"),
        events.ConferenceJoined(NOW, room, CALL, "PJSIP/pstn-n-1.0"),
        events.ConferenceJoined(NOW, room, f"{CALL}-s", "PJSIP/2101-n-1.0"),
    )
    return room


@pytest.mark.asyncio
async def test_given_three_talk_then_the_conference_shows_them_all(hall: Hall) -> None:
    room = await three_talk(hall)
    conference = (await hall.http.get(f"/v1/conferences/{room}", headers=hall.as_person("shen"))).json()
    assert (conference["id"], conference["call_id"], conference["over"]) == (room, CALL, False)
    parties = {party["id"]: party["state"] for party in conference["participants"]}
    assert parties == {"caller": "joined", "seat": "joined", "target": "joined"}


@pytest.mark.asyncio
async def test_given_a_party_when_muted_then_the_answer_shows_it_muted(hall: Hall) -> None:
    room = await three_talk(hall)
    url = f"/v1/conferences/{room}/participants/target/mute"
    muting = asyncio.create_task(hall.http.post(url, headers=hall.as_person("fang", seat="2101")))
    await hall.asterisk.asked(commands.MuteParty)
    await hall.hears(events.PartyMuted(NOW, room, f"{room}-target", True))
    answer = await muting
    assert (answer.status_code, answer.json()["id"], answer.json()["muted"]) == (202, "target", True)


@pytest.mark.asyncio
async def test_given_three_talk_when_120_is_added_then_it_is_dialled(hall: Hall) -> None:
    room = await three_talk(hall)
    url, who = f"/v1/conferences/{room}/participants", hall.as_person("fang", seat="2101")
    answer = await hall.http.post(url, json={"target": "120"}, headers=who)
    assert (answer.status_code, answer.json()["id"], answer.json()["target"]) == (202, "p4", "120")
    assert isinstance(hall.asterisk.commands[-1], commands.AddParty)
    is_problem(await hall.http.post(url, json={"target": "911"}, headers=who), "unknown-target")


@pytest.mark.asyncio
async def test_given_a_decision_then_it_is_on_the_record_once(hall: Hall) -> None:
    room = await three_talk(hall)
    url, who = f"/v1/conferences/{room}/decision", hall.as_person("fang", seat="2101")
    is_problem(await hall.http.post(url, json={"accepted_by": "119", "reason": "x"}, headers=who), "unknown-acceptor")
    answer = await hall.http.post(url, json={"accepted_by": "110", "reason": "有人打架"}, headers=who)
    decision = answer.json()["decision"]
    assert (answer.status_code, decision["accepted_by"], decision["reason"]) == (200, "110", "有人打架")
    assert (decision["decided_by"], decision["automatic"]) == ("fang", False)
    is_problem(await hall.http.post(url, json={"accepted_by": "110", "reason": "x"}, headers=who), "decision-made")


@pytest.mark.asyncio
async def test_given_who_did_not_talk_then_he_steers_nothing_and_decides_nothing(hall: Hall) -> None:
    room = await three_talk(hall)
    base = f"/v1/conferences/{room}"
    for who in (hall.as_person("fang", seat="2102"), hall.as_person("fang")):
        is_problem(await hall.http.post(f"{base}/participants/target/remove", headers=who), "not-your-call")
        body = {"accepted_by": "110", "reason": "x"}
        is_problem(await hall.http.post(f"{base}/decision", json=body, headers=who), "not-your-call")


@pytest.mark.asyncio
async def test_given_what_is_not_there_then_404_and_an_unknown_action_is_422(hall: Hall) -> None:
    room = await three_talk(hall)
    who, parties = hall.as_person("fang", seat="2101"), f"/v1/conferences/{room}/participants"
    is_problem(await hall.http.post(f"{parties}/p9/mute", headers=who), "party-not-found")
    is_problem(await hall.http.get("/v1/conferences/none", headers=who), "conference-not-found")
    is_problem(await hall.http.post(f"{parties}/target/shout", headers=who), "invalid-request")
