"""Caller headers as Asterisk and trunks write them."""

import pytest

from softphones.identity import Identity, parse_identity
from softphones.phones import Headers, parse_close_text


@pytest.mark.parametrize(
    ("header", "identity"),
    [
        (
            "<sip:13800001111@127.0.0.1>;tag=x",
            Identity(None, "sip:13800001111@127.0.0.1", "13800001111"),
        ),
        ('"张三" <sip:02112345678@host:5060>', Identity("张三", "sip:02112345678@host:5060", "02112345678")),
        (r'"a \"b\" \\ c" <sip:1@h>', Identity(r'a "b" \ c', "sip:1@h", "1")),
        ('"<sip:110@fake>" <sip:1@h>', Identity("<sip:110@fake>", "sip:1@h", "1")),
        ("Alice <sips:+86138@h;user=phone>", Identity("Alice", "sips:+86138@h;user=phone", "+86138")),
        ("sip:110@h;tag=1", Identity(None, "sip:110@h", "110")),
        ("<sip:%2B8613800001111@h>", Identity(None, "sip:%2B8613800001111@h", "+8613800001111")),
        ("<tel:+8613800001111;ext=1>", Identity(None, "tel:+8613800001111;ext=1", "+8613800001111")),
        ("<sip:127.0.0.1:5060>;tag=y", Identity(None, "sip:127.0.0.1:5060", None)),
        ("<sip:@127.0.0.1>", Identity(None, "sip:@127.0.0.1", None)),
        (
            '"Anonymous" <sip:anonymous@anonymous.invalid>',
            Identity("Anonymous", "sip:anonymous@anonymous.invalid", "anonymous"),
        ),
        ("<sip:1@h>, <tel:1>", Identity(None, "sip:1@h", "1")),
        ("", Identity(None, "", None)),
    ],
)
def test_header_taken_apart(header: str, identity: Identity) -> None:
    assert parse_identity(header) == identity


def test_headers_are_found_in_any_case() -> None:
    headers = Headers({"X-Handoff-Id": "7"})
    assert headers["x-handoff-id"] == headers["X-HANDOFF-ID"] == "7"
    assert headers.get("Privacy") is None
    assert len(headers) == 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("486 Busy Here", (486, "Busy Here", None)),
        ("486 Busy Here,Q.850;cause=17", (486, "Busy Here", 17)),
        ('503 No, thanks,Q.850;cause=38;text="out of order"', (503, "No, thanks", 38)),
        ("Connection reset by peer [104]", (None, "Connection reset by peer [104]", None)),
        ("", (None, "", None)),
    ],
)
def test_close_text_taken_apart(text: str, parts: tuple[int | None, str, int | None]) -> None:
    assert parse_close_text(text) == parts
