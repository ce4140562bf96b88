"""The daily file, into a folder and to a real SFTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio

from bench.synthetic.load import load
from bench.synthetic.stories import stories
from records.chain import Chain, Signer
from records.database import engine_for, migrate
from records.export.book import ExportBook
from records.export.daily import Daily
from records.export.sftp import SftpPlace
from records.export.spec import Kind
from records.ledger import Ledger
from records.manifest import write_manifest
from records.verify_ledger import verify_file
from telephony.errors import ExportFailed

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 1, 10, 4, tzinfo=UTC)


@dataclass
class Hands:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@pytest_asyncio.fixture
async def daily(tmp_path: Path) -> AsyncIterator[Daily]:
    url = f"sqlite:///{tmp_path}/records.db"
    engine = engine_for(url)
    await migrate(engine)
    await load(url, stories(40, 1, NOW - timedelta(days=9, hours=12), 10), lambda more: None)
    signer = Signer("11" * 32)
    book = ExportBook(Ledger(engine, Chain("n1", signer, "sha256")))
    seal = partial(write_manifest, signer=signer)
    yield Daily(url, book, seal, Hands(), asyncio.to_thread, tmp_path / "daily", (Kind.HANDOFFS, Kind.CALLS))
    await engine.dispose()


async def test_given_a_new_folder_then_yesterday_is_made_once(daily: Daily) -> None:
    made = await daily.look()

    assert [file.name for file in made] == ["handoffs-2026-01-09.csv", "calls-2026-01-09.csv"]
    assert all(verify_file(file).unbroken for file in made)
    rows = made[0].read_text(encoding="utf-8-sig").splitlines()[1:]
    assert rows
    assert all("2026-01-08T16:00" <= row.split('","')[3] < "2026-01-09T16:00" for row in rows)
    assert await daily.look() == []


async def test_given_days_that_were_missed_then_they_are_made_the_oldest_first(daily: Daily) -> None:
    await daily.look()
    later = replace(daily, clock=Hands(NOW + timedelta(days=2)))

    assert [file.name for file in await later.look()] == [
        "handoffs-2026-01-10.csv",
        "calls-2026-01-10.csv",
        "handoffs-2026-01-11.csv",
        "calls-2026-01-11.csv",
    ]


async def test_given_a_few_minutes_after_midnight_then_the_day_before_is_not_made_yet(daily: Daily) -> None:
    just_after = replace(daily, clock=Hands(datetime(2026, 1, 9, 16, 5, tzinfo=UTC)))

    assert [file.name for file in await just_after.look()] == ["handoffs-2026-01-08.csv", "calls-2026-01-08.csv"]


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[SftpPlace]:
    """A server on this machine, with its own key and ours."""
    host_key, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    key.write_private_key(tmp_path / "key")
    key.write_public_key(tmp_path / "authorized")
    (tmp_path / "remote").mkdir()
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=str(tmp_path / "authorized"),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(tmp_path / "remote")),
    )
    port = server.get_port()
    public = host_key.export_public_key().decode().strip()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {public}\n")
    yield SftpPlace("127.0.0.1", "audit", tmp_path / "key", tmp_path / "known", "in/daily", port)
    server.close()
    await server.wait_closed()


async def test_given_an_sftp_server_then_file_lines_and_manifest_come_whole_and_once(
    daily: Daily, place: SftpPlace, tmp_path: Path
) -> None:
    there = replace(daily, place=place)
    made = await there.look()
    remote = tmp_path / "remote" / "in" / "daily"

    assert {path.name for path in remote.iterdir()} == {
        f"{file.name}{suffix}" for file in made for suffix in ("", ".lines", ".manifest.json")
    }
    assert verify_file(remote / made[0].name).unbroken
    (remote / made[1].name).unlink()
    assert await there.look() == []
    assert (remote / made[1].name).read_bytes() == made[1].read_bytes()


async def test_given_another_host_key_then_nothing_is_sent(daily: Daily, place: SftpPlace, tmp_path: Path) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    place.known_hosts.write_text(f"[127.0.0.1]:{place.port} {stranger}\n")

    with pytest.raises(ExportFailed, match="Host key is not trusted"):
        await replace(daily, place=place).look()
    assert list((tmp_path / "remote").iterdir()) == []
