"""One whole instance for the session, with phones around it; each test finds it as if nobody had called yet."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from demo.stage import Stage
from demo.stage import stage as open_stage

SHORT_LINE = {
    "id": "12328",
    "name": "交通运输服务热线",
    "numbers": ["12328"],
    "ring_seconds": 1,
    "ladder_wait_seconds": 1,
    "desks": [{"id": "main", "name": "话务席", "seats": ["3281", "3282"]}],
}
"""A line that gives up after a second, for what comes of it."""


def changes() -> dict[str, Any]:
    """The lines of ``hotline.yaml`` with time enough to act while they ring, and one short of time."""
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))
    lines = [{**line, "ring_seconds": 8, "ladder_wait_seconds": 4} for line in content["lines"]]
    linked = [{**number, "ring_seconds": 3} for number in content["linked_numbers"]]
    seats = [*content["seats"], {"id": "3281", "name": "12328坐席1"}, {"id": "3282", "name": "12328坐席2"}]
    return {"lines": [*lines, SHORT_LINE], "seats": seats, "linked_numbers": linked}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def instance(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("instance"), changes=changes()) as ours:
        yield ours


@pytest_asyncio.fixture(loop_scope="session")
async def stage(instance: Stage) -> AsyncIterator[Stage]:
    yield instance
    await instance.clear()
