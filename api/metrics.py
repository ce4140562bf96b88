"""What Prometheus reads. Nothing here names a caller."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from records.recordings.keeper import RecordingKeeper
from records.recordings.store import FAULTY, RecordingState
from telephony.callback import CallBack
from telephony.handoff import Handoff, durations_ms
from telephony.probe.judge import Probed

_RINGING_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10)
_ANSWER_BUCKETS = (1, 2, 5, 10, 15, 20, 30, 45, 60)
_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)


def _count(keeper: RecordingKeeper, state: RecordingState) -> float:
    return float(keeper.counts.get(state, 0))


class Metrics:
    """One registry per service, so that two in one process (tests) do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.handoffs = Counter(
            "hotline_handoffs", "Handoffs that ended.", ["mode", "outcome", "resolution"], registry=self.registry
        )
        self.to_ringing = Histogram(
            "hotline_handoff_to_ringing_seconds",
            "From the request to the target's ringing.",
            ["mode"],
            buckets=_RINGING_BUCKETS,
            registry=self.registry,
        )
        self.to_answer = Histogram(
            "hotline_handoff_to_answer_seconds",
            "From the request to the target's answer.",
            ["mode"],
            buckets=_ANSWER_BUCKETS,
            registry=self.registry,
        )
        self.number_mismatches = Counter(
            "hotline_number_mismatches",
            "Handoffs whose target saw another number than the caller's.",
            registry=self.registry,
        )
        self.call_backs_unreached = Counter(
            "hotline_call_backs_unreached", "Promised call-backs that were given up.", ["line"], registry=self.registry
        )
        self.callers_refused = Counter(
            "hotline_callers_refused",
            "Callers for whom a trunk had no channel.",
            ["trunk", "line"],
            registry=self.registry,
        )
        self.requests = Counter(
            "hotline_http_requests", "Requests answered.", ["method", "operation", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "hotline_http_request_seconds",
            "From a request's arrival to the start of its answer.",
            ["operation"],
            buckets=_REQUEST_BUCKETS,
            registry=self.registry,
        )
        self._link_up = Gauge("hotline_link_up", "Whether the link to Asterisk is up.", registry=self.registry)
        self._queue = Gauge(
            "hotline_record_queue_depth", "Records that wait to be written to the database.", registry=self.registry
        )

        self._differences = Gauge(
            "hotline_reconciliation_differences",
            "Differences between our records and Asterisk's own that nothing explains.",
            registry=self.registry,
        )
        self._reconciled = Gauge(
            "hotline_reconciliation_last_success_timestamp_seconds",
            "When records were last compared with Asterisk's own; 0 before the first time.",
            registry=self.registry,
        )

        self._recordings = Gauge(
            "hotline_recordings",
            "Recordings that are being made, that are shorter than their call was, and that have no file.",
            ["state"],
            registry=self.registry,
        )
        self._recordings_free = Gauge(
            "hotline_recordings_free_bytes", "Room for recordings on the fuller of their disks.", registry=self.registry
        )
        self._recordings_low = Gauge(
            "hotline_recordings_disk_nearly_full",
            "Whether there is less room than is to be kept free.",
            registry=self.registry,
        )

        self._probe_ok = Gauge(
            "hotline_probe_ok",
            "Whether the line's last synthetic call found nothing wrong.",
            ["line"],
            registry=self.registry,
        )
        self._probe_answer = Gauge(
            "hotline_probe_answer_seconds",
            "Until the line's last synthetic call was answered; NaN when it was not.",
            ["line"],
            registry=self.registry,
        )
        self._probe_at = Gauge(
            "hotline_probe_timestamp_seconds",
            "When the line's last synthetic call was.",
            ["line"],
            registry=self.registry,
        )

    def probed(self, probed: Probed) -> None:
        """To be called after each synthetic call."""
        answered_after = probed.facts.answered_after
        self._probe_ok.labels(probed.line).set(probed.ok)
        self._probe_answer.labels(probed.line).set(math.nan if answered_after is None else answered_after)
        self._probe_at.labels(probed.line).set(probed.at.timestamp())

    def watch_recordings(self, keeper: RecordingKeeper) -> None:
        """Read at each scrape."""
        for state in (RecordingState.RECORDING, *FAULTY):
            self._recordings.labels(state.value).set_function(partial(_count, keeper, state))
        self._recordings_free.set_function(lambda: float(keeper.free_bytes))
        self._recordings_low.set_function(lambda: float(keeper.low_on_disk))

    def watch(
        self,
        *,
        link_up: Callable[[], bool],
        record_queue_depth: Callable[[], int],
        reconciliation: Callable[[], tuple[int, datetime | None]],
    ) -> None:
        """Read at each scrape. ``reconciliation``: unexplained differences, and when they were last looked for."""
        self._link_up.set_function(lambda: float(link_up()))
        self._queue.set_function(lambda: float(record_queue_depth()))
        self._differences.set_function(lambda: float(reconciliation()[0]))
        self._reconciled.set_function(lambda: at.timestamp() if (at := reconciliation()[1]) else 0.0)

    def number_mismatch(self, handoff: Handoff) -> None:
        """To be called once for each such handoff, as it is seen."""
        self.number_mismatches.inc()

    def call_back_unreached(self, order: CallBack) -> None:
        """To be called when one has been given up."""
        self.call_backs_unreached.labels(order.line).inc()

    def caller_refused(self, trunk: str, line: str) -> None:
        """To be called once for each."""
        self.callers_refused.labels(trunk, line).inc()

    def handoff_ended(self, handoff: Handoff) -> None:
        """To be called once for each handoff, when it has ended."""
        spans = durations_ms(handoff)
        self.handoffs.labels(
            handoff.mode.value,
            handoff.outcome.value if handoff.outcome else "none",
            handoff.resolution.value if handoff.resolution else "none",
        ).inc()
        for stage, histogram in (("to_ringing", self.to_ringing), ("to_answer", self.to_answer)):
            if stage in spans:
                histogram.labels(handoff.mode.value).observe(spans[stage] / 1000)

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self.registry)
