import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from api.supervisor import Port, instance_lock, is_free, next_pause, require_free, supervise
from telephony.asterisk.errors import HomeInUse, PortTaken, SetupError


class FakePart:
    """Keeps a diary of what was done to it, in a list that it shares with the others."""

    def __init__(
        self,
        name: str,
        diary: list[str],
        *,
        running_already: bool = False,
        refuses: bool = False,
        stubborn: bool = False,
        answers: str = "",
    ) -> None:
        """`answers`: y or n for each time it is asked, y ever after."""
        self._answers = iter(answers)
        self.name = name
        self._diary = diary
        self._running_already = running_already
        self._refuses = refuses
        self._stubborn = stubborn
        self._gone = asyncio.Event()

    async def start(self) -> bool:
        self._diary.append(f"start {self.name}")
        self._gone.clear()
        if self._refuses:
            raise SetupError(f"{self.name} refuses")
        return not self._running_already

    async def ended(self) -> None:
        await self._gone.wait()

    async def answers(self) -> bool:
        return next(self._answers, "y") == "y"

    async def stop(self) -> None:
        self._diary.append(f"stop {self.name}")
        if self._stubborn:
            os.kill(os.getpid(), signal.SIGINT)
            await self._gone.wait()
        self._gone.set()

    def kill(self) -> None:
        self._diary.append(f"kill {self.name}")
        self._gone.set()

    def die(self) -> None:
        self._gone.set()


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_given_all_running_when_signalled_then_parts_stop_in_reverse_order(
    number: signal.Signals,
) -> None:
    diary: list[str] = []

    await supervise([FakePart("redis", diary), FakePart("asterisk", diary)], lambda: os.kill(os.getpid(), number))

    assert diary == ["start redis", "start asterisk", "stop asterisk", "stop redis"]


@pytest.mark.asyncio
async def test_given_a_part_that_does_not_stop_when_ctrl_c_again_then_all_are_killed() -> None:
    diary: list[str] = []

    await supervise([FakePart("redis", diary), FakePart("asterisk", diary, stubborn=True)], press_ctrl_c)

    assert diary[2:] == ["stop asterisk", "kill redis", "kill asterisk", "stop redis"]


@pytest.mark.asyncio
async def test_given_second_part_refuses_when_starting_then_first_is_stopped_and_the_reason_raised() -> None:
    diary: list[str] = []

    with pytest.raises(SetupError, match="service refuses"):
        await supervise([FakePart("asterisk", diary), FakePart("service", diary, refuses=True)], press_ctrl_c)

    assert diary == ["start asterisk", "start service", "stop service", "stop asterisk"]


@pytest.mark.asyncio
async def test_given_a_running_asterisk_taken_over_when_the_service_refuses_then_its_calls_go_on() -> None:
    diary: list[str] = []
    asterisk = FakePart("asterisk", diary, running_already=True)

    with pytest.raises(SetupError):
        await supervise([asterisk, FakePart("service", diary, refuses=True)], press_ctrl_c)

    assert "stop asterisk" not in diary


@pytest.mark.asyncio
async def test_given_a_running_asterisk_taken_over_when_ctrl_c_then_it_is_stopped_too() -> None:
    diary: list[str] = []

    await supervise([FakePart("asterisk", diary, running_already=True)], press_ctrl_c)

    assert diary == ["start asterisk", "stop asterisk"]


@pytest.mark.asyncio
async def test_given_all_running_when_one_dies_then_it_alone_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.supervisor._FIRST_PAUSE", 0.01)
    diary: list[str] = []
    service = FakePart("service", diary)

    def ready() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, service.die)
        loop.call_later(0.2, press_ctrl_c)

    await supervise([FakePart("asterisk", diary), service], ready)

    assert diary == ["start asterisk", "start service", "start service", "stop service", "stop asterisk"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answers", "kills"),
    [("nnn", ["kill service", "start service"]), ("nnynnynn", [])],
    ids=["silent three times on end", "slow now and then"],
)
async def test_given_a_part_that_hangs_then_it_is_killed_and_started_again_and_a_slow_one_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, answers: str, kills: list[str]
) -> None:
    monkeypatch.setattr("api.supervisor._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("api.supervisor._ASK_EVERY", 0.01)
    diary: list[str] = []

    def ready() -> None:
        asyncio.get_running_loop().call_later(0.4, press_ctrl_c)

    await supervise([FakePart("asterisk", diary), FakePart("service", diary, answers=answers)], ready)

    assert diary == ["start asterisk", "start service", *kills, "stop service", "stop asterisk"]


@pytest.mark.parametrize(
    ("previous", "lived", "expected"),
    [(0.0, 0.1, 0.5), (0.5, 0.1, 1.0), (8.0, 0.1, 15.0), (15.0, 59.9, 15.0), (15.0, 60.0, 0.5)],
)
def test_given_deaths_in_a_row_then_the_pause_doubles_until_a_steady_life(
    previous: float, lived: float, expected: float
) -> None:
    assert next_pause(previous, lived) == expected


def test_given_a_home_in_use_when_locked_again_then_the_holder_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "instance.lock"
    with instance_lock(lock), pytest.raises(HomeInUse) as refusal, instance_lock(lock):
        pass

    assert str(os.getpid()) in refusal.value.message
    assert "HOTLINE_HOME" in refusal.value.message


def test_given_an_instance_that_ended_when_locked_again_then_the_home_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "instance.lock"
    with instance_lock(lock):
        pass
    with instance_lock(lock):
        assert lock.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_given_a_taken_port_when_checked_then_field_and_a_free_offset_are_named(
    kind: socket.SocketKind,
) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        taken = Port("ports.sip", "127.0.0.1", holder.getsockname()[1], kind)
        with pytest.raises(PortTaken) as refusal:
            require_free([taken])

    assert refusal.value.field == "ports.sip"
    assert str(taken.number) in refusal.value.message
    offset = refusal.value.free_offset
    assert offset is None or is_free(taken, offset)


def test_given_free_ports_when_checked_then_nothing_is_raised() -> None:
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        number = finder.getsockname()[1]
    require_free([Port("ports.http", "127.0.0.1", number, socket.SOCK_STREAM)])


def test_given_an_offset_beyond_the_last_port_then_it_is_not_free() -> None:
    assert not is_free(Port("ports.http", "127.0.0.1", 60_000, socket.SOCK_STREAM), 6000)
