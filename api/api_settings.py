"""What the API is told of ``hotline.yaml``, and its own limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Limits are written as ``limits`` reads them. ``token_hours``: how long a sign-in lasts, a shift and more.

    ``ws_port``, ``wss_port``, ``sip_socket``: where browsers reach Asterisk (``api.seat_phones``).
    ``sign_in_limit`` holds for one name from one address, ``sign_in_failures`` for wrong passwords from one address.
    """

    token_hours: float = 10.0
    auditor_sees_numbers: bool = False
    time_zone: str = "Asia/Shanghai"
    report_seconds: float = 120.0
    body_limit: int = 64 * 1024
    request_seconds: float = 15.0
    heartbeat_seconds: float = 15.0
    request_limit: str = "1200/minute"
    sign_in_limit: str = "5/minute"
    sign_in_failures: str = "60/minute"
    ws_port: int = 8088
    wss_port: int = 8089
    sip_socket: str | None = None

    @property
    def token_lifetime(self) -> timedelta:
        return timedelta(hours=self.token_hours)
