"""What is put on a handoff's record beside the call: the orders made for it, and corrections. No call hears of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony.corrections import Correctable
from telephony.errors import HandoffNotFound
from telephony.handoff import Handoff, Mode, Outcome, State
from tests.support.fake_asterisk import NOW
from tests.support.records import a_handoff, ended
from tests.unit.service.conftest import CHIEF, Exchange

pytestmark = pytest.mark.asyncio

IDS = ("h1.110", "h1.unit")


async def test_given_it_rings_then_the_record_names_its_orders_once_and_goes_on(exchange: Exchange) -> None:
    await exchange.talking()
    handoff = await exchange.ringing()
    asked = len(exchange.asterisk.commands)

    for order_ids in (IDS[:1], IDS, IDS):
        assert await exchange.board.name_orders(handoff.id, order_ids)

    record = await exchange.board.handoff(handoff.id)
    assert (record.order_ids, record.state, record.timeline) == (IDS, State.RINGING, exchange.sink.kept[-2].timeline)
    assert len([kept for kept in exchange.sink.kept if isinstance(kept, Handoff) and kept.order_ids]) == 2
    assert len(exchange.asterisk.commands) == asked


async def test_given_it_has_ended_then_the_record_names_its_orders_and_nothing_follows(exchange: Exchange) -> None:
    gone = replace(ended(a_handoff(node="n", mode=Mode.CONFERENCE, category_id="traffic")), outcome=Outcome.ABANDONED)
    await exchange.store.save_handoff(gone)
    heard: list[Handoff] = []
    told: list[Handoff] = []
    exchange.board.watch.on_ended, exchange.board.watch.publisher.on_handoff = heard.append, told.append

    assert await exchange.board.name_orders(gone.id, IDS)
    await exchange.board.correct(gone.id, Correctable.CATEGORY, "noise", "看错", CHIEF)

    kept = await exchange.store.handoff(gone.id)
    assert kept is not None
    assert (kept.order_ids, kept.category_id) == (IDS, "noise")
    assert [each.id for each in told] == [gone.id, gone.id]
    assert heard == [], "it ended long ago"
    assert exchange.asterisk.commands == [], "nobody rings for it any more"


async def test_given_it_is_another_nodes_then_that_one_writes_it(exchange: Exchange) -> None:
    others = ended(a_handoff(node="n2"))
    await exchange.store.save_handoff(others)

    assert await exchange.board.name_orders(others.id, IDS)
    assert await exchange.store.handoff(others.id) == others


async def test_given_a_restart_has_not_taken_it_up_yet_then_it_is_named_later(exchange: Exchange) -> None:
    live = a_handoff(node="n", created_at=NOW)
    await exchange.store.save_handoff(live)

    assert not await exchange.board.name_orders(live.id, IDS)
    assert await exchange.store.handoff(live.id) == live
    with pytest.raises(HandoffNotFound):
        await exchange.board.name_orders("gone", IDS)
