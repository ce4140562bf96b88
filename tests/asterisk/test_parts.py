"""The real Asterisk and the real Valkey, started, found again and stopped."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from api.valkey import ValkeyServer
from telephony.asterisk.daemon import Daemon
from telephony.asterisk.errors import ControlFailed, PartNotStarted
from telephony.asterisk.install import AsteriskBinary, find_asterisk
from telephony.asterisk.layout import Layout
from telephony.asterisk.process import AsteriskProcess


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.of(tmp_path / "home")
    layout.create()
    return layout


@pytest.fixture(scope="module")
def binary() -> AsteriskBinary:
    return find_asterisk(Path(".local"))


def configure(layout: Layout, binary: AsteriskBinary) -> None:
    folders = {
        "astetcdir": layout.etc,
        "astmoddir": binary.module_dir,
        "astvarlibdir": layout.var,
        "astdbdir": layout.var,
        "astkeydir": layout.var,
        "astdatadir": binary.data_dir,
        "astspooldir": layout.spool,
        "astrundir": layout.run,
        "astlogdir": layout.log,
    }
    directories = "".join(f"{name} => {folder}\n" for name, folder in folders.items())
    layout.asterisk_conf.write_text(f"[directories]\n{directories}[options]\nnocolor = yes\n")
    (layout.etc / "modules.conf").write_text("[modules]\nautoload = no\n")


def process(layout: Layout, binary: AsteriskBinary) -> AsteriskProcess:
    return AsteriskProcess(binary, layout.asterisk_conf, layout.run, layout.log)


@pytest_asyncio.fixture
async def asterisk(layout: Layout, binary: AsteriskBinary) -> AsyncIterator[AsteriskProcess]:
    configure(layout, binary)
    asterisk = process(layout, binary)
    assert await asterisk.start() is True
    yield asterisk
    asterisk.kill()
    await asterisk.ended()


@pytest.mark.asyncio
async def test_given_a_running_asterisk_when_asked_then_it_answers_and_stops_in_order(
    asterisk: AsteriskProcess,
) -> None:
    assert "Asterisk 2" in await asterisk.rx("core show version")

    await asterisk.stop()

    assert asterisk.pid is not None
    assert not alive(asterisk.pid)


@pytest.mark.asyncio
async def test_given_a_running_asterisk_when_another_service_starts_it_then_it_is_taken_over(
    asterisk: AsteriskProcess, layout: Layout, binary: AsteriskBinary
) -> None:
    second = process(layout, binary)

    assert await second.start() is False
    assert second.pid == asterisk.pid

    await second.stop()
    await asterisk.ended()


@pytest.mark.asyncio
async def test_given_a_killed_asterisk_when_started_then_its_stale_pid_file_and_socket_do_not_matter(
    asterisk: AsteriskProcess, layout: Layout, binary: AsteriskBinary
) -> None:
    asterisk.kill()
    await asterisk.ended()
    second = process(layout, binary)

    assert await second.start() is True
    await second.stop()


@pytest.mark.asyncio
async def test_given_the_pid_of_another_program_in_the_pid_file_then_it_is_left_alone(
    layout: Layout, binary: AsteriskBinary
) -> None:
    configure(layout, binary)
    (layout.run / "asterisk.pid").write_text(str(os.getpid()))

    assert not process(layout, binary).find_running()


@pytest.mark.asyncio
async def test_given_no_asterisk_when_asked_then_control_failed(layout: Layout, binary: AsteriskBinary) -> None:
    configure(layout, binary)

    with pytest.raises(ControlFailed, match="core show version"):
        await process(layout, binary).rx("core show version")


@pytest.mark.asyncio
async def test_given_a_hung_asterisk_when_stopped_then_it_is_gone_all_the_same(
    asterisk: AsteriskProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.asterisk.process._STOP_SECONDS", 0.2)
    assert asterisk.pid is not None
    os.kill(asterisk.pid, signal.SIGSTOP)

    await asterisk.stop()

    assert not alive(asterisk.pid)


@pytest.mark.asyncio
async def test_given_a_required_module_is_missing_then_the_start_fails_with_the_log(
    layout: Layout, binary: AsteriskBinary
) -> None:
    configure(layout, binary)
    (layout.etc / "modules.conf").write_text("[modules]\nautoload = no\nrequire = no_such_module.so\n")
    asterisk = process(layout, binary)

    with pytest.raises(PartNotStarted, match="no_such_module") as failure:
        await asterisk.start()

    assert failure.value.log.is_file()
    assert asterisk.pid is not None
    assert not alive(asterisk.pid)


@pytest.mark.asyncio
async def test_given_die_with_parent_when_the_parent_is_killed_then_the_child_goes(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from telephony.asterisk.daemon import Daemon

child = Daemon.spawn(["sleep", "60"], log=Path({str(tmp_path / "log")!r}), die_with_parent=True)
while not Path(f"/proc/{{child.pid}}/cmdline").read_bytes().startswith(b"sleep"):  # setpriv has asked the kernel first
    time.sleep(0.05)
print(child.pid, flush=True)
time.sleep(60)
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    try:
        assert parent.stdout is not None
        child = Daemon.attach(int(await parent.stdout.readline()), marker="")
    finally:
        parent.kill()
        await parent.wait()

    assert child is not None
    assert await child.ended_within(20)


@pytest.mark.asyncio
async def test_given_valkey_when_killed_and_started_again_then_what_was_written_is_still_there(
    layout: Layout,
) -> None:
    first = ValkeyServer(layout.redis_socket, layout.redis, layout.log / "redis.log")
    assert await first.start() is True
    async with Redis.from_url(first.url) as client:
        await client.set("call", "13800001111")
        await client.execute_command("WAITAOF", 1, 0, 2000)  # type: ignore[no-untyped-call]  # redis-py has no types here
    first.kill()
    await first.ended()

    second = ValkeyServer(layout.redis_socket, layout.redis, layout.log / "redis.log")
    assert await second.start() is True
    async with Redis.from_url(second.url) as client:
        assert await client.get("call") == b"13800001111"
    assert oct(layout.redis_socket.stat().st_mode)[-3:] == "700"
    await second.stop()


@pytest.mark.asyncio
async def test_given_a_running_valkey_when_started_then_it_is_taken_over_and_can_be_stopped(
    layout: Layout,
) -> None:
    first = ValkeyServer(layout.redis_socket, layout.redis, layout.log / "redis.log")
    await first.start()
    second = ValkeyServer(layout.redis_socket, layout.redis, layout.log / "redis.log")

    assert await second.start() is False
    assert second.pid == first.pid

    await second.stop()
    async with asyncio.timeout(20):
        await first.ended()


@pytest.mark.asyncio
async def test_given_a_damaged_append_only_file_then_the_start_fails_with_the_log(layout: Layout) -> None:
    (layout.redis / "appendonlydir").mkdir()
    (layout.redis / "appendonlydir/appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(PartNotStarted, match="manifest"):
        await ValkeyServer(layout.redis_socket, layout.redis, layout.log / "redis.log").start()
