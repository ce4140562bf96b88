"""``hotline record``: what is written of a link's events, and how a recording ends."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import orjson
import pytest

from telephony.ami.client import AmiClient
from telephony.ami.recording import Recording
from tests.support.scripted_ami import SECRET, ScriptedAmi, frame

EVENT = frame("Event: Newchannel", "Channel: PJSIP/1-1", "ChanVariable: a=1", "ChanVariable: b=2")


async def record(path: Path, *sent: bytes) -> int:
    """What a scripted Asterisk sends, and its greeting event before."""
    async with ScriptedAmi() as asterisk:
        client = AmiClient("127.0.0.1", asterisk.port, "hotline", SECRET)
        await client.connect()
        for each in sent:
            asterisk.send(each)
        with Recording.to(path) as recording:
            await recording.take(client, 0.2)
            await client.close()
        return recording.events


def lines_of(path: Path) -> list[dict[str, object]]:
    content = path.read_bytes()
    assert content.endswith(b"\n")
    return [orjson.loads(line) for line in content.splitlines()]


@pytest.mark.asyncio
async def test_each_event_is_a_line_with_its_headers_as_they_came(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    written = await record(path, EVENT, EVENT)
    lines = lines_of(path)
    assert written == len(lines)
    assert lines[-2:] == [{"Event": "Newchannel", "Channel": "PJSIP/1-1", "ChanVariable": ["a=1", "b=2"]}] * 2


@pytest.mark.asyncio
async def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.touch(mode=0o644)
    await record(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.asyncio
async def test_it_appends_behind_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b'{"Event":"Old"}\n{"Event":"Cut')
    await record(path, EVENT)
    assert path.read_bytes().startswith(b'{"Event":"Old"}\n{"Event":"Cut\n{"Event":')
    await record(path, EVENT)
    assert b"\n\n" not in path.read_bytes()


@pytest.mark.asyncio
async def test_cancelled_in_the_middle_it_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    async with ScriptedAmi() as asterisk:
        client = AmiClient("127.0.0.1", asterisk.port, "hotline", SECRET)
        await client.connect()
        with Recording.to(path) as recording:
            taking = asyncio.create_task(recording.take(client))
            await asyncio.sleep(0.1)
            taking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taking
        await client.close()
    assert lines_of(path)[0]["Event"] == "FullyBooted"
