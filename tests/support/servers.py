"""Real servers for tests, each private and short-lived: PostgreSQL (Debian's) and Valkey, on unix sockets alone."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from api.valkey import ValkeyServer
from records.database import engine_for, migrate

_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "50", "listen_addresses": ""}
_TEMPLATE = "hotline_template"


class PostgresServer:
    """A cluster of its own in a folder of its own; ``root`` becomes Debian's ``postgres``, whom the server accepts."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._data = folder / "data"
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._names = itertools.count()
        if os.geteuid() == 0:
            shutil.chown(folder, self._user)

    def create(self) -> None:
        self._run("initdb", "-D", str(self._data), "-U", "hotline", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Returns when it takes connections."""
        settings = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in _SETTINGS.items())
        options = f"-k {self._folder} {settings}"
        self._run(
            *("pg_ctl", "start", "-D", str(self._data), "-w", "-s", "-l", str(self._folder / "log"), "-o", options)
        )

    def kill(self) -> None:
        """As a lost machine does it: connections drop, nothing is tidied up."""
        self._run("pg_ctl", "stop", "-D", str(self._data), "-w", "-s", "-m", "immediate")

    def freeze(self) -> None:
        """Alive and silent: connections stay open and nothing is answered."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def url(self, database: str) -> str:
        return f"postgresql://hotline@/{database}?host={self._folder}"

    async def new_database(self, template: str = "template0") -> str:
        """Its URL."""
        name = f"hotline_{next(self._names)}"
        await self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    async def new_migrated_database(self) -> str:
        """Copied from one that was migrated once; its URL."""
        admin = await asyncpg.connect(host=str(self._folder), user="hotline", database="postgres")
        try:
            ready = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _TEMPLATE)
        finally:
            await admin.close()
        if not ready:
            await self._admin(f'CREATE DATABASE "{_TEMPLATE}" TEMPLATE template0')
            engine = engine_for(self.url(_TEMPLATE))
            await migrate(engine)
            await engine.dispose()
        return await self.new_database(_TEMPLATE)

    async def _admin(self, statement: str) -> None:
        admin = await asyncpg.connect(host=str(self._folder), user="hotline", database="postgres")
        try:
            await admin.execute(statement)
        finally:
            await admin.close()

    def _run(self, program: str, *arguments: str) -> None:
        as_user = {"user": self._user, "group": self._user, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would be held open by the server that pg_ctl leaves behind
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            check=False,
            **as_user,  # type: ignore[call-overload]  # keyword arguments of subprocess, by name
        )
        log = self._folder / "log"
        assert done.returncode == 0, f"{program} failed: {log.read_text()[-2000:] if log.exists() else '(no log)'}"

    def _signal_all(self, number: signal.Signals) -> None:
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, children)):
            os.kill(pid, number)


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if not found:
        pytest.fail("PostgreSQL's server is missing: apt-get install postgresql (make test does it)", pytrace=False)
    return found[-1].parent


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="hotline-pg-", dir="/tmp"))
    server = PostgresServer(_postgres_binaries(), folder)
    try:
        server.create()
        server.start()
        yield server
        server.kill()
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def running_valkey() -> AsyncIterator[ValkeyServer]:
    folder = Path(tempfile.mkdtemp(prefix="hotline-vk-", dir="/tmp"))
    server = ValkeyServer(folder / "socket", folder, folder / "log")
    try:
        await server.start()
        yield server
        await server.stop()
    finally:
        server.kill()
        shutil.rmtree(folder)


@pytest_asyncio.fixture
async def valkey() -> AsyncIterator[ValkeyServer]:
    async with running_valkey() as server:
        yield server
