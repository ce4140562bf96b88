"""What a call's recording says to an ear: who is heard on which side, over which part of it."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from demo.stage import Stage
from softphones.tones import level_dbfs
from tests.support.hearing import longest_gap, with_tone

_MADE_WITHIN = 40.0
_LONGEST_GAP = 0.8
"""Seconds: what a busy machine may cost a phone; a call that is handed over without recording would cost more."""


@dataclass(frozen=True)
class Heard:
    """``row``: as the API gives it."""

    row: dict[str, Any]
    caller: NDArray[np.int16]
    others: NDArray[np.int16]

    @property
    def seconds(self) -> float:
        return len(self.caller) / 8000

    def caller_throughout(self, tone: float) -> None:
        """From when it began to speak to the end of the call."""
        heard = with_tone(self.caller, tone)
        assert longest_gap(heard) <= _LONGEST_GAP, "".join("x" if each else "." for each in heard)

    def others_say(self, *tones: float) -> list[float]:
        """Which of these tones were heard from the other side, in the order of their first second."""
        heard = {tone: with_tone(self.others, tone) for tone in tones}
        said = {tone: flags.index(True) for tone, flags in heard.items() if any(flags)}
        return sorted(said, key=lambda tone: said[tone])

    def share_of(self, tone: float, begin: float, end: float) -> float:
        """Of the time between these seconds, how much has the tone on the other side."""
        heard = with_tone(self.others, tone)[round(begin * 10) : round(end * 10)]
        return sum(heard) / len(heard)

    def quiet(self, begin: float, end: float) -> bool:
        parts = (side[round(begin * 8000) : round(end * 8000)] for side in (self.caller, self.others))
        return all(level_dbfs(each) < -60 for each in parts)


def lasted(row: dict[str, Any]) -> float:
    """Seconds from the beginning of the recording to the end of the call."""
    return second_of(row, row["ended_at"])


def second_of(row: dict[str, Any], moment: str) -> float:
    return (datetime.fromisoformat(moment) - datetime.fromisoformat(row["started_at"])).total_seconds()


async def talks(stage: Stage, call_id: str) -> bool:
    """Whether the service knows the call as one that goes on."""
    calls = (await stage.api.get("/v1/calls/live")).json()
    return any(call["id"] == call_id and call["state"] == "talking" for call in calls)


async def row_of(stage: Stage, call_id: str, *states: str) -> dict[str, Any]:
    """The call's only recording, as soon as it has one of these states."""
    rows: list[dict[str, Any]] = []

    async def there() -> bool:
        rows[:] = (await stage.api.get("/v1/recordings", params={"call_id": call_id})).json()["items"]
        return len(rows) == 1 and rows[0]["state"] in states

    try:
        await stage.until(there, _MADE_WITHIN)
    except TimeoutError:
        assert [row["state"] for row in rows] == [states[0]]
    return rows[0]


async def heard(stage: Stage, call_id: str, state: str = "whole") -> Heard:
    row = await row_of(stage, call_id, state)
    answer = await stage.api.get(f"/v1/recordings/{row['id']}/audio")
    assert answer.status_code == 200, answer.text
    both, rate = await asyncio.to_thread(soundfile.read, io.BytesIO(answer.content), dtype="int16")
    assert rate == 24000
    both = both[::3]
    return Heard(row, both[:, 0], both[:, 1])
