"""The soak itself, for two minutes: real phones, random faults, and not one loss."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from soak.engine import Plan, soak
from soak.report import as_json, is_clean, losses

SECONDS = 120.0
SEED = "110-12345"
"""The same stories and the same harm, in the same order, every time; ``make soak`` takes another seed each time."""


@pytest.mark.asyncio
async def test_given_random_faults_when_callers_are_handed_over_for_two_minutes_then_nothing_is_lost(
    tmp_path: Path,
) -> None:
    plan = Plan(seed=SEED, handoffs=None, seconds=SECONDS, desks=8)

    out = await soak(tmp_path / "soak", plan, asyncio.Event(), lambda share, words: None)

    report = as_json(out)
    assert is_clean(report), (SEED, report, list(losses(out)))
    assert report["faults"]
