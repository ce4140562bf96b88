"""Cancelling, completing, reading; seats; and a consumer that outlives one faulty event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from telephony import commands, events
from telephony.errors import (
    AmiActionFailed,
    CallNotFound,
    ConferenceNotFound,
    HandoffNotAnswered,
    HandoffNotFound,
    HandoffSettled,
    HotlineError,
    NotYourCall,
    SeatNotFound,
)
from telephony.handoff import Mode, Outcome, Release, Resolution, State
from telephony.ports import CallFilter, HandoffFilter
from telephony.service import PartyAction
from tests.support.fake_asterisk import NOW
from tests.support.story import CALL, SEAT_ID, SEAT_PHONE, TRUNK, leg, phone
from tests.unit.service.conftest import CHIEF, LI, WANG, Exchange, when_asked

pytestmark = pytest.mark.asyncio
GONE = AmiActionFailed("Hangup", "No such channel", {})


def reported(handoff_id: str, step: str, **said: Any) -> events.HandoffReported:
    return events.HandoffReported(NOW, step, handoff_id, CALL, CALL, **said)


# ------------------------------------------------------------ cancel


async def test_given_ringing_when_the_seat_cancels_then_the_caller_is_back(exchange: Exchange) -> None:
    handoff = await exchange.ringing()
    when_asked(
        exchange,
        commands.CancelTransfer,
        reported(handoff.id, "result", status="CANCELLED"),
        reported(handoff.id, "back"),
        events.BridgeEntered(NOW, CALL, "b2"),
    )
    after = await exchange.board.cancel_handoff(handoff.id, WANG)

    assert exchange.asterisk.commands[-1] == commands.CancelTransfer(TRUNK, SEAT_PHONE)
    assert (after.outcome, after.resolution) == (Outcome.CANCELLED, Resolution.FIRST_SEAT)


async def test_given_a_seat_that_was_let_go_at_once_when_it_is_cancelled_then_the_caller_goes_down_the_ladder(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.watch._SETTLE_SECONDS", 0.01)
    handoff = await exchange.click(release=Release.NOW)
    after = await exchange.board.cancel_handoff(handoff.id, CHIEF)

    assert exchange.asterisk.commands[-1] == commands.CancelTransfer(TRUNK, None)
    assert after.live, "what came of it is not known yet"


async def test_given_a_three_way_call_that_rings_when_it_is_cancelled_then_nobody_was_disturbed(
    exchange: Exchange,
) -> None:
    handoff = await exchange.click(mode=Mode.CONFERENCE)
    third = f"{handoff.id}-target"
    when_asked(exchange, commands.CancelConference, events.ChannelGone(NOW, third, third, "Local/x;1", 16, None))
    after = await exchange.board.cancel_handoff(handoff.id, WANG)

    assert exchange.asterisk.commands[-1] == commands.CancelConference(handoff.id, TRUNK)
    assert (after.outcome, after.resolution) == (Outcome.CANCELLED, Resolution.FIRST_SEAT)
    assert exchange.board.tracker.book.calls[CALL].seat == "2101"


async def test_given_an_answered_handoff_when_it_is_cancelled_then_too_late(exchange: Exchange) -> None:
    handoff = await exchange.answered()

    with pytest.raises(HandoffSettled):
        await exchange.board.cancel_handoff(handoff.id, WANG)
    assert len(exchange.asterisk.commands) == 1


async def test_given_a_target_that_answers_at_the_same_moment_when_it_is_cancelled_then_too_late(
    exchange: Exchange,
) -> None:
    handoff = await exchange.ringing()
    answered = events.HandoffReported(NOW, "answered", handoff.id, leg("1101"), CALL, seat="1101")
    when_asked(exchange, commands.CancelTransfer, answered)

    with pytest.raises(HandoffSettled):
        await exchange.board.cancel_handoff(handoff.id, WANG)
    assert (await exchange.board.handoff(handoff.id)).outcome is Outcome.ANSWERED


async def test_given_asterisk_refuses_a_cancel_then_too_late(exchange: Exchange) -> None:
    handoff = await exchange.ringing()
    exchange.asterisk.refuse = GONE

    with pytest.raises(HandoffSettled):
        await exchange.board.cancel_handoff(handoff.id, WANG)


async def test_given_a_failed_handoff_on_its_way_back_when_it_is_cancelled_then_too_late(exchange: Exchange) -> None:
    handoff = await exchange.ringing()
    await exchange.hear(reported(handoff.id, "result", status="BUSY"))

    with pytest.raises(HandoffSettled):
        await exchange.board.cancel_handoff(handoff.id, WANG)


# ------------------------------------------------------------ who may


@pytest.mark.parametrize(
    "ask",
    [
        lambda board, id: board.cancel_handoff(id, LI),
        lambda board, id: board.complete_handoff(id, LI),
        lambda board, id: board.add_party(id, "120", LI),
        lambda board, id: board.control_party(id, "caller", PartyAction.MUTE, LI),
        lambda board, id: board.decide(id, "110", "", LI),
    ],
)
async def test_given_a_seat_that_has_no_part_in_it_then_not_your_call(exchange: Exchange, ask: Callable) -> None:  # type: ignore[type-arg]
    handoff = await exchange.three_way()
    asked = len(exchange.asterisk.commands)

    with pytest.raises(NotYourCall):
        await ask(exchange.board, handoff.id)
    assert len(exchange.asterisk.commands) == asked


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda board: board.cancel_handoff("no", WANG), HandoffNotFound),
        (lambda board: board.complete_handoff("no", WANG), HandoffNotFound),
        (lambda board: board.handoff("no"), HandoffNotFound),
        (lambda board: board.call("no"), CallNotFound),
        (lambda board: board.conference("no"), ConferenceNotFound),
        (lambda board: board.decide("no", "110", "", CHIEF), ConferenceNotFound),
        (lambda board: board.sign_in("no", "wang"), SeatNotFound),
    ],
)
async def test_what_nobody_knows_is_said_so(exchange: Exchange, ask: Callable, error: type[HotlineError]) -> None:  # type: ignore[type-arg]
    with pytest.raises(error):
        await ask(exchange.board)


# ------------------------------------------------------------ complete


async def test_given_a_three_way_call_when_the_seat_completes_then_only_the_seat_is_hung_up(exchange: Exchange) -> None:
    handoff = await exchange.three_way()
    await exchange.board.complete_handoff(handoff.id, WANG)

    assert exchange.asterisk.commands[-1] == commands.HangUp(SEAT_PHONE)
    await exchange.hear(events.ChannelGone(NOW, SEAT_ID, CALL, SEAT_PHONE, 16, None))
    with pytest.raises(HandoffSettled):
        await exchange.board.complete_handoff(handoff.id, WANG)


async def test_given_a_three_way_call_that_rings_when_it_is_completed_then_not_answered(exchange: Exchange) -> None:
    handoff = await exchange.click(mode=Mode.CONFERENCE)

    with pytest.raises(HandoffNotAnswered):
        await exchange.board.complete_handoff(handoff.id, WANG)
    assert len(exchange.asterisk.commands) == 1


async def test_given_a_ringing_transfer_when_it_is_completed_then_the_seat_need_not_wait(exchange: Exchange) -> None:
    handoff = await exchange.ringing()

    assert (await exchange.board.complete_handoff(handoff.id, WANG)).state is State.RINGING
    assert exchange.asterisk.commands[-1] == commands.ReleaseSeat(SEAT_PHONE)


async def test_given_a_failed_transfer_on_its_way_back_when_it_is_completed_then_the_seat_is_kept_for_the_caller(
    exchange: Exchange,
) -> None:
    handoff = await exchange.ringing()
    await exchange.hear(reported(handoff.id, "result", status="BUSY"))

    with pytest.raises(HandoffSettled):
        await exchange.board.complete_handoff(handoff.id, WANG)
    assert len(exchange.asterisk.commands) == 1


async def test_given_an_answered_transfer_when_it_is_completed_then_the_seat_has_left_already(
    exchange: Exchange,
) -> None:
    handoff = await exchange.answered()

    with pytest.raises(HandoffSettled):
        await exchange.board.complete_handoff(handoff.id, WANG)


async def test_given_a_seat_that_hangs_up_itself_when_it_is_completed_then_settled(exchange: Exchange) -> None:
    handoff = await exchange.three_way()
    exchange.asterisk.refuse = GONE

    with pytest.raises(HandoffSettled):
        await exchange.board.complete_handoff(handoff.id, WANG)


# ------------------------------------------------------------ the consumer, seats, reading


async def test_given_a_faulty_event_then_it_costs_that_event_only(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: events.Event) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(exchange.board.tracker, "apply", broken)
        await exchange.hear(events.SeatPhoneChanged(NOW, "2101", "INUSE"))
    await exchange.hear(events.SeatPhoneChanged(NOW, "2102", "INUSE"))

    assert exchange.board.tracker.phones == {"2102": "INUSE"}


async def test_given_a_fault_in_one_part_of_a_snapshot_then_the_rest_is_taken_and_the_link_is_up(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = exchange.board.tracker.apply

    def half_broken(fact: events.Event) -> object:
        if isinstance(fact, events.ChannelCreated):
            raise RuntimeError("a fault of ours")
        return apply(fact)

    await exchange.hear(events.LinkLost(NOW, "ami-link-lost"))
    assert not exchange.board.link_up
    channel = events.ChannelSnapshot("n-7", "n-7", "PJSIP/1101-7", True, "1101", "", 1)
    with monkeypatch.context() as patch:
        patch.setattr(exchange.board.tracker, "apply", half_broken)
        await exchange.hear(events.LinkRestored(NOW, (channel,), {}, {"2101": "NOT_INUSE"}))

    assert exchange.board.link_up
    assert exchange.board.tracker.phones == {"2101": "NOT_INUSE"}


async def test_given_a_restart_then_what_was_live_is_known_and_settled_by_what_asterisk_shows(
    exchange: Exchange,
) -> None:
    handoff = await exchange.ringing()
    after = Exchange(exchange.store, exchange.live)

    async with after.running():
        settled = await after.board.handoff(handoff.id)
    assert (settled.outcome, settled.resolution) == (Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)


async def test_given_a_restart_without_the_store_then_calls_go_on(exchange: Exchange) -> None:
    exchange.store.away = exchange.live.away = True
    after = Exchange(exchange.store, exchange.live)

    async with after.running():
        await after.talking()
        assert [call.id for call in after.board.live_calls()] == [CALL]
        assert (await after.click()).live


async def test_seats_sign_in_pause_and_sign_out(exchange: Exchange) -> None:
    await exchange.hear(events.SeatPhoneChanged(NOW, "2102", "NOT_INUSE"))
    board = exchange.board

    signed_in = await board.sign_in("2102", "li")
    assert (signed_in.user, signed_in.state) == ("li", "idle")
    when_asked(exchange, commands.PauseSeat, events.SeatPauseChanged(NOW, "2102", "12345", True, "lunch"))
    assert (await board.pause("2102", "lunch")).state == "paused"
    assert exchange.asterisk.commands[-1] == commands.PauseSeat("2102", True, "lunch")
    assert exchange.live._presence["2102"].paused_reason == "lunch"

    exchange.live.away = True
    await exchange.hear(events.SeatPauseChanged(NOW, "2102", "12345", True, "signed_out"))
    assert (await board.sign_out("2102")).user is None


async def test_lines_show_who_talks(exchange: Exchange) -> None:
    lines = {line.id: line for line in await exchange.board.lines()}

    assert (lines["12345"].talking, lines["110"].talking) == (1, 0)


async def test_what_is_on_record_is_read_there(exchange: Exchange) -> None:
    handoff = await exchange.ringing()
    board = exchange.board

    assert (await board.call(CALL)).id == CALL
    assert [each.id for each in (await board.handoffs(HandoffFilter(), limit=9, cursor=None)).items] == [handoff.id]
    assert [each.id for each in (await board.calls(CallFilter(), limit=9, cursor=None)).items] == [CALL]


async def test_given_a_number_mismatch_then_one_alarm(exchange: Exchange) -> None:
    handoff = await exchange.ringing()
    wrong = events.HandoffReported(
        NOW, "answered", handoff.id, leg("1101"), CALL, seat="1101", shown="<sip:2101@127.0.0.1>"
    )
    await exchange.hear(wrong, wrong, events.ChannelGone(NOW, CALL, CALL, TRUNK, 16, None))
    async with asyncio.timeout(20):
        while not any(notice["state"] == "ended" for notice in exchange.notices("handoff")):
            await asyncio.sleep(0)

    assert exchange.notices("alarm") == [{"alarm": "number_mismatch", "handoff_id": handoff.id, "call_id": CALL}]
    assert phone("1101") == (await exchange.board.handoff(handoff.id)).target_channel


async def test_given_a_reaction_that_comes_too_late_then_it_is_no_fault(exchange: Exchange) -> None:
    handoff = await exchange.click(mode=Mode.CONFERENCE)
    exchange.asterisk.refuse = GONE
    await exchange.hear(events.ChannelGone(NOW, CALL, CALL, TRUNK, 16, None))
    await asyncio.sleep(0)

    assert isinstance(exchange.asterisk.commands[-1], commands.CancelConference)
    assert (await exchange.board.handoff(handoff.id)).outcome is Outcome.ABANDONED


async def test_given_thousands_of_ended_handoffs_then_only_the_last_are_kept_in_memory(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.watch._ENDED_KEPT", 2)
    for _ in range(4):
        exchange.asterisk.refuse = GONE
        await exchange.click()

    assert list(exchange.board.watch.ended) == ["h3", "h4"]
    assert (await exchange.board.handoff("h1")).outcome is Outcome.ABANDONED
