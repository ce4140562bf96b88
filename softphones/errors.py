"""What can go wrong with a softphone."""

from __future__ import annotations


class PhoneError(Exception):
    """Base class. `status` is the SIP status when the far end sent one."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(f"{status} {reason}" if status else reason)
        self.reason = reason
        self.status = status


class RegistrationFailed(PhoneError):
    """The registrar refused, or did not answer."""


class CallFailed(PhoneError):
    """An outgoing call ended before it was answered."""


class CallGone(PhoneError):
    """The call has already ended; racing the far end's hang-up is normal."""


class ReferFailed(PhoneError):
    """The REFER was refused, the target failed, or nothing was reported; the call itself goes on."""


class HostDied(PhoneError):
    """The phone host process has gone; `reason` holds the end of what it wrote to stderr."""


_BY_NAME: dict[str, type[PhoneError]] = {
    "RegistrationError": RegistrationFailed,
    "StaleHandleError": CallGone,
    "TransferFailed": ReferFailed,
    "CallFailed": CallFailed,
}


def error_for(name: str, reason: str, status: int | None) -> PhoneError:
    return _BY_NAME.get(name, PhoneError)(reason, status)
