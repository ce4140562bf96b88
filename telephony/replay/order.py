"""The events of a recording in the order they happened, each once."""

from __future__ import annotations

import math
from collections.abc import Iterable

from telephony.ami.frames import AmiEvent

LATE_AT_MOST_S = 60.0
"""An event further back than this is not late: the clock was set, or another recording begins."""


def stamp(event: AmiEvent) -> float | None:
    """Its ``Timestamp`` (manager.conf ``timestampevents``) in seconds; None without one that can be read."""
    try:
        seconds = float(event.get("Timestamp"))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def in_order(events: Iterable[AmiEvent]) -> list[AmiEvent]:
    """Doubled events once, late ones where their time says; those without a time stay behind what they followed.

    Without any times only neighbours that are the same count as doubled.
    """
    placed: list[tuple[int, float, AmiEvent]] = []
    seen: set[str] = set()
    before: AmiEvent | None = None
    part, latest, now = 0, -math.inf, -math.inf
    for event in events:
        at = stamp(event)
        if at is None:
            doubled = before is not None and event.headers == before.headers
        else:
            key = repr(event.headers)
            doubled = key in seen
            seen.add(key)
        before = event
        if doubled:
            continue
        if at is not None:
            if at < latest - LATE_AT_MOST_S:
                part, latest = part + 1, at
            latest, now = max(latest, at), at
        placed.append((part, now, event))
    placed.sort(key=lambda item: item[:2])
    return [event for _, _, event in placed]
