"""Who may do what: the one table. Each route names the permission that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from records.accounts import Role


class Permission(StrEnum):
    READ = "read"
    """Calls, handoffs, conferences, lines, seats, the event stream."""
    HAND_OVER = "hand-over"
    """Start, cancel and complete a handoff."""
    CONFER = "confer"
    """Steer a three-way call and record its decision."""
    SIT = "sit"
    """Sign in at a seat, pause there, leave it."""
    MANAGE_SEATS = "manage-seats"
    """Sign out or pause somebody else's seat."""
    ANY_CALL = "any-call"
    """Act on a call that is not one's own."""
    REPORTS = "reports"
    """The daily number proof, and our records against Asterisk's own."""
    PAUSE_RECORDING = "pause-recording"
    """Leave out of the recording of one's own call what the law wants left out."""
    PLAY_RECORDINGS = "play-recordings"
    """Find recordings, listen to them, see what is missing."""
    HOLD_RECORDINGS = "hold-recordings"
    """Keep a recording beyond its time, and release it."""
    CORRECT = "correct"
    """Put right what people entered; the original stays on the ledger."""
    SEE_NUMBERS = "see-numbers"
    """Caller numbers unmasked, and searching by one. A seat sees those of its own calls without it."""


_ACT = frozenset({Permission.READ, Permission.HAND_OVER, Permission.CONFER, Permission.PAUSE_RECORDING})
_AUDIT = frozenset({Permission.REPORTS, Permission.PLAY_RECORDINGS, Permission.HOLD_RECORDINGS, Permission.CORRECT})
_SUPERVISE = (
    _ACT
    | _AUDIT
    | {
        Permission.SIT,
        Permission.MANAGE_SEATS,
        Permission.ANY_CALL,
        Permission.SEE_NUMBERS,
    }
)

GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.SEAT: _ACT | {Permission.SIT},
    Role.SUPERVISOR: _SUPERVISE,
    Role.AUDITOR: _AUDIT | {Permission.READ},
    Role.ADMIN: _SUPERVISE,
    Role.INTEGRATOR: _ACT | {Permission.MANAGE_SEATS, Permission.ANY_CALL, Permission.SEE_NUMBERS},
}


def permissions_of(role: Role, *, auditor_sees_numbers: bool) -> frozenset[Permission]:
    granted = GRANTS[role]
    return granted | {Permission.SEE_NUMBERS} if role is Role.AUDITOR and auditor_sees_numbers else granted
