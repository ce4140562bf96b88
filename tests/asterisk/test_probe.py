"""``hotline probe`` on a running instance: a healthy line passes, what is spoilt is found, nobody is rung."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest
import pytest_asyncio

from api.clock import SystemClock
from api.loaded import Loaded, load
from api.probe_parts import prober_of
from demo.stage import Stage
from telephony.asterisk.install import find_asterisk
from telephony.asterisk.process import AsteriskProcess
from telephony.probe.apart import PhoneApart
from telephony.probe.judge import Check, Probed
from telephony.probe.port import ENDPOINT, Facts, Order, Sound
from telephony.service.probes import Prober

pytestmark = pytest.mark.asyncio(loop_scope="session")

OTHER = "10000000001"


class Lab:
    """The instance, and its dialplan to be spoilt (in memory; a reload mends it)."""

    def __init__(self, stage: Stage, loaded: Loaded) -> None:
        self.stage, self.loaded = stage, loaded
        layout = loaded.layout
        self.asterisk = AsteriskProcess(find_asterisk(layout.home), layout.asterisk_conf, layout.run, layout.log)
        self.prober = replace(prober_of(loaded, SystemClock()), answer_within=20.0)

    async def spoil(self, step: int, app: str) -> None:
        told = await self.asterisk.rx(f"dialplan add extension s,{step},{app} into probe-call replace", seconds=30)
        assert "replace by" in told, told

    async def probe(self, prober: Prober, number: str | None = None) -> Probed:
        line = self.loaded.directory.lines[0]
        return await prober.probe(replace(line, probe_number=number or line.probe_number))

    async def no_channel(self) -> None:
        async def gone() -> bool:
            return ENDPOINT not in await self.asterisk.rx("core show channels concise", seconds=30)

        await self.stage.until(gone, 60.0)


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    ours = Lab(stage, load())
    try:
        yield ours
    finally:
        await ours.asterisk.rx("dialplan reload", seconds=30)


class AnotherNumber(PhoneApart):
    """Calls with another number than it is asked to, as a trunk would that puts in its own."""

    async def call(self, order: Order) -> Facts:
        return await super().call(replace(order, caller=OTHER))


async def test_given_a_healthy_line_when_the_command_is_run_then_all_passes_and_it_is_nobodys_call(lab: Lab) -> None:
    phone = await lab.stage.seat("1101")
    before = (await lab.stage.api.get("/v1/calls")).json()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "probe", "--line", "110", "--json"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "HOTLINE_PROBE__ANSWER_WITHIN_SECONDS": "15"},
    )
    printed, _ = await process.communicate()

    found = orjson.loads(printed)
    (line,) = found["lines"]
    assert (process.returncode, found["ok"], line["line"]) == (0, True, "110"), line
    assert {name: check["ok"] for name, check in line["checks"].items()} == dict.fromkeys(Check, True)
    assert line["facts"]["keys"] == f"{line['facts']['key']}*{lab.loaded.settings.probe.caller}#"
    await lab.no_channel()
    assert (await lab.stage.api.get("/v1/calls")).json() == before
    assert (await lab.stage.api.get("/v1/calls/live")).json() == []
    with pytest.raises(TimeoutError):
        await phone.incoming(0.5)


async def test_given_no_prompt_and_a_number_of_its_own_when_probed_then_both_are_found(lab: Lab) -> None:
    await lab.spoil(5, "NoOp()")
    probed = await lab.probe(replace(lab.prober, phone=AnotherNumber()))

    assert probed.failed == (Check.PROMPT, Check.CALLER), probed
    assert isinstance(probed.facts.wanted, Sound)
    assert probed.facts.prompt is None
    assert {finding.check: finding.found for finding in probed.findings}[Check.CALLER] == OTHER


async def test_given_a_line_that_does_not_answer_when_probed_then_it_is_given_up_and_nothing_stays(lab: Lab) -> None:
    await lab.spoil(4, "Wait(50)")
    probed = await lab.probe(replace(lab.prober, answer_within=1.0))

    assert (probed.failed, probed.facts) == ((Check.ANSWER,), Facts())
    await lab.no_channel()


async def test_given_a_number_that_is_not_there_when_probed_then_the_refusal_is_told(lab: Lab) -> None:
    probed = await lab.probe(lab.prober, "999")
    assert (probed.failed, probed.facts) == ((Check.ANSWER,), Facts(sip_code=404))


async def test_given_a_wrong_password_when_probed_then_the_refusal_is_told(lab: Lab) -> None:
    probed = await lab.probe(replace(lab.prober, secret="not-the-password"))
    assert (probed.failed, probed.facts.sip_code) == ((Check.ANSWER,), 401)
