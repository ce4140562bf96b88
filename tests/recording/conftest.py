"""One instance that records, its parts apart so that each can be harmed; each test finds it with no call going on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from demo.stage import Stage
from demo.stage import stage as open_stage

FORCE = "*9"


def changes() -> dict[str, Any]:
    """110 records, 12345 does not, unless a seat forces it; 12328 records and says so."""
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))
    lines = {line["id"]: {**line, "ring_seconds": 8, "ladder_wait_seconds": 8} for line in content["lines"]}
    lines["110"]["recording"] = "always"
    traffic = {**lines["110"], "id": "12328", "name": "交通", "numbers": ["12328"], "recording_announced": True}
    traffic |= {
        "feature_code": None,
        "probe_number": None,
        "desks": [{"id": "main", "name": "话务席", "seats": ["3281"]}],
    }
    return {
        "lines": [*lines.values(), traffic],
        "seats": [*content["seats"], {"id": "3281", "name": "12328坐席1"}],
        "recordings": {"code": FORCE},
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def instance(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    home = tmp_path_factory.mktemp("recording") / "home"
    async with open_stage(home, changes=changes(), apart=True) as ready:
        yield ready


@pytest_asyncio.fixture(loop_scope="session")
async def stage(instance: Stage) -> AsyncIterator[Stage]:
    yield instance
    await instance.clear()
