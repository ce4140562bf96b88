"""One line's probe, all of them in turn, and who is told of what."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from api.metrics import Metrics
from telephony.lines import Desk, Directory, Line
from telephony.probe.apart import PhoneApart, ProbeImpossible
from telephony.probe.judge import Check, Probed
from telephony.probe.port import ENDPOINT, Facts, Order, Sound, Trouble
from telephony.service.probes import ProbeJob, Prober

CALLER = "10000000000"
AT = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
SOUND = Sound(2.4, -20.0)


def line(line_id: str, probe_number: str | None) -> Line:
    return Line(line_id, line_id, (line_id,), (Desk("main", "席", ("1",)),), probe_number=probe_number)


DIRECTORY = Directory((line("110", "99110"), line("12345", "9912345"), line("12328", None)), (), ())


def well(order: Order) -> Facts:
    return Facts(answered_after=0.1, prompt=SOUND, wanted=SOUND, key=order.key, keys=f"{order.key}*{order.caller}#")


class ScriptedPhone:
    """Answers each call as ``answer`` says."""

    def __init__(self) -> None:
        self.answer: Callable[[Order], Facts] = well
        self.orders: list[Order] = []

    async def call(self, order: Order) -> Facts:
        self.orders.append(order)
        return self.answer(order)


class Clock:
    def now(self) -> datetime:
        return AT


class Scene:
    def __init__(self) -> None:
        self.phone, self.metrics = ScriptedPhone(), Metrics()
        self.prober = Prober(
            self.phone, Clock(), "127.0.0.1", 5060, "127.0.0.1", "a-secret", CALLER, Path("prompt.wav"), 5.0
        )
        self.alarms: list[Probed] = []
        self.job = ProbeJob(
            self.prober, lambda: DIRECTORY, timedelta(minutes=5), self.metrics.probed, self.alarms.append
        )

    def metric(self, name: str, line_id: str) -> float:
        value = self.metrics.registry.get_sample_value(name, {"line": line_id})
        assert value is not None
        return value


@pytest.mark.asyncio
async def test_given_lines_when_they_are_probed_then_those_with_a_test_number_are_called() -> None:
    scene = Scene()
    found = await scene.job.look()

    assert [(probed.line, probed.number, probed.at, probed.ok) for probed in found] == [
        ("110", "99110", AT, True),
        ("12345", "9912345", AT, True),
    ]
    assert {(order.number, order.username, order.caller, order.patience) for order in scene.phone.orders} == {
        ("99110", ENDPOINT, CALLER, 10.0),
        ("9912345", ENDPOINT, CALLER, 10.0),
    }
    assert all(len(order.key) == 1 and order.key.isdecimal() for order in scene.phone.orders)
    assert "a-secret" not in repr(scene.phone.orders) + repr(scene.prober)
    assert scene.alarms == []
    assert scene.metric("hotline_probe_ok", "110") == 1
    assert scene.metric("hotline_probe_answer_seconds", "110") == 0.1
    assert scene.metric("hotline_probe_timestamp_seconds", "12345") == AT.timestamp()


@pytest.mark.asyncio
async def test_given_a_line_that_fails_when_it_goes_on_failing_then_one_alarm_and_another_when_it_fails_otherwise() -> (
    None
):
    scene = Scene()
    scene.phone.answer = lambda order: replace(well(order), keys=f"{order.key}*13812345678#")
    with structlog.testing.capture_logs() as logs:
        await scene.job.look()
        await scene.job.look()
    assert [(probed.line, probed.failed) for probed in scene.alarms] == [
        ("110", (Check.CALLER,)),
        ("12345", (Check.CALLER,)),
    ]
    assert [entry["event"] for entry in logs] == ["probe.failed"] * 4
    assert "13812345678" not in str(logs)
    assert scene.metric("hotline_probe_ok", "110") == 0

    scene.phone.answer = lambda order: Facts(trouble=Trouble.UNREACHABLE)
    await scene.job.look()
    assert [probed.failed for probed in scene.alarms[2:]] == [(Check.ANSWER,)] * 2
    assert math.isnan(scene.metric("hotline_probe_answer_seconds", "110"))

    scene.phone.answer = well
    with structlog.testing.capture_logs() as logs:
        await scene.job.look()
        await scene.job.look()
    assert [(entry["event"], entry["recovered"]) for entry in logs] == [
        *[("probe.passed", True)] * 2,
        *[("probe.passed", False)] * 2,
    ]
    assert len(scene.alarms) == 4


@pytest.mark.asyncio
async def test_given_a_line_without_a_test_number_when_it_is_probed_then_the_setting_is_named() -> None:
    with pytest.raises(ProbeImpossible, match=r"line 12328 has no test number: .*lines\[\]\.probe_number"):
        await Scene().prober.probe(DIRECTORY.lines[2])


@pytest.mark.asyncio
async def test_given_no_pyvoip_when_a_call_is_to_be_placed_then_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ProbeImpossible, match="pyVoIP is not installed"):
        await PhoneApart().call(Order("127.0.0.1", 5060, "127.0.0.1", "u", "s", "1", "2", "3", "", 1.0))


@pytest.mark.asyncio
async def test_given_an_address_that_is_not_this_machines_when_a_call_is_placed_then_the_phone_says_so() -> None:
    order = Order("127.0.0.1", 5060, "203.0.113.7", "u", "s", "1", "2", "3", "", 1.0)
    assert await PhoneApart().call(order) == Facts(trouble=Trouble.NO_PORT)


@pytest.mark.asyncio
async def test_given_a_phone_that_hangs_when_its_time_is_over_then_it_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hangs.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr("telephony.probe.apart._CALLER", "hangs")
    monkeypatch.setattr("telephony.probe.apart._LONGEST_S", 0.5)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    order = Order("127.0.0.1", 5060, "127.0.0.1", "u", "s", "1", "2", "3", "", 1.0)
    async with asyncio.timeout(30):
        assert await PhoneApart().call(order) == Facts(trouble=Trouble.HUNG)


@pytest.mark.asyncio
async def test_given_a_phone_that_breaks_when_it_has_ended_then_that_is_what_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "breaks.py").write_text("raise SystemExit('no ears')\n")
    monkeypatch.setattr("telephony.probe.apart._CALLER", "breaks")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    order = Order("127.0.0.1", 5060, "127.0.0.1", "u", "s", "1", "2", "3", "", 1.0)
    with structlog.testing.capture_logs() as logs:
        assert await PhoneApart().call(order) == Facts(trouble=Trouble.BROKEN)
    assert [(entry["event"], entry["code"], entry["said"]) for entry in logs] == [("probe.phone_broke", 1, "no ears\n")]
