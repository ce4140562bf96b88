"""The judge: what the phones saw against what is on record. Pure, and without a line of the product's code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soak.sheet import Ask, Fault, Ring, Sheet

Record = Mapping[str, Any]

DROPPED, WRONG_NUMBER, NO_OUTCOME = "dropped_by_us", "wrong_number", "without_outcome"
RANG_TWICE, WRONG_OUTCOME, BROKEN = "rang_twice", "wrong_outcome", "broken_story"
KINDS = (DROPPED, WRONG_NUMBER, NO_OUTCOME, RANG_TWICE, WRONG_OUTCOME, BROKEN)

_OUTCOMES = frozenset(
    ("answered", "busy", "no_answer", "rejected", "unreachable", "abandoned", "cancelled", "failed"),
)
_RESOLUTIONS = frozenset(("target", "first_seat", "queue", "callback_order", "caller_hung_up"))
_LATE = 30.0
"""How long after a command was sent a fault may still have kept it from being carried out, in seconds."""


@dataclass(frozen=True, slots=True)
class Loss:
    kind: str
    sheet: Sheet
    words: str
    handoff_id: str | None = None


def judge(sheets: Sequence[Sheet], records: Sequence[Record], faults: Sequence[Fault]) -> list[Loss]:
    """Everything that must not be. ``records``: all there are on record since the soak began."""
    of_call: dict[str, list[Record]] = {}
    of_number: dict[str, list[Record]] = {}
    for record in records:
        of_call.setdefault(record["call_id"], []).append(record)
        of_number.setdefault(record["original_caller"] or "", []).append(record)
    losses = _doubled(records)
    for sheet in sheets:
        # the number is this call's alone; the id is not known to a seat while the service is away
        found = {record["id"]: record for record in of_number.get(sheet.caller, [])}
        found |= {record["id"]: record for record in of_call.get(sheet.call_id or "", [])}
        losses += _caller(sheet)
        losses += _numbers(sheet, found.values())
        losses += _rings(sheet)
        losses += _handoffs(sheet, found, faults)
        if sheet.broken:
            losses.append(Loss(BROKEN, sheet, sheet.broken))
    return losses


def stray(ring: Ring) -> Loss:
    """A phone was shown a number that no caller of ours has."""
    words = f"{ring.station} was shown From {ring.shown!r}, P-Asserted-Identity {ring.asserted!r}: nobody's number"
    return Loss(WRONG_NUMBER, _nobody(rings=[ring]), words, ring.handoff_id)


def _nobody(**seen: Any) -> Sheet:
    return Sheet(0, "-", "-", "-", **seen)


def _doubled(records: Sequence[Record]) -> list[Loss]:
    counted = Counter(record["id"] for record in records)
    return [Loss(NO_OUTCOME, _nobody(), f"{n} records", each) for each, n in counted.items() if n > 1]


def _caller(sheet: Sheet) -> Iterator[Loss]:
    if sheet.ended_by is None or sheet.ended_by == "us" or sheet.ended_at is None:
        return
    if sheet.may_end is None or sheet.ended_at < sheet.may_end[0]:
        yield Loss(DROPPED, sheet, f"the caller's call was ended ({sheet.ended_by}) while somebody was there")


def _numbers(sheet: Sheet, records: Iterable[Record]) -> Iterator[Loss]:
    for ring in sheet.rings:
        if ring.asserted != sheet.caller or ring.shown != sheet.shown:
            words = f"{ring.station} was shown From {ring.shown!r}, P-Asserted-Identity {ring.asserted!r}"
            yield Loss(WRONG_NUMBER, sheet, words, ring.handoff_id)
    for record in records:
        written = {record["original_caller"], record["caller_seen_by_target"] or sheet.caller}
        if written != {sheet.caller} or record["number_mismatch"]:
            yield Loss(WRONG_NUMBER, sheet, f"on record: {written}, mismatch {record['number_mismatch']}", record["id"])


def _rings(sheet: Sheet) -> Iterator[Loss]:
    seen: set[tuple[str, str]] = set()
    for ring in sheet.rings:
        if ring.handoff_id is None:
            continue
        if (ring.station, ring.handoff_id) in seen:
            yield Loss(RANG_TWICE, sheet, f"{ring.station} rang twice for one command", ring.handoff_id)
        seen.add((ring.station, ring.handoff_id))


def _handoffs(sheet: Sheet, found: Mapping[str, Record], faults: Sequence[Fault]) -> Iterator[Loss]:
    asks = {ask.id: ask for ask in sheet.asks if ask.id}
    rung = {ring.handoff_id for ring in sheet.rings if ring.handoff_id}
    for handoff_id in sorted((asks.keys() | rung) - found.keys()):
        yield Loss(NO_OUTCOME, sheet, "no record of it", handoff_id)
    nameless = [ask for ask in sheet.asks if ask.id is None]
    for handoff_id, record in found.items():
        if (missing := _unfinished(record)) is not None:
            yield Loss(NO_OUTCOME, sheet, missing, handoff_id)
            continue
        ask = asks.get(handoff_id) or _take(nameless, record)
        if ask is None:
            yield Loss(WRONG_OUTCOME, sheet, f"nobody asked for it (via {record['via']})", handoff_id)
            continue
        wrong = _wrong(record, ask, sheet, faults)
        if wrong is not None:
            yield Loss(WRONG_OUTCOME, sheet, wrong, handoff_id)
    for ask in nameless:
        if not ask.unclear:
            yield Loss(NO_OUTCOME, sheet, f"no record of what was asked via {ask.via} for {ask.target}")


def _unfinished(record: Record) -> str | None:
    if record["state"] != "ended":
        return f"state {record['state']!r} after all was over"
    if record["outcome"] not in _OUTCOMES:
        return f"outcome {record['outcome']!r}"
    if record["resolution"] not in _RESOLUTIONS:
        return f"resolution {record['resolution']!r}"
    return None


def _take(nameless: list[Ask], record: Record) -> Ask | None:
    """The command whose id was never told that this record can be of."""
    for ask in nameless:
        if (ask.via, ask.target) == (record["via"], record["target"]):
            nameless.remove(ask)
            return ask
    return None


def _wrong(record: Record, ask: Ask, sheet: Sheet, faults: Sequence[Fault]) -> str | None:
    outcome, resolution = record["outcome"], record["resolution"]
    rings = sheet.rings_of(record["id"])
    answered = any(ring.answered_at is not None for ring in rings)
    if outcome == "answered" and not answered:
        return "on record as answered, and no phone of ours answered"
    if outcome != "answered" and answered and not ask.races:
        return f"on record as {outcome}, and a phone of ours had answered"
    if not rings and _disturbed(ask, faults):
        # the command did not reach Asterisk, and nothing rang: the seat kept the caller, or the caller did not wait
        kept = (outcome, resolution) == ("failed", "first_seat")
        left = (outcome, resolution) == ("abandoned", "caller_hung_up") and sheet.ended_by == "us"
        if kept or left:
            return None
    if ask.outcomes and outcome not in ask.outcomes:
        return f"outcome {outcome}, must be {' or '.join(sorted(ask.outcomes))}"
    if ask.resolutions and resolution not in ask.resolutions:
        return f"resolution {resolution}, must be {' or '.join(sorted(ask.resolutions))} (outcome {outcome})"
    return None


def _disturbed(ask: Ask, faults: Sequence[Fault]) -> bool:
    return any(fault.touches(ask.at, ask.at + _LATE) for fault in faults)
