"""What Asterisk told us: frozen facts, each with its time. ``telephony/ami/translate.py`` makes them.

``uniqueid`` names a channel, ``linkedid`` the call it belongs to, ``channel`` is Asterisk's channel name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime


@dataclass(frozen=True, slots=True)
class CallArrived(Event):
    """A call came in over a trusted trunk. ``number`` as received, "" when there was none."""

    uniqueid: str
    linkedid: str
    channel: str
    number: str
    name: str
    presentation: str
    dialled: str
    line: str
    trunk: str


@dataclass(frozen=True, slots=True)
class ChannelCreated(Event):
    uniqueid: str
    linkedid: str
    channel: str
    number: str


@dataclass(frozen=True, slots=True)
class ChannelAnswered(Event):
    uniqueid: str


@dataclass(frozen=True, slots=True)
class ChannelGone(Event):
    """``cause``: Q.850; ``sip_code``: the SIP answer behind it, where the far end gave one.

    ``source``: "snapshot" when nobody told of it, and it was not there any more when we looked.
    """

    uniqueid: str
    linkedid: str
    channel: str
    cause: int | None
    sip_code: int | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class SeatAnswered(Event):
    uniqueid: str
    linkedid: str
    channel: str
    seat: str
    line: str


@dataclass(frozen=True, slots=True)
class DialStarted(Event):
    """``shown`` is the number that the outgoing INVITE carries (its connected-line number)."""

    uniqueid: str
    linkedid: str
    channel: str
    shown: str
    handoff_id: str


@dataclass(frozen=True, slots=True)
class DialRinging(Event):
    uniqueid: str


@dataclass(frozen=True, slots=True)
class DialEnded(Event):
    uniqueid: str
    status: str


@dataclass(frozen=True, slots=True)
class BridgeEntered(Event):
    uniqueid: str
    bridge: str


@dataclass(frozen=True, slots=True)
class BridgeLeft(Event):
    uniqueid: str
    bridge: str


@dataclass(frozen=True, slots=True)
class HandoffReported(Event):
    """A step of the dialplan's ``handoff-run`` or ``ladder``.

    ``step``: start, answered, result, back, ring-seat, queue, call-back.
    ``sip_code``: set where all that were rung have refused with it.
    ``source``: where it was learnt later from, "cel"; "" when it was heard as it happened.
    """

    step: str
    handoff_id: str
    uniqueid: str
    linkedid: str
    via: str = ""
    target: str = ""
    from_line: str = ""
    seat: str = ""
    release: str = ""
    status: str = ""
    shown: str = ""
    sip_code: int | None = None
    cause: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class CallBackPromised(Event):
    """To the caller of this call. ``reason``: ladder, menu or queue. ``since``: when the caller came, None: unknown."""

    order_id: str
    uniqueid: str
    linkedid: str
    line: str
    number: str
    trunk: str
    reason: str
    since: datetime | None = None
    handoff_id: str = ""


@dataclass(frozen=True, slots=True)
class CallBackReported(Event):
    """A step of one attempt: dialling, answered (by the citizen), result, served (by a human), gone.

    ``call_id``: the call that it has become, from answered on.
    """

    step: str
    order_id: str
    attempt: int | None
    status: str = ""
    call_id: str = ""
    seat: str = ""


@dataclass(frozen=True, slots=True)
class TrunkFull(Event):
    """A caller of this line was refused: what is left of the trunk is kept for other lines."""

    trunk: str
    line: str


@dataclass(frozen=True, slots=True)
class SurgeMet(Event):
    """A caller came while the line had too many. ``hold_seconds``: how long callers have waited lately."""

    line: str
    waiting: int | None
    hold_seconds: int | None


@dataclass(frozen=True, slots=True)
class ConferenceReported(Event):
    """A step of one party of a conference: dialling, answered, result, held."""

    step: str
    handoff_id: str
    party: str
    uniqueid: str
    target: str = ""
    status: str = ""
    shown: str = ""
    seat: str = ""
    sip_code: int | None = None
    cause: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class ConferenceJoined(Event):
    room: str
    uniqueid: str
    channel: str


@dataclass(frozen=True, slots=True)
class PartyMuted(Event):
    room: str
    uniqueid: str
    muted: bool


@dataclass(frozen=True, slots=True)
class HoldChanged(Event):
    """A phone put its call on hold, or took it back."""

    uniqueid: str
    held: bool


@dataclass(frozen=True, slots=True)
class RecordingStarted(Event):
    """Of the caller's channel. ``path``: of the files, without their endings, below Asterisk's monitor folder."""

    uniqueid: str
    path: str


@dataclass(frozen=True, slots=True)
class RecordingMuted(Event):
    """From now on the recording holds silence, or what is said."""

    uniqueid: str
    muted: bool


@dataclass(frozen=True, slots=True)
class SeatPhoneChanged(Event):
    """``state``: Asterisk's device state (NOT_INUSE, INUSE, BUSY, RINGING, ONHOLD, UNAVAILABLE, INVALID, UNKNOWN …)."""

    seat: str
    state: str


@dataclass(frozen=True, slots=True)
class SeatPauseChanged(Event):
    seat: str
    line: str
    paused: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ChannelSnapshot:
    """One live channel as it is now; ``variables`` holds those of the dialplan's contract that are set.

    ``shown``: the number that its other end is shown (its connected-line number). ``exten``: where in the dialplan.
    """

    uniqueid: str
    linkedid: str
    channel: str
    up: bool
    number: str
    bridge: str
    seconds: int
    variables: Mapping[str, str] = field(default_factory=dict)
    shown: str = ""
    exten: str = ""


@dataclass(frozen=True, slots=True)
class LinkRestored(Event):
    """The link is up and this is what is there: read before any event that follows it."""

    channels: tuple[ChannelSnapshot, ...]
    rooms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seats: Mapping[str, str] = field(default_factory=dict)
    pauses: tuple[SeatPauseChanged, ...] = ()
    booted_at: datetime | None = None
    """When this Asterisk was started, to the second; None where it does not say."""


@dataclass(frozen=True, slots=True)
class CallLost(Event):
    """Asterisk itself has gone, and the call with it."""

    call_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class HandoffLost(Event):
    """A handoff that Asterisk knows nothing of: its command was refused, or never arrived."""

    handoff_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class LinkLost(Event):
    reason: str
