"""Each outage at each step: nobody is lost, nothing is done twice, and afterwards the record says what was."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo.stage import Stage
from tests.chaos.outages import outages
from tests.chaos.scene import Scene
from tests.chaos.stories import STORIES
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTAGES = (
    "the service killed",
    "all but Asterisk killed",
    "the service frozen",
    "the link cut",
    "the link half-open",
    "the link half-open, all delivered late",
    "Redis and PostgreSQL killed",
    "PostgreSQL full",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=OUTAGES)
async def played(
    request: pytest.FixtureRequest, instance: Stage, postgres: PostgresServer, database_url: str
) -> AsyncIterator[dict[str, BaseException | None]]:
    outage = next(each for each in outages(postgres, database_url) if each.name == request.param)
    yield await Scene(instance, outage).run(STORIES)
    await instance.hang_up_all()
    instance.forget_rings()


@pytest.mark.parametrize("story", STORIES)
async def test_given_a_handoff_when_there_is_an_outage_then_the_caller_is_served_and_the_record_is_true(
    played: dict[str, BaseException | None], story: str
) -> None:
    if failure := played[story]:
        raise failure
