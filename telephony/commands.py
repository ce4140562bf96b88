"""What we ask of Asterisk: frozen requests. ``CallControl.execute`` carries them out.

A command that was accepted has not happened yet: only events tell what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from telephony.handoff import Release


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hand the caller's channel over to ``target``; the seat waits until the target answers, or goes at once."""

    handoff_id: str
    caller_channel: str
    target: str
    release: Release


@dataclass(frozen=True, slots=True)
class CancelTransfer:
    """Give the caller back to the waiting seat, or down the ladder where no seat waits (``seat_channel`` None).

    Refused by Asterisk when the seat was let go already: then the target has answered.
    """

    caller_channel: str
    seat_channel: str | None


@dataclass(frozen=True, slots=True)
class ReleaseSeat:
    """Let the waiting seat go before the target has answered; a seat that has the caller again by then stays."""

    seat_channel: str


@dataclass(frozen=True, slots=True)
class OpenConference:
    """Ring ``target``; caller and seat join it in the room ``handoff_id`` when it answers."""

    handoff_id: str
    caller_channel: str
    target: str
    ring_seconds: int


@dataclass(frozen=True, slots=True)
class AddParty:
    handoff_id: str
    caller_channel: str
    party_id: str
    target: str
    ring_seconds: int


@dataclass(frozen=True, slots=True)
class CancelConference:
    """Stop ringing the target of a conference that nobody has joined; no ``caller_channel``: the caller has hung up."""

    handoff_id: str
    caller_channel: str | None


@dataclass(frozen=True, slots=True)
class CallBackCitizen:
    """Ring the citizen to whom this order was promised; Asterisk has the number. ``seat``: gets the call, "": any.

    ``attempt``: which one of this order it is; a second command for the same order is not carried out meanwhile.
    """

    order_id: str
    attempt: int
    seat: str


@dataclass(frozen=True, slots=True)
class ForgetCallBack:
    """The order is settled: Asterisk need not keep the number any longer."""

    order_id: str


@dataclass(frozen=True, slots=True)
class HangUp:
    channel: str


@dataclass(frozen=True, slots=True)
class MuteParty:
    room: str
    channel: str
    muted: bool


@dataclass(frozen=True, slots=True)
class HoldParty:
    room: str
    channel: str
    held: bool


@dataclass(frozen=True, slots=True)
class PauseSeat:
    """Take a seat out of (or back into) every queue and ring group that it belongs to."""

    seat: str
    paused: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """Have the recording of this caller's channel hold silence, or go on. Asking for what is so changes nothing."""

    caller_channel: str
    paused: bool


@dataclass(frozen=True, slots=True)
class ForceRecording:
    """Have this caller recorded from the next room, line or handoff on, whatever their rule is."""

    caller_channel: str


def asked(command: Transfer, fence: int) -> str:
    """A transfer as the extension that its caller is sent to (``handoff-api``): Asterisk takes up to 79 characters."""
    release = "now" if command.release is Release.NOW else "wait"
    return f"{command.target}.{command.handoff_id}.{release}.{fence}"


def called_back(command: CallBackCitizen, fence: int) -> str:
    """A call-back as the extension that begins it (``call-back-dial``)."""
    return f"{command.order_id}.{command.seat}.{command.attempt}.{fence}"


def is_asked(extension: str, handoff_id: str) -> bool:
    """Whether a channel at this extension is about to begin that handoff."""
    words = extension.split(".")
    return len(words) == 4 and words[1] == handoff_id


Command = (
    Transfer
    | CancelTransfer
    | ReleaseSeat
    | OpenConference
    | AddParty
    | CancelConference
    | CallBackCitizen
    | ForgetCallBack
    | HangUp
    | MuteParty
    | HoldParty
    | PauseSeat
    | PauseRecording
    | ForceRecording
)
