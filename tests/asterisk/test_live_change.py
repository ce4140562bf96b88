"""``hotline apply`` on a running instance: seats and lines change, calls in progress do not notice."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
import yaml

from demo.stage import Stage, stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ours(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage(tmp_path_factory.mktemp("live-change") / "home") as made:
        yield made


async def apply(ours: Stage, change: Callable[[dict[str, Any]], object]) -> tuple[int, str]:
    """Change the instance's ``hotline.yaml`` and have it applied: the exit code and what was printed."""
    path = ours.home / "hotline.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "apply"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            **os.environ,
            "HOTLINE_HOME": str(ours.home),
            "HOTLINE_PORT_OFFSET": str(ours.offset),
            "HOTLINE_CONFIG": str(path),
        },
    )
    output, _ = await process.communicate()
    ours.secrets = orjson.loads((ours.home / "secrets.json").read_bytes())
    return process.returncode or 0, output.decode()


@pytest.mark.shows(122)
async def test_given_a_call_in_progress_when_a_seat_is_added_then_the_call_goes_on_and_the_seat_rings(
    ours: Stage,
) -> None:
    talk = await ours.talk("13800001111", "12345", "2101")
    (await ours.api.post("/v1/seats/2102/pause", json={"reason": "午餐"})).raise_for_status()

    def add_seat(content: dict[str, Any]) -> None:
        content["seats"].append({"id": "2199", "name": "新坐席"})
        content["lines"][1]["desks"][0]["seats"].append("2199")

    code, output = await apply(ours, add_seat)

    assert (code, "queues.conf" in output) == (0, True), output
    await talk.citizen.play_tone(440)
    assert await talk.seat.hears(440)
    new = await ours.seat("2199")
    second = await (await ours.citizen("13900002222")).dial("12345")
    ringing = await new.incoming()
    assert ringing.from_number == "13900002222"
    await ringing.answer()
    await second.answered()
    paused = {seat["id"]: seat["paused_reason"] for seat in (await ours.api.get("/v1/seats")).json()}
    assert paused["2102"] == "午餐"
    await ours.hang_up_all()


async def test_given_a_new_line_when_applied_then_it_can_be_called_and_handed_to(ours: Stage) -> None:
    def add_line(content: dict[str, Any]) -> None:
        content["seats"].append({"id": "3101", "name": "新热线坐席"})
        desks = [{"id": "main", "name": "话务席", "seats": ["3101"]}]
        content["lines"].append({"id": "12328", "name": "交通", "numbers": ["12328"], "desks": desks})

    code, output = await apply(ours, add_line)

    assert code == 0, output
    target = await ours.seat("3101")
    call = await (await ours.citizen("13900003333")).dial("12328")
    await (await target.incoming()).answer()
    await call.answered()
    await ours.hang_up_all()
    talk = await ours.talk("13800001111", "12345", "2101")
    handoff = await ours.hand_over(talk.call_id, "12328")
    incoming = await target.incoming()
    assert incoming.headers["X-Handoff-Id"] == handoff["id"]
    assert incoming.from_number == "13800001111"
    await ours.hang_up_all()


async def test_given_a_wrong_file_when_applied_then_it_says_why_and_nothing_changes(ours: Stage) -> None:
    before = {path.name: path.read_text(encoding="utf-8") for path in (ours.home / "etc").glob("*.conf")}
    good = (ours.home / "hotline.yaml").read_text(encoding="utf-8")

    code, output = await apply(ours, lambda content: content.update(default_line="999"))

    assert code == 1
    assert "default_line" in output
    assert {path.name: path.read_text(encoding="utf-8") for path in (ours.home / "etc").glob("*.conf")} == before
    (ours.home / "hotline.yaml").write_text(good, encoding="utf-8")


async def test_given_another_sip_port_when_applied_then_it_says_that_a_restart_is_needed(ours: Stage) -> None:
    def move_media(content: dict[str, Any]) -> None:
        content["network"]["rtp_end"] = 20900

    code, output = await apply(ours, move_media)

    assert code == 0
    assert "rtp.conf" in output.splitlines()[-1]
    assert "restart" in output.splitlines()[-1]


async def test_given_nothing_running_when_applied_then_it_says_so(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "apply"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "HOTLINE_HOME": str(tmp_path)},
    )
    output, _ = await process.communicate()
    assert process.returncode == 1
    assert "nothing is running here" in output.decode()


async def test_given_all_that_happened_here_then_the_ledger_is_unbroken_and_says_who_changed_what(ours: Stage) -> None:
    await ours.hang_up_all()
    assert await ours.broken() == []

    with closing(sqlite3.connect(ours.home / "hotline.db")) as database:
        by = database.execute("SELECT actor FROM ledger WHERE kind = 'configuration' ORDER BY seq").fetchall()
        assert by[0] == ("n1",)
        assert by[-1][0].startswith("os:")
        database.execute("UPDATE ledger SET actor = 'nobody' WHERE kind = 'configuration'")
        database.commit()
    assert {fault["name"] for fault in await ours.broken()} == {"changed"}
