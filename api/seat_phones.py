"""What the phone of a seat in a browser registers with, and where its browser reaches Asterisk.

The way goes past this service: a phone works while the service is down.
"""

from __future__ import annotations

import ipaddress
import re

from fastapi import Request

from api.api_settings import ApiSettings

DOMAIN = "hotline"
_PATH = "/ws"
_HOST = re.compile(r"[A-Za-z0-9.:-]+")


def socket_for(request: Request, settings: ApiSettings) -> str:
    """For a browser on Asterisk's own machine without TLS, as it allows there (W3C Secure Contexts); else with it."""
    if settings.sip_socket:
        return settings.sip_socket
    host = request.url.hostname or ""
    if not _HOST.fullmatch(host):  # it goes into the page's policy
        host = "127.0.0.1"
    if request.url.scheme == "http" and _is_here(host):
        return f"ws://127.0.0.1:{settings.ws_port}{_PATH}"
    return f"wss://{f'[{host}]' if ':' in host else host}:{settings.wss_port}{_PATH}"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
