"""A line that the scheduled probe finds ill: in the event stream and in the metrics."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.loaded import load
from api.probe_parts import probe_job, told_of
from telephony.probe.port import Facts, Order
from telephony.service.probes import Prober
from tests.support.hall import Hall


class Refused:
    async def call(self, order: Order) -> Facts:
        return Facts(sip_code=404)


@pytest.mark.asyncio
async def test_given_a_line_that_is_refused_when_it_is_probed_then_supervisors_and_monitoring_are_told(
    hall: Hall, logged: list[MutableMapping[str, Any]]
) -> None:
    board, metrics = hall.services.switchboard, hall.services.metrics
    first, *others = board.directory.lines
    board.directory = replace(board.directory, lines=(replace(first, probe_number="99110"), *others))
    prober = Prober(Refused(), hall.clock, "127.0.0.1", 5060, "127.0.0.1", "secret", "10000000000", Path("p.wav"), 5.0)

    await told_of(prober, timedelta(minutes=5), board, metrics).look()

    async for notice in hall.live.notices("0-0"):
        if notice.kind == "alarm":
            assert notice.data == {"alarm": "probe_failed", "line": "110", "failed": ["answer"]}
            break
    scraped = (await hall.http.get("/metrics")).text.splitlines()
    assert 'hotline_probe_ok{line="110"} 0.0' in scraped
    assert 'hotline_probe_answer_seconds{line="110"} NaN' in scraped
    told = [entry for entry in logged if entry["event"] == "probe.failed"]
    assert [(entry["line"], entry["answer"]) for entry in told] == [("110", "SIP 404")]


@pytest.mark.asyncio
async def test_given_no_schedule_or_no_way_to_call_then_there_is_no_job_and_the_service_goes_on(
    hall: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "home"))
    content = yaml.safe_load(Path("hotline.yaml").read_text(encoding="utf-8"))

    def job(bind: str, **probe: int) -> bool:
        (tmp_path / "hotline.yaml").write_text(
            yaml.safe_dump({**content, "network": {"bind": bind}, "probe": probe}), encoding="utf-8"
        )
        loaded = load(tmp_path / "hotline.yaml")
        return probe_job(loaded, hall.services.switchboard, hall.services.metrics, hall.clock) is not None

    assert not job("127.0.0.1")
    assert job("127.0.0.1", every_minutes=5)
    assert not job("2001:db8::1", every_minutes=5)
