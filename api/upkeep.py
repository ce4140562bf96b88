"""Retention, checkpoints and log files as the settings want them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from api.settings import Settings
from records.erasure import Eraser
from records.ledger import Ledger
from records.upkeep import Rules, Upkeep
from telephony.asterisk.layout import Layout
from telephony.asterisk.logfiles import keep_logs
from telephony.ports import Clock


def upkeep_of(settings: Settings, layout: Layout, engine: AsyncEngine, ledger: Ledger, clock: Clock) -> Upkeep:
    kept = settings.retention
    every = timedelta(minutes=settings.ledger.checkpoint_minutes)
    rules = Rules(kept.periods, every, partial(keep_logs, layout.log, kept.log_days))
    return Upkeep(ledger, Eraser(engine, ledger), rules, clock)
