"""Channels and bridges as CEL's native events have them. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote

from telephony.cel import Row

_FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Stay:
    """A channel's time in one bridge; ``left`` is None while it is there."""

    bridge: str
    entered: datetime
    left: datetime | None = None


@dataclass(slots=True)
class Channel:
    """``lost``: Asterisk ended without saying so, and the channel with it. ``torn``: some of its rows are missing."""

    uniqueid: str
    linkedid: str
    name: str
    number: str
    began: datetime
    answered: datetime | None = None
    ended: datetime | None = None
    cause: int | None = None
    stays: list[Stay] = field(default_factory=list)
    lost: bool = False
    torn: bool = False

    @property
    def is_phone(self) -> bool:
        return self.name.startswith("PJSIP/")

    def gone_by(self, at: datetime) -> bool:
        return self.ended is not None and self.ended <= at


class Channels:
    """By Uniqueid, from the rows in their order."""

    def __init__(self) -> None:
        self.by_id: dict[str, Channel] = {}
        self._of_call: dict[str, list[Channel]] = defaultdict(list)
        self._in_bridge: dict[str, list[tuple[Channel, Stay]]] = defaultdict(list)

    def add(self, row: Row) -> None:
        if row.event == "CHAN_START":
            if row.uniqueid.endswith(".0"):
                self._asterisk_began(row.at)
            self._make(row)
            return
        channel = self.by_id.get(row.uniqueid) or self._make(row, torn=True)
        match row.event:
            case "ANSWER":
                channel.answered = channel.answered or row.at
            case "BRIDGE_ENTER":
                stay = Stay(_bridge(row), row.at)
                channel.stays.append(stay)
                self._in_bridge[stay.bridge].append((channel, stay))
            case "BRIDGE_EXIT":
                _leave(channel, row)
            case "HANGUP":
                cause = row.extra.get("hangupcause")
                channel.cause = cause if isinstance(cause, int) else None
            case "CHAN_END":
                _end(channel, row.at)

    def arrived(self, row: Row) -> None:
        """A citizen whom we called back has no number but the one that the dialplan says."""
        channel = self.by_id.get(row.uniqueid)
        if channel is not None and not channel.is_phone:
            channel.number = unquote((*row.words, "", "", "")[2])

    def _make(self, row: Row, *, torn: bool = False) -> Channel:
        channel = Channel(row.uniqueid, row.linkedid, row.channel, row.number, row.at, torn=torn)
        self.by_id[channel.uniqueid] = channel
        self._of_call[channel.linkedid].append(channel)
        return channel

    def _asterisk_began(self, at: datetime) -> None:
        for channel in self.by_id.values():
            if channel.ended is None:
                torn = channel.torn
                _end(channel, at)
                channel.lost, channel.torn = True, torn

    def of_call(self, linkedid: str) -> list[Channel]:
        return list(self._of_call.get(linkedid, ()))

    def rung(self, linkedid: str, since: datetime, until: datetime) -> list[Channel]:
        """The phones that Asterisk called within the call in that time."""
        called = (each for each in self.of_call(linkedid) if each.is_phone and each.uniqueid != linkedid)
        return [channel for channel in called if since <= channel.began < until]

    def met(self, channel: Channel, since: datetime, until: datetime) -> list[tuple[datetime, Channel]]:
        """Who shared a bridge with the channel in that time, each from when on, the first first."""
        first: dict[str, tuple[datetime, Channel]] = {}
        for stay in channel.stays:
            for other, its in self._in_bridge[stay.bridge]:
                begin = max(stay.entered, its.entered, since)
                if other is not channel and begin < min(stay.left or _FOREVER, its.left or _FOREVER, until):
                    known = first.get(other.uniqueid)
                    if known is None or begin < known[0]:
                        first[other.uniqueid] = begin, other
        return sorted(first.values(), key=lambda each: each[0])


def _bridge(row: Row) -> str:
    return str(row.extra.get("bridge_id", ""))


def _end(channel: Channel, at: datetime) -> None:
    channel.ended = at
    for stay in channel.stays:
        channel.torn = channel.torn or stay.left is None
        stay.left = stay.left or at


def _leave(channel: Channel, row: Row) -> None:
    for stay in reversed(channel.stays):
        if stay.bridge == _bridge(row) and stay.left is None:
            stay.left = row.at
            return
    channel.torn = True
