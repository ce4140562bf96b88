"""The recordings of live calls, from Asterisk's events alone: which files, since when, and what was left out. Pure.

A recording is two files that Asterisk writes below its monitor folder, ``originals`` of its path: what the caller says,
and what the caller hears. When the call is over they become one file in stereo (``records.keeper``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from telephony import events

FINISHED = ".flac"
CALLER, OTHERS = ".caller.sln24", ".others.sln24"
VARIABLE = "RECORDING"
"""On the caller's channel: the path, without an ending (asterisk-config/extensions.conf.j2, ``recorded``)."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What the law wants left out: silence in the recording.

    ``asked_at`` and ``by`` stand as soon as somebody has asked, ``began_at`` and ``ended_at`` when Asterisk has said
    that it is so.
    """

    asked_at: datetime
    by: str
    reason: str = ""
    began_at: datetime | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None

    @property
    def wanted(self) -> bool:
        """Nobody has asked for its end."""
        return self.ended_by is None


@dataclass(frozen=True, slots=True)
class Recording:
    """``path``: of the finished file, below the recordings folder. ``call_id``: Asterisk's Uniqueid of the caller."""

    id: str
    call_id: str
    node: str
    path: str
    started_at: datetime
    ended_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()

    @property
    def live(self) -> bool:
        return self.ended_at is None

    @property
    def paused(self) -> bool:
        return bool(self.pauses) and self.pauses[-1].wanted

    @property
    def settled(self) -> bool:
        """Asterisk has said of every pause, and of its end, that it is so."""
        return all(each.began_at is not None and (each.wanted or each.ended_at is not None) for each in self.pauses)

    def pause(self, at: datetime, by: str, reason: str) -> Recording:
        return replace(self, pauses=(*self.pauses, Pause(at, by, reason)))

    def resume(self, by: str) -> Recording:
        *before, last = self.pauses
        return replace(self, pauses=(*before, replace(last, ended_by=by)))

    def told(self, at: datetime, paused: bool) -> Recording:
        """Asterisk has said that it pauses, or goes on. What nobody asked for changes nothing."""
        if not self.pauses:
            return self
        *before, last = self.pauses
        if paused and last.wanted and last.began_at is None:
            return replace(self, pauses=(*before, replace(last, began_at=at)))
        if not paused and not last.wanted and last.ended_at is None:
            return replace(self, pauses=(*before, replace(last, began_at=last.began_at or at, ended_at=at)))
        return self


def recording_of(path: str, node: str) -> Recording | None:
    """From the path that the dialplan made, ``2026-11-22/n1-1795316359.0-1795316359533``; None for any other."""
    name = PurePosixPath(path).name
    call_id, _, milliseconds = name.rpartition("-")
    inside = not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts
    if not inside or not call_id or not milliseconds.isdecimal() or len(milliseconds) > 15:
        return None
    started_at = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    return Recording(name, call_id, node, path + FINISHED, started_at)


def originals(path: str) -> tuple[str, str]:
    """Of the caller, and of the others, below Asterisk's monitor folder."""
    stem = path.removesuffix(FINISHED)
    return stem + CALLER, stem + OTHERS


class RecordingBook:
    """The recordings of one node's live calls, by the call's id."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.live: dict[str, Recording] = {}

    def adopt(self, recordings: Iterable[Recording]) -> None:
        """What was going on before a restart; what is known already stays."""
        for recording in recordings:
            self.live.setdefault(recording.call_id, recording)

    def put(self, recording: Recording) -> Recording:
        """What somebody has asked for."""
        if recording.call_id in self.live:
            self.live[recording.call_id] = recording
        return recording

    def apply(self, event: events.Event) -> tuple[Recording, ...]:
        """Those that changed."""
        match event:
            case events.RecordingStarted():
                return self._started(event.uniqueid, event.path)
            case events.RecordingMuted():
                return self._muted(event)
            case events.ChannelGone():
                return self._gone(event)
            case events.LinkRestored():
                return self._restored(event)
        return ()

    def _restored(self, event: events.LinkRestored) -> tuple[Recording, ...]:
        there = {each.uniqueid: each.variables.get(VARIABLE, "") for each in event.channels}
        gone = [self.live.pop(call_id) for call_id in self.live.keys() - there.keys()]
        begun = (new for uniqueid, path in there.items() for new in self._started(uniqueid, path))
        return (*(replace(each, ended_at=event.at) for each in gone), *begun)

    def _started(self, uniqueid: str, path: str) -> tuple[Recording, ...]:
        recording = recording_of(path, self.node)
        if recording is None or uniqueid != recording.call_id or uniqueid in self.live:
            return ()
        self.live[uniqueid] = recording
        return (recording,)

    def _muted(self, event: events.RecordingMuted) -> tuple[Recording, ...]:
        before = self.live.get(event.uniqueid)
        after = before.told(event.at, event.muted) if before else None
        if after is None or after is before:
            return ()
        return (self.put(after),)

    def _gone(self, event: events.ChannelGone) -> tuple[Recording, ...]:
        recording = self.live.pop(event.uniqueid, None)
        return (replace(recording, ended_at=event.at),) if recording else ()
