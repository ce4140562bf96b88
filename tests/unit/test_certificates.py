"""The certificate that browsers reach Asterisk with: for every address, renewed in time, its keys for us alone."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from telephony.asterisk.certificates import addresses_of, own_certificate

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADDRESSES = ("192.0.2.7", "hotline.example.gov.cn")


def _server(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())


def test_given_no_certificate_then_one_is_made_that_a_browser_takes_for_every_address(tmp_path: Path) -> None:
    made = own_certificate(tmp_path / "tls", ADDRESSES, NOW)

    names = _server(tmp_path / "tls").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7", "127.0.0.1", "::1"]
    assert names.get_values_for_type(x509.DNSName) == ["hotline.example.gov.cn", "localhost"]
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(made.chain, made.key)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "tls" / "authority.pem"))
    assert len(trusting.get_ca_certs()) == 1
    for key in ("server.key", "authority.key"):
        assert stat.S_IMODE((tmp_path / "tls" / key).stat().st_mode) == 0o600


def test_given_a_good_certificate_then_it_stays_and_close_to_its_end_it_is_renewed_by_the_same_authority(
    tmp_path: Path,
) -> None:
    own_certificate(tmp_path, ADDRESSES, NOW)
    first, authority = _server(tmp_path), (tmp_path / "authority.pem").read_bytes()

    own_certificate(tmp_path, ADDRESSES, NOW + timedelta(days=300))
    assert _server(tmp_path) == first
    own_certificate(tmp_path, ADDRESSES, NOW + timedelta(days=380))
    renewed = _server(tmp_path)

    assert renewed.not_valid_after_utc > first.not_valid_after_utc
    assert (tmp_path / "authority.pem").read_bytes() == authority


@pytest.mark.parametrize(
    "what", ["another address", "a damaged certificate", "another's key", "no key", "no authority"]
)
def test_given_what_would_not_serve_then_a_new_one_is_made(tmp_path: Path, what: str) -> None:
    own_certificate(tmp_path, ADDRESSES, NOW)
    first = _server(tmp_path)
    match what:
        case "a damaged certificate":
            (tmp_path / "server.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n")
        case "another's key":
            (tmp_path / "server.key").write_bytes((tmp_path / "authority.key").read_bytes())
        case "no key":
            (tmp_path / "server.key").unlink()
        case "no authority":
            (tmp_path / "authority.pem").unlink()

    wanted = ("198.51.100.1",) if what == "another address" else ADDRESSES
    made = own_certificate(tmp_path, wanted, NOW)

    assert _server(tmp_path) != first
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(made.chain, made.key)
    assert own_certificate(tmp_path, wanted, NOW) == made


def test_the_addresses_are_those_that_a_browser_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "hall-1")
    assert addresses_of("0.0.0.0", None) == ("hall-1",)
    assert addresses_of("192.0.2.7", "203.0.113.9") == ("203.0.113.9", "192.0.2.7", "hall-1")
    monkeypatch.setattr("socket.gethostname", lambda: "大厅")
    assert addresses_of("::", None) == ()
