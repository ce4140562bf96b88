"""The call-backs' parts, as the settings say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from api.loaded import Loaded
from api.metrics import Metrics
from api.settings import Settings
from telephony.asterisk.cel import of_call_backs
from telephony.callback import CallBackRules
from telephony.events import Event
from telephony.ports import Clock, RecordSink, RecordStore
from telephony.service import Switchboard
from telephony.service.apart import apart
from telephony.service.dialling import CallBackJob


def call_back_job(
    loaded: Loaded, board: Switchboard, store: RecordStore, sink: RecordSink, clock: Clock, metrics: Metrics
) -> CallBackJob:
    board.call_back_unreached = metrics.call_back_unreached
    take_up_rules(board, loaded.settings)

    async def written(since: datetime | None) -> Sequence[Event]:
        return await apart(of_call_backs, loaded.cel, since)

    return CallBackJob(board, store, sink, clock, written)


def take_up_rules(board: Switchboard, settings: Settings) -> None:
    """Changed settings hold from the next attempt on."""
    rules: CallBackRules = settings.call_backs.rules(settings.reports.time_zone)
    board.call_back_rules = lambda: rules
