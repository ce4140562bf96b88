"""Who came through the menus by the danger key has both lines: the one dialled joins when the other has answered."""

from __future__ import annotations

import asyncio

import pytest

from telephony import commands, events
from telephony.errors import AmiNotSent
from telephony.handoff import Mode
from tests.support.fake_asterisk import NOW
from tests.support.story import CALL, NUMBER, leg, phone
from tests.unit.service.conftest import Exchange

pytestmark = pytest.mark.asyncio


async def from_the_menus(exchange: Exchange, via: str, *, source: str = "") -> None:
    """110 has answered a caller who pressed a key at the menus of 12345."""
    await exchange.hear(
        events.HandoffReported(NOW, "start", "m1", CALL, CALL, via=via, target="110", from_line="12345"),
        events.ChannelCreated(NOW, leg("1101"), CALL, phone("1101"), "1101"),
        events.DialStarted(NOW, leg("1101"), CALL, phone("1101"), NUMBER, "m1"),
        events.HandoffReported(NOW, "answered", "m1", leg("1101"), CALL, seat="1101", source=source),
    )
    for _ in range(200):
        await asyncio.sleep(0)


async def test_given_danger_when_110_answers_then_the_line_that_was_dialled_is_rung_as_the_third(
    exchange: Exchange,
) -> None:
    await from_the_menus(exchange, "ivr-danger")
    asked = [each for each in exchange.asterisk.commands if isinstance(each, commands.OpenConference)]
    assert [each.target for each in asked] == ["12345"]
    modes = {handoff.id: handoff.mode for handoff in exchange.store._handoffs.values()}
    assert modes["m1"] is Mode.IVR and Mode.CONFERENCE in modes.values()


@pytest.mark.parametrize(("via", "source"), [("ivr", ""), ("key", ""), ("ivr-danger", "cel")])
async def test_given_any_other_handoff_or_one_told_late_when_answered_then_nobody_is_rung(
    exchange: Exchange, via: str, source: str
) -> None:
    await from_the_menus(exchange, via, source=source)
    assert exchange.asterisk.commands == []


async def test_given_danger_when_the_third_cannot_be_rung_then_caller_and_110_go_on(exchange: Exchange) -> None:
    async def refused(command: commands.Command) -> None:
        raise AmiNotSent("no link")

    exchange.asterisk.execute = refused  # type: ignore[method-assign]
    await from_the_menus(exchange, "ivr-danger")
    call = exchange.board.tracker.book.calls[CALL]
    assert call.live and call.line == "110"
