"""Long computations in a process of their own."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from telephony.service.apart import apart
from tests.support.scripted_ami import eventually

pytestmark = pytest.mark.asyncio


def whose_turn() -> tuple[int, int]:
    return os.getpid(), os.getpriority(os.PRIO_PROCESS, 0)


def for_ever(note: Path) -> None:
    note.write_text(str(os.getpid()))
    time.sleep(600)


def none_there() -> None:
    raise FileNotFoundError(2, "No such file", "Master.csv")


async def test_it_is_another_process_and_the_least_urgent_one() -> None:
    process, urgency = await apart(whose_turn)

    assert process != os.getpid()
    assert urgency > os.getpriority(os.PRIO_PROCESS, 0)


async def test_what_it_raises_is_raised_here_and_it_goes_on_working() -> None:
    with pytest.raises(FileNotFoundError, match="No such file"):
        await apart(none_there)

    assert await apart(sum, [1, 2]) == 3


async def test_ctrl_c_for_all_of_us_does_not_reach_it() -> None:
    process, _ = await apart(whose_turn)
    os.kill(process, signal.SIGINT)

    assert await apart(whose_turn) == (process, 19)


async def test_given_nobody_waits_for_it_any_more_then_it_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "process"
    waiting = asyncio.create_task(apart(for_ever, note))
    await eventually(lambda: note.exists() and note.read_text() != "", 20)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert not Path(f"/proc/{note.read_text()}").exists()
