"""How the ledger grows: entries become rows, each bound to the one before. Pure.

The format is described, and re-computed, in ``records.verify_ledger``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from records.verify_ledger import (
    ALGORITHMS,
    CHECKPOINT_EVERY,
    KEY_NAME_LENGTH,
    Row,
    canonical,
    digest,
    row_hash,
    signed_part,
)

CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to stand on the ledger. ``ref``: an id that may stand there once; ``body`` is canonical JSON."""

    at: datetime
    kind: str
    subject: str
    actor: str
    body: str
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The place after which the chain goes on; the beginning by default."""

    seq: int = 0
    hash: str = ""


class Signer:
    """The node's key: signs checkpoints, and seals each row so that the node knows its own.

    ``private_key``: 32 bytes as hex (Ed25519, RFC 8032). Raises ValueError.
    """

    def __init__(self, private_key: str) -> None:
        secret = bytes.fromhex(private_key)
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self._seal_key = bytes.fromhex(digest("sha256", b"hotline ledger seal" + secret).partition(":")[2])
        self.public_key = self._key.public_key().public_bytes_raw().hex()
        self.name = self.public_key[:KEY_NAME_LENGTH]

    def sign(self, data: bytes) -> str:
        return self._key.sign(data).hex()

    def seal(self, row_digest: str) -> str:
        keyed = hmac.HMAC(self._seal_key, hashes.SHA256())
        keyed.update(row_digest.encode())
        return f"{self.name}:{keyed.finalize().hex()[:32]}"

    def knows(self, row: Row) -> bool | None:
        """Whether the row's seal is ours; None when it is another key's."""
        return row.seal == self.seal(row.hash) if row.seal.startswith(self.name + ":") else None


def moment(at: datetime) -> str:
    """UTC to the microsecond, always as long, so that text sorts as time does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Chain:
    """One node's. ``algorithm``: ``sha256`` or ``sm3``."""

    def __init__(self, node: str, signer: Signer, algorithm: str) -> None:
        if algorithm not in ALGORITHMS:
            raise ValueError(f"no such algorithm: {algorithm}")
        self.node, self.signer, self.algorithm = node, signer, algorithm

    def rows(self, head: Head, entries: Iterable[Entry], *, checkpoint_first: bool) -> Iterator[Row]:
        """The entries as rows after ``head``, with the checkpoints that belong between them."""
        due = checkpoint_first
        for entry in entries:
            while due or head.seq == 0 or (head.seq + 1) % CHECKPOINT_EVERY == 0:
                row = self.checkpoint(head, entry.at)
                yield row
                head, due = Head(row.seq, row.hash), False
            row = self._row(head, entry)
            yield row
            head = Head(row.seq, row.hash)

    def checkpoint(self, head: Head, at: datetime) -> Row:
        bare = Row(self.node, head.seq + 1, moment(at), CHECKPOINT, self.node, self.node, None, "", head.hash, "")
        key = self.signer.public_key
        signature = self.signer.sign(signed_part(bare, self.algorithm, key))
        body: dict[str, Any] = {"algorithm": self.algorithm, "public_key": key, "signature": signature}
        return self._bound(bare._replace(body=canonical(body)))

    def _row(self, head: Head, entry: Entry) -> Row:
        return self._bound(
            Row(
                self.node,
                head.seq + 1,
                moment(entry.at),
                entry.kind,
                entry.subject,
                entry.actor,
                entry.ref,
                entry.body,
                head.hash,
                "",
            )
        )

    def _bound(self, row: Row) -> Row:
        bound = row_hash(self.algorithm, row)
        return row._replace(hash=bound, seal=self.signer.seal(bound))
