"""``make demo`` is the first thing that a newcomer sees of the system."""

import pytest

from demo.scenes import play
from demo.stage import stage as open_stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_given_the_configuration_as_shipped_when_the_demo_plays_then_every_scene_is_as_it_should_be(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with open_stage(tmp_path_factory.mktemp("demo"), apart=True) as stage:
        results = await play(stage, lambda scene: None)

    assert {result.name_en: result.differences for result in results if not result.ok} == {}
    assert len(results) == 11
