"""How long each channel of a call rang, waited, talked and was on hold, from Asterisk's own record (CEL). Pure.

Asterisk writes no row for hold: it is the time in which one of two who share a bridge hears music (STREAM_BEGIN).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from telephony.cel import Row

_NOTHING = timedelta()
_OUT_OF_THE_ROOM = "MusicOnHold"


class Span(NamedTuple):
    """From ``begin`` up to ``end``."""

    begin: datetime
    end: datetime


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time in spans that neither touch nor overlap, in order; empty ones left out."""
    merged: list[Span] = []
    for span in sorted(span for span in spans if span.begin < span.end):
        if merged and span.begin <= merged[-1].end:
            merged[-1] = Span(merged[-1].begin, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def common(some: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """The time that is in both."""
    others = list(others)
    return union(Span(max(a.begin, b.begin), min(a.end, b.end)) for a in some for b in others)


def milliseconds(spans: Iterable[Span]) -> int:
    return round(sum((span.end - span.begin for span in union(spans)), _NOTHING) / timedelta(milliseconds=1))


@dataclass(slots=True)
class Heard:
    """One channel, as its rows tell. ``whole``: they tell of its beginning and of its end."""

    uniqueid: str
    linkedid: str
    name: str
    number: str
    began: datetime
    answered: datetime | None = None
    ended: datetime | None = None
    cause: int | None = None
    whole: bool = False
    stays: list[tuple[str, Span]] = field(default_factory=list)
    music: list[Span] = field(default_factory=list)
    apps: list[tuple[str, Span]] = field(default_factory=list)
    with_others: list[Span] = field(default_factory=list)
    held: list[Span] = field(default_factory=list)

    @property
    def is_phone(self) -> bool:
        return self.name.startswith("PJSIP/")

    @property
    def hold_ms(self) -> int:
        return milliseconds(self.held)

    @property
    def talk_ms(self) -> int:
        """With somebody, and neither on hold."""
        return milliseconds(self.with_others) - milliseconds(common(self.with_others, self.held))

    @property
    def queue_ms(self) -> int:
        return milliseconds(self._until_bridged("Queue"))

    @property
    def rings_out_ms(self) -> int:
        """While phones were rung for it, outside of queues."""
        return milliseconds(self._until_bridged("Dial"))

    @property
    def rung_ms(self) -> int | None:
        """From being called until it answered or was given up; None while that is unknown."""
        until = self.answered or self.ended
        return milliseconds([Span(self.began, until)]) if until else None

    def _until_bridged(self, app: str) -> list[Span]:
        return [self._first_part(span) for name, span in self.apps if name == app]

    def _first_part(self, span: Span) -> Span:
        entered = [stay.begin for _, stay in self.stays if span.begin <= stay.begin < span.end]
        return Span(span.begin, min(entered, default=span.end))


def heard(rows: Iterable[Row]) -> dict[str, Heard]:
    """Every channel of the rows by Uniqueid. What has no end in them ends with the last of its rows."""
    of_channel: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_channel[row.uniqueid].append(row)
    channels = {uniqueid: _channel(own) for uniqueid, own in of_channel.items()}
    _meet(channels)
    return channels


def _channel(rows: list[Row]) -> Heard:
    first, last = rows[0], rows[-1].at
    channel = Heard(first.uniqueid, first.linkedid, first.channel, first.number, first.at)
    bridges: dict[str, datetime] = {}
    apps: dict[str, datetime] = {}
    music: datetime | None = None
    for row in rows:
        match row.event:
            case "CHAN_START":
                channel.whole = True
            case "ANSWER":
                channel.answered = channel.answered or row.at
            case "BRIDGE_ENTER":
                bridges.setdefault(_bridge(row), row.at)
            case "BRIDGE_EXIT" if _bridge(row) in bridges:
                channel.stays.append((_bridge(row), Span(bridges.pop(_bridge(row)), row.at)))
            case "APP_START":
                apps.setdefault(row.app, row.at)
            case "APP_END" if row.app in apps:
                channel.apps.append((row.app, Span(apps.pop(row.app), row.at)))
            case "STREAM_BEGIN":
                music = music or row.at
            case "STREAM_END" if music is not None:
                channel.music.append(Span(music, row.at))
                if row.app == _OUT_OF_THE_ROOM:
                    channel.held.append(channel.music[-1])
                music = None
            case "HANGUP":
                cause = row.extra.get("hangupcause")
                channel.cause = cause if isinstance(cause, int) else None
            case "CHAN_END":
                channel.ended = row.at
    channel.whole = channel.whole and channel.ended is not None
    channel.stays += [(bridge, Span(since, last)) for bridge, since in bridges.items()]
    channel.apps += [(app, Span(since, last)) for app, since in apps.items()]
    channel.music += [Span(music, last)] if music is not None else []
    return channel


def _meet(channels: dict[str, Heard]) -> None:
    """Fills in who was with others, and who of them was on hold."""
    rooms: dict[str, list[tuple[Heard, Span]]] = defaultdict(list)
    for channel in channels.values():
        for bridge, stay in channel.stays:
            rooms[bridge].append((channel, stay))
    for stays in rooms.values():
        members = {channel.uniqueid for channel, _ in stays}
        for channel, stay in stays:
            others = [(other, its) for other, its in stays if other is not channel]
            together = common([stay], [its for _, its in others])
            channel.with_others += together
            listening = [channel, *(other for other, _ in others)] if len(members) == 2 else [channel]
            channel.held += common(together, [span for each in listening for span in each.music])


def _bridge(row: Row) -> str:
    return str(row.extra.get("bridge_id", ""))
