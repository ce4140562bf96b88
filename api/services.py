"""What the HTTP side is given; ``bootstrap.py`` puts it together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated

from fastapi import Depends, Request
from limits import RateLimitItem, parse

from api.api_settings import ApiSettings
from api.export_desk import ExportDesk
from api.journal import Journal
from api.limits import Counters
from api.linkage_parts import Linkage
from api.metrics import Metrics
from api.tickets import PlaybackTickets
from api.tokens import Tokens
from records.accounts import Accounts
from records.calldetail_store import CallDetails
from records.ledger import Ledger
from records.recordings.shelf import RecordingShelf
from records.reports.reports import Reports
from telephony.ports import LiveState
from telephony.service import Switchboard
from telephony.service.proofs import Proofs
from telephony.service.reconciliation import ReconciliationJob


@dataclass(frozen=True, slots=True)
class RateLimits:
    requests: RateLimitItem
    sign_in: RateLimitItem
    sign_in_failures: RateLimitItem

    @classmethod
    @cache
    def of(cls, settings: ApiSettings) -> RateLimits:
        """Raises ValueError when a limit cannot be read."""
        return cls(parse(settings.request_limit), parse(settings.sign_in_limit), parse(settings.sign_in_failures))


@dataclass(frozen=True, slots=True)
class Services:
    """``probes``: for each part behind us, by name, a call that raises HotlineError when it is away."""

    switchboard: Switchboard
    accounts: Accounts
    live: LiveState
    tokens: Tokens
    counters: Counters
    metrics: Metrics
    proofs: Proofs
    reconciliation: ReconciliationJob
    ledger: Ledger
    journal: Journal
    recordings: RecordingShelf
    details: CallDetails
    tickets: PlaybackTickets
    reports: Reports
    exports: ExportDesk
    linkage: Linkage
    settings: ApiSettings = field(default_factory=ApiSettings)
    probes: Mapping[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)

    @property
    def rate_limits(self) -> RateLimits:
        return RateLimits.of(self.settings)


def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


Serving = Annotated[Services, Depends(_services)]
