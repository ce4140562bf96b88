"""The only place that wires: settings in, running parts out."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import stamina
import structlog
import uvicorn
from sqlalchemy.ext.asyncio import AsyncEngine
from uuid6 import uuid7

from api.announcement import announce
from api.app import create_app
from api.applier import taken_name
from api.call_details import made_beside
from api.callback_parts import call_back_job, take_up_rules
from api.clock import SystemClock
from api.configuration_log import ConfigurationLog
from api.daily_export import exported_daily
from api.export_desk import ExportDesk
from api.journal import Journal
from api.limits import Counters, shared_storage
from api.linkage_parts import Parts, linkage_of
from api.loaded import Loaded, load
from api.logs import configure_logs
from api.menus import Menus
from api.metrics import Metrics
from api.people import add_first_people
from api.probe_parts import probe_job
from api.recording_parts import keeper_of, shelf_of
from api.report_parts import reports_of, schedule_of
from api.services import Services
from api.supervisor import Port
from api.tickets import PlaybackTickets
from api.tokens import Tokens
from api.up import Instance
from api.upkeep import upkeep_of
from linkage.order_store import SqlOrderStore
from records.accounts import Accounts
from records.calldetail_store import CallDetails
from records.chain import Chain, Signer
from records.database import engine_for, migrate
from records.export.book import ExportBook
from records.ledger import Ledger
from records.live import RedisLiveState, redis_client
from records.recordings.shelf import RecordingShelf
from records.reports.reports import Reports
from records.store import SqlRecordStore
from records.tasks import report, stop
from records.writer import RecordWriter
from telephony.ami.client import AmiClient
from telephony.ami.control import AmiControl
from telephony.ami.link import AmiLink
from telephony.asterisk.cel import MOST_BYTES, of_handoffs, rows
from telephony.asterisk.configuration import configure
from telephony.asterisk.install import AsteriskBinary
from telephony.asterisk.layout import Layout
from telephony.cel import facts
from telephony.errors import HotlineError, NodeTaken, RecordStoreUnavailable
from telephony.events import Event, LinkRestored
from telephony.fence import Fence
from telephony.service import Switchboard
from telephony.service.apart import apart
from telephony.service.proofs import Proofs
from telephony.service.reconciliation import Reconciler, ReconciliationJob
from telephony.tracker import Tracker
from telephony.unheard import unheard, unheard_since

log = structlog.get_logger()

AMI_USER = "hotline"
_Job = Callable[[], Coroutine[Any, Any, None]]
_STARTUP_FLUSH_SECONDS = 3.0
_KEEP_ALIVE_SECONDS = 75
"""Who asked closes an idle connection: no key press meets a closing one."""


def instance() -> Instance:
    """What ``hotline up`` runs. Raises SettingsRejected, ConfigurationRejected."""
    loaded = load()
    network = loaded.settings.network
    port = loaded.settings.port

    def write(layout: Layout, binary: AsteriskBinary) -> None:
        configure(loaded.directory, loaded.site(binary), binary)

    return Instance(
        home=loaded.layout.home,
        service_ports=(
            Port("network.http_port", network.http_bind, port(network.http_port), socket.SOCK_STREAM),
            Port("network.agi_port", "127.0.0.1", port(network.agi_port), socket.SOCK_STREAM),
        ),
        asterisk_ports=(
            Port("network.sip_port", network.bind, port(network.sip_port), socket.SOCK_DGRAM),
            Port("network.sip_port", network.bind, port(network.sip_port), socket.SOCK_STREAM),
            Port("network.ami_port", "127.0.0.1", port(network.ami_port), socket.SOCK_STREAM),
            Port("network.ws_port", network.ws_bind, port(network.ws_port), socket.SOCK_STREAM),
            Port("network.wss_port", network.bind, port(network.wss_port), socket.SOCK_STREAM),
        ),
        health_url=f"{loaded.http_url}/healthz",
        redis_url=loaded.settings.redis_url,
        configure=write,
        announce=lambda: announce(loaded),
    )


async def manager_client() -> AmiClient:
    """A client, not connected, with the AMI account of this instance. Raises SettingsRejected."""
    loaded = load()
    return AmiClient("127.0.0.1", loaded.settings.port(loaded.settings.network.ami_port), AMI_USER, loaded.secrets.ami)


def serve() -> None:
    """What ``hotline serve`` runs, until SIGTERM or SIGINT. Raises SystemExit(75) when another process has the node."""
    loaded = load()
    configure_logs()
    taken = False
    try:
        asyncio.run(_serve(loaded))
    except* NodeTaken as group:
        taken = True
        for error in group.exceptions:
            log.error("node.taken", reason=NodeTaken.slug, detail=str(error))
    if taken:
        raise SystemExit(os.EX_TEMPFAIL)


async def _serve(loaded: Loaded) -> None:
    async with AsyncExitStack() as stack:
        engine = engine_for(loaded.database_url)
        stack.push_async_callback(engine.dispose)
        ledger = ledger_of(engine, loaded)
        store = SqlRecordStore(engine, ledger)
        writer = RecordWriter(store, loaded.layout.home / "unwritten")
        await _open_records(engine, ledger, loaded, store, writer)
        stack.push_async_callback(writer.close)
        redis = redis_client(loaded.redis_url)
        stack.push_async_callback(redis.aclose)
        live = RedisLiveState(redis, loaded.settings.node)
        stack.push_async_callback(live.close)
        switchboard = _switchboard(loaded, store, writer, live)
        metrics = Metrics()
        clock = SystemClock()
        reconciliation = ReconciliationJob(_reconciler(loaded, store), switchboard.watch, clock, writer.flush)
        shelf = shelf_of(loaded.settings, loaded.layout, engine, ledger)
        details = CallDetails(engine, ledger)
        keeper = keeper_of(loaded.settings, shelf, ledger, switchboard, clock)
        metrics.watch_recordings(keeper)
        metrics.watch(
            link_up=lambda: switchboard.link_up,
            record_queue_depth=lambda: writer.depth,
            reconciliation=lambda: reconciliation.state,
        )
        switchboard.watch.on_ended = metrics.handoff_ended
        switchboard.watch.publisher.on_mismatch = metrics.number_mismatch
        call_backs = call_back_job(loaded, switchboard, store, writer, clock, metrics, redis)
        counters = Counters(shared_storage(loaded.redis_url))
        settings = loaded.api
        key = bytes.fromhex(loaded.secrets.token_key)
        own_engine = engine_for(loaded.database_url, pool_size=2)
        stack.push_async_callback(own_engine.dispose)
        period_reports = reports_of(loaded.settings.reports, own_engine, clock, lambda: switchboard.directory)
        journal = Journal(writer.put_note, clock)
        stack.callback(journal.flush)
        services = Services(
            switchboard=switchboard,
            accounts=Accounts(engine, ledger),
            live=live,
            tokens=Tokens(key, settings.token_lifetime, clock, counters),
            counters=counters,
            metrics=metrics,
            proofs=Proofs(store, clock),
            reconciliation=reconciliation,
            ledger=ledger,
            journal=journal,
            recordings=shelf,
            details=details,
            tickets=PlaybackTickets(key, clock),
            exports=ExportDesk(loaded.database_url, engine, ExportBook(ledger), lambda: switchboard.directory),
            reports=period_reports,
            linkage=linkage_of(loaded, journal, switchboard, Parts(SqlOrderStore(engine, ledger), store, clock)),
            settings=settings,
            probes={"database": lambda: store.handoff("probe"), "redis": live.presence},
        )
        switchboard.recorded.adopt(await keeper.going_on())
        stack.push_async_callback(
            stop, made_beside(loaded.settings.node, details, loaded.cel, switchboard, writer, clock)
        )
        daily = exported_daily(loaded.settings.exports, loaded.layout.home, loaded.database_url, ledger, clock)
        stack.push_async_callback(stop, *daily)
        upkeep = upkeep_of(loaded.settings, loaded.layout, engine, ledger, clock)
        await _run(loaded, services, {"recordings": keeper.run, "upkeep": upkeep.run, "call-backs": call_backs.run})


@asynccontextmanager
async def recording_shelf() -> AsyncIterator[tuple[RecordingShelf, tuple[str, ...]]]:
    """For the commands, with the lines that record now, beside a service that runs or not. Raises SettingsRejected."""
    loaded = load()
    engine = engine_for(loaded.database_url)
    shelf = shelf_of(loaded.settings, loaded.layout, engine, ledger_of(engine, loaded))
    try:
        yield shelf, loaded.directory.recorded_lines
    finally:
        await engine.dispose()


def ledger_of(engine: AsyncEngine, loaded: Loaded) -> Ledger:
    """This node's: its key and the place of its last row are kept in HOTLINE_HOME, away from the database."""
    chain = Chain(loaded.settings.node, Signer(loaded.secrets.ledger_key), loaded.settings.ledger.algorithm)
    return Ledger(engine, chain, loaded.layout.home / "ledger-head.json")


@asynccontextmanager
async def reports() -> AsyncIterator[tuple[Reconciler, Proofs]]:
    """For the commands that report, beside a service that runs or not. Raises SettingsRejected."""
    loaded = load()
    engine = engine_for(loaded.database_url)
    store = SqlRecordStore(engine)
    try:
        yield _reconciler(loaded, store), Proofs(store, SystemClock())
    finally:
        await engine.dispose()


@asynccontextmanager
async def period_reports() -> AsyncIterator[tuple[Reports, str]]:
    """For the command, beside a service that runs or not, with the API's address. Raises SettingsRejected."""
    loaded = load()
    engine = engine_for(loaded.database_url)
    try:
        yield reports_of(loaded.settings.reports, engine, SystemClock(), lambda: loaded.directory), loaded.http_url
    finally:
        await engine.dispose()


def _reconciler(loaded: Loaded, store: SqlRecordStore) -> Reconciler:
    return Reconciler(loaded.settings.node, store, SystemClock(), partial(of_handoffs, loaded.cel), apart)


async def _open_records(
    engine: AsyncEngine, ledger: Ledger, loaded: Loaded, store: SqlRecordStore, writer: RecordWriter
) -> None:
    """A database that is away at the start does not keep calls from being handled; it is taken up when it is there."""

    async def prepare() -> None:
        await migrate(engine)
        store.migrated = True
        accounts = Accounts(engine, ledger)
        await accounts.take_up()
        await add_first_people(accounts, loaded.secrets.people, loaded.directory)

    store.migrated = False
    try:
        await prepare()
    except RecordStoreUnavailable as error:
        log.error("records.unavailable_at_start", detail=error.message)
        later = stamina.retry_context(on=RecordStoreUnavailable, attempts=None, timeout=None, wait_max=5.0)

        async def keep_trying() -> None:
            async for attempt in later:
                with attempt:
                    await prepare()

        asyncio.get_running_loop().create_task(keep_trying(), name="prepare-records")
    await writer.start()
    await writer.flush(_STARTUP_FLUSH_SECONDS)


def _switchboard(loaded: Loaded, store: SqlRecordStore, writer: RecordWriter, live: RedisLiveState) -> Switchboard:
    network = loaded.settings.network
    tracker = Tracker(loaded.settings.node)

    def recorded(snapshot: LinkRestored) -> Iterator[Event]:
        since = unheard_since(tracker, snapshot)
        if since is None:
            return iter(())
        written = rows(loaded.cel, since, most_bytes=MOST_BYTES)
        return unheard(tracker, (fact for row in written for fact in facts(row)), snapshot)

    link = AmiLink(lambda: AmiClient("127.0.0.1", loaded.settings.port(network.ami_port), AMI_USER, loaded.secrets.ami))
    clock = SystemClock()
    return Switchboard(
        node=loaded.settings.node,
        directory=loaded.directory,
        control=AmiControl(link, clock, recorded, Fence(time.time())),
        store=store,
        sink=writer,
        live=live,
        clock=clock,
        new_id=lambda: str(uuid7()),
        tracker=tracker,
    )


class _Server(uvicorn.Server):
    """uvicorn raises the signal that stopped it once more at its end: that would end us before the records are kept."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.handle_exit, number, None)
        yield


async def _run(loaded: Loaded, services: Services, beside: Mapping[str, _Job]) -> None:
    """``beside``: what runs with it, by name."""
    network = loaded.settings.network
    config = uvicorn.Config(
        create_app(services),
        host=network.http_bind,
        port=loaded.settings.port(network.http_port),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    server = _Server(config)
    # what the imports made stays for good: looking through it again held up the first key press by 0.2 s
    gc.collect()
    gc.freeze()

    menus = Menus(loaded.settings, services.journal.passed_menus, services.switchboard)
    configuration = ConfigurationLog(services.ledger, services.journal, loaded.settings)

    def take_up_directory() -> None:
        try:
            fresh = load()
        except HotlineError as error:
            log.error("directory.not_reloaded", reason=error.slug, detail=error.message)
            return
        services.switchboard.directory = fresh.directory
        menus.take_up(fresh.settings)
        take_up_rules(services.switchboard, fresh.settings)
        services.linkage.take_up(fresh)
        configuration.take_up(fresh.settings, by=taken_name(loaded.layout.run))
        log.info("directory.reloaded", lines=len(fresh.directory.lines), seats=len(fresh.directory.seats))

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, take_up_directory)
    pid_file = loaded.layout.run / "service.pid"
    pid_file.write_text(str(os.getpid()), encoding="ascii")
    board = asyncio.create_task(services.switchboard.run(), name="switchboard")
    schedule = schedule_of(loaded.settings.reports, services.reports, loaded.layout.home, loaded.http_url)
    running = {
        **beside,
        "menus": menus.run,
        "linkage": services.linkage.run,
        "reconciliation": services.reconciliation.run,
        "number-proofs": services.proofs.run,
        "reports": schedule.run,
    }
    if probes := probe_job(loaded, services.switchboard, services.metrics, SystemClock()):
        running["probes"] = probes.run
    jobs = [asyncio.create_task(run(), name=name) for name, run in running.items()]
    for job in jobs:
        job.add_done_callback(report)
    noting = asyncio.create_task(configuration.note_at_start(), name="configuration")
    try:
        serving = asyncio.create_task(server.serve(), name="http")
        done, _ = await asyncio.wait((serving, board), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        server.should_exit = True
        board.cancel()
        await stop(*jobs, noting)
        await asyncio.gather(serving, board, return_exceptions=True)
        pid_file.unlink(missing_ok=True)
