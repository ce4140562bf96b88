"""A hall for tests of the HTTP side: real switchboard, accounts and writer; Asterisk, records, Redis in memory."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

import httpx
import schemathesis
from fastapi import FastAPI
from limits.aio.storage import MemoryStorage
from starlette.datastructures import State
from uuid6 import uuid7

from api.api_settings import ApiSettings
from api.app import equipped, routed
from api.export_desk import ExportDesk
from api.journal import Journal
from api.limits import Counters
from api.linkage_parts import Linkage, Parts
from api.metrics import Metrics
from api.services import Services
from api.settings_linkage import LinkageSettings
from api.tickets import PlaybackTickets
from api.tokens import Tokens
from records.accounts import Accounts, Role, User
from records.calldetail_store import CallDetails
from records.chain import Chain, Signer
from records.database import engine_for, migrate
from records.export.book import ExportBook
from records.ledger import Ledger
from records.recordings.files import RecordingFiles
from records.recordings.shelf import RecordingShelf
from records.recordings.store import RecordingStore
from records.reports.reports import Reports
from records.reports.staffing import Goals
from records.writer import RecordWriter
from telephony import commands, events
from telephony.cel import Row, Written
from telephony.lines import Desk, Directory, Line, LinkedNumber, Seat, Trunk
from telephony.ports import LiveState, RecordStore
from telephony.service import Switchboard
from telephony.service.proofs import Proofs
from telephony.service.reconciliation import Reconciler, ReconciliationJob
from tests.support.fake_asterisk import NOW, FakeAsterisk, talking_call
from tests.support.memory import MemoryLiveState, MemoryRecordStore
from tests.support.orders import MemoryOrderStore

PASSWORD = "十二个字以上的口令 passphrase"
CALLER = "13800001111"
CALL = "n-1.0"

DIRECTORY = Directory(
    lines=(
        Line("110", "公安报警", ("110",), (Desk("police", "接警席", ("1101", "1102")),)),
        Line("12345", "便民热线", ("12345",), (Desk("hall", "话务席", ("2101", "2102")),)),
    ),
    seats=tuple(Seat(seat, f"{seat} 席", "secret-of-" + seat) for seat in ("1101", "1102", "2101", "2102")),
    trunks=(Trunk("pstn", ("127.0.0.1",), "sip:127.0.0.1"),),
    linked_numbers=(LinkedNumber("120", "急救", "pstn", "120"),),
)

PEOPLE = (
    User("fang", "王芳", Role.SEAT, ("2101", "2102")),
    User("li", "李强", Role.SEAT, ("1101", "2101")),
    User("ban", "班长", Role.SUPERVISOR),
    User("shen", "审计", Role.AUDITOR),
    User("guan", "管理员", Role.ADMIN),
    User("gone", "离职", Role.SEAT, ("2101",), disabled=True),
)


class ConfirmingAsterisk(FakeAsterisk):
    """Says that a seat or a recording was paused when asked to pause it, as a real one does."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = asyncio.Condition()

    async def asked(self, kind: type[commands.Command]) -> None:
        """Until a command of that kind has come."""
        async with asyncio.timeout(20), self._asked:
            await self._asked.wait_for(lambda: any(isinstance(command, kind) for command in self.commands))

    async def execute(self, command: commands.Command) -> None:
        await super().execute(command)
        async with self._asked:
            self._asked.notify_all()
        if isinstance(command, commands.PauseSeat):
            self.say(events.SeatPauseChanged(NOW, command.seat, "", command.paused, command.reason))
        if isinstance(command, commands.PauseRecording):
            self.say(events.RecordingMuted(NOW, CALL, command.paused))


class SetClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def pass_by(self, **span: float) -> None:
        self.time += timedelta(**span)


class Documented:
    """Holds every answer against the OpenAPI document, so that each test of a route tests the document too."""

    _operations: ClassVar[list[tuple[str, re.Pattern[str], Any]]] = []  # slow to make, and the same for every hall

    def __init__(self, app: FastAPI) -> None:
        if not self._operations:
            document = app.openapi()
            schema = schemathesis.openapi.from_dict(document)
            self._operations += [
                (method.upper(), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), schema[path][method])
                for path, methods in sorted(document["paths"].items(), key=lambda entry: "{" in entry[0])
                for method in methods
            ]

    async def __call__(self, answer: httpx.Response) -> None:
        if "json" not in answer.headers.get("content-type", ""):
            return
        asked = answer.request
        for method, path, operation in self._operations:
            if asked.method == method and path.fullmatch(asked.url.path):
                await asyncio.gather(asked.aread(), answer.aread())
                operation.validate_response(answer)
                return


async def make_accounts(path: Path) -> dict[str, str]:
    """A migrated database with PEOPLE; the API keys by name: ``city`` for all lines, ``police`` for 110 alone."""
    engine = engine_for(f"sqlite:///{path}")
    await migrate(engine)
    accounts = Accounts(engine)
    for person in PEOPLE:
        await accounts.add_user(person, PASSWORD)
    _, city = await accounts.add_key("city", Role.INTEGRATOR)
    _, police = await accounts.add_key("police", Role.INTEGRATOR, line="110")
    await engine.dispose()
    return {"city": city, "police": police}


@dataclass
class Hall:
    asterisk: ConfirmingAsterisk
    store: MemoryRecordStore
    live: MemoryLiveState
    writer: RecordWriter
    services: Services
    clock: SetClock
    app: FastAPI
    http: httpx.AsyncClient
    keys: Mapping[str, str]
    own_record: list[Row]
    """What Asterisk wrote down itself."""

    def as_person(self, user: str, *, seat: str | None = None) -> dict[str, str]:
        """The header of somebody who has signed in, at that seat if one is given."""
        role = next(person.role for person in PEOPLE if person.id == user)
        token, _ = self.services.tokens.issue(user, role, seat)
        return {"Authorization": f"Bearer {token}"}

    def as_program(self, key: str = "city") -> dict[str, str]:
        return {"X-API-Key": self.keys[key]}

    def as_role(self, role: Role) -> dict[str, str]:
        if role is Role.INTEGRATOR:
            return self.as_program()
        person = next(person for person in PEOPLE if person.role is role)
        return self.as_person(person.id, seat="2101" if role is Role.SEAT else None)

    async def with_call(self, call_id: str = CALL, **about: str) -> str:
        """A caller talks with seat 2101 on line 12345."""
        await self.hears(*talking_call(call_id, **about))
        return call_id

    async def hears(self, *facts: Any) -> None:
        self.asterisk.say(*facts)
        await self.asterisk.heard()

    async def hand_over(self, who: Mapping[str, str], *, key: str | None = None, **about: Any) -> httpx.Response:
        body = {"call_id": CALL, "mode": "transfer", "target": "110", **about}
        headers = {**who, "Idempotency-Key": key or str(uuid7())}
        return await self.http.post("/v1/handoffs", json=body, headers=headers)


_routed = cache(routed)


def an_app() -> FastAPI:
    """Its routes are slow to put together, and the same for every hall; what a test adds is its own."""
    app = copy(_routed())
    app.state, app.user_middleware, app.middleware_stack = State(), [], None
    app.router = copy(app.router)
    app.router.routes, app.router.middleware_stack = list(app.router.routes), app.router.app
    return app


def written_of(rows: Sequence[Row]) -> Written:
    return Written(tuple(rows), rows[0].at if rows else None)


@asynccontextmanager
async def open_hall(
    accounts_file: Path,
    keys: Mapping[str, str],
    folder: Path,
    *,
    settings: ApiSettings | None = None,
    live: LiveState | None = None,
    store: RecordStore | None = None,
    **changed: Any,
) -> AsyncIterator[Hall]:
    """``live`` and ``store``: in the place of those in memory. ``changed``: fields of Services that are to differ."""
    engine = engine_for(f"sqlite:///{shutil.copy(accounts_file, folder / 'accounts.db')}")
    asterisk, kept, memory, clock = ConfirmingAsterisk(), MemoryRecordStore(), MemoryLiveState(), SetClock()
    store = store or kept
    writer = RecordWriter(store, folder / "unwritten")
    await writer.start()
    board = Switchboard(
        node="n1",
        directory=DIRECTORY,
        control=asterisk,
        store=store,
        sink=writer,
        live=live or memory,
        clock=clock,
        new_id=lambda: str(uuid7()),
    )
    settings = settings or ApiSettings()
    counters, metrics = Counters(MemoryStorage()), Metrics()
    own_record: list[Row] = []
    reconciler = Reconciler("n1", store, clock, lambda since, until: written_of(own_record))
    reconciliation = ReconciliationJob(reconciler, board.watch, clock, writer.flush)
    metrics.watch(
        link_up=lambda: board.link_up,
        record_queue_depth=lambda: writer.depth,
        reconciliation=lambda: reconciliation.state,
    )
    board.watch.on_ended = metrics.handoff_ended
    board.watch.publisher.on_mismatch = metrics.number_mismatch
    ledger = Ledger(engine, Chain("n1", Signer("11" * 32), "sha256"))
    recordings = RecordingShelf(
        RecordingFiles(folder / "monitor", folder / "recordings", "n1"), RecordingStore(engine), ledger
    )
    journal = Journal(writer.put_note, clock)
    put = partial(journal.configured, by="n1")
    parts = Parts(MemoryOrderStore(), store, clock, tell=board.watch.publisher.tell, named=board.name_orders)
    linkage = Linkage(LinkageSettings(), None, folder / "linkage", put, parts)
    board.watch.publisher.on_handoff = linkage.orders.heard_of
    await linkage.catalogues.refresh()
    services = Services(
        switchboard=board,
        accounts=Accounts(engine),
        live=live or memory,
        tokens=Tokens(b"0" * 32, settings.token_lifetime, clock, counters),
        counters=counters,
        metrics=metrics,
        proofs=Proofs(store, clock),
        reconciliation=reconciliation,
        ledger=ledger,
        recordings=recordings,
        details=CallDetails(engine),
        tickets=PlaybackTickets(b"0" * 32, clock),
        journal=journal,
        linkage=linkage,
        settings=settings,
        exports=ExportDesk(f"sqlite:///{folder / 'accounts.db'}", engine, ExportBook(ledger), lambda: board.directory),
        reports=Reports(engine, clock, settings.time_zone, Goals(), lambda: board.directory),
        probes={"database": lambda: store.handoff("probe"), "redis": (live or memory).presence},
    )
    app = equipped(an_app(), replace(services, **changed))
    running = asyncio.create_task(board.run())
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://hall", event_hooks={"response": [Documented(app)]}
        ) as http:
            await board.watch.until(lambda: board.link_up)
            yield Hall(asterisk, kept, memory, writer, services, clock, app, http, keys, own_record)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await writer.close()
        await engine.dispose()
