"""Softphones: real SIP phones driven from asyncio, each host of phones in a process of its own."""

from softphones.errors import CallFailed, CallGone, HostDied, PhoneError, ReferFailed, RegistrationFailed
from softphones.identity import Identity, parse_identity
from softphones.phones import Call, Ended, Headers, IncomingCall, Phone
from softphones.process import DEFAULT_HEADERS, PhoneHost

__all__ = [
    "DEFAULT_HEADERS",
    "Call",
    "CallFailed",
    "CallGone",
    "Ended",
    "Headers",
    "HostDied",
    "Identity",
    "IncomingCall",
    "Phone",
    "PhoneError",
    "PhoneHost",
    "ReferFailed",
    "RegistrationFailed",
    "parse_identity",
]
