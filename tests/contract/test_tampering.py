"""A database that somebody has changed behind the service's back: each way is found, and named.

All of it by plain SQL, as whoever has the database's password would do it. The key is not in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import records.audit
import records.chain
import records.verify_ledger
from records.audit import Audit
from records.chain import Chain, Entry, Head, Signer, moment
from records.notes import Note
from records.store import SqlRecordStore
from records.tables import ledger
from records.verify_ledger import Fault, Row, row_hash
from telephony.conference import PartyState
from telephony.handoff import Decision, State, Step
from tests.support.ledgers import KEY, OTHER_KEY, a_ledger, database, rows_of
from tests.support.records import NOON, a_call, a_conference, a_handoff, ended

__all__ = ["database"]
pytestmark = pytest.mark.asyncio


@dataclass
class Scene:
    """What an honest service has written: a handoff with a decision, its call and room; another; signs of people."""

    engine: AsyncEngine
    folder: Path
    handoff: str
    other: str
    call: str

    async def sql(self, statement: str, **values: Any) -> None:
        async with self.engine.begin() as connection:
            done = await connection.execute(text(statement), values)
            assert done.rowcount

    async def faults(self) -> list[Fault]:
        kept = orjson.loads((self.folder / "head.json").read_bytes())
        audit = Audit(self.engine, node="n1", signer=Signer(KEY), head=Head(kept["seq"], kept["hash"]))
        return [fault async for fault in audit.faults()]

    async def row(self, kind: str, which: int = 0) -> Row:
        return [row for row in await rows_of(self.engine) if row.kind == kind][which]

    async def put(self, *rows: Row) -> None:
        """In place of those that have the same numbers."""
        async with self.engine.begin() as connection:
            for row in rows:
                await connection.execute(ledger.delete().where(ledger.c.node == row.node, ledger.c.seq == row.seq))
            await connection.execute(ledger.insert(), [row._asdict() for row in rows])


def _rehashed(row: Row, **changes: Any) -> Row:
    fresh = row._replace(**changes)
    return fresh._replace(hash=row_hash(fresh.hash.partition(":")[0], fresh))


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records.chain, "CHECKPOINT_EVERY", 8)
    monkeypatch.setattr(records.verify_ledger, "CHECKPOINT_EVERY", 8)
    monkeypatch.setattr(records.audit, "_PAGE", 5)
    monkeypatch.setattr(records.audit, "_LOOK_AGAIN_SECONDS", (0.0,))


@pytest_asyncio.fixture
async def scene(database: AsyncEngine, tmp_path: Path) -> Scene:
    ledger = a_ledger(database, tmp_path)
    store = SqlRecordStore(database, ledger)
    step = Step(NOON, "rings", {"seen": "13800001111"})
    call = a_call(ended_at=NOON + timedelta(minutes=9))
    handoff = a_handoff(call_id=call.id, caller_seen_by_target="13800001111", reason="噪音", timeline=(step,))
    room = a_conference(handoff)
    room = replace(room, parties=tuple(replace(party, state=PartyState.LEFT) for party in room.parties))
    await store.save_handoff(handoff)
    await store.save_handoff(replace(handoff, state=State.ANSWERED))
    decided = ended(replace(handoff, decision=Decision("12345", "归 12345", "fang", NOON)))
    other = ended(replace(a_handoff(), original_caller="13900002222"))
    await store.save_all((decided, call, room, other))
    for user in ("fang", "li", "ban"):
        await store.save_all((Note(NOON, "sign-in", user, user, {"ok": True}),))
    await ledger.append("number-read", "search", {"numbers": {"caller": "13900002222"}}, actor="ban")
    await ledger.append("export", "all.csv", {"rows": 2}, actor="shen")
    return Scene(database, tmp_path, decided.id, other.id, call.id)


async def test_given_nobody_touched_it_then_it_is_unbroken(scene: Scene) -> None:
    assert await scene.faults() == []


# --- the records -----------------------------------------------------------------------------------------------------

_COPY_HANDOFF = (
    "INSERT INTO handoffs SELECT * FROM handoffs WHERE id = :id",
    "UPDATE handoffs SET id = 'forged' WHERE id = :id",
)

RECORDS: dict[str, tuple[str, str, str]] = {
    "an outcome": ("UPDATE handoffs SET outcome = 'busy' WHERE id = :handoff", "record-changed", "outcome"),
    "the caller's number": (
        "UPDATE handoffs SET original_caller = '13800001112' WHERE id = :handoff",
        "record-changed",
        "original_caller",
    ),
    "the number that was shown": (
        "UPDATE handoffs SET caller_seen_by_target = NULL WHERE id = :handoff",
        "record-changed",
        "caller_seen_by_target",
    ),
    "the time of the end": (
        "UPDATE handoffs SET ended_at = created_at WHERE id = :handoff",
        "record-changed",
        "ended_at",
    ),
    "a step of the timeline": (
        "UPDATE handoffs SET timeline = '[]' WHERE id = :handoff",
        "record-changed",
        "timeline",
    ),
    "a decision": ("UPDATE handoffs SET decision = NULL WHERE id = :handoff", "record-changed", "decision"),
    "a column that is derived": (
        "UPDATE handoffs SET accepted_by = '110' WHERE id = :handoff",
        "record-changed",
        "accepted_by",
    ),
    "a value that cannot be": ("UPDATE handoffs SET mode = 'magic' WHERE id = :handoff", "record-changed", ""),
    "a handoff is deleted": ("DELETE FROM handoffs WHERE id = :handoff", "record-deleted", ""),
    "a handoff gets another id": ("UPDATE handoffs SET id = 'other' WHERE id = :handoff", "record-deleted", ""),
    "the dialled number of a call": ("UPDATE calls SET dialled = '119' WHERE id = :call", "record-changed", "dialled"),
    "a call is deleted": ("DELETE FROM calls WHERE id = :call", "record-deleted", ""),
    "a call is made to go on": ("UPDATE calls SET ended_at = NULL WHERE id = :call", "record-changed", "ended_at"),
    "who was in the room": ("UPDATE conferences SET parties = '[]' WHERE id = :handoff", "record-changed", "parties"),
    "a salt is changed": (
        "UPDATE ledger_salts SET salt = '00000000000000000000000000000000' WHERE id = :handoff",
        "record-changed",
        "original_caller",
    ),
    "a salt is deleted": ("DELETE FROM ledger_salts WHERE id = :handoff", "salt-changed", ""),
    "a salt is made void": ("UPDATE ledger_salts SET salt = NULL WHERE id = :handoff", "salt-changed", ""),
}


@pytest.mark.parametrize("what", RECORDS)
async def test_given_a_record_was_changed_then_it_is_named(scene: Scene, what: str) -> None:
    statement, name, field = RECORDS[what]
    values = {"handoff": scene.handoff, "call": scene.call}
    await scene.sql(statement, **{key: value for key, value in values.items() if f":{key}" in statement})

    found = await scene.faults()
    subject = values["call" if ":call" in statement else "handoff"]
    assert (found[0].name, found[0].where.split()[1]) == (name, subject)
    assert field in found[0].why
    assert {fault.name for fault in found} <= {name, "record-inserted", "salt-inserted"}


async def test_given_a_record_was_inserted_then_it_is_named(scene: Scene) -> None:
    await SqlRecordStore(scene.engine).save_all((ended(a_handoff(id="forged")), a_call(id="c-9", ended_at=NOON)))
    await scene.sql("INSERT INTO ledger_salts (id, salt) VALUES ('nobody', '00')")

    assert [(fault.name, fault.where) for fault in await scene.faults()] == [
        ("record-inserted", "handoff forged"),
        ("record-inserted", "call c-9"),
        ("salt-inserted", "salt nobody"),
    ]


# --- the chain -------------------------------------------------------------------------------------------------------

Tampering = Callable[[Scene], Awaitable[str]]
"""Does it, and returns the number of the row that has to be named, as text."""


def _column(column: str, value: str, kind: str = "sign-in") -> Tampering:
    async def tamper(scene: Scene) -> str:
        seq = (await scene.row(kind)).seq
        await scene.sql(f"UPDATE ledger SET {column} = :value WHERE seq = :seq", value=value, seq=seq)
        return f"#{seq}"

    return tamper


async def _delete_one(scene: Scene) -> str:
    seq = (await scene.row("sign-in")).seq
    await scene.sql("DELETE FROM ledger WHERE seq = :seq", seq=seq)
    return f"#{seq}"


async def _delete_some_and_close_the_gap(scene: Scene) -> str:
    rows = await rows_of(scene.engine)
    gone, *rest = rows[4:]
    await scene.sql("DELETE FROM ledger WHERE seq = :seq", seq=gone.seq)
    for row in rest:
        await scene.sql("UPDATE ledger SET seq = :new WHERE seq = :old", new=row.seq - 1, old=row.seq)
    return f"#{gone.seq}"


async def _swap(scene: Scene) -> str:
    first, second = await scene.row("sign-in"), await scene.row("sign-in", 1)
    for old, new in ((first.seq, 1000), (second.seq, first.seq), (1000, second.seq)):
        await scene.sql("UPDATE ledger SET seq = :new WHERE seq = :old", new=new, old=old)
    return f"#{first.seq}"


async def _cut_the_end(scene: Scene) -> str:
    rows = await rows_of(scene.engine)
    await scene.sql("DELETE FROM ledger WHERE seq > :seq", seq=rows[-3].seq)
    return f"#{rows[-3].seq + 1}–#{rows[-1].seq}"


async def _delete_all(scene: Scene) -> str:
    last = (await rows_of(scene.engine))[-1].seq
    await scene.sql("DELETE FROM ledger")
    return f"#1–#{last}"


async def _delete_the_beginning(scene: Scene) -> str:
    await scene.sql("DELETE FROM ledger WHERE seq < 8")
    return "#1–#7"


async def _append_without_the_key(scene: Scene) -> str:
    """The chain is public: anybody can compute a row that fits; nobody else can seal it."""
    last = (await rows_of(scene.engine))[-1]
    forged = Row("n1", last.seq + 1, moment(NOON), "export", "x", "shen", None, "{}", last.hash, last.hash, last.seal)
    await scene.put(_rehashed(forged))
    return f"#{forged.seq}"


async def _rewrite_one(scene: Scene) -> str:
    row = _rehashed(await scene.row("sign-in"), actor="li")
    await scene.put(row)
    return f"#{row.seq}"


async def _rewrite_all_that_follows(scene: Scene) -> str:
    rows = await rows_of(scene.engine)
    at = next(place for place, row in enumerate(rows) if row.kind == "sign-in")
    fresh = [_rehashed(rows[at], actor="li")]
    for row in rows[at + 1 :]:
        fresh.append(_rehashed(row, previous=fresh[-1].hash))
    await scene.put(*fresh)
    return f"#{rows[at].seq}"


async def _make_it_anew_with_another_key(scene: Scene) -> str:
    chain = Chain("n1", Signer(OTHER_KEY), "sha256")
    entries = [
        Entry(NOON, row.kind, row.subject, "li" if row.kind == "sign-in" else row.actor, row.body, row.ref)
        for row in await rows_of(scene.engine)
        if row.kind != "checkpoint"
    ]
    await scene.put(*chain.rows(Head(), entries, checkpoint_first=False))
    return "#1"


async def _forge_a_signature(scene: Scene) -> str:
    row = await scene.row("checkpoint", 1)
    body = orjson.loads(row.body) | {"signature": "00" * 64}
    await scene.put(_rehashed(row, body=orjson.dumps(body).decode()))
    return f"#{row.seq}"


async def _take_a_checkpoint_away(scene: Scene) -> str:
    row = _rehashed(await scene.row("checkpoint", 1), kind="sign-in", body="{}")
    await scene.put(row)
    return f"#{row.seq}"


async def _use_another_algorithm(scene: Scene) -> str:
    row = await scene.row("sign-in")
    await scene.put(row._replace(hash=row_hash("sm3", row)))
    return f"#{row.seq}"


async def _move_to_another_node(scene: Scene) -> str:
    seq = (await scene.row("sign-in")).seq
    await scene.sql("UPDATE ledger SET node = 'n2' WHERE seq = :seq", seq=seq)
    return f"#{seq}"


async def _change_the_salt_of_a_note(scene: Scene) -> str:
    row = await scene.row("number-read")
    await scene.sql("UPDATE ledger_salts SET salt = :salt WHERE id = :id", salt="00" * 16, id=row.ref)
    return f"#{row.seq}"


async def _forget_a_record_wholly(scene: Scene) -> str:
    """The record, its entries and its salt: only the numbers of the chain tell."""
    gone = [row.seq for row in await rows_of(scene.engine) if row.subject == scene.other]
    await scene.sql("DELETE FROM handoffs WHERE id = :id", id=scene.other)
    await scene.sql("DELETE FROM ledger WHERE subject = :id", id=scene.other)
    await scene.sql("DELETE FROM ledger_salts WHERE id = :id", id=scene.other)
    return f"#{gone[0]}"


async def _take_a_record_back(scene: Scene) -> str:
    """To what it was before it was answered, the entries that knew better deleted."""
    rows = [row for row in await rows_of(scene.engine) if row.subject == scene.handoff and row.kind == "handoff"]
    await scene.sql("UPDATE handoffs SET state = 'answered', outcome = NULL WHERE id = :id", id=scene.handoff)
    await scene.sql("DELETE FROM ledger WHERE seq = :seq", seq=rows[-1].seq)
    return f"#{rows[-1].seq}"


CHAIN: dict[str, tuple[Tampering, set[str]]] = {
    "what was written": (_column("body", '{"ok":false}'), {"changed"}),
    "what cannot be read": (_column("body", "{"), {"changed"}),
    "who did it": (_column("actor", "somebody"), {"changed"}),
    "when it was": (_column("at", "2026-11-21T04:00:00.000000Z"), {"changed"}),
    "what kind it was": (_column("kind", "export"), {"changed"}),
    "what it was about": (_column("subject", "nobody"), {"changed"}),
    "its reference": (_column("ref", "another"), {"changed"}),
    "the hash of the row before": (_column("previous", "sha256:00"), {"changed"}),
    "its hash": (_column("hash", "sha256:00"), {"changed"}),
    "its hash, to none": (_column("hash", "md5:00"), {"unreadable"}),
    "its seal": (_column("seal", "00:00"), {"not-ours"}),
    "the body of a handoff's entry": (_column("body", "{}", "handoff"), {"changed"}),
    "a row is deleted": (_delete_one, {"deleted"}),
    "a row is deleted, the others moved up": (_delete_some_and_close_the_gap, {"re-ordered"}),
    "two rows are exchanged": (_swap, {"re-ordered"}),
    "the end is cut off": (_cut_the_end, {"truncated"}),
    "the whole chain is deleted": (_delete_all, {"truncated"}),
    "the beginning is deleted": (_delete_the_beginning, {"deleted"}),
    "a row is appended": (_append_without_the_key, {"not-ours"}),
    "a row is written anew": (_rewrite_one, {"not-ours", "replaced"}),
    "a row and all that follow": (_rewrite_all_that_follows, {"not-ours", "checkpoint-forged"}),
    "the whole chain with another key": (_make_it_anew_with_another_key, {"checkpoint-key-unknown"}),
    "a checkpoint's signature": (_forge_a_signature, {"checkpoint-forged"}),
    "a checkpoint is taken away": (_take_a_checkpoint_away, {"checkpoint-missing"}),
    "another algorithm": (_use_another_algorithm, {"algorithm-changed"}),
    "a row goes to another node": (_move_to_another_node, {"deleted"}),
    "the salt of a number that was read": (_change_the_salt_of_a_note, {"salt-changed"}),
    "a record with all its entries": (_forget_a_record_wholly, {"deleted"}),
    "a record is taken back": (_take_a_record_back, {"deleted"}),
}


@pytest.mark.parametrize("what", CHAIN)
async def test_given_the_chain_was_changed_then_the_first_broken_row_is_named(scene: Scene, what: str) -> None:
    tamper, names = CHAIN[what]
    seq = await tamper(scene)

    found = await scene.faults()
    first = next(fault for fault in found if "#" in f"{fault.where}{fault.why}")
    assert first.name in names, found
    assert seq in f"{first.where}{first.why}", found


def test_there_are_more_than_twenty_ways() -> None:
    assert len(RECORDS) + len(CHAIN) > 40


async def test_given_a_working_service_when_verified_meanwhile_then_nothing_is_named(scene: Scene) -> None:
    """What is being saved in the same moment is looked at again."""
    store = SqlRecordStore(scene.engine, a_ledger(scene.engine))

    async def work() -> None:
        for _ in range(10):
            handoff = a_handoff()
            await store.claim("fang", handoff.id, "print", handoff)
            await store.save_handoff(replace(handoff, state=State.RINGING))
            await store.save_handoff(ended(handoff))

    working = asyncio.create_task(work())
    found = [await scene.faults() for _ in range(3)]
    await working
    assert await scene.faults() == []
    assert all(fault.name == "record-inserted" for faults in found for fault in faults)  # claimed a moment ago
