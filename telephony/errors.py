"""Every failure the hotline names, one class each, with a stable slug.

The tree says whose fault a failure is and, for a command, what is known about its effect::

    HotlineError
    └── TelephonyError
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
            └── AmiListTooLong            a list answer had more items than the cap
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


# --- telephony: Asterisk's configuration -----------------------------------------------------------------------------


class ConfigurationRejected(TelephonyError):
    """Rendered configuration that must not reach Asterisk; the one that runs stays as it is."""

    slug = "configuration-rejected"
