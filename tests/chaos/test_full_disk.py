"""No room left anywhere, with the records in SQLite on the same disk: calls go on, and the record waits for room.

Without root nobody can fill a disk of his own: Asterisk's record files are ``/dev/full`` meanwhile, which refuses every
byte as a full disk does, and the kernel lets the service add none to any file (RLIMIT_FSIZE).
"""

import resource
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from demo.parts import Parts
from demo.stage import Stage
from demo.stage import stage as open_stage
from tests.chaos.conftest import POLL_SECONDS, changes
from tests.chaos.scene import Asked, Outage, Scene
from tests.chaos.stories import STORIES

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRITTEN_BY_ASTERISK = ("cel-custom/Master.csv", "cdr-csv/Master.csv")
PLAYED = (
    "transfer: asked just now",
    "transfer: ringing, and it answers",
    "transfer: ringing, and it refuses",
    "transfer: ringing, and the caller hangs up",
    "transfer: in the queue",
    "ladder: down the whole ladder",
    "ladder: to and fro",
    "three-way: ringing, and it answers",
    "three-way: joined, and all leave",
)


def _room_for(parts: Parts, size: int) -> None:
    _, most = resource.prlimit(parts.service.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(parts.service.pid, resource.RLIMIT_FSIZE, (size, most))


def full_disk(log: Path) -> Outage:
    files = [log / name for name in WRITTEN_BY_ASTERISK]

    async def fill(parts: Parts) -> None:
        _room_for(parts, 1)
        for file in files:
            if file.exists():
                file.rename(file.with_suffix(".kept"))
            file.symlink_to("/dev/full")

    async def make_room(parts: Parts) -> None:
        for file in files:
            file.unlink()
            if file.with_suffix(".kept").exists():
                file.with_suffix(".kept").rename(file)
        _room_for(parts, resource.RLIM_INFINITY)

    return Outage("every disk full", Asked.AFTERWARDS, fill, make_room)


@dataclass(frozen=True)
class Played:
    stage: Stage
    results: dict[str, BaseException | None]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def played(tmp_path_factory: pytest.TempPathFactory, silent_port: int) -> AsyncIterator[Played]:
    home = tmp_path_factory.mktemp("full") / "home"
    async with open_stage(home, changes=changes(silent_port), apart=True) as stage:
        stage.poll_seconds = POLL_SECONDS
        yield Played(stage, await Scene(stage, full_disk(home / "log")).run(STORIES, PLAYED))


@pytest.mark.parametrize("story", PLAYED)
async def test_given_a_handoff_when_every_disk_is_full_then_the_call_goes_on_and_the_record_waits_for_room(
    played: Played, story: str
) -> None:
    if failure := played.results[story]:
        raise failure


async def test_given_the_disk_was_full_when_the_two_records_are_compared_then_what_asterisk_could_not_write_is_said(
    played: Played,
) -> None:
    await played.stage.hang_up_all()

    found = await played.stage.differences()

    assert any(each["why"] == "cel-torn" for each in found)
    contradicts = [each for each in found if each["why"] != "cel-torn" and each["asterisk"] not in ("", "no")]
    assert contradicts == []
