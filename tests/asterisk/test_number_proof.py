"""A trunk that shows a number of its own: the wrong number is on record, in the alarm, the metric and the report.

On an instance of its own, whose configuration is spoilt by hand: ``from_user`` in a trunk's endpoint goes before the
caller's number in From.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio

from demo.stage import Stage, stage
from telephony.asterisk.install import find_asterisk
from telephony.asterisk.layout import Layout
from telephony.asterisk.process import AsteriskProcess
from tests.support.scenario import CITIZEN, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG = "12345"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def spoilt(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Asterisk's own record says the same as ours, wrong number and all."""
    async with stage(tmp_path_factory.mktemp("number-proof") / "home") as ours:
        await _show_a_number_of_its_own(ours)
        yield ours
        assert await ours.reconcile() == []


async def _show_a_number_of_its_own(ours: Stage) -> None:
    layout = Layout.of(ours.home)
    rendered = layout.etc / "pjsip.conf"
    text = rendered.read_text(encoding="utf-8")
    assert "[pstn](trunk)\n" in text
    rendered.write_text(text.replace("[pstn](trunk)\n", f"[pstn](trunk)\nfrom_user = {WRONG}\n"), encoding="utf-8")
    asterisk = AsteriskProcess(find_asterisk(layout.home), layout.asterisk_conf, layout.run, layout.log)
    await asterisk.rx("module reload res_pjsip.so")

    async def taken_up() -> bool:
        return WRONG in await asterisk.rx("pjsip show endpoint pstn")

    await ours.until(taken_up)


async def alarms_until_the_end_of(ours: Stage, handoff_id: str) -> list[dict[str, str]]:
    """All alarms of the event stream so far, up to the end of that handoff."""
    found: list[dict[str, str]] = []
    kind = ""
    async with asyncio.timeout(20), ours.api.stream("GET", "/v1/events", headers={"Last-Event-ID": "0-1"}) as stream:
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            kind = value if name == "event" else kind
            data = orjson.loads(value) if name == "data" else {}
            if kind == "alarm" and data:
                found.append(data)
            if kind == "handoff" and data and (data["id"], data["state"]) == (handoff_id, "ended"):
                return found
    raise AssertionError("the stream ended")


async def metric(ours: Stage, name: str) -> float:
    lines = (await ours.api.get("/metrics")).text.splitlines()
    return float(next(line.removeprefix(name) for line in lines if line.startswith(f"{name} ")))


async def hotline(ours: Stage, *command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", *command),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "HOTLINE_HOME": str(ours.home), "HOTLINE_CONFIG": str(ours.home / "hotline.yaml")},
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.shows(44)
async def test_given_a_trunk_that_shows_its_own_number_when_handed_over_then_it_is_red_everywhere_at_once(
    spoilt: Stage,
) -> None:
    outside = await spoilt.outside()
    good = await spoilt.talk("13800002222", "12345", "2101")
    await spoilt.seat("1101")
    right = await spoilt.hand_over(good.call_id, "110")
    await (await (await spoilt.seat("1101")).incoming()).answer()
    await settled(spoilt, right["id"], outcome="answered", number_mismatch=False)
    await good.end()
    talk = await spoilt.talk(CITIZEN, "12345", "2101")

    asked = await spoilt.hand_over(talk.call_id, "120")
    target = await outside.incoming()
    assert target.from_number == WRONG
    await target.answer()

    record = await settled(spoilt, asked["id"], outcome="answered", number_mismatch=True)
    assert (record["original_caller"], record["caller_seen_by_target"]) == (CITIZEN, WRONG)
    assert record["state"] == "answered"  # it is told while they talk, not at the end
    assert await metric(spoilt, "hotline_number_mismatches_total") == 1
    await talk.end()

    (alarm,) = await alarms_until_the_end_of(spoilt, asked["id"])
    assert alarm == {"alarm": "number_mismatch", "handoff_id": asked["id"], "call_id": talk.call_id}

    async def written() -> bool:
        return await metric(spoilt, "hotline_record_queue_depth") == 0

    await spoilt.until(written)  # lists and reports are read from the database, which nobody waits for
    red = (await spoilt.api.get("/v1/handoffs", params={"number_mismatch": "true"})).json()["items"]
    assert [each["id"] for each in red] == [asked["id"]]
    report = (await spoilt.api.get("/v1/reports/number-proof")).json()
    assert (report["handoffs"], report["reached"], report["equal"], report["mismatched"]) == (2, 2, 1, 1)
    assert report["mismatched_ids"] == [asked["id"]]
    code, output = await hotline(spoilt, "proofs", "--json")
    assert (code, orjson.loads(output)["mismatched"]) == (1, [asked["id"]])
    code, output = await hotline(spoilt, "proofs")
    assert (code, asked["id"] in output) == (1, True)
    code, output = await hotline(spoilt, "reconcile")
    assert code == 0, output
    log = (spoilt.home / "log" / "service.log").read_text(encoding="utf-8")
    assert log.count("handoff.number_mismatch") == 1
