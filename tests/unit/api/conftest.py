import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from tests.support.hall import Hall, make_accounts, open_hall

Accounts = tuple[Path, Mapping[str, str]]


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    """Made once: hashing passwords is slow on purpose."""
    path = tmp_path_factory.mktemp("accounts") / "accounts.db"
    return path, asyncio.run(make_accounts(path))


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as entries:
        yield entries


@pytest_asyncio.fixture
async def hall(accounts: Accounts, tmp_path: Path) -> AsyncIterator[Hall]:
    async with open_hall(*accounts, tmp_path) as opened:
        yield opened
