"""``hotline replay`` and ``hotline record`` as they are typed."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from tests.support.scripted_ami import SECRET, ScriptedAmi, eventually, frame

TRANSCRIPTS = Path(__file__).parents[1] / "contract/transcripts"
BUSY = TRANSCRIPTS / "foreign/blind_busy.jsonl"


def replay(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", *arguments])


def test_json_is_one_object_with_calls_and_handoffs() -> None:
    result = replay(str(BUSY), "--json")
    assert result.exit_code == 0
    assert orjson.loads(result.stdout) == orjson.loads(BUSY.with_suffix(".expected.json").read_bytes())


def test_without_json_each_handoff_is_a_line() -> None:
    result = replay(str(BUSY))
    assert result.exit_code == 0
    assert "13800001111 → 1002" in result.stdout
    assert "busy" in result.stdout


def test_harm_on_demand_that_can_be_healed_changes_nothing() -> None:
    harmed = replay(str(BUSY), "--json", "--double", "0.4", "--reorder", "6", "--seed", "3")
    assert harmed.stdout == replay(str(BUSY), "--json").stdout
    assert orjson.loads(replay(str(BUSY), "--json", "--lose", "1").stdout) == {"calls": [], "handoffs": []}


def test_a_broken_line_ends_it_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b'{"Event":"A"}\nnonsense\n' + BUSY.read_bytes())
    result = replay(str(path), "--json")
    assert result.exit_code == 1
    assert f"{path}:2: " in result.output
    assert '"calls"' not in result.output


def test_broken_lines_can_be_skipped_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b"nonsense\n" + BUSY.read_bytes() + b'{"Event":"Cut')
    result = replay(str(path), "--json", "--skip-broken")
    assert result.exit_code == 0
    assert result.stdout == replay(str(BUSY), "--json").stdout
    assert "2 lines skipped" in result.stderr


def test_a_file_that_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    result = replay(str(tmp_path / "none.jsonl"), "--json")
    assert result.exit_code == 1
    assert "none.jsonl" in result.output


@pytest.mark.parametrize("option", [("--lose", "1.5"), ("--double", "-1"), ("--reorder", "-2")])
def test_harm_beyond_reason_is_refused(option: tuple[str, str]) -> None:
    assert replay(str(BUSY), *option).exit_code == 2


RECORD = """
import sys
from pathlib import Path
from api.replaying import record
from telephony.ami.client import AmiClient
from telephony.errors import HotlineError

async def client():
    return AmiClient("127.0.0.1", int(sys.argv[1]), "hotline", sys.argv[2])

try:
    print(record(client, Path(sys.argv[3]), None))
except HotlineError as failure:
    sys.exit(failure.slug)
"""
EVENT = frame("Event: Newchannel", "Channel: PJSIP/1-1")


async def recording(asterisk: ScriptedAmi, path: Path) -> asyncio.subprocess.Process:
    """``hotline record`` against a scripted Asterisk, with one event of a call written."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RECORD, str(asterisk.port), SECRET, str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await eventually(lambda: path.exists() and b"FullyBooted" in path.read_bytes(), 20)
    asterisk.send(EVENT)
    await eventually(lambda: b"Newchannel" in path.read_bytes(), 5)
    return process


@pytest.mark.asyncio
async def test_ctrl_c_ends_a_recording_in_order_with_a_whole_last_line(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    async with ScriptedAmi() as asterisk:
        process = await recording(asterisk, path)
        process.send_signal(signal.SIGINT)
        output, complaints = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, output, complaints) == (0, b"2\n", b"")
    assert [orjson.loads(line)["Event"] for line in path.read_bytes().splitlines()] == ["FullyBooted", "Newchannel"]


@pytest.mark.asyncio
async def test_a_recording_whose_link_is_lost_says_so(tmp_path: Path) -> None:
    async with ScriptedAmi() as asterisk:
        process = await recording(asterisk, tmp_path / "calls.jsonl")
        asterisk.break_link()
        _, complaints = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, complaints) == (1, b"ami-link-lost\n")
