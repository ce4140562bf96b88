"""Asking for a handoff: who may, once, and what happens when something behind is away."""

from __future__ import annotations

import asyncio

import pytest

from telephony import commands, events
from telephony.errors import (
    AmiActionFailed,
    AmiEffectUnknown,
    AmiNotConnected,
    AmiTimeout,
    CallEnded,
    CallNotFound,
    HandoffInProgress,
    HotlineError,
    IdempotencyKeyReused,
    ModeNotSupported,
    NotTalking,
    NotYourCall,
    TargetHasCall,
    UnknownTarget,
)
from telephony.handoff import Handoff, Mode, Outcome, Release, Resolution, State
from telephony.service import Actor, HandoffRequest
from tests.support.fake_asterisk import NOW
from tests.support.story import CALL, NUMBER, SEAT_ID, SEAT_PHONE, TRUNK
from tests.unit.service.conftest import CHIEF, LI, POLICE, WANG, Exchange

pytestmark = pytest.mark.asyncio
REFUSED = AmiActionFailed("Redirect", "Permission denied", {})
NO_CHANNEL = AmiActionFailed("Setvar", "No such channel", {})
NOT_UP = AmiActionFailed("Redirect", "Redirect failed, channel not up.", {})


async def test_given_a_call_when_its_seat_clicks_then_one_command_and_a_record(exchange: Exchange) -> None:
    handoff = await exchange.click(reason="属公安职责", release=Release.NOW)

    assert exchange.asterisk.commands == [commands.Transfer(handoff.id, TRUNK, "110", Release.NOW)]
    assert (handoff.state, handoff.original_caller, handoff.reason) == (State.REQUESTED, NUMBER, "属公安职责")
    assert (handoff.from_line, handoff.from_seat, handoff.requested_by) == ("12345", "2101", "wang")
    assert exchange.store._handoffs[handoff.id] == handoff
    assert exchange.notices("handoff") == [] or exchange.notices("handoff")[0]["id"] == handoff.id


async def test_given_a_conference_is_asked_for_then_only_the_target_is_rung(exchange: Exchange) -> None:
    handoff = await exchange.click(mode=Mode.CONFERENCE)

    assert exchange.asterisk.commands == [commands.OpenConference(handoff.id, TRUNK, "110", 15)]
    assert (await exchange.board.conference(handoff.id)).call_id == CALL


@pytest.mark.parametrize(
    ("request_", "actor", "error"),
    [
        (HandoffRequest("nobody", Mode.TRANSFER, "110"), WANG, CallNotFound),
        (HandoffRequest(CALL, Mode.TRANSFER, "999"), WANG, UnknownTarget),
        (HandoffRequest(CALL, Mode.TRANSFER, "12345"), WANG, TargetHasCall),
        (HandoffRequest(CALL, Mode.PUSH, "110"), WANG, ModeNotSupported),
        (HandoffRequest(CALL, Mode.TRANSFER, "110"), LI, NotYourCall),
        (HandoffRequest(CALL, Mode.TRANSFER, "110"), Actor("nobody"), NotYourCall),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_and_the_call_is_as_it_was(
    exchange: Exchange, request_: HandoffRequest, actor: Actor, error: type[HotlineError]
) -> None:
    with pytest.raises(error):
        await exchange.board.start_handoff(request_, actor)

    assert exchange.asterisk.commands == [] and exchange.board.tracker.handoffs == {}


async def test_given_a_supervisor_then_any_call_may_be_handed_over(exchange: Exchange) -> None:
    assert (await exchange.click(CHIEF)).requested_by == "chief"


async def test_given_a_caller_who_has_hung_up_then_there_is_nobody_to_hand_over(exchange: Exchange) -> None:
    await exchange.hear(events.ChannelGone(NOW, CALL, CALL, TRUNK, 16, None))

    with pytest.raises(CallEnded):
        await exchange.click()


async def test_given_a_call_that_no_seat_has_then_not_talking(exchange: Exchange) -> None:
    await exchange.hear(events.ChannelGone(NOW, SEAT_ID, CALL, SEAT_PHONE, 16, None))

    with pytest.raises(NotTalking):
        await exchange.click(CHIEF)


async def test_given_the_link_is_down_then_nothing_is_promised(exchange: Exchange) -> None:
    await exchange.hear(events.LinkLost(NOW, "ami-link-lost"))

    with pytest.raises(AmiNotConnected):
        await exchange.click()


# ------------------------------------------------------------ once


async def test_given_a_second_click_then_the_first_handoff_is_at_work(exchange: Exchange) -> None:
    await exchange.click()

    with pytest.raises(HandoffInProgress):
        await exchange.click()
    with pytest.raises(HandoffInProgress):
        await exchange.click(CHIEF, key="another")
    assert len(exchange.asterisk.commands) == 1


async def test_given_two_seats_at_the_same_moment_then_one_command(exchange: Exchange) -> None:
    results = await asyncio.gather(
        exchange.click(WANG, key="a"), exchange.click(CHIEF, key="b"), return_exceptions=True
    )

    assert sorted(type(result).__name__ for result in results) == ["Handoff", "HandoffInProgress"]
    assert len(exchange.asterisk.commands) == 1


async def test_given_the_same_key_again_then_the_same_handoff(exchange: Exchange) -> None:
    first = await exchange.click(key="k")

    assert (await exchange.click(key="k")).id == first.id
    assert len(exchange.asterisk.commands) == 1


async def test_given_the_same_key_many_times_at_once_then_one_handoff(exchange: Exchange) -> None:
    handoffs = await asyncio.gather(*(exchange.click(key="k") for _ in range(20)))

    assert len({handoff.id for handoff in handoffs}) == 1
    assert len(exchange.asterisk.commands) == 1


async def test_given_the_same_key_for_another_request_then_refused(exchange: Exchange) -> None:
    await exchange.click(key="k")

    with pytest.raises(IdempotencyKeyReused):
        await exchange.click(key="k", target="120")


async def test_given_the_same_key_for_another_request_while_the_store_is_away_then_refused(exchange: Exchange) -> None:
    await exchange.click(key="k")
    exchange.store.away = True

    with pytest.raises(IdempotencyKeyReused):
        await exchange.click(key="k", target="120")


async def test_given_the_key_of_another_person_then_it_is_another_key(exchange: Exchange) -> None:
    await exchange.click(WANG, key="k")

    with pytest.raises(HandoffInProgress):
        await exchange.click(CHIEF, key="k")


async def test_given_a_restart_when_the_key_comes_again_then_the_same_handoff(exchange: Exchange) -> None:
    first = await exchange.click(key="k")
    after = Exchange(exchange.store, exchange.live)

    async with after.running():
        again = await after.click(key="k")

    assert again.id == first.id
    assert after.asterisk.commands == []


async def test_given_a_restart_and_a_slow_store_when_the_key_comes_again_then_the_same_handoff(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await exchange.click(key="k")
    monkeypatch.setattr("telephony.service.handoffs._STORE_SECONDS", 0.01)
    claimed = exchange.store.claimed

    async def slow(principal: str, key: str, fingerprint: str) -> Handoff | None:
        await asyncio.sleep(0.05)
        return await claimed(principal, key, fingerprint)

    monkeypatch.setattr(exchange.store, "claimed", slow)
    async with (after := Exchange(exchange.store, exchange.live)).running():
        again = await after.click(key="k")

    assert again.id == first.id, "no caller waits for it"


async def test_given_an_ended_handoff_when_its_key_comes_again_then_its_record(exchange: Exchange) -> None:
    exchange.asterisk.refuse = REFUSED
    first = await exchange.click(key="k")

    assert (await exchange.click(key="k")) == first
    assert first.state is State.ENDED


# ------------------------------------------------------------ Asterisk refuses, or says nothing


async def test_given_a_refused_command_then_failed_and_the_caller_is_with_the_seat(exchange: Exchange) -> None:
    exchange.asterisk.refuse = REFUSED
    handoff = await exchange.click()

    assert (handoff.state, handoff.outcome, handoff.resolution) == (
        State.ENDED,
        Outcome.FAILED,
        Resolution.FIRST_SEAT,
    )
    assert exchange.board.tracker.book.calls[CALL].seat == "2101"
    assert (await exchange.click()).live, "the seat may try again"


async def test_given_a_caller_who_hung_up_this_moment_when_refused_then_abandoned(exchange: Exchange) -> None:
    exchange.asterisk.refuse = NO_CHANNEL
    handoff = await exchange.click()
    assert (handoff.outcome, handoff.resolution) == (Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)


async def test_given_a_caller_who_is_hanging_up_when_refused_then_abandoned(exchange: Exchange) -> None:
    exchange.asterisk.refuse = NOT_UP
    clicked = asyncio.create_task(exchange.click())
    while not exchange.asterisk.commands:
        await asyncio.sleep(0)
    await exchange.hear(events.ChannelGone(NOW, CALL, CALL, TRUNK, 16, None))

    handoff = await clicked

    assert (handoff.outcome, handoff.resolution) == (Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)


async def test_given_a_caller_whom_somebody_else_moves_when_refused_then_failed(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.watch._SETTLE_SECONDS", 0.05)
    exchange.asterisk.refuse = NOT_UP

    handoff = await exchange.click()

    assert (handoff.outcome, handoff.resolution) == (Outcome.FAILED, Resolution.FIRST_SEAT)


@pytest.mark.parametrize("error", [AmiTimeout("no answer"), AmiEffectUnknown("?")])
async def test_given_a_command_without_an_answer_then_unknown_and_never_sent_again(
    exchange: Exchange, error: HotlineError
) -> None:
    exchange.asterisk.refuse = error
    handoff = await exchange.click()
    assert (handoff.state, handoff.outcome) == (State.UNKNOWN, None)
    assert exchange.asterisk.resyncs == 1, "what came of it is read back"

    await exchange.hear(events.HandoffReported(NOW, "start", handoff.id, CALL, CALL, target="110"))
    assert (await exchange.board.handoff(handoff.id)).state is State.REDIRECTED
    assert len(exchange.asterisk.commands) == 1


async def test_given_a_command_without_an_answer_when_asterisk_knows_nothing_of_it_then_failed(
    exchange: Exchange,
) -> None:
    exchange.asterisk.refuse = AmiTimeout("no answer")
    handoff = await exchange.click()
    caller = events.ChannelSnapshot(CALL, CALL, TRUNK, True, NUMBER, "b1", 9, {"CALLER_CHANNEL": TRUNK})
    seat = events.ChannelSnapshot(SEAT_ID, CALL, SEAT_PHONE, True, "2101", "b1", 9)

    await exchange.hear(events.LinkLost(NOW, "ami-link-lost"), events.LinkRestored(NOW, (caller, seat)))
    settled = await exchange.board.handoff(handoff.id)
    assert (settled.outcome, settled.resolution) == (Outcome.FAILED, Resolution.FIRST_SEAT)


async def test_given_events_that_overtake_a_lost_answer_then_what_they_told_stands(exchange: Exchange) -> None:
    execute = exchange.asterisk.execute

    async def slow(command: commands.Command) -> None:
        await execute(command)
        assert isinstance(command, commands.Transfer)
        started = events.HandoffReported(NOW, "start", command.handoff_id, CALL, CALL, target="110")
        await exchange.hear(started)
        raise AmiTimeout("the answer was lost")

    exchange.asterisk.execute = slow  # type: ignore[method-assign]

    assert (await exchange.click()).state is State.REDIRECTED


# ------------------------------------------------------------ what is behind is away


async def test_given_the_store_is_away_then_the_caller_is_handed_over_all_the_same(exchange: Exchange) -> None:
    exchange.store.away = True
    handoff = await exchange.click(key="k")

    assert isinstance(exchange.asterisk.commands[0], commands.Transfer)
    assert handoff in exchange.sink.kept
    assert (await exchange.click(key="k")).id == handoff.id, "the key is known here"


async def test_given_a_store_that_hangs_then_the_caller_waits_two_seconds_at_most(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.service.handoffs._STORE_SECONDS", 0.05)

    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(exchange.store, "_reach", hang)
    async with asyncio.timeout(20):
        await exchange.click(key="k")

    assert len(exchange.asterisk.commands) == 1


async def test_given_the_caller_hangs_up_while_the_record_is_written_then_abandoned_and_no_command(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = exchange.store.claim

    async def slow(*asked: object) -> object:
        await exchange.hear(
            events.ChannelGone(NOW, CALL, CALL, TRUNK, 16, None),
            events.ChannelGone(NOW, SEAT_ID, CALL, SEAT_PHONE, 16, None),
        )
        return await claim(*asked)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(exchange.store, "claim", slow)
    handoff = await exchange.click(key="k")

    assert (handoff.outcome, handoff.resolution) == (Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)
    assert exchange.asterisk.commands == []


async def test_given_only_the_caller_hangs_up_while_the_record_is_written_then_abandoned_too(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = exchange.store.claim

    async def slow(*asked: object) -> object:
        await exchange.hear(events.ChannelGone(NOW, CALL, CALL, TRUNK, 16, None))
        return await claim(*asked)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(exchange.store, "claim", slow)
    handoff = await exchange.click(key="k")

    assert (handoff.outcome, handoff.resolution) == (Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)
    assert exchange.asterisk.commands == []


async def test_given_a_claim_that_fails_in_an_unforeseen_way_then_the_call_is_not_locked(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(exchange.store, "claim", broken)
        with pytest.raises(ValueError, match="a fault of ours"):
            await exchange.click(key="k")

    assert (await exchange.click(key="k")).live


async def test_given_redis_is_away_then_the_caller_is_handed_over_and_consoles_hear_of_it_later(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.publisher._RETRY_SECONDS", 0.01)
    exchange.live.away = True
    handoff = await exchange.click()
    await asyncio.sleep(0.03)
    assert exchange.notices("handoff") == []

    exchange.live.away = False
    async with asyncio.timeout(20):
        while not exchange.notices("handoff"):
            await asyncio.sleep(0.01)
    assert exchange.notices("handoff")[0]["id"] == handoff.id


async def test_two_seats_of_two_lines_have_their_own_calls(exchange: Exchange) -> None:
    with pytest.raises(NotYourCall):
        await exchange.click(POLICE, target="120")
