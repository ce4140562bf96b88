"""Random handoffs and calls as they might be on record, the same for the same seed; for what counts them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from records import tables
from records.mapping import call_row, handoff_row
from telephony.call import Call
from telephony.handoff import Decision, Handoff, Mode, Outcome, Resolution, State, Step

LINES = ("110", "12345", "120", "closed-line")
CALLERS = (
    *(f"1380000{n:04}" for n in range(12)),
    "+8613800000001",
    "013800000002",
    "110",
    "anonymous",
    " Unknown ",
    None,
)


def handoffs(seed: int, count: int, since: datetime, until: datetime) -> list[Handoff]:
    dice = random.Random(seed)
    return [_handoff(dice, n, _moment(dice, since, until)) for n in range(count)]


def calls(seed: int, count: int, since: datetime, until: datetime) -> list[Call]:
    dice = random.Random(seed)
    return [_call(dice, n, _moment(dice, since, until)) for n in range(count)]


def _moment(dice: random.Random, since: datetime, until: datetime) -> datetime:
    """Often on the very edge, or just beside it."""
    edges = (since, until, since - timedelta(milliseconds=1), until - timedelta(milliseconds=1))
    return dice.choice(edges) if dice.random() < 0.05 else since + (until - since) * dice.uniform(-0.1, 1.1)


def _handoff(dice: random.Random, n: int, at: datetime) -> Handoff:
    from_line, target = dice.choice((*LINES, None)), dice.choice(LINES)
    mode, outcome = dice.choice(list(Mode)), dice.choice((*Outcome, None))
    number = dice.choice(CALLERS)
    seen = dice.choice((number, "12345", None))
    rings = at + timedelta(milliseconds=dice.randint(0, 3_000))
    answers = rings + timedelta(milliseconds=dice.choice((0, 14_999, 15_000, 15_001, dice.randint(0, 60_000))))
    ends = answers + timedelta(milliseconds=dice.randint(0, 600_000))
    steps = [Step(at, "started"), Step(rings, "rings"), Step(answers, "answers"), Step(ends, "parted")]
    return Handoff(
        id=f"h-{n:06}",
        call_id=f"c-{dice.randint(0, 999):06}",
        mode=mode,
        target=target,
        created_at=at,
        node="n1",
        state=State.ENDED if outcome else State.RINGING,
        outcome=outcome,
        resolution=dice.choice((*Resolution, None)) if outcome else None,
        original_caller=number,
        caller_seen_by_target=seen,
        number_mismatch=dice.random() < 0.1,
        from_line=from_line,
        decision=_decision(dice, answers, from_line, target) if mode is Mode.CONFERENCE else None,
        timeline=tuple(_some(dice, steps) if outcome is not Outcome.ANSWERED else steps),
        ended_at=ends if outcome else None,
    )


def _some(dice: random.Random, steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if dice.random() < 0.6]


def _decision(dice: random.Random, at: datetime, from_line: str | None, target: str) -> Decision | None:
    by = dice.choice((from_line or target, target))
    return dice.choice((None, Decision(by, "", None, at, automatic=True), Decision(by, "协商", "u-1", at)))


def _call(dice: random.Random, n: int, at: datetime) -> Call:
    waits = timedelta(milliseconds=dice.choice((0, 14_999, 15_000, 15_001, dice.randint(0, 90_000))))
    answered = at + waits if dice.random() < 0.8 else None
    ended = (answered or at) + timedelta(seconds=dice.randint(0, 900)) if dice.random() < 0.95 else None
    line = dice.choice((*LINES, None))
    return Call(
        id=f"c-{n:06}",
        node="n1",
        arrived_at=at,
        caller_channel=f"PJSIP/pstn-{n}",
        original_caller=dice.choice(CALLERS),
        first_line=line,
        line=dice.choice((line, *LINES)),
        answered_at=answered,
        ended_at=ended,
    )


async def put(engine: AsyncEngine, handoffs: Sequence[Handoff] = (), calls: Sequence[Call] = ()) -> None:
    """On record, all at once; a thousand one by one may take longer than a store allows."""
    async with engine.begin() as connection:
        for table, rows in (
            (tables.handoffs, [handoff_row(each) for each in handoffs]),
            (tables.calls, [call_row(each) for each in calls]),
        ):
            if rows:
                await connection.execute(insert(table), rows)
