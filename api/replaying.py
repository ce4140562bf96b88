"""``hotline record`` and ``hotline replay``: Asterisk's events into a file, and what such a file says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from telephony.ami.client import AmiClient
from telephony.ami.frames import AmiEvent
from telephony.ami.recording import Recording
from telephony.replay import harm
from telephony.replay.lines import BrokenRecording, read
from telephony.replay.report import Report, report


@dataclass(frozen=True, slots=True)
class Harm:
    """What is done to the stream before it is read; shares from 0 to 1, ``places`` an event may come late."""

    lose: float = 0.0
    double: float = 0.0
    places: int = 0
    seed: int = 0

    def do(self, events: list[AmiEvent]) -> list[AmiEvent]:
        events = harm.lose(events, self.lose, self.seed)
        events = harm.double(events, self.double, self.seed)
        return harm.reorder(events, self.places, self.seed)


def replay(file: Path, *, skip_broken: bool, harmed: Harm) -> Report:
    """Raises BrokenRecording, OSError. What was skipped is told on stderr."""
    skipped: list[BrokenRecording] = []
    with file.open("rb") as lines:
        events = list(read(lines, str(file), skipped=skipped.append, skip_broken=skip_broken))
    if skipped:
        told = "".join(f"  {broken.message}\n" for broken in skipped[:5])
        sys.stderr.write(f"跳过 {len(skipped)} 行 · {len(skipped)} lines skipped\n{told}")
    return report(harmed.do(events))


def as_json(seen: Report) -> str:
    return orjson.dumps(seen, option=orjson.OPT_INDENT_2).decode()


def as_text(seen: Report) -> str:
    lines = [f"通话 · calls: {len(seen['calls'])}, 转接 · handoffs: {len(seen['handoffs'])}"]
    for handoff in seen["handoffs"]:
        numbers = f"{handoff['original_caller'] or '?'} → {handoff['target'] or '?'}"
        lines.append(f"  {handoff['kind']:<10} {numbers:<32} {handoff['outcome'] or '未知 · unknown'}")
    return "\n".join(lines)


def record(new_client: Callable[[], Awaitable[AmiClient]], file: Path, seconds: float | None) -> int:
    """Until ``seconds`` have passed or Ctrl-C; returns how many events were written.

    Raises OSError, AmiConnectError, and AmiLinkLost when the link ended first.
    """
    with Recording.to(file) as recording:
        try:
            asyncio.run(_record(new_client, recording, seconds))
        except KeyboardInterrupt:
            return recording.events
        return recording.events


async def _record(new_client: Callable[[], Awaitable[AmiClient]], recording: Recording, seconds: float | None) -> None:
    client = await new_client()
    await client.connect()
    try:
        await recording.take(client, seconds)
        if client.lost:
            raise client.lost
    finally:
        await client.close()
