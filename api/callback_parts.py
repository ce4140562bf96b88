"""What the service does with callers beyond their call, as the settings say: calls them back, counts them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from redis.asyncio import Redis

from api.loaded import Loaded
from api.metrics import Metrics
from api.settings import Settings
from records.counts import RedisCallerCounts
from telephony.asterisk.cel import of_call_backs
from telephony.callback import CallBackRules
from telephony.events import Event
from telephony.ports import Clock, RecordSink, RecordStore
from telephony.service import Switchboard
from telephony.service.apart import apart
from telephony.service.dialling import CallBackJob


def call_back_job(
    loaded: Loaded,
    board: Switchboard,
    store: RecordStore,
    sink: RecordSink,
    clock: Clock,
    metrics: Metrics,
    redis: Redis,
) -> CallBackJob:
    """Also what is counted of callers, and of load."""
    board.counts = RedisCallerCounts(redis)
    board.call_back_unreached = metrics.call_back_unreached
    board.caller_refused = metrics.caller_refused
    take_up_rules(board, loaded.settings)

    async def written(since: datetime | None) -> Sequence[Event]:
        return await apart(of_call_backs, loaded.cel, since)

    return CallBackJob(board, store, sink, clock, written)


def take_up_rules(board: Switchboard, settings: Settings) -> None:
    """Changed settings hold from the next attempt on."""
    rules: CallBackRules = settings.call_backs.rules(settings.reports.time_zone)
    nuisance = settings.nuisance.rules
    board.call_back_rules = lambda: rules
    board.nuisance_rules = lambda: nuisance
