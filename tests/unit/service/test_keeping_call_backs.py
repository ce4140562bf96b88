"""Call-backs kept by the service: heard of, dialled once, tried again, taken, cancelled; after crashes as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from telephony import commands, events
from telephony.callback import CallBack, CallBackRules, CallBackState
from telephony.errors import (
    AmiNotSent,
    AmiTimeout,
    CallBackNotFound,
    CallBackSettled,
    NoSeatToRing,
    NotYourCall,
    RecordStoreUnavailable,
)
from telephony.ports import CallBackFilter
from telephony.service import Actor
from telephony.service.dialling import CallBackJob
from tests.support.fake_asterisk import NOW
from tests.support.records import a_call_back
from tests.unit.service.conftest import CHIEF, POLICE, WANG, Exchange

pytestmark = pytest.mark.asyncio

NUMBER, ORDER, NEW_CALL = "13800001111", "5f0c9f0e", "n-9.1"
PROMISE = events.CallBackPromised(NOW, ORDER, "n-1.1", "n-1.1", "12345", NUMBER, "pstn", "ladder", NOW)


class Time:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


@dataclass
class Desk:
    """The exchange, its job, and what Asterisk has written down."""

    exchange: Exchange
    clock: Time = field(default_factory=Time)
    written: list[events.Event] = field(default_factory=list)
    asked: list[datetime | None] = field(default_factory=list)
    unreadable: bool = False

    def __post_init__(self) -> None:
        board = self.exchange.board
        board._clock = self.clock
        board.call_back_rules = lambda: CallBackRules(since=NOW.time(), until=NOW.time(), attempts=2)
        self.job = CallBackJob(board, self.exchange.store, self.exchange.sink, self.clock, self._read)

    async def _read(self, since: datetime | None) -> Sequence[events.Event]:
        self.asked.append(since)
        if self.unreadable:
            raise OSError("no such file")
        return self.written

    async def opens(self) -> Desk:
        await self.job.take_up()
        await self.job.look()
        return self

    async def passes(self, **span: float) -> Desk:
        self.clock.time += timedelta(**span)
        await self.job.look()
        return self

    async def hears(self, *facts: events.Event) -> Desk:
        await self.exchange.hear(*(replace(fact, at=self.clock.time) for fact in facts))
        return self

    async def tells(self, step: str, status: str = "", attempt: int | None = 1, **more: Any) -> Desk:
        return await self.hears(events.CallBackReported(NOW, step, ORDER, attempt, status, **more))

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not reached():
                await asyncio.sleep(0)

    @property
    def dialled(self) -> list[tuple[str, int, str]]:
        found = [each for each in self.exchange.asterisk.commands if isinstance(each, commands.CallBackCitizen)]
        return [(each.order_id, each.attempt, each.seat) for each in found]

    @property
    def forgotten(self) -> list[str]:
        found = self.exchange.asterisk.commands
        return [each.order_id for each in found if isinstance(each, commands.ForgetCallBack)]

    @property
    def order(self) -> CallBack:
        return self.exchange.store._call_backs[ORDER]


IDLE = (events.SeatPhoneChanged(NOW, "2101", "NOT_INUSE"), events.SeatPhoneChanged(NOW, "2102", "INUSE"))


@pytest.fixture
def desk(exchange: Exchange) -> Desk:
    return Desk(exchange)


async def test_given_a_promise_when_a_seat_is_free_then_the_citizen_is_dialled_once(desk: Desk) -> None:
    await desk.opens()
    await desk.hears(PROMISE)
    await desk.passes(seconds=5)
    assert desk.dialled == [], "nobody is there"

    await desk.hears(*IDLE)
    await desk.passes(seconds=5)
    await desk.passes(seconds=5)

    assert desk.dialled == [(ORDER, 1, "")]
    assert desk.order.state is CallBackState.DIALLING
    await desk.tells("answered", call_id=NEW_CALL)
    await desk.tells("served", attempt=None, call_id=NEW_CALL, seat="2101")
    assert (desk.order.state, desk.order.served_seat) == (CallBackState.SERVED, "2101")
    assert desk.forgotten == [], "the dialplan itself has forgotten the number"
    await desk.exchange.published("call-back", 4)
    told = desk.exchange.notices("call-back")
    assert [each["state"] for each in told] == ["waiting", "dialling", "answered", "served"]
    assert NUMBER not in str(told)


async def test_given_no_answer_then_it_is_tried_again_later_and_given_up_in_the_end(desk: Desk) -> None:
    given_up: list[CallBack] = []
    desk.exchange.board.call_back_unreached = given_up.append
    await desk.opens()
    await desk.hears(PROMISE, *IDLE)
    await desk.passes(seconds=1)
    await desk.tells("result", "NOANSWER")
    await desk.passes(minutes=1)
    assert len(desk.dialled) == 1
    await desk.passes(minutes=5)
    assert desk.dialled[-1] == (ORDER, 2, "")
    await desk.tells("result", "BUSY", attempt=2)
    assert desk.order.state is CallBackState.UNREACHED
    assert [order.id for order in given_up] == [ORDER]
    await desk.passes(hours=5)
    assert len(desk.dialled) == 2 and desk.forgotten == []


async def test_given_a_seat_when_it_takes_one_that_was_given_up_then_it_gets_the_call(desk: Desk) -> None:
    board = desk.exchange.board
    await desk.exchange.store.save_all((a_call_back(id=ORDER, node="n", state=CallBackState.UNREACHED, ended_at=NOW),))
    await desk.opens()
    with pytest.raises(NotYourCall):
        await board.take_call_back(ORDER, POLICE)
    with pytest.raises(NoSeatToRing):
        await board.take_call_back(ORDER, CHIEF)

    assert (await board.take_call_back(ORDER, WANG)).wanted_by == "2101"

    await desk.hears(*IDLE)
    await desk.passes(seconds=1)
    assert desk.dialled == [(ORDER, 1, "2101")]
    with pytest.raises(CallBackSettled):
        await board.take_call_back(ORDER, WANG)


async def test_given_a_cancelled_one_then_it_is_never_dialled_and_asterisk_forgets_the_number(desk: Desk) -> None:
    board = desk.exchange.board
    await desk.opens()
    await desk.hears(PROMISE)

    order = await board.cancel_call_back(ORDER, "已另行联系", CHIEF)

    assert order.timeline[-1].detail["reason"] == "已另行联系"
    await desk.hears(*IDLE)
    await desk.passes(minutes=9)
    assert desk.dialled == []
    await desk.until(lambda: desk.forgotten == [ORDER])
    with pytest.raises(CallBackSettled):
        await board.cancel_call_back(ORDER, "x", CHIEF)
    with pytest.raises(CallBackNotFound):
        await board.cancel_call_back("none", "x", CHIEF)
    listed = await board.call_backs(CallBackFilter(), limit=5, cursor=None)
    assert [each.state for each in listed.items] == [CallBackState.CANCELLED]


async def test_given_the_citizen_rings_again_and_a_human_answers_then_nobody_rings_a_second_time(desk: Desk) -> None:
    await desk.opens()
    await desk.hears(PROMISE)
    await desk.exchange.talking()
    assert desk.order.state is CallBackState.SERVED
    await desk.until(lambda: desk.forgotten == [ORDER])


async def test_given_an_order_of_another_node_then_it_is_read_and_left_alone(desk: Desk) -> None:
    await desk.exchange.store.save_all((a_call_back(id="far", node="n2"),))
    await desk.opens()
    assert (await desk.exchange.board.call_back("far")).node == "n2"
    with pytest.raises(CallBackNotFound):
        await desk.exchange.board.take_call_back("far", WANG)


# -------------------------------------------------------------- what goes wrong


async def test_given_a_command_that_was_not_sent_then_it_is_no_attempt(desk: Desk) -> None:
    await desk.opens()
    await desk.hears(PROMISE, *IDLE)
    desk.exchange.asterisk.refuse = AmiNotSent("no link")
    await desk.passes(seconds=1)
    assert (desk.order.state, desk.order.tries) == (CallBackState.WAITING, 0)
    await desk.passes(seconds=11)
    assert desk.dialled[-1] == (ORDER, 2, "")


async def test_given_a_command_whose_effect_nobody_knows_then_it_is_never_sent_again_and_counts_as_lost_in_the_end(
    desk: Desk,
) -> None:
    await desk.opens()
    await desk.hears(PROMISE, *IDLE)
    desk.exchange.asterisk.refuse = AmiTimeout("no answer")
    await desk.passes(seconds=1)
    await desk.passes(seconds=100)
    assert (desk.order.state, len(desk.dialled)) == (CallBackState.DIALLING, 1)
    await desk.passes(seconds=100)
    assert (desk.order.state, desk.order.tries) == (CallBackState.WAITING, 1)


async def test_given_a_citizen_in_the_queue_then_it_is_not_lost_however_long_it_takes(desk: Desk) -> None:
    await desk.opens()
    await desk.hears(PROMISE, *IDLE)
    await desk.passes(seconds=1)
    arrived = events.CallArrived(NOW, NEW_CALL, NEW_CALL, "Local/1", NUMBER, "", "allowed", "12345", "12345", "pstn")
    await desk.hears(arrived)
    await desk.tells("answered", call_id=NEW_CALL)
    await desk.passes(minutes=20)
    assert desk.order.state is CallBackState.ANSWERED
    await desk.hears(events.ChannelGone(NOW, NEW_CALL, NEW_CALL, "Local/1", 16, None))
    await desk.passes(seconds=1)
    assert desk.order.state is CallBackState.WAITING, "it was told of nothing, and is not there any more"


async def test_given_a_restart_then_orders_go_on_and_what_was_promised_and_tried_meanwhile_is_known(desk: Desk) -> None:
    dialling = a_call_back(id="before", node="n", original_caller="13900002222", created_at=NOW)
    await desk.opens()
    await desk.exchange.store.save_all((dialling,))
    desk.exchange.build()
    desk.__post_init__()
    desk.written += [
        events.CallBackPromised(NOW, "before", "n-1.0", "n-1.0", "12345", "13900002222", "pstn", "queue"),
        PROMISE,
        events.CallBackReported(NOW, "answered", "elsewhere", 1),
    ]
    async with desk.exchange.running():
        await desk.opens()
        assert desk.asked[-1] == NOW - timedelta(minutes=10)
        assert set(desk.exchange.board.promised) == {"before", ORDER}
        assert desk.order.since == NOW

        await desk.hears(*IDLE)
        await desk.passes(seconds=1)
        assert desk.dialled == [(ORDER, 1, "")] or desk.dialled == [("before", 1, "")]
        assert len(desk.dialled) == 1, "there is one seat"


async def test_given_one_that_is_over_on_record_when_the_record_is_read_again_then_nothing_begins_anew(
    desk: Desk,
) -> None:
    await desk.exchange.store.save_all((a_call_back(id=ORDER, node="n", state=CallBackState.SERVED, ended_at=NOW),))
    desk.written += [PROMISE, events.CallBackReported(NOW, "served", ORDER, None)]
    await desk.opens()
    await desk.hears(*IDLE)
    await desk.passes(seconds=1)
    assert desk.exchange.board.promised == {} and desk.dialled == []


async def test_given_the_link_was_lost_when_it_is_back_then_what_was_missed_is_read(desk: Desk) -> None:
    await desk.opens()
    reads = len(desk.asked)
    await desk.passes(seconds=5)
    assert len(desk.asked) == reads
    lost = desk.clock.time
    await desk.hears(events.LinkLost(NOW, "x"))
    await desk.passes(hours=1)
    desk.written.append(PROMISE)
    await desk.hears(events.LinkRestored(NOW, ()))
    await desk.passes(seconds=1)
    assert desk.asked[-1] == lost - timedelta(minutes=10)
    assert ORDER in desk.exchange.board.promised


async def test_given_an_unreadable_record_then_it_is_read_again_a_minute_later_and_orders_are_kept_meanwhile(
    desk: Desk,
) -> None:
    desk.unreadable = True
    await desk.opens()
    await desk.hears(PROMISE, *IDLE)
    await desk.passes(seconds=5)
    assert len(desk.dialled) == 1 and len(desk.asked) == 1
    desk.unreadable = False
    await desk.passes(minutes=1)
    await desk.passes(minutes=1)
    assert len(desk.asked) == 2


async def test_given_the_database_away_at_the_start_then_it_is_waited_for_and_nothing_is_lost(desk: Desk) -> None:
    desk.exchange.store.away = True
    taking_up = asyncio.create_task(desk.job.take_up())
    await desk.hears(PROMISE)
    assert desk.exchange.board.promised == {}
    desk.exchange.store.away = False
    desk.written.append(PROMISE)
    async with asyncio.timeout(20):
        await taking_up
    await desk.job.look()
    assert ORDER in desk.exchange.board.promised


async def test_given_the_database_away_when_an_order_is_looked_up_then_it_is_said(desk: Desk) -> None:
    await desk.opens()
    desk.exchange.store.away = True
    with pytest.raises(RecordStoreUnavailable):
        await desk.exchange.board.call_back("other")
    await desk.hears(PROMISE)
    assert (await desk.exchange.board.take_call_back(ORDER, Actor("wang", seat="2101"))).wanted_by == "2101"


async def test_given_the_job_runs_then_a_free_seat_is_noticed_by_itself(desk: Desk) -> None:
    running = asyncio.create_task(desk.job.run())
    try:
        await desk.until(lambda: desk.exchange.board.orders_known)
        await desk.hears(PROMISE, *IDLE)
        async with asyncio.timeout(20):
            while not desk.dialled:
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert desk.dialled == [(ORDER, 1, "")]
