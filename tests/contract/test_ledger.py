"""The ledger on both databases: what is saved stands on the chain, once, in one unbroken line."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from records.audit import Audit
from records.chain import Chain, Signer
from records.ledger import Ledger
from records.notes import Note
from records.store import SqlRecordStore
from records.verify_ledger import CHECKPOINT_EVERY
from records.writer import RecordWriter
from telephony.conference import PartyState
from telephony.errors import RecordStoreUnavailable
from telephony.handoff import Decision, State, Step
from tests.support.ledgers import KEY, OTHER_KEY, a_ledger, bodies, database, faults_of, rows_of
from tests.support.records import NOON, a_call, a_conference, a_handoff, ended

__all__ = ["database"]
pytestmark = pytest.mark.asyncio


def a_note(**changes: object) -> Note:
    return replace(Note(NOON, "sign-in", "fang", "fang", {"ok": True}), **changes)  # type: ignore[arg-type]  # by name


async def test_given_entries_when_appended_then_the_chain_is_unbroken_and_begins_with_a_checkpoint(
    database: AsyncEngine,
) -> None:
    ledger = a_ledger(database)
    numbers = [await ledger.append("sign-in", f"u-{n}", {"ok": True}, actor=f"u-{n}") for n in range(3)]

    rows = await rows_of(database)
    assert numbers == [2, 3, 4]
    assert [row.kind for row in rows] == ["checkpoint", "sign-in", "sign-in", "sign-in"]
    assert [row.seq for row in rows] == [1, 2, 3, 4]
    assert faults_of(rows) == []


@pytest.mark.parametrize("algorithm", ["sha256", "sm3"])
async def test_given_the_algorithm_when_it_is_changed_then_a_checkpoint_says_so(
    database: AsyncEngine, algorithm: str
) -> None:
    await a_ledger(database, algorithm=algorithm).append("sign-in", "fang", {}, actor="fang")
    other = "sm3" if algorithm == "sha256" else "sha256"
    await a_ledger(database, algorithm=other).append("sign-in", "li", {}, actor="li")

    rows = await rows_of(database)
    assert [row.hash.partition(":")[0] for row in rows] == [algorithm, algorithm, other, other]
    assert [body["algorithm"] for body in bodies(rows, "checkpoint")] == [algorithm, other]
    assert faults_of(rows) == []


async def test_each_thousandth_row_is_a_checkpoint(database: AsyncEngine) -> None:
    store = SqlRecordStore(database, a_ledger(database))
    await store.save_all([a_note(subject=str(n)) for n in range(CHECKPOINT_EVERY + 5)])

    rows = await rows_of(database)
    assert [row.seq for row in rows if row.kind == "checkpoint"] == [1, CHECKPOINT_EVERY]
    assert len(rows) == CHECKPOINT_EVERY + 7
    assert faults_of(rows) == []


async def test_given_a_handoff_when_it_goes_on_then_each_state_is_an_entry_and_no_number_stands_in_it(
    database: AsyncEngine,
) -> None:
    store = SqlRecordStore(database, a_ledger(database))
    step = Step(NOON, "rings", {"seen": "13800001111"})
    handoff = a_handoff(reason="住在人民路的张三", caller_seen_by_target="13800001111", requested_by="fang")
    await store.save_handoff(handoff)
    await store.save_handoff(replace(handoff, state=State.RINGING, timeline=(step,)))
    await store.save_handoff(ended(replace(handoff, timeline=(step,))))

    rows = await rows_of(database)
    assert [body["state"] for body in bodies(rows, "handoff")] == ["requested", "ringing", "ended"]
    assert {row.actor for row in rows if row.kind == "handoff"} == {"fang"}
    written = "".join(row.body for row in rows)
    assert "13800001111" not in written
    assert "张三" not in written
    assert faults_of(rows) == []


async def test_given_a_record_that_is_saved_again_or_too_late_then_nothing_is_appended(database: AsyncEngine) -> None:
    store = SqlRecordStore(database, a_ledger(database))
    handoff, call = a_handoff(), replace(a_call(), ended_at=NOON)
    over = ended(handoff)
    for record in (handoff, over, call, over, call, handoff):  # the last one comes too late and is not saved
        await store.save_all((record,))
    assert len(await rows_of(database)) == 4

    restarted = SqlRecordStore(database, a_ledger(database))
    await restarted.save_all((over, call))
    assert len(await rows_of(database)) == 4


async def test_given_a_decision_and_corrections_then_each_is_an_entry_of_its_own(database: AsyncEngine) -> None:
    store = SqlRecordStore(database, a_ledger(database))
    automatic = ended(a_handoff(decision=Decision("110", "无人决定", None, NOON, automatic=True)))
    decided = replace(automatic, decision=Decision("12345", "噪音扰民", "fang", NOON))
    step = Step(NOON, "corrected", {"field": "category_id", "by": "ban", "value": "noise", "before": ""})
    corrected = replace(decided, category_id="noise", timeline=(step,))
    for state in (automatic, decided, corrected, corrected):
        await store.save_handoff(state)

    rows = await rows_of(database)
    assert [row.actor for row in rows if row.kind == "decision"] == ["n1", "fang"]
    assert [body["accepted_by"] for body in bodies(rows, "decision")] == ["110", "12345"]
    assert [(row.actor, row.subject) for row in rows if row.kind == "correction"] == [("ban", decided.id)]
    assert bodies(rows, "correction")[0]["field"] == "category_id"
    assert [body["category_id"] for body in bodies(rows, "handoff")] == [None, None, "noise"]


async def test_calls_and_conferences_are_appended_once_they_are_over(database: AsyncEngine) -> None:
    store = SqlRecordStore(database, a_ledger(database))
    call, room = a_call(), a_conference(a_handoff())
    await store.save_all((call, room))
    assert await rows_of(database) == []

    gone = tuple(replace(party, state=PartyState.LEFT) for party in room.parties)
    await store.save_all((replace(call, ended_at=NOON + timedelta(minutes=1)), replace(room, parties=gone)))
    assert [row.kind for row in await rows_of(database)] == ["checkpoint", "call", "conference"]


async def test_numbers_in_a_note_are_hashed_with_a_salt_that_can_be_erased(database: AsyncEngine) -> None:
    ledger = a_ledger(database)
    for _ in range(2):
        await ledger.append("number-read", "search", {"numbers": {"caller": "13800001111"}}, actor="ban")

    first, second = bodies(await rows_of(database), "number-read")
    assert first["numbers"]["caller"].startswith("hmac-sha256:")
    assert first["numbers"] != second["numbers"]
    async with database.connect() as connection:
        salts = (await connection.execute(text("SELECT id FROM ledger_salts"))).scalars().all()
    assert set(salts) == {first["salt"]["id"], second["salt"]["id"]}


async def test_given_text_no_database_takes_then_the_entry_is_kept_all_the_same(database: AsyncEngine) -> None:
    await a_ledger(database).append("export", "a\0b\ud800", {"why": "\0", "数": [1.5, None]}, actor="审计\udfff")

    rows = await rows_of(database)
    assert (rows[1].subject, rows[1].actor) == ("a�b�", "审计�")
    assert faults_of(rows) == []


# --- exactly once, and one chain --------------------------------------------------------------------------------------


async def test_given_the_same_note_twice_as_after_a_lost_answer_then_it_stands_once(database: AsyncEngine) -> None:
    note = a_note()
    await SqlRecordStore(database, a_ledger(database)).save_all((note, note))
    await SqlRecordStore(database, a_ledger(database)).save_all((note,))

    assert [row.kind for row in await rows_of(database)] == ["checkpoint", "sign-in"]


class AnswersAreLost(SqlRecordStore):
    """Saves, and says that it could not: as when the connection breaks at the commit."""

    lost = 0

    async def save_all(self, records: object) -> None:
        await super().save_all(records)  # type: ignore[arg-type]  # handed on as it came
        if self.lost < 2:
            self.lost += 1
            raise RecordStoreUnavailable("the connection broke")


async def test_given_answers_that_are_lost_when_the_writer_tries_again_then_each_entry_stands_once(
    database: AsyncEngine, tmp_path: Path
) -> None:
    writer = RecordWriter(AnswersAreLost(database, a_ledger(database)), tmp_path / "spool")
    await writer.start()
    for n in range(5):
        writer.put_handoff(ended(a_handoff()))
        writer.put_note(a_note(subject=str(n)))
    assert await writer.flush(20)
    await writer.close()

    rows = await rows_of(database)
    assert sorted(row.subject for row in rows if row.kind == "sign-in") == ["0", "1", "2", "3", "4"]
    assert len([row for row in rows if row.kind == "handoff"]) == 5
    assert faults_of(rows) == []


async def test_given_the_database_was_away_when_the_spool_is_taken_up_then_all_is_on_the_chain_once(
    database: AsyncEngine, tmp_path: Path
) -> None:
    store = SqlRecordStore(database, a_ledger(database))
    store.migrated = False
    first = RecordWriter(store, tmp_path / "spool")
    await first.start()
    handoff, note = ended(a_handoff()), a_note()
    first.put_handoff(handoff)
    first.put_note(note)
    await first.close(0.1)
    assert await rows_of(database) == []

    for _ in range(2):  # the second finds nothing left
        after_restart = RecordWriter(SqlRecordStore(database, a_ledger(database)), tmp_path / "spool")
        await after_restart.start()
        assert await after_restart.flush(20)
        await after_restart.close()
    rows = await rows_of(database)
    assert [row.kind for row in rows] == ["checkpoint", "handoff", "sign-in"]
    assert rows[2].ref == note.id
    assert faults_of(rows) == []


async def test_given_two_services_on_one_node_when_both_append_at_once_then_there_is_one_chain(
    database: AsyncEngine,
) -> None:
    async def work(name: str) -> None:
        ledger = a_ledger(database)
        store = SqlRecordStore(database, ledger)
        for n in range(10):
            await ledger.append("sign-in", f"{name}{n}", {}, actor=name)
            await store.save_handoff(a_handoff())

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(name) for name in "abc"))

    rows = await rows_of(database)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert len([row for row in rows if row.kind == "sign-in"]) == 30
    assert len([row for row in rows if row.kind == "handoff"]) == 30
    assert faults_of(rows) == []


async def test_each_node_has_a_chain_of_its_own(database: AsyncEngine) -> None:
    await a_ledger(database).append("sign-in", "a", {}, actor="a")
    other = Ledger(database, Chain("n2", Signer(OTHER_KEY), "sm3"))
    assert await other.append("sign-in", "b", {}, actor="b") == 2

    assert faults_of(await rows_of(database, "n1")) == []
    assert faults_of(await rows_of(database, "n2"), node="n2", key=OTHER_KEY) == []


async def test_given_what_fails_within_the_transaction_then_neither_record_nor_entry_is_there(
    database: AsyncEngine,
) -> None:
    store = SqlRecordStore(database, a_ledger(database))
    good, bad = a_handoff(), a_handoff(number_mismatch=None)
    with pytest.raises(Exception, match=r"(?i)null"):
        await store.save_all((good, bad))

    assert await store.handoff(good.id) is None
    assert await rows_of(database) == []


async def test_the_place_of_the_last_row_is_kept_outside_the_database(database: AsyncEngine, tmp_path: Path) -> None:
    ledger = a_ledger(database, tmp_path)
    await ledger.append("sign-in", "fang", {}, actor="fang")

    last = (await rows_of(database))[-1]
    assert orjson.loads((tmp_path / "head.json").read_bytes()) == {"node": "n1", "seq": 2, "hash": last.hash}


async def test_given_a_disk_that_takes_nothing_then_entries_are_appended_all_the_same(database: AsyncEngine) -> None:
    ledger = Ledger(database, Chain("n1", Signer(KEY), "sha256"), Path("/dev/null/head.json"))

    assert await ledger.append("sign-in", "fang", {}, actor="fang") == 2


async def test_given_no_migrated_database_then_nothing_is_refused_for_good(database: AsyncEngine) -> None:
    store = SqlRecordStore(database, a_ledger(database))
    store.migrated = False
    with pytest.raises(RecordStoreUnavailable):
        await store.save_handoff(a_handoff())
    with pytest.raises(RecordStoreUnavailable):
        await store.claim("fang", "k", "print", a_handoff())


async def test_times_are_written_so_that_text_sorts_as_time_does(database: AsyncEngine) -> None:
    store = SqlRecordStore(database, a_ledger(database))
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=n * 999_999) for n in range(5)]
    await store.save_all([a_note(at=at) for at in moments])

    written = [row.at for row in await rows_of(database) if row.kind == "sign-in"]
    assert written == sorted(written)
    assert [datetime.fromisoformat(at) for at in written] == moments


async def test_given_new_entries_then_a_checkpoint_is_made_once(database: AsyncEngine) -> None:
    ledger = a_ledger(database)
    await ledger.checkpoint()
    assert await rows_of(database) == []

    await ledger.append("configuration", "hotline.yaml", {"digest": "a"}, actor="os:root")
    await ledger.append("configuration", "hotline.yaml", {"digest": "b"}, actor="os:root")
    for _ in range(2):
        await ledger.checkpoint()

    rows = await rows_of(database)
    assert [row.kind for row in rows] == ["checkpoint", "configuration", "configuration", "checkpoint"]
    assert faults_of(rows) == []
    assert await ledger.last("configuration", "hotline.yaml") == {"digest": "b"}
    assert await ledger.last("configuration", "other") is None


async def test_given_the_chain_was_cut_when_it_grows_again_then_what_was_there_stays_known(
    database: AsyncEngine, tmp_path: Path
) -> None:
    running = a_ledger(database, tmp_path)
    for n in range(4):
        await running.append("sign-in", str(n), {}, actor="fang")
    before = running.kept_head()
    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM ledger WHERE seq > 2"))

    for each in (running, a_ledger(database, tmp_path)):  # one that runs on, and one that is started anew
        for n in range(4):
            await each.append("sign-in", str(n), {}, actor="fang")
        assert each.kept_head() == before
    audit = Audit(database, node="n1", signer=Signer(KEY), head=before)
    assert [fault.name async for fault in audit.faults()] == ["replaced"]
