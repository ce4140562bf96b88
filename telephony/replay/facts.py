"""What the events of a recording say, kept by channel, dial and bridge. A place in the recording is its index."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from telephony.ami.frames import AmiEvent

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

NEVER = math.inf
"""The place of what the recording does not show."""

NO_EXTENSION = frozenset({"", "s", "h", "i", "t", "T", "e", "o", "a", "failed"})
"""Extensions that nobody dials: Asterisk's own ones, and the start of a routine."""

_PLUMBING = (
    *("Local/", "Surrogate/", "AsyncGoto/", "CBAnn/", "CBRec/", "Announcer/", "Recorder/", "Bridge/", "Message/"),
    *("OutgoingSpoolFailed", "Parked/"),
)


def is_party_name(name: str) -> bool:
    """Whether a channel of this name is somebody's phone or line, not a piece of Asterisk's own plumbing."""
    return not name.startswith(_PLUMBING) and not name.endswith(">")


Place = tuple[str, str, str]
"""Context, extension, priority."""


@dataclass(slots=True)
class Channel:
    """``numbers``: every CallerIDNum it had, first one first; ``own_number``: the one it was made with.
    ``places``: where in the dialplan it was, and from when. ``came_in``, ``dialled_by_us``: both False when not told.
    """

    uniqueid: str
    name: str
    since: int
    linkedids: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    places: list[tuple[int, Place]] = field(default_factory=list)
    own_number: str | None = None
    mark: str = ""
    """The handoff that it carries the id of, in our own dialplan (``HANDOFF_ID``)."""
    came_in: bool = False
    dialled_by_us: bool = False
    seen_unanswered: bool = False
    answered: float = NEVER
    answered_at: float | None = None
    asked_to_go: float = NEVER
    gone: float = NEVER
    gone_at: float | None = None
    cause: int | None = None
    """Of its Hangup; ``why`` and ``sip_code`` may have been told earlier, by the request to hang up."""
    why: int | None = None
    sip_code: int | None = None

    @property
    def is_party(self) -> bool:
        return is_party_name(self.name)

    @property
    def born_in(self) -> str:
        """The Linkedid of the call that it was made in; bridging may join that to another."""
        return self.linkedids[0] if self.linkedids else self.uniqueid

    @property
    def is_local(self) -> bool:
        return self.name.startswith("Local/")

    @property
    def endpoint(self) -> str:
        """``PJSIP/1001`` of ``PJSIP/1001-0000001f``."""
        return self.name.rpartition("-")[0]

    def place(self, before: float) -> Place | None:
        """Where it was last, before this place of the recording."""
        return next((place for since, place in reversed(self.places) if since < before), None)

    def extensions(self, after: float = -1) -> list[str]:
        """Those somebody can have dialled, in order."""
        return [exten for since, (_, exten, _) in self.places if since >= after and exten not in NO_EXTENSION]


@dataclass(slots=True)
class Dial:
    """``parent`` is None for an originated channel."""

    parent: str | None
    dest: str
    begin: int
    string: str = ""
    end: float = NEVER
    status: str = ""


@dataclass(slots=True)
class Stay:
    """A channel in a bridge."""

    channel: str
    bridge: str
    enter: int
    leave: float = NEVER
    left: bool = False
    """Whether ``leave`` was told, and not only deduced."""


@dataclass(slots=True)
class Spell:
    """A channel in a queue, or in a conference."""

    channel: str
    where: str
    begin: int
    end: float = NEVER


class Facts:
    """Filled by ``observe``, which closes it; asked afterwards."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self.names: dict[str, str] = {}
        self.dials: list[Dial] = []
        self.stays: list[Stay] = []
        self.queues: list[Spell] = []
        self.rooms: list[Spell] = []
        self.transfers: list[tuple[int, AmiEvent]] = []
        self.verdicts: list[tuple[int, str, str]] = []
        """Place, channel, DIALSTATUS: how a dial of its own ended, also one that reached no phone."""
        self.tried: list[tuple[int, str]] = []
        """Place, channel: where it began to dial, whether or not a phone was reached."""
        self.targets: list[tuple[int, str, str]] = []
        """Place, channel, target: where our own dialplan says it was sent."""

    def close(self) -> None:
        """Everything is in: put in order, and found by channel and bridge from now on."""
        self.stays.sort(key=lambda stay: stay.enter)
        self._dials_of = grouped(self.dials, lambda dial: dial.parent)
        self._dial_to = {dial.dest: dial for dial in self.dials}
        self._stays_of = grouped(self.stays, lambda stay: stay.channel)
        self._stays_in = grouped(self.stays, lambda stay: stay.bridge)
        self._queues_of = grouped(self.queues, lambda spell: spell.channel)
        self._verdicts_of = grouped(self.verdicts, lambda verdict: verdict[1])
        self._tried_by = grouped(self.tried, lambda tried: tried[1])
        self._targets_of = grouped(self.targets, lambda told: told[1])

    def dials_of(self, parent: str, after: float = -1, before: float = NEVER) -> list[Dial]:
        return [dial for dial in self._dials_of.get(parent, []) if after < dial.begin < before]

    def dial_to(self, dest: str) -> Dial | None:
        return self._dial_to.get(dest)

    def stays_of(self, channel: str, after: float = -NEVER) -> list[Stay]:
        return [stay for stay in self._stays_of.get(channel, []) if stay.enter > after]

    def beside(self, stay: Stay) -> list[Stay]:
        """Who was in the same bridge at the same time."""
        return [
            other
            for other in self._stays_in[stay.bridge]
            if other.channel != stay.channel and other.enter < stay.leave and stay.enter < other.leave
        ]

    def queues_of(self, channel: str, after: float, before: float) -> list[Spell]:
        return [spell for spell in self._queues_of.get(channel, []) if after < spell.begin < before]

    def verdicts_on(self, channel: str, after: float, before: float) -> list[tuple[int, str]]:
        return [(at, status) for at, _, status in self._verdicts_of.get(channel, []) if after < at < before]

    def tries_of(self, channel: str, after: float, before: float) -> list[int]:
        return [at for at, _ in self._tried_by.get(channel, []) if after < at < before]

    def target_told(self, channel: str, after: float, before: float) -> str | None:
        told = self._targets_of.get(channel, [])
        return next((target for at, _, target in told if after < at <= before), None)

    def other_half(self, local: Channel) -> Channel | None:
        """Local channels come in pairs, told apart by the end of their names."""
        twin = local.name[:-1] + ("2" if local.name.endswith("1") else "1")
        return self.channels.get(self.names.get(twin, ""))


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """In each group the order is kept."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
