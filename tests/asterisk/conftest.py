"""One whole instance for the session, with phones around it; each test finds it as if nobody had called yet."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from demo.stage import Stage
from demo.stage import stage as open_stage
from tests.support.sip_peer import Peer, open_peer

SHORT_LINE = {
    "id": "12328",
    "name": "交通运输服务热线",
    "numbers": ["12328"],
    "ring_seconds": 3,
    "ladder_wait_seconds": 1,
    "desks": [{"id": "main", "name": "话务席", "seats": ["3281", "3282"]}],
}
"""A line that soon gives up, for what comes of it."""


FAR_IP = "127.0.0.3"
FAR_NUMBER = {"id": "12123", "name": "公路救援", "trunk": "far", "number": "12123"}
"""A linked number behind a trunk whose other end is a test's own raw SIP."""

IN_NO_HURRY = {"ring_seconds": 60}
SHORT = {"ring_seconds": 3}


def changes() -> dict[str, Any]:
    """The lines of ``hotline.yaml`` with time enough to act while they ring; one line and 122 are short of time."""
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))
    lines = [{**line, **IN_NO_HURRY, "ladder_wait_seconds": 60} for line in content["lines"]]
    linked = [{**number, **(SHORT if number["id"] == "122" else IN_NO_HURRY)} for number in content["linked_numbers"]]
    seats = [*content["seats"], {"id": "3281", "name": "12328坐席1"}, {"id": "3282", "name": "12328坐席2"}]
    return {"lines": [*lines, SHORT_LINE], "seats": seats, "linked_numbers": linked}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def far_end() -> AsyncIterator[Peer]:
    async with open_peer(FAR_IP) as peer:
        yield peer


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def instance(tmp_path_factory: pytest.TempPathFactory, far_end: Peer) -> AsyncIterator[Stage]:
    """At its end each record must say what Asterisk's own does, and stand on an unbroken ledger."""
    ours = changes()
    ours["trunks"] = [{"id": "far", "match": [FAR_IP], "contact": f"sip:{FAR_IP}:{far_end.port}"}]
    ours["linked_numbers"] += [{**FAR_NUMBER, **IN_NO_HURRY}, {**FAR_NUMBER, **SHORT, "id": "12124"}]
    async with open_stage(tmp_path_factory.mktemp("instance"), changes=ours) as ready:
        yield ready
        assert await ready.reconcile() == []
        assert await ready.broken() == []


@pytest_asyncio.fixture(loop_scope="session")
async def stage(instance: Stage) -> AsyncIterator[Stage]:
    yield instance
    await instance.clear()


@pytest_asyncio.fixture(loop_scope="session")
async def far(far_end: Peer, stage: Stage) -> AsyncIterator[Peer]:
    """The other end of the trunk to 12123, also a place to call in from."""
    yield far_end
    await far_end.hang_up_all()
