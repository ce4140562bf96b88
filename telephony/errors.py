"""Every failure the hotline names, one class each, with a stable slug.

The tree says whose fault a failure is and, for a command, what is known about its effect::

    HotlineError
    ├── RecordsError                    what lasts: unavailable, a key used twice, a bad cursor
    ├── LiveStateUnavailable            Redis is away; the node goes on without it
    └── TelephonyError
        ├── ConfigurationRejected       ours: rendered configuration that must not reach Asterisk
        ├── RequestRefused              the asker's: understood, and not possible now (one class per reason)
        └── AmiError                    the link to Asterisk's manager interface
            ├── AmiConnectError           no link came to be
            │   ├── AmiUnreachable          nobody there, or hung up before the login was answered
            │   └── AmiLoginRefused         ours: Asterisk is there and turns our account down
            ├── AmiNotSent                surely not executed: nothing left this machine
            │   ├── UnsafeHeader            ours: a header that would break out of its line
            │   └── AmiNotConnected         the link is down
            ├── AmiEffectUnknown          sent, MAY have been executed: read back, never repeat
            │   ├── AmiTimeout              no answer within the deadline
            │   └── AmiLinkLost             the link dropped first
            │       ├── AmiPeerSilent         Asterisk's: a ping was not answered (half-open link, hung peer)
            │       ├── AmiProtocolError      the peer's: not the manager protocol, or a frame beyond the cap
            │       └── AmiEventOverflow      ours: events came faster than they were consumed
            ├── AmiActionFailed           Asterisk answered with an error: refused, not executed
            ├── AmiListTooLong            a list answer had more items than the cap
            └── NodeTaken                 a later service process commands this Asterisk: this one has to end
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class HotlineError(Exception):
    """``message`` is one sentence for a human; ``slug`` never changes and names the class outside."""

    slug: ClassVar[str] = "hotline-error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


# --- telephony ----------------------------------------------------------------------------------------------


class TelephonyError(HotlineError):
    slug = "telephony-error"


# --- telephony: the link to Asterisk ------------------------------------------------------------------------


class AmiError(TelephonyError):
    slug = "ami-error"


class AmiConnectError(AmiError):
    slug = "ami-connect-error"


class AmiUnreachable(AmiConnectError):
    slug = "ami-unreachable"


class AmiLoginRefused(AmiConnectError):
    """Retrying fast is useless, and may get us banned."""

    slug = "ami-login-refused"


class AmiNotSent(AmiError):
    slug = "ami-not-sent"


class UnsafeHeader(AmiNotSent):
    """``header`` is the name at fault; its value, maybe a number or a secret, stays out of the message."""

    slug = "ami-unsafe-header"

    def __init__(self, header: str, problem: str) -> None:
        super().__init__(f"header {header!r} {problem}")
        self.header = header


class AmiNotConnected(AmiNotSent):
    slug = "ami-not-connected"


class AmiEffectUnknown(AmiError):
    slug = "ami-effect-unknown"


class AmiTimeout(AmiEffectUnknown):
    slug = "ami-timeout"


class AmiLinkLost(AmiEffectUnknown):
    slug = "ami-link-lost"


class AmiPeerSilent(AmiLinkLost):
    slug = "ami-peer-silent"


class AmiProtocolError(AmiLinkLost):
    slug = "ami-protocol-error"


class AmiEventOverflow(AmiLinkLost):
    slug = "ami-event-overflow"


class AmiActionFailed(AmiError):
    """``reply`` is Asterisk's own ``Message:``, ``headers`` its whole answer."""

    slug = "ami-action-failed"

    def __init__(self, action: str, reply: str, headers: Mapping[str, str | Sequence[str]]) -> None:
        super().__init__(f"Asterisk refused {action}: {reply}")
        self.action = action
        self.reply = reply
        self.headers = headers


class AmiListTooLong(AmiError):
    slug = "ami-list-too-long"


class NodeTaken(AmiError):
    """We were taken for dead, and another process has this node."""

    slug = "node-taken"


# --- telephony: Asterisk's configuration -----------------------------------------------------------------------------


class ConfigurationRejected(TelephonyError):
    """Rendered configuration that must not reach Asterisk; the one that runs stays as it is."""

    slug = "configuration-rejected"


class CommandUnknown(TelephonyError):
    """Ours: a command that the adapter was never taught."""

    slug = "command-unknown"


# --- telephony: what was asked cannot be done ------------------------------------------------------------------------


class RequestRefused(TelephonyError):
    """The request is understood and will not be carried out; the call is as it was."""

    slug = "request-refused"


class CallNotFound(RequestRefused):
    slug = "call-not-found"


class CallEnded(RequestRefused):
    slug = "call-ended"


class HandoffNotFound(RequestRefused):
    slug = "handoff-not-found"


class ConferenceNotFound(RequestRefused):
    slug = "conference-not-found"


class PartyNotFound(RequestRefused):
    slug = "party-not-found"


class SeatNotFound(RequestRefused):
    slug = "seat-not-found"


class UnknownTarget(RequestRefused):
    """No line and no linked number of that name is configured."""

    slug = "unknown-target"


class TargetHasCall(RequestRefused):
    """The call is with that line already."""

    slug = "target-has-call"


class HandoffInProgress(RequestRefused):
    """At most one live handoff per call: a second click, or another seat's, finds the first one at work."""

    slug = "handoff-in-progress"


class HandoffSettled(RequestRefused):
    """Too late: the handoff was answered or has ended."""

    slug = "handoff-settled"


class ModeNotSupported(RequestRefused):
    slug = "mode-not-supported"


class HandoffNotAnswered(RequestRefused):
    """The target has not answered, so the seat cannot leave the caller with it."""

    slug = "handoff-not-answered"


class NotTalking(RequestRefused):
    """No seat has the call, so there is nobody to hand it over."""

    slug = "not-talking"


class DecisionMade(RequestRefused):
    """A conference has one recorded decision; a correction is a new entry of the ledger."""

    slug = "decision-made"


class NotCorrectable(RequestRefused):
    """The handoff goes on, or there is nothing to put right."""

    slug = "not-correctable"


class UnknownAcceptor(RequestRefused):
    """A matter is accepted by one of the lines that talked about it."""

    slug = "unknown-acceptor"


class NotYourCall(RequestRefused):
    """A seat can only act on the call it has itself."""

    slug = "not-your-call"


class CallBackNotFound(RequestRefused):
    """There is none of that name, or another node keeps it."""

    slug = "call-back-not-found"


class CallBackSettled(RequestRefused):
    """It is being dialled, or has been kept or cancelled."""

    slug = "call-back-settled"


class NoSeatToRing(RequestRefused):
    """Who takes a call-back must sit at a seat of its line."""

    slug = "no-seat-to-ring"


class NotRecorded(RequestRefused):
    """There is no recording of the call that could be paused."""

    slug = "not-recorded"


class RecordingNotFound(RequestRefused):
    slug = "recording-not-found"


class RecordingNotPlayable(RequestRefused):
    """It is still being made, or its file is missing or was deleted."""

    slug = "recording-not-playable"


class RecordingAltered(TelephonyError):
    """The file is not the one whose hash stands on the ledger."""

    slug = "recording-altered"


# --- records ---------------------------------------------------------------------------------------------------------


class RecordsError(HotlineError):
    slug = "records-error"


class RecordStoreUnavailable(RecordsError):
    slug = "record-store-unavailable"


class IdempotencyKeyReused(RecordsError):
    """The caller's: one Idempotency-Key, two different requests."""

    slug = "idempotency-key-reused"


class BadCursor(RecordsError):
    slug = "bad-cursor"


class ListNotUnderstood(RecordsError):
    """The other side's list cannot be read; the message names the row and the column."""

    slug = "list-not-understood"


class NoSuchPeriod(RecordsError):
    """The day is outside of what can be reported on."""

    slug = "no-such-period"


class FilterWantsASpan(RecordsError):
    """The condition is about a span of time, which the filter does not name or which is too long."""

    slug = "filter-wants-a-span"


# --- live state ------------------------------------------------------------------------------------------------------


class ExportRefused(RecordsError):
    """What was asked for makes no sense, or cannot be written there; nothing was."""

    slug = "export-refused"


class ExportNotFound(RecordsError):
    """There is none of that name, or it is not whole (yet)."""

    slug = "export-not-found"


class ExportFailed(RecordsError):
    """It broke off. Nothing that looks like a whole file was left."""

    slug = "export-failed"


class LiveStateUnavailable(HotlineError):
    slug = "live-state-unavailable"
