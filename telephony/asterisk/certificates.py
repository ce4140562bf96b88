"""The certificate with which browsers reach Asterisk (SIP over secure WebSocket, RFC 7118), where the city has none.

A small authority of this instance's own signs it: whoever puts ``authority.pem`` among a machine's trusted authorities
once need not do it again when the certificate is renewed or the address changes.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 397  # the longest that browsers take
_RENEWED_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files; ``chain`` begins with the server's own certificate."""

    chain: Path
    key: Path


def own_certificate(folder: Path, addresses: Sequence[str], now: datetime | None = None) -> Certificate:
    """That of ``folder``, made or renewed when it is missing, damaged, about to expire or lacks one of ``addresses``.

    ``addresses``: names and IP addresses that browsers may use. Only the owner can read the keys.
    """
    moment = now or datetime.now(UTC)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = tuple(dict.fromkeys((*addresses, "localhost", "127.0.0.1", "::1")))
    found = Certificate(folder / "server.pem", folder / "server.key")
    authority, authority_key = _authority(folder, moment)
    if not _serves(found, authority, wanted, moment):
        _make_server(found, authority, authority_key, wanted, moment)
    return found


def addresses_of(bind: str, external: str | None) -> tuple[str, ...]:
    """What browsers may call this machine."""
    name = socket.gethostname()
    given = [each for each in (external, bind) if each and each not in ("0.0.0.0", "::")]
    return (*given, *([name] if _as_name(name) else []))


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    place, key_place = folder / "authority.pem", folder / "authority.key"
    try:
        found, key = _read(place, key_place)
        if found.not_valid_after_utc - _RENEWED_BEFORE > now:
            return found, key
    except (OSError, ValueError):
        pass  # missing, or cut short: a new one takes its place
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"hotline {socket.gethostname()[:40]}")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    made = (
        _builder(name, name, key.public_key(), now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(key_place, _pem(key))
    _write(place, made.public_bytes(serialization.Encoding.PEM))
    return made, key


def _serves(found: Certificate, authority: x509.Certificate, wanted: Sequence[str], now: datetime) -> bool:
    try:
        server, key = _read(found.chain, found.key)
        server.verify_directly_issued_by(authority)
        names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, InvalidSignature, x509.ExtensionNotFound):
        return False
    is_pair = server.public_key() == key.public_key()
    return is_pair and server.not_valid_after_utc - _RENEWED_BEFORE > now and set(map(_name, wanted)) <= set(names)


def _make_server(
    where: Certificate,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    addresses: Sequence[str],
    now: datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, addresses[0][:64])])
    made = (
        _builder(name, authority.subject, key.public_key(), now, _SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_name(each) for each in addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (made, authority))
    _write(where.key, _pem(key))
    _write(where.chain, chain)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks in a hall differ
        .not_valid_after(now + timedelta(days=days))
    )


def _name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _as_name(name: str) -> bool:
    """A machine's name can be anything; a certificate's cannot."""
    return name.isascii() and 0 < len(name) <= 64


def _read(place: Path, key_place: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate = x509.load_pem_x509_certificate(place.read_bytes())
    key = serialization.load_pem_private_key(key_place.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{key_place} is not of ours")
    return certificate, key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _write(place: Path, content: bytes) -> None:
    fresh = place.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    fresh.replace(place)
