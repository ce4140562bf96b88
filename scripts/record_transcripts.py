"""Records what our own Asterisk tells in each scene of the demo, for the contract tests.

.venv/bin/python -m scripts.record_transcripts [SCENE …]   → tests/contract/transcripts/ours/*.jsonl
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import orjson

from api.bootstrap import AMI_USER
from demo.scenes import CITIZEN, SCENES, Result, Scene
from demo.stage import Stage, stage
from telephony.ami.client import AmiClient
from telephony.ami.recording import Recording

FOLDER = Path("tests/contract/transcripts/ours")


async def third_busy(ours: Stage, result: Result) -> None:
    await ours.seat("1101")
    talk = await ours.talk(CITIZEN, "12345", "2101")
    asked = result.record = await ours.hand_over(talk.call_id, "110", mode="conference")
    await (await (await ours.seat("1101")).incoming()).reject(486)
    await ours.handoff_when(asked["id"], outcome="busy")


async def third_cancelled(ours: Stage, result: Result) -> None:
    await ours.seat("1101")
    talk = await ours.talk(CITIZEN, "12345", "2101")
    asked = result.record = await ours.hand_over(talk.call_id, "110", mode="conference")
    await (await ours.seat("1101")).incoming()
    (await ours.api.delete(f"/v1/handoffs/{asked['id']}")).raise_for_status()
    await ours.handoff_when(asked["id"], outcome="cancelled")


async def nobody_there(ours: Stage, result: Result) -> None:
    await ours.seat_goes("1101")
    talk = await ours.talk(CITIZEN, "12345", "2101")
    asked = result.record = await ours.hand_over(talk.call_id, "110")
    await ours.handoff_when(asked["id"], outcome="unreachable")


async def refer_and_back(ours: Stage, result: Result) -> None:
    """The seat has let go; the ladder rings it again."""
    await ours.seat("1101")
    talk = await ours.talk(CITIZEN, "12345", "2101")
    referring = asyncio.create_task(talk.seat.refer(f"sip:110@{ours.sip}", timeout=9))
    await (await (await ours.seat("1101")).incoming()).reject(603)
    await (await (await ours.seat("2101")).incoming()).answer()
    await asyncio.gather(referring, return_exceptions=True)


async def handed_on_and_back(ours: Stage, result: Result) -> None:
    """12345 to 110, and 110 back to 12345."""
    await ours.seat("1101")
    talk = await ours.talk(CITIZEN, "12345", "2101")
    await ours.hand_over(talk.call_id, "110")
    await (await (await ours.seat("1101")).incoming()).answer()
    await talk.seat.ended()
    await ours.until(lambda: _seat_free(ours))
    asked = result.record = await ours.hand_over(talk.call_id, "12345")
    await (await (await ours.seat("2101")).incoming()).answer()
    await ours.handoff_when(asked["id"], outcome="answered")


async def _seat_free(ours: Stage) -> bool:
    seats = (await ours.api.get("/v1/seats")).json()
    return any(each["id"] == "2101" and each["state"] == "idle" for each in seats)


MORE = [third_busy, third_cancelled, nobody_there, refer_and_back, handed_on_and_back]


async def record(ours: Stage, name: str, play: Scene) -> None:
    """One scene, from its first event until no call is left; its record from our own API goes beside it."""
    path = FOLDER / f"{re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_')}.jsonl"
    path.unlink(missing_ok=True)
    client = AmiClient("127.0.0.1", 5038 + ours.offset, AMI_USER, ours.secrets["ami"])
    await client.connect()
    with Recording.to(path) as recording:
        taking = asyncio.create_task(recording.take(client))
        result = Result(name, name)
        await play(ours, result)
        await ours.hang_up_all()
        await asyncio.sleep(0.3)
        await client.close()
        await taking
    if result.record is not None:
        final = await ours.record(result.record["id"])
        path.with_suffix(".record.json").write_bytes(orjson.dumps(final, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"{path.name}: {recording.events} events, {'as expected' if result.ok else result.differences}")


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="record-") as home:
        async with stage(Path(home) / "i") as ours:
            scenes = [(name, play) for _, name, play in SCENES] + [(play.__name__, play) for play in MORE]
            for name, play in scenes:
                if not sys.argv[1:] or name in sys.argv[1:]:
                    await record(ours, name, play)


if __name__ == "__main__":
    asyncio.run(main())
