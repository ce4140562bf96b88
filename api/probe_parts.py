"""The probe's own parts, put together from the settings."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from api.loaded import Loaded
from api.menus import places
from telephony.asterisk.configuration import sounds_dir
from telephony.ports import Clock
from telephony.probe.apart import PhoneApart, ProbeImpossible
from telephony.probe.judge import Probed
from telephony.probe.port import PROMPT
from telephony.service.probes import ProbeJob, Prober

if TYPE_CHECKING:
    from api.metrics import Metrics
    from telephony.service import Switchboard

log = structlog.get_logger(__name__)

_LOOPBACK = "127.0.0.1"


def prober_of(loaded: Loaded, clock: Clock) -> Prober:
    """Raises ProbeImpossible where Asterisk has no IPv4 address of this machine to be called at."""
    settings = loaded.settings
    bind = ipaddress.ip_address(settings.network.bind)
    if bind.version == 6 and not bind.is_unspecified:
        raise ProbeImpossible("只能经 IPv4 探测 · the probe calls over IPv4 only: network.bind")
    server = _LOOPBACK if bind.is_unspecified else str(bind)
    return Prober(
        phone=PhoneApart(),
        clock=clock,
        server=server,
        port=settings.port(settings.network.sip_port),
        source=_LOOPBACK if ipaddress.ip_address(server).is_loopback else server,
        secret=loaded.secrets.probe,
        caller=settings.probe.caller,
        prompt=sounds_dir(loaded.layout, places(settings).city_prompts) / f"{PROMPT}.wav",
        answer_within=settings.probe.answer_within_seconds,
    )


def probe_job(loaded: Loaded, switchboard: Switchboard, metrics: Metrics, clock: Clock) -> ProbeJob | None:
    """None where the settings want none, or none can be placed here."""
    every = loaded.settings.probe.every_minutes
    if every is None:
        return None
    try:
        prober = prober_of(loaded, clock)
    except ProbeImpossible as error:  # calls go on without it
        log.error("probe.impossible", reason=error.slug, detail=error.message)
        return None
    return told_of(prober, timedelta(minutes=every), switchboard, metrics)


def told_of(prober: Prober, every: timedelta, switchboard: Switchboard, metrics: Metrics) -> ProbeJob:
    """The job whose results the metrics have and whose alarms the event stream."""

    def alarm(probed: Probed) -> None:
        failed = [check.value for check in probed.failed]
        switchboard.watch.publisher.tell("alarm", alarm="probe_failed", line=probed.line, failed=failed)

    return ProbeJob(prober, lambda: switchboard.directory, every, metrics.probed, alarm)
