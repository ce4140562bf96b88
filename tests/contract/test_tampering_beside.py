"""Tampering with what belongs to a call, and with who may do what: recordings, call details, people and API keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import records.accounts
import records.audit
from records.accounts import Accounts, Role, User
from records.audit import Audit
from records.calldetail import detail_of
from records.calldetail_store import CallDetails
from records.chain import Signer
from records.erasure import Eraser
from records.periods import Periods
from records.store import SqlRecordStore
from records.verify_ledger import Fault
from telephony.call import Call, Leg
from tests.contract.test_tampering import CHAIN, RECORDS
from tests.support.archive import Archive, archive
from tests.support.ledgers import KEY, a_ledger, bodies, database, rows_of
from tests.support.records import NOON, a_call

__all__ = ["archive", "database"]
pytestmark = pytest.mark.asyncio

PHONE = "n1-1700000000.77"


def a_call_with_two_phones() -> Call:
    """The caller, a seat, and a phone that is not ours."""
    call = a_call(ended_at=NOON + timedelta(minutes=9), caller_name="张三")
    seat = Leg("n1-1700000000.76", "PJSIP/2101-8", "2101", NOON, seat="2101", answered_at=NOON)
    return call.with_leg(seat).with_leg(Leg(PHONE, "PJSIP/trunk-9", "13700003333", NOON))


@dataclass
class Scene:
    """What an honest service has written: a call with its detail, two recordings, one held, people, a revoked key."""

    engine: AsyncEngine
    call: str
    held: str
    recording: str
    key: str

    async def sql(self, *statements: str) -> None:
        known = {"call": self.call, "held": self.held, "recording": self.recording, "key": self.key, "phone": PHONE}
        async with self.engine.begin() as connection:
            for statement in statements:
                values = {name: value for name, value in known.items() if f":{name}" in statement}
                assert (await connection.execute(text(statement), values)).rowcount

    async def faults(self) -> list[Fault]:
        return [fault async for fault in an_audit(self.engine).faults()]


def an_audit(engine: AsyncEngine) -> Audit:
    return Audit(engine, node="n1", signer=Signer(KEY))


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records.accounts, "_HASHER", PasswordHasher(1, 8, 1))
    monkeypatch.setattr(records.audit, "_PAGE", 5)
    monkeypatch.setattr(records.audit, "_LOOK_AGAIN_SECONDS", (0.0,))


@pytest_asyncio.fixture
async def scene(archive: Archive) -> Scene:
    ledger = a_ledger(archive.engine)
    call = a_call_with_two_phones()
    await SqlRecordStore(archive.engine, ledger).save_call(call)
    await CallDetails(archive.engine, ledger).save([detail_of(call, (), (), (), ())])
    recordings = [await archive.written(number, seconds=2) for number in (0, 1)]
    await archive.keeper().round()
    await archive.shelf.hold(recordings[0].id, "shen", "案件")
    accounts = Accounts(archive.engine, ledger)
    await accounts.add_user(User("fang", "方", Role.SEAT, ("2101",)), "one")
    await accounts.add_user(User("li", "李", Role.SEAT), "two")
    await accounts.set_disabled("li", True, by="os:root")
    key, _ = await accounts.add_key("city", Role.INTEGRATOR, line="12345")
    await accounts.revoke_key(key)
    return Scene(archive.engine, call.id, recordings[0].id, recordings[1].id, key)


async def test_given_nobody_touched_it_then_it_is_unbroken(scene: Scene) -> None:
    await SqlRecordStore(scene.engine, a_ledger(scene.engine)).save_call(a_call())

    audit = an_audit(scene.engine)
    assert [fault async for fault in audit.faults()] == []
    assert audit.older == {}


_RECORDING, _HELD = "UPDATE recordings SET {} WHERE id = :recording", "UPDATE recordings SET {} WHERE id = :held"
_DETAIL, _LEG = "UPDATE call_details SET {}", "UPDATE leg_details SET {} WHERE uniqueid = :phone"
_FANG, _LI = "UPDATE users SET {} WHERE id = 'fang'", "UPDATE users SET {} WHERE id = 'li'"
_KEY = "UPDATE api_keys SET {}"

CHANGED: dict[str, tuple[str, str, str]] = {
    "a recording's state": (_RECORDING.format("state = 'missing'"), "recording", "state"),
    "a recording is said to be deleted": (_RECORDING.format("state = 'deleted'"), "recording", "state"),
    "a recording is said to go on": (_RECORDING.format("state = 'recording'"), "recording", "state"),
    "a recording's hash": (_RECORDING.format("sha256 = '00'"), "recording", "sha256"),
    "a recording's length": (_RECORDING.format("seconds = 1.5"), "recording", "seconds"),
    "where a recording lies": (_RECORDING.format("path = 'x'"), "recording", "path"),
    "whose recording it is": (_RECORDING.format("node = 'n9'"), "recording", "node"),
    "how many channels a recording has": (_RECORDING.format("channels = 1"), "recording", "channels"),
    "a pause is made up": (_RECORDING.format('pauses = \'[{"by": "li"}]\''), "recording", "pauses"),
    "its files are said to be gone": (_RECORDING.format("deleted_at = started_at"), "recording", "deleted_at"),
    "until when it is kept": (_RECORDING.format("delete_after = started_at"), "recording", "delete_after"),
    "a recording goes to another call": (_RECORDING.format("call_id = 'x'"), "recording", "call_id"),
    "a legal hold is made up": (_RECORDING.format("hold = true"), "recording", "hold"),
    "a legal hold is lifted": (_HELD.format("hold = false"), "held", "hold"),
    "why it is held": (_HELD.format("hold_reason = 'x'"), "held", "hold_reason"),
    "who holds it": (_HELD.format("held_by = 'li'"), "held", "held_by"),
    "a duration of a call's detail": (_DETAIL.format("total_ms = 1"), "call", "call"),
    "who accepted, in a call's detail": (_DETAIL.format("accepted_by = '110'"), "call", "call"),
    "the menus in a call's detail": (_DETAIL.format("ivr_path = '[\"x\"]'"), "call", "call"),
    "the caller in a call's detail": (_DETAIL.format("original_caller = '119'"), "call", "caller"),
    "the caller's name in a call's detail": (_DETAIL.format("caller_name = NULL"), "call", "caller"),
    "how a leg ended": (_LEG.format("hangup_cause = 16"), "call", f"leg {PHONE}"),
    "a leg's number": (_LEG.format("number = '110'"), "call", "numbers"),
    "whose number it was": (_LEG.format("outside = false"), "call", f"leg {PHONE}"),
    "a leg gets another id": (_LEG.format("uniqueid = 'forged'"), "call", "leg forged"),
    "a leg goes to another call": (_LEG.format("call_id = 'forged'"), "call", f"leg {PHONE}"),
    "a leg is deleted": ("DELETE FROM leg_details WHERE uniqueid = :phone", "call", f"leg {PHONE}"),
    "a role": (_FANG.format("role = 'admin'"), "fang", "role"),
    "a password": (_FANG.format("password_hash = '$argon2id$…'"), "fang", "digest"),
    "a name": (_FANG.format("name = 'x'"), "fang", "digest"),
    "where somebody may sit": (_FANG.format("seats = '[]'"), "fang", "seats"),
    "an account is opened again": (_LI.format("disabled = false"), "li", "disabled"),
    "a key's role": (_KEY.format("role = 'admin'"), "key", "role"),
    "a key's line": (_KEY.format("line = NULL"), "key", "line"),
    "a key's hash": (_KEY.format("key_hash = '00'"), "key", "digest"),
    "a revoked key is opened again": (_KEY.format("revoked_at = NULL"), "key", "revoked"),
}
DELETED: dict[str, tuple[str, str]] = {
    "a recording": ("DELETE FROM recordings WHERE id = :recording", "recording"),
    "a call's detail": ("DELETE FROM call_details", "call"),
    "a person": ("DELETE FROM users WHERE id = 'fang'", "fang"),
    "a key": ("DELETE FROM api_keys", "key"),
}


@pytest.mark.parametrize("what", CHANGED)
async def test_given_it_was_changed_then_it_is_named(scene: Scene, what: str) -> None:
    statement, subject, field = CHANGED[what]
    await scene.sql(statement)

    first, *others = await scene.faults()
    assert (first.name, first.where.split()[1]) == ("record-changed", getattr(scene, subject, subject))
    assert field in first.why
    assert {fault.name for fault in others} <= {"record-inserted"}


@pytest.mark.parametrize("what", DELETED)
async def test_given_it_was_deleted_then_it_is_named(scene: Scene, what: str) -> None:
    statement, subject = DELETED[what]
    await scene.sql(statement)

    first, *others = await scene.faults()
    assert (first.name, first.where.split()[1]) == ("record-deleted", getattr(scene, subject, subject))
    assert {fault.name for fault in others} <= {"record-inserted"}


INSERTED: dict[str, tuple[tuple[str, ...], str]] = {
    "a recording": (
        (
            "CREATE TEMPORARY TABLE copied AS SELECT * FROM recordings WHERE id = :recording",
            "UPDATE copied SET id = 'forged'",
            "INSERT INTO recordings SELECT * FROM copied",
        ),
        "recording forged",
    ),
    "a call's detail": (
        (
            "CREATE TEMPORARY TABLE copied AS SELECT * FROM call_details",
            "UPDATE copied SET call_id = 'forged', node = 'n9', ended_at = '2020-01-01 00:00:00.000000'",
            "INSERT INTO call_details SELECT * FROM copied",
        ),
        "call-detail forged",
    ),
    "a person": (
        ("INSERT INTO users (id, name, role, seats, disabled) VALUES ('forged', 'x', 'admin', '[]', false)",),
        "person forged",
    ),
    "a key": (
        (
            "CREATE TEMPORARY TABLE copied AS SELECT * FROM api_keys",
            "UPDATE copied SET id = 'forged', key_hash = '00', revoked_at = NULL",
            "INSERT INTO api_keys SELECT * FROM copied",
        ),
        "api-key forged",
    ),
}


@pytest.mark.parametrize("what", INSERTED)
async def test_given_it_was_inserted_then_it_is_named(scene: Scene, what: str) -> None:
    statements, where = INSERTED[what]
    async with scene.engine.begin() as connection:
        for statement in statements:
            await connection.execute(
                text(statement), {"recording": scene.recording} if ":recording" in statement else {}
            )
        if len(statements) > 1:
            await connection.execute(text("DROP TABLE copied"))

    assert [(fault.name, fault.where) for fault in await scene.faults()] == [("record-inserted", where)]


async def test_given_a_detail_that_is_on_no_ledger_and_gone_then_its_call_tells(scene: Scene) -> None:
    call = a_call(ended_at=NOON - timedelta(days=9))
    await SqlRecordStore(scene.engine, a_ledger(scene.engine)).save_call(call)
    async with scene.engine.begin() as connection:
        await connection.execute(text("UPDATE calls SET detailed = true WHERE id = :id"), {"id": call.id})

    assert [(fault.name, fault.where) for fault in await scene.faults()] == [
        ("record-deleted", f"call-detail {call.id}")
    ]


async def test_together_there_are_more_than_eighty_ways() -> None:
    assert sum(map(len, (RECORDS, CHAIN, CHANGED, DELETED, INSERTED))) > 80


# --- from before it stood on the ledger ------------------------------------------------------------------------------


async def test_given_rows_from_before_their_ledger_then_they_are_counted_and_are_no_fault(
    database: AsyncEngine,
) -> None:
    ledger = a_ledger(database)
    store, before = SqlRecordStore(database, ledger), CallDetails(database)
    old, new = a_call(ended_at=NOON), a_call_with_two_phones()
    await store.save_all((old, new))
    await before.save([detail_of(old, (), (), (), ())])
    await Accounts(database).add_user(User("old", "老", Role.SEAT), "one")
    first = an_audit(database)
    assert [fault async for fault in first.faults()] == []
    assert first.older == {"call-detail": 1, "person": 1}

    await CallDetails(database, ledger).save([detail_of(new, (), (), (), ())])
    await Accounts(database, ledger).add_user(User("new", "新", Role.SEAT), "one")
    second = an_audit(database)

    assert [fault async for fault in second.faults()] == []
    assert second.older == {"call-detail": 1}
    assert {body["event"] for body in bodies(await rows_of(database), "person")} == {"found", "added"}


async def test_given_a_detail_that_is_younger_than_the_first_on_the_ledger_then_it_is_inserted(scene: Scene) -> None:
    late = replace(a_call(), ended_at=datetime.now(UTC) + timedelta(days=1))
    await SqlRecordStore(scene.engine, a_ledger(scene.engine)).save_call(late)
    await CallDetails(scene.engine).save([detail_of(late, (), (), (), ())])

    assert [(fault.name, fault.where) for fault in await scene.faults()] == [
        ("record-inserted", f"call-detail {late.id}")
    ]


async def test_given_accounts_are_taken_up_twice_then_the_second_time_finds_nobody_new(database: AsyncEngine) -> None:
    await Accounts(database).add_user(User("old", "老", Role.SEAT), "one")
    accounts = Accounts(database, a_ledger(database))
    await accounts.take_up()
    await Accounts(database).add_user(User("forged", "假", Role.ADMIN), "one")
    await accounts.take_up()

    found = [fault async for fault in an_audit(database).faults()]
    assert [(fault.name, fault.where) for fault in found] == [("record-inserted", "person forged")]


async def test_given_the_ledgers_beginning_was_erased_in_order_then_what_stood_there_is_counted_and_no_fault(
    scene: Scene,
) -> None:
    ledger, far = a_ledger(scene.engine), datetime.now(UTC) + timedelta(days=4000)
    await ledger.checkpoint()
    await Eraser(scene.engine, ledger).expired(Periods(timedelta(1), timedelta(2), timedelta(3)), far)

    audit = an_audit(scene.engine)
    assert [fault async for fault in audit.faults()] == []
    assert audit.older == {"recording": 2, "person": 2, "api-key": 1}
