"""One instance for all of chaos: its programs apart, its records in PostgreSQL, a pair of lines for each story."""

import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from demo.stage import Stage
from demo.stage import stage as open_stage
from tests.chaos.stories import QUEUE_SECONDS, STORIES
from tests.chaos.transfers import SILENT
from tests.support.servers import PostgresServer

SILENT_IP = "127.0.0.9"
POLL_SECONDS = 0.5
"""So many stories that ask ten times a second would be an outage of their own."""


def changes(silent_port: int) -> dict[str, Any]:
    lines, seats = [], []
    for pair, story in enumerate(STORIES):
        first, second = f"3{pair:02d}1", f"3{pair:02d}2"
        for line, own in ((first, (f"{first}1", f"{first}2")), (second, (f"{second}1",))):
            desk = {"id": "main", "name": "话务席", "seats": list(own)}
            timing = {"ring_seconds": 120, "ladder_wait_seconds": QUEUE_SECONDS.get(story, 120)}
            known_by = {"id": line, "name": f"热线{line}", "numbers": [line], "feature_code": f"*{line}"}
            lines.append({**known_by, "desks": [desk], **timing})
            seats += [{"id": seat, "name": f"坐席{seat}"} for seat in own]
    return {
        "lines": lines,
        "seats": seats,
        "default_line": None,
        "trunks": [{"id": "mute", "match": [SILENT_IP], "contact": f"sip:{SILENT_IP}:{silent_port}"}],
        "linked_numbers": [{"id": SILENT, "name": "无应答", "trunk": "mute", "number": "999", "ring_seconds": 8}],
    }


@pytest.fixture(scope="session")
def silent_port() -> Iterator[int]:
    """Somebody who takes every INVITE and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((SILENT_IP, 0))
        yield int(silent.getsockname()[1])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database_url(postgres: PostgresServer) -> str:
    return await postgres.new_database()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def instance(
    tmp_path_factory: pytest.TempPathFactory, silent_port: int, database_url: str
) -> AsyncIterator[Stage]:
    """At its end each record must say what Asterisk's own does."""
    home = tmp_path_factory.mktemp("chaos") / "home"
    async with open_stage(home, changes=changes(silent_port), apart=True, database_url=database_url) as ours:
        ours.poll_seconds = POLL_SECONDS
        yield ours
        assert await ours.reconcile() == []
