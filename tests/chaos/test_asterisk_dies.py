"""Asterisk is killed and started again beside a service that lives on."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo.stage import Stage
from tests.chaos.deaths import STORIES
from tests.chaos.outages import ASTERISK_DIES
from tests.chaos.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def played(instance: Stage) -> AsyncIterator[dict[str, BaseException | None]]:
    pid = instance.parts.service.pid if instance.parts else 0
    results = await Scene(instance, ASTERISK_DIES).run(STORIES)
    assert instance.parts is not None
    assert instance.parts.service.pid == pid
    yield results
    await instance.clear()


@pytest.mark.parametrize("story", STORIES)
async def test_given_a_call_when_asterisk_dies_then_its_end_is_on_record_as_that_and_people_can_call_again(
    played: dict[str, BaseException | None], story: str
) -> None:
    if failure := played[story]:
        raise failure
