"""What the service needs from outside. Adapters implement these; only ``api/bootstrap.py`` names the adapters."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from telephony.call import Call
from telephony.callback import CallBack
from telephony.commands import Command
from telephony.conference import Conference
from telephony.events import Event
from telephony.handoff import Handoff

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC."""


class CallControl(Protocol):
    """The way to Asterisk."""

    def events(self) -> AsyncGenerator[Event, None]:
        """Everything Asterisk says, in order, for one consumer; LinkRestored first, LinkLost when the link drops.

        Ends only when closed.
        """

    async def execute(self, command: Command) -> None:
        """Returns when Asterisk has accepted the command.

        Raises AmiNotSent (surely not executed), AmiActionFailed (refused) or AmiEffectUnknown (may have been executed:
        read its effect back, never send it again).
        """

    async def resync(self) -> None:
        """Have LinkLost and LinkRestored follow: the way to learn what came of a command that got no answer."""


NONE = "-"
"""In a filter on a name: those that have none."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Of the day, 0 to 23, on the clocks of an IANA time zone."""

    of_day: int
    zone: str


@dataclass(frozen=True, slots=True)
class HandoffFilter:
    """All given conditions hold; times are half-open [since, until).

    ``NONE`` may stand for the names from ``outcome`` on. ``returned``: the caller came back, to the first seat, a
    queue or a call-back order. ``hour``: asked for in that hour of the day; wants ``since`` and ``until``.
    """

    since: datetime | None = None
    until: datetime | None = None
    call_id: str | None = None
    line: str | None = None
    seat: str | None = None
    state: str | None = None
    outcome: str | None = None
    caller: str | None = None
    number_mismatch: bool | None = None
    from_line: str | None = None
    target: str | None = None
    mode: str | None = None
    resolution: str | None = None
    accepted_by: str | None = None
    automatic: bool | None = None
    number_proof: str | None = None
    returned: bool | None = None
    answered: bool | None = None
    answered_within_ms: int | None = None
    hour: Hour | None = None


@dataclass(frozen=True, slots=True)
class CallFilter:
    """All given conditions hold; times are half-open [since, until).

    ``first_line`` may be ``NONE``. ``answered``: by a human. ``same_caller_as``: the id of another call.
    ``calls_of_caller``: whose caller called at least so often in that time; ``one_per_caller``: one call of each
    caller in that time who has a number. Those two, and ``hour``, want ``since`` and ``until``.
    """

    since: datetime | None = None
    until: datetime | None = None
    line: str | None = None
    caller: str | None = None
    first_line: str | None = None
    answered: bool | None = None
    answered_within_ms: int | None = None
    same_caller_as: str | None = None
    calls_of_caller: int | None = None
    one_per_caller: bool | None = None
    hour: Hour | None = None


@dataclass(frozen=True, slots=True)
class CallBackFilter:
    """All given conditions hold; times are half-open [since, until), of the promise. ``call_id``: of either call."""

    since: datetime | None = None
    until: datetime | None = None
    line: str | None = None
    state: str | None = None
    caller: str | None = None
    call_id: str | None = None
    handoff_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``next_cursor`` is None on the last page; cursors are opaque and stay valid while rows are added."""

    items: tuple[T, ...]
    next_cursor: str | None


class RecordStore(Protocol):
    """What lasts. Every method raises RecordStoreUnavailable when the database is away."""

    async def claim(self, principal: str, key: str, fingerprint: str, handoff: Handoff) -> Handoff | None:
        """Save a new handoff under an Idempotency-Key, both or neither.

        None: it is new. Otherwise the handoff that the key stands for already. Raises IdempotencyKeyReused when the
        key was used for another request (another ``fingerprint``).
        """

    async def claimed(self, principal: str, key: str, fingerprint: str) -> Handoff | None:
        """What the Idempotency-Key stands for already, None when it is free. Raises IdempotencyKeyReused."""

    async def save_handoff(self, handoff: Handoff) -> None:
        """Insert or replace by id. A record that is ended is never replaced by one that is not."""

    async def save_call(self, call: Call) -> None:
        """Insert or replace by id."""

    async def save_conference(self, conference: Conference) -> None:
        """Insert or replace by id."""

    async def handoff(self, handoff_id: str) -> Handoff | None: ...

    async def conference(self, conference_id: str) -> Conference | None: ...

    async def call(self, call_id: str) -> Call | None: ...

    async def live_handoffs(self, node: str) -> Sequence[Handoff]:
        """Those of this node that are not ended, and the others of its live calls, oldest first.

        It is what a restart has to settle, and what it has to leave alone.
        """

    async def ended_handoffs(self, node: str, since: datetime, until: datetime) -> Sequence[Handoff]:
        """Those of this node that ended from ``since`` up to but without ``until``, in that order.

        None that took longer than a day.
        """

    async def live_calls(self, node: str) -> Sequence[Call]: ...

    async def live_conferences(self, node: str) -> Sequence[Conference]: ...

    async def call_back(self, order_id: str) -> CallBack | None: ...

    async def open_call_backs(self, node: str) -> Sequence[CallBack]:
        """Those of this node that wait or are under way, by their place."""

    async def newest_call_back(self, node: str) -> datetime | None:
        """When this node's last one was promised; None: it has none."""

    async def call_backs(self, where: CallBackFilter, *, limit: int, cursor: str | None) -> Page[CallBack]:
        """Newest first. Raises BadCursor."""

    async def handoffs(self, where: HandoffFilter, *, limit: int, cursor: str | None) -> Page[Handoff]:
        """Newest first. Raises BadCursor."""

    async def calls(self, where: CallFilter, *, limit: int, cursor: str | None) -> Page[Call]:
        """Newest first. Raises BadCursor."""


class RecordSink(Protocol):
    """Takes what changed, at once and without waiting for the database. The newest state of an id wins."""

    def put_handoff(self, handoff: Handoff) -> None: ...

    def put_call(self, call: Call) -> None: ...

    def put_conference(self, conference: Conference) -> None: ...

    def put_call_back(self, order: CallBack) -> None: ...

    async def flush(self, timeout: float) -> bool:
        """Whether all that was put is in the database, within ``timeout`` seconds."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Who sits at a seat. ``paused_reason`` is None while calls may ring."""

    seat: str
    user: str | None = None
    signed_in_at: datetime | None = None
    paused_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One message of the event stream; ``id`` grows, and a reader that gives it back goes on after it."""

    id: str
    kind: str
    data: Mapping[str, Any]


class CallerCounts(Protocol):
    """What callers did lately, shared between nodes. Raises LiveStateUnavailable."""

    async def count(self, what: str, caller: str, at: datetime, within: timedelta, *, add: str | None) -> int:
        """How often ``caller`` did ``what`` in the time up to ``at``.

        ``add``: the call in which it is done now, counted once however often that is told; None: it is only asked.
        """


class LiveState(Protocol):
    """What is live and shared between nodes. Raises LiveStateUnavailable; a node goes on without it."""

    async def presence(self) -> Mapping[str, Presence]: ...

    async def set_presence(self, presence: Presence) -> None: ...

    async def publish(self, kind: str, data: Mapping[str, Any]) -> str:
        """Append to the event stream; returns the notice's id."""

    def notices(self, after: str | None) -> AsyncIterator[Notice]:
        """From the one after ``after`` (None: only what comes from now on), for ever.

        When ``after`` is older than what is kept the first notice is of kind ``gap``: the reader must read all anew.
        """
