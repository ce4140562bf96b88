"""Test numbers in Asterisk's configuration: the probe's account comes to them, and nobody else; nobody is rung."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from api.clock import SystemClock
from api.loaded import load
from api.probe_cli import _lines, _plain, _table
from api.probe_parts import prober_of
from telephony.asterisk.render import render
from telephony.errors import UnknownTarget
from telephony.lines import Directory
from telephony.probe.apart import ProbeImpossible
from telephony.probe.judge import Probed, judge
from telephony.probe.port import ENDPOINT, PROMPT, Facts, Trouble
from tests.unit.core.test_rendered_configuration import DIRECTORY, SITE

PROJECT = Path(__file__).parents[3]
LINES = (replace(DIRECTORY.lines[0], probe_number="99110"), *DIRECTORY.lines[1:])
WITH_PROBE = replace(DIRECTORY, lines=LINES, probe_secret="a-secret")


def section(text: str, name: str) -> str:
    found = re.search(rf"^\[{re.escape(name)}\].*?(?=^\[|\Z)", text, re.M | re.S)
    assert found is not None, name
    return found[0]


def test_given_test_numbers_then_they_stand_in_the_probes_context_alone_and_lead_to_nobody() -> None:
    files = render(WITH_PROBE, SITE)
    dialplan = files["extensions.conf"]

    assert [line for line in dialplan.splitlines() if "99110" in line] == ["exten => 99110,1,Goto(probe-call,s,1)"]
    assert "exten => 99110" in section(dialplan, "probe")
    called = section(dialplan, "probe-call")
    assert f"Playback(${{PROMPTS}}/{PROMPT})" in called
    for ringing in ("Dial(", "Queue(", "arrive", "recorded", "MixMonitor", "Goto(", "AGI("):
        assert ringing not in called
    assert "include =>" not in dialplan


def test_given_the_probes_account_then_it_is_known_before_its_address_is_looked_at() -> None:
    files = render(WITH_PROBE, replace(SITE, bind="192.0.2.7"))
    account = section(files["pjsip.conf"], ENDPOINT)

    assert "endpoint_identifier_order = header,ip,username\n" in files["pjsip.conf"]
    assert "context = probe\n" in account
    assert [line for line in account.splitlines() if line.startswith(("deny", "permit"))] == [
        "deny = 0.0.0.0/0",
        "permit = 127.0.0.1/32",
        "permit = 192.0.2.7/32",
    ]
    assert "a-secret" in files["pjsip.conf"]


def test_given_no_secret_for_it_then_there_is_no_such_account() -> None:
    files = render(DIRECTORY, SITE)
    assert ENDPOINT not in files["pjsip.conf"]
    assert "endpoint_identifier_order = ip,username\n" in files["pjsip.conf"]
    assert "[probe" not in files["extensions.conf"]


# --- what the settings make of it ------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own with the shipped ``hotline.yaml``, which HOTLINE_CONFIG names."""
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path / "hotline.yaml"))
    change(tmp_path)
    return tmp_path


def change(home: Path, **changes: object) -> None:
    content = yaml.safe_load((PROJECT / "hotline.yaml").read_text(encoding="utf-8"))
    content["network"].update(changes.pop("network", {}))
    content.update(changes)
    (home / "hotline.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def test_given_the_shipped_settings_then_every_line_has_a_test_number_and_is_called_on_this_machine(home: Path) -> None:
    loaded = load()
    prober = prober_of(loaded, SystemClock())

    assert all(line.probe_number for line in loaded.directory.lines)
    assert (prober.server, prober.port, prober.source) == ("127.0.0.1", 5060, "127.0.0.1")
    assert prober.prompt.is_file()
    assert prober.secret == loaded.directory.probe_secret == load().secrets.probe


def test_given_an_address_that_sip_listens_at_then_it_is_called_there_and_the_citys_own_prompt_wanted(
    home: Path,
) -> None:
    change(home, network={"bind": "192.0.2.7"}, menus={"prompts": str(home)})
    prober = prober_of(load(), SystemClock())

    assert (prober.server, prober.source) == ("192.0.2.7", "192.0.2.7")
    assert prober.prompt == home / "home" / "var" / "prompts" / "zh" / f"{PROMPT}.wav"


def test_given_an_ipv6_address_alone_then_no_call_can_be_placed(home: Path) -> None:
    change(home, network={"bind": "2001:db8::1"})
    with pytest.raises(ProbeImpossible, match="IPv4"):
        prober_of(load(), SystemClock())


# --- what the command says -------------------------------------------------------------------------------------------


def probed(facts: Facts) -> Probed:
    return Probed("110", "99110", SystemClock().now(), facts, judge(facts, answer_within=5, caller="10000000000"))


def test_given_lines_to_choose_from_then_a_wrong_one_is_named_with_those_there_are() -> None:
    assert [line.id for line in _lines(WITH_PROBE, ["12345"])] == ["12345"]
    assert [line.id for line in _lines(WITH_PROBE, [])] == ["110"]
    with pytest.raises(UnknownTarget, match="no line 111: 可用 · known: 110, 12345"):
        _lines(WITH_PROBE, ["111"])
    without: Directory = DIRECTORY
    with pytest.raises(ProbeImpossible, match=r"set lines\[\]\.probe_number"):
        _lines(without, [])


def test_given_nothing_that_answers_then_the_table_says_what_to_look_at() -> None:
    found = [probed(Facts(trouble=Trouble.UNREACHABLE)), probed(Facts())]
    assert [str(cell) for cell in _table(found).columns[3].cells] == [
        "SIP 无应答，Asterisk 未运行？ · nothing answers SIP there: is Asterisk running?",
        "无 · nothing",
    ]
    assert _plain(found)["ok"] is False
    assert _plain(found)["lines"][0]["checks"]["answer"] == {"ok": False, "wanted": "≤ 5 s", "found": "unreachable"}
