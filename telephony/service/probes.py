"""The lines' synthetic calls: one on demand, all of them on a schedule."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog

from telephony.lines import Directory, Line
from telephony.numbers import mask
from telephony.ports import Clock
from telephony.probe.apart import ProbeImpossible
from telephony.probe.judge import Check, Probed, judge
from telephony.probe.port import ENDPOINT, Order, ProbePhone

log = structlog.get_logger(__name__)

_AFTER_START_S = 30.0
_PATIENCE_S = 5.0
"""How much longer than allowed an answer is waited for, so that a late one can be told from none."""


@dataclass(frozen=True, slots=True)
class Prober:
    """``server``, ``port``: of Asterisk's SIP. ``source``: the phone's own address. ``answer_within``: seconds.

    ``prompt``: the file that a test number plays; where there is none, that is found.
    """

    phone: ProbePhone
    clock: Clock
    server: str
    port: int
    source: str
    secret: str = field(repr=False)
    caller: str
    prompt: Path
    answer_within: float

    async def probe(self, line: Line) -> Probed:
        """Raises ProbeImpossible when the line has no test number, or no phone can be had here."""
        if line.probe_number is None:
            raise ProbeImpossible(
                f"热线 {line.id} 未设测试号码 · line {line.id} has no test number: "
                f"在 hotline.yaml 中设置 · set lines[].probe_number"
            )
        at = self.clock.now()
        facts = await self.phone.call(
            Order(
                server=self.server,
                port=self.port,
                source=self.source,
                username=ENDPOINT,
                secret=self.secret,
                number=line.probe_number,
                caller=self.caller,
                key=random.choice("0123456789"),  # another one than last time: what is left of that cannot pass
                prompt=str(self.prompt),
                patience=self.answer_within + _PATIENCE_S,
            )
        )
        findings = judge(facts, answer_within=self.answer_within, caller=self.caller)
        return Probed(line.id, line.probe_number, at, facts, findings)


class ProbeJob:
    """``on_probed`` is told of each call; ``on_alarm`` when a line begins to fail, or fails in another way."""

    def __init__(
        self,
        prober: Prober,
        directory: Callable[[], Directory],
        every: timedelta,
        on_probed: Callable[[Probed], None],
        on_alarm: Callable[[Probed], None],
    ) -> None:
        self._prober, self._directory, self._every = prober, directory, every
        self._on_probed, self._on_alarm = on_probed, on_alarm
        self._failing: dict[str, tuple[Check, ...]] = {}

    async def run(self) -> None:
        """Until cancelled. A fault is loud and costs this round only."""
        await asyncio.sleep(_AFTER_START_S)
        while True:
            try:
                await self.look()
            except ProbeImpossible as error:
                log.error("probe.impossible", reason=error.slug, detail=error.message)
            except Exception:
                log.exception("probe.round_failed")
            await asyncio.sleep(self._every.total_seconds())

    async def look(self) -> tuple[Probed, ...]:
        """Every line that has a test number, one after the other. Raises ProbeImpossible, OSError."""
        found = []
        for line in self._directory().lines:
            if line.probe_number is not None:
                probed = await self._prober.probe(line)
                self._tell(probed)
                found.append(probed)
        return tuple(found)

    def _tell(self, probed: Probed) -> None:
        self._on_probed(probed)
        before = self._failing.pop(probed.line, ())
        facts = probed.facts
        if probed.ok:
            log.info("probe.passed", line=probed.line, answered_after=facts.answered_after, recovered=bool(before))
            return
        self._failing[probed.line] = probed.failed
        found = {
            finding.check.value: mask(finding.found) if finding.check is Check.CALLER else finding.found
            for finding in probed.findings
            if not finding.ok
        }
        log.error("probe.failed", line=probed.line, answered_after=facts.answered_after, **found)
        if probed.failed != before:
            self._on_alarm(probed)
