"""核验台账 · Re-computes the ledger's chain, on its own: this one file needs Python 3.11 and ``cryptography`` only.

    python verify_ledger.py FILE [--key PUBLIC_KEY …]

FILE is an export of the ledger (``hotline audit export``) or of records (``hotline export``), its manifest beside it.
Exit code 0: unbroken. 1: broken; each broken place is named on a line of its own, the first one first.

A row's hash is taken over the JSON array ``[1, node, seq, at, kind, subject, actor, ref, body, previous]`` (UTF-8, no
spaces, characters not escaped), ``previous`` being the hash of the row before. It is written ``sha256:HEX`` or
``sm3:HEX`` (GB/T 32905). Row 1, each 1000th row and the first of each process are checkpoints: they name the algorithm
in force and are signed with Ed25519 (RFC 8032) by the node's key, which is not in the database.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CHECKPOINT_EVERY = 1000
KEY_NAME_LENGTH = 16
_FORMAT, _NEIGHBOURS = 1, 1000
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_TEXT_COLUMNS = (2, 3, 4, 5, 7, 8, 9, 10)
_TEXT = (".csv", ".jsonl")
_BLOCK, _MOST_COMPARED = 64 * 1024, 4_000_000
ALGORITHMS: dict[str, Callable[[], hashes.HashAlgorithm]] = {"sha256": hashes.SHA256, "sm3": hashes.SM3}


class Row(NamedTuple):
    """One entry of the ledger as it is stored; ``seal`` is the node's own mark, which only the node can check."""

    node: str
    seq: int
    at: str
    kind: str
    subject: str
    actor: str
    ref: str | None
    body: str
    previous: str
    hash: str
    seal: str = ""


FAULTS = {
    "changed": "内容被改 · the row was changed",
    "replaced": "被改写并重算过哈希 · the row was rewritten, its hash computed anew",
    "re-ordered": "顺序被调换 · the row stands in another's place",
    "deleted": "缺失 · rows are missing",
    "repeated": "重复 · the number stands twice: a row was inserted, or the chain was forked",
    "truncated": "末尾被截去 · the end of the chain is missing",
    "not-ours": "不是本节点写入 · inserted: not written by this node",
    "unreadable": "无法读取 · cannot be read",
    "algorithm-changed": "算法与上一检查点不符 · another algorithm than the checkpoint before it says",
    "checkpoint-missing": "应为检查点 · a checkpoint should stand here",
    "checkpoint-forged": "检查点签名无效 · the checkpoint's signature is not valid",
    "checkpoint-key-unknown": "由未知密钥签名 · signed with an unknown key",
    "inserted": "多出 · inserted",
    "file-changed": "文件与清单不符 · the file is not the one that the manifest describes",
    "manifest-missing": "缺少清单 · the manifest is missing",
    "manifest-forged": "清单无法读取或签名无效 · the manifest cannot be read, or its signature is not valid",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is broken: ``name`` is stable, ``where`` says what it is about, ``why`` explains it to people."""

    name: str
    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.name}: {self.why}"


@dataclass
class Report:
    """``keys``: public keys that signed, and the row where each did first (0: the manifest). ``remarks``: no faults."""

    faults: list[Fault] = field(default_factory=list)
    rows: int = 0
    keys: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def unbroken(self) -> bool:
        return not self.faults

    def note(self, name: str, where: str) -> None:
        self.faults.append(Fault(name, where, FAULTS[name]))

    def lines(self, trusted: Collection[str]) -> Iterator[str]:
        """For people: each fault, then the outcome and whose word it rests on."""
        yield from (*map(str, self.faults), *self.remarks)
        for key in self.keys:
            known = (
                "已核对 · as given" if key in trusted else "未核对，请与运维单位核对 · compare it with the operator's"
            )
            yield f"签名公钥 · signed by {key} ({known})"
        outcome = "完整 · unbroken" if self.unbroken else f"已损坏：{len(self.faults)} 处 · broken: {len(self.faults)}"
        yield f"{outcome} ({self.rows} 行 · rows)"


def canonical(value: Any) -> str:
    """The one way to write a JSON value down."""
    return _ENCODER.encode(value)


def digest(algorithm: str, data: bytes) -> str:
    """``algorithm:HEX``. Raises KeyError for an unknown algorithm."""
    hasher = hashes.Hash(ALGORITHMS[algorithm]())
    hasher.update(data)
    return f"{algorithm}:{hasher.finalize().hex()}"


def row_hash(algorithm: str, row: Row) -> str:
    return digest(algorithm, canonical([_FORMAT, *row[:9]]).encode("utf-8", "surrogatepass"))


def algorithm_of(row_digest: str) -> str | None:
    """None when it is none of ours."""
    name = row_digest.partition(":")[0]
    return name if name in ALGORITHMS else None


def signed_part(row: Row, algorithm: str, public_key: str) -> bytes:
    """What the signature of a checkpoint covers; ``row.previous`` stands for all that was before."""
    part = ["hotline ledger checkpoint", row.node, row.seq, row.at, algorithm, public_key, row.previous]
    return canonical(part).encode("utf-8", "surrogatepass")


def signature_holds(public_key: str, signature: str, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), signed)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


class ChainChecker:
    """One node's chain, row after row in the order of ``seq``; holds one row only.

    ``trusted``: public keys (hex); with none, the chain's own are believed and collected in ``keys``. ``sealed`` says
    whether a row's seal is ours: for the node's own key alone, by the key's name.
    """

    def __init__(
        self, node: str, trusted: Collection[str] = (), sealed: Callable[[Row], bool | None] | None = None
    ) -> None:
        self.node = node
        self.rows = 0
        self.last: Row | None = None
        self.first_seq = 1
        self.keys: dict[str, int] = {}
        self._trusted = frozenset(trusted)
        self._sealed = sealed
        self._algorithm: str | None = None
        self._key_name = ""
        self._faulty = False
        self._begins_late: tuple[int, str] | None = None

    def take(self, row: Row) -> Iterator[Fault]:
        """What is wrong with it, or between it and the row before."""
        expected = self.last.seq + 1 if self.last else row.seq
        if row.seq < expected:
            yield self._fault("repeated", row.seq)
            return
        if self.last is None:
            self._begin(row)
        missing = row.seq > expected
        if missing:
            yield self._missing(expected, row.seq - 1)
        found = list(self._own_faults(row))
        if not found and not missing and not self._faulty and row.previous != (self.last.hash if self.last else ""):
            if self.last:
                yield self._fault("replaced", self.last.seq)
            elif row.seq == 1:
                found.append(self._fault("changed", 1))
        yield from found
        self._faulty = bool(found)
        self.rows += 1
        self.last = row

    def end(self) -> Iterator[Fault]:
        """What only the whole chain shows."""
        if self._begins_late is not None:
            yield self._missing(1, self._begins_late[0] - 1)

    def _begin(self, row: Row) -> None:
        self.first_seq = row.seq
        self._algorithm = algorithm_of(row.hash)
        if row.seq > 1:  # an entry must say that what was before has been erased in order
            self._begins_late = row.seq, row.previous

    def _own_faults(self, row: Row) -> Iterator[Fault]:
        algorithm = algorithm_of(row.hash) if all(isinstance(row[at], str) for at in _TEXT_COLUMNS) else None
        if algorithm is None:
            yield self._fault("unreadable", row.seq)
            return
        if row_hash(algorithm, row) != row.hash:
            yield self._misplaced(row, algorithm) or self._fault("changed", row.seq, row)
            return
        if row.kind == "checkpoint":
            yield from self._checkpoint_faults(row, algorithm)
        elif row.seq == 1 or row.seq % CHECKPOINT_EVERY == 0 or row.seq == self.first_seq:
            yield self._fault("checkpoint-missing", row.seq, row)
        if algorithm != self._algorithm:
            yield self._fault("algorithm-changed", row.seq, row)
        if self._sealed is not None and not self._seal_holds(row):
            yield self._fault("not-ours", row.seq, row)
        if row.kind == "erasure" and self._begins_late is not None:
            before, previous = self._begins_late
            if canonical({"before": before, "hash": previous}) in row.body:
                self._begins_late = None

    def _checkpoint_faults(self, row: Row, algorithm: str) -> Iterator[Fault]:
        try:
            body = json.loads(row.body)
            named, key, signature = body["algorithm"], str(body["public_key"]), str(body["signature"])
        except (ValueError, KeyError, TypeError):
            yield self._fault("checkpoint-forged", row.seq)
            return
        if named != algorithm or not signature_holds(key, signature, signed_part(row, algorithm, key)):
            yield self._fault("checkpoint-forged", row.seq)
        elif self._trusted and key not in self._trusted:
            yield self._fault("checkpoint-key-unknown", row.seq)
        else:
            self.keys.setdefault(key, row.seq)
            self._algorithm, self._key_name = algorithm, key[:KEY_NAME_LENGTH]

    def _seal_holds(self, row: Row) -> bool:
        """Another key's seal cannot be checked here; it must be the key of the last checkpoint all the same."""
        assert self._sealed is not None
        return row.seal.partition(":")[0] == self._key_name and self._sealed(row) is not False

    def _misplaced(self, row: Row, algorithm: str) -> Fault | None:
        """A row that was moved still has the hash of its own place."""
        for seq in range(max(1, row.seq - _NEIGHBOURS), row.seq + _NEIGHBOURS):
            if row_hash(algorithm, row._replace(seq=seq)) == row.hash:
                why = f"{FAULTS['re-ordered']}: #{seq} → #{row.seq}"
                return Fault("re-ordered", f"{self.node} #{row.seq}", why)
        return None

    def _missing(self, first: int, last: int) -> Fault:
        where = f"{self.node} #{first}" if first == last else f"{self.node} #{first}–#{last}"
        return Fault("deleted", where, FAULTS["deleted"])

    def _fault(self, name: str, seq: int, row: Row | None = None) -> Fault:
        about = f" ({row.kind} {row.subject}, {row.at})" if row else ""
        return Fault(name, f"{self.node} #{seq}{about}", FAULTS[name])


# --- an exported file ------------------------------------------------------------------------------------------------


def line_digest(line: bytes) -> int:
    """A short name of a line, to say which one was changed when the file's own digest has shown that one was."""
    return int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), "big")


def pieces(file: Path) -> Iterator[bytes]:
    """Of text its lines; of anything else blocks of 64 KiB."""
    with file.open("rb") as stream:
        if file.suffix in _TEXT:
            yield from stream
        else:
            yield from iter(lambda: stream.read(_BLOCK), b"")


def manifest_of(file: Path) -> Path:
    return file.with_name(file.name + ".manifest.json")


def lines_of(file: Path) -> Path:
    return file.with_name(file.name + ".lines")


def signed_manifest(manifest: Mapping[str, Any]) -> bytes:
    """What a manifest's signature covers: all but itself."""
    return canonical({name: value for name, value in manifest.items() if name != "signature"}).encode()


def verify_file(file: Path, trusted: Collection[str] = (), tell: Callable[[int], None] = lambda done: None) -> Report:
    """An export held against its manifest, a ledger's rows against each other. ``tell``: bytes read. Raises OSError."""
    report, where = Report(), str(manifest_of(file))
    file.stat()
    try:
        manifest = json.loads(manifest_of(file).read_bytes())
        algorithm, key = algorithm_of(manifest["digest"]) or "sha256", str(manifest["public_key"])
        signed = signature_holds(key, str(manifest["signature"]), signed_manifest(manifest))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as failure:
        report.note("manifest-missing" if isinstance(failure, FileNotFoundError) else "manifest-forged", where)
        return report
    report.keys[key] = 0
    if not signed:
        report.note("manifest-forged", where)
    elif trusted and key not in trusted:
        report.note("checkpoint-key-unknown", where)
    whole, found, read = hashes.Hash(ALGORITHMS[algorithm]()), array("Q"), 0
    for piece in pieces(file):
        whole.update(piece)
        found.append(line_digest(piece))
        read += len(piece)
        tell(read)
    report.rows = len(found)
    if f"{algorithm}:{whole.finalize().hex()}" != manifest["digest"]:
        report.note("file-changed", str(file))
        report.faults += _named_lines(file, found)
    if manifest.get("kind") == "ledger":
        _verify_chains(file, manifest, trusted, report)
    return report


def _named_lines(file: Path, found: array[int]) -> Iterator[Fault]:
    """Which lines (or blocks) are not those that were exported."""
    written = array("Q")
    try:
        written.frombytes(lines_of(file).read_bytes())
    except (OSError, ValueError):
        return
    if sys.byteorder == "little":
        written.byteswap()
    begin, most = 0, min(len(written), len(found))
    while begin < most and written[begin] == found[begin]:
        begin += 1
    end = 0
    while end < most - begin and written[-1 - end] == found[-1 - end]:
        end += 1
    old, new = written[begin : len(written) - end].tolist(), found[begin : len(found) - end].tolist()
    unit = "第 {} 行 · line {}" if file.suffix in _TEXT else "第 {} 块（64 KiB） · block {} of 64 KiB"
    for name, at in _edits(old, new) if len(old) * len(new) <= _MOST_COMPARED else [("changed", 0)]:
        number = begin + at + 1
        yield Fault(name, f"{file.name} {unit.format(number, number)}", FAULTS[name])


def _edits(old: list[int], new: list[int]) -> Iterator[tuple[str, int]]:
    """What turned one into the other; the place is that in the new one."""
    moved = set(old) & set(new)
    for how, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        here, gone = new[new_from:new_to], old[old_from:old_to]
        if how == "equal":
            continue
        for offset, each in enumerate(here):
            same_number = how == "replace" and len(here) == len(gone)
            yield "re-ordered" if each in moved else "changed" if same_number else "inserted", new_from + offset
        if how == "delete" or len(here) != len(gone):
            for each in gone:
                if each not in moved:
                    yield "deleted", new_from


def _verify_chains(file: Path, manifest: Mapping[str, Any], trusted: Collection[str], report: Report) -> None:
    checkers: dict[str, ChainChecker] = {}
    for number, line in enumerate(pieces(file), start=1):
        try:
            row = Row(**json.loads(line))
            checker = checkers.setdefault(row.node, ChainChecker(row.node, trusted))
            report.faults += checker.take(row)
        except (ValueError, TypeError, KeyError):
            report.note("unreadable", f"{file.name} 第 {number} 行 · line {number}")
    for node, head in manifest.get("heads", {}).items():
        last = checkers[node].last if node in checkers else None
        if last is None or last.seq < head["seq"]:
            report.note("truncated", f"{node} #{(last.seq if last else 0) + 1}–#{head['seq']}")
    for checker in checkers.values():
        report.faults += checker.end()
        report.keys |= checker.keys


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, help="导出文件 · the exported file; its manifest lies beside it")
    parser.add_argument(
        "--key", action="append", default=[], help="可信公钥，可多次 · a trusted public key; repeatable"
    )
    asked = parser.parse_args(arguments)
    try:
        report = verify_file(asked.file, asked.key)
    except OSError as error:
        print(f"{asked.file}: {error.strerror}", file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    print("\n".join(report.lines(asked.key)))  # noqa: T201
    return 0 if report.unbroken else 1


if __name__ == "__main__":
    sys.exit(main())
