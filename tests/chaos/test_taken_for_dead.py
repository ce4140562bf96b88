"""A service that hangs is replaced, and then wakes up: two processes for one Asterisk, and only the later one acts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest

from api.serving import ServiceProcess
from demo.parts import HarmedPart
from demo.stage import Stage
from demo.stage import stage as open_stage
from softphones import Phone
from tests.support.scenario import CITIZEN, CITIZEN_TONE, TARGET_TONE, Record, ended, hear_each_other, settled

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def replaced(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """Another service on the same home, at a port of its own, as whoever took the first one for dead starts it."""
    assert stage.parts is not None
    base = f"http://127.0.0.1:{8112 + stage.offset}"
    environment = {
        "HOTLINE_HOME": str(stage.home),
        "HOTLINE_PORT_OFFSET": str(stage.offset),
        "HOTLINE_CONFIG": str(stage.home / "hotline.yaml"),
        "HOTLINE_NETWORK__HTTP_PORT": "8112",
    }
    later = ServiceProcess(f"{base}/healthz", stage.home / "later.log", environment=environment)
    await later.start()
    try:
        headers = {"Authorization": stage.api.headers["Authorization"]}
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=20.0, trust_env=False) as api:
            yield api
    finally:
        await later.stop()


def freeze_between_writes(stage: Stage) -> None:
    """Frozen while it writes, it would keep SQLite's lock, and who replaces it could not start."""
    assert stage.parts is not None
    with closing(sqlite3.connect(stage.home / "hotline.db", isolation_level=None, timeout=20.0)) as database:
        database.execute("BEGIN IMMEDIATE")
        stage.parts.service.freeze()
        database.execute("ROLLBACK")


async def has_ended(part: HarmedPart) -> None:
    async with asyncio.timeout(30):
        while part.running:
            await asyncio.sleep(0.1)


def _told_not_done(late: Record | BaseException) -> list[str]:
    """The click gets no answer, or, where the old one read it before it heard that it was replaced, that it failed."""
    if isinstance(late, httpx.HTTPError):
        return []
    assert not isinstance(late, BaseException), late
    assert (late["state"], late["outcome"], late["resolution"]) == ("ended", "failed", "first_seat"), late
    return [late["id"]]


async def nobody_rings(*phones: Phone) -> None:
    for phone in phones:
        with pytest.raises(TimeoutError):
            await phone.incoming(0.3)


async def test_given_a_frozen_service_when_it_wakes_after_it_was_replaced_then_it_moves_nobody_and_ends(
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path / "home", apart=True) as stage:
        assert stage.parts is not None
        old = stage.parts.service
        outside, police = await stage.outside(), await stage.seat("1101")
        talk = await stage.talk(CITIZEN, "12345", "2101")
        freeze_between_writes(stage)
        clicked = asyncio.create_task(stage.hand_over(talk.call_id, "110"))
        await asyncio.sleep(0.2)  # the click waits in its socket
        async with replaced(stage) as api:
            frozen, stage.api = stage.api, api
            await stage.ready()
            asked = await stage.hand_over(talk.call_id, "120")
            target = await outside.incoming(15.0)
            await target.answer()
            await talk.seat.ended()
            await settled(stage, asked["id"], outcome="answered", resolution="target")

            old.thaw()
            (late,) = await asyncio.gather(clicked, return_exceptions=True)

            await has_ended(old)
            told = _told_not_done(late)
            assert "node.taken" in (stage.home / "up.log").read_text(encoding="utf-8")
            await hear_each_other((talk.citizen, CITIZEN_TONE), (target, TARGET_TONE))
            await nobody_rings(police)
            await talk.citizen.hangup()
            await ended(stage, asked["id"], outcome="answered", resolution="target")
            every = (await api.get("/v1/handoffs")).json()["items"]
            assert {each["id"] for each in every} == {asked["id"], *told}
            stage.api = frozen
