"""``hotline.yaml``: a right one is taken whole, a wrong one names the field, the value and the fix on one screen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.directory import directory_of
from api.secrets import load_secrets
from api.settings import SettingsRejected, load_settings
from telephony.lines import Danger, Surge

PROJECT = Path(__file__).parents[2]
SCREEN_LINES = 24


@pytest.fixture
def content() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "hotline.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def refused(tmp_path: Path, content: dict[str, Any]) -> Callable[[Callable[[dict[str, Any]], object]], str]:
    """The message with which a change of the shipped file is refused."""

    def message(change: Callable[[dict[str, Any]], object]) -> str:
        change(content)
        path = tmp_path / "hotline.yaml"
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        with pytest.raises(SettingsRejected) as failure:
            load_settings(path)
        assert len(failure.value.message.splitlines()) <= SCREEN_LINES
        return failure.value.message

    return message


Refused = Callable[[Callable[[dict[str, Any]], object]], str]


def test_given_a_test_number_that_is_dialled_for_something_else_then_it_is_refused(refused: Refused) -> None:
    def spoil(content: dict[str, Any]) -> None:
        content["lines"][1]["probe_number"] = "110"

    message = refused(spoil)
    assert "lines.1.probe_number" in message
    assert "110 stands twice" in message


def test_given_the_shipped_file_when_loaded_then_every_seat_sits_at_a_line(tmp_path: Path) -> None:
    settings = load_settings(PROJECT / "hotline.yaml")
    seats = tuple(seat.id for seat in settings.seats)
    directory = directory_of(settings, load_secrets(tmp_path, seats=seats, people=()))
    assert [line.id for line in directory.lines] == ["110", "12345"]
    assert all(list(directory.lines_of_seat(seat.id)) for seat in directory.seats)
    assert directory.target("120") is not None
    assert directory.target("999") is None


def test_given_what_a_surge_danger_and_a_full_trunk_do_then_the_directory_has_it(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    content["lines"][1] |= {"call_back_key": "3", "surge": {"waiting_over": 9, "overflow": "110"}}
    content["lines"][1]["danger"] = {"target": "110"}
    content["lines"][0]["surge"] = {"wait_over": 30, "announce": False, "offer": False, "overflow": "119"}
    content["trunks"][0] |= {"channels": 30, "reserved": {"110": 5}}
    path = tmp_path / "hotline.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    settings = load_settings(path)
    seats = tuple(seat.id for seat in settings.seats)
    directory = directory_of(settings, load_secrets(tmp_path, seats=seats, people=()))
    police, hall = directory.lines
    assert (hall.surge, hall.danger) == (Surge(9, None, overflow="110"), Danger("*", "110"))
    assert police.surge == Surge(None, 30, announce=False, offer=False, overflow="119")
    assert (directory.trunks[0].channels, directory.trunks[0].reserved) == (30, (("110", 5),))


def test_given_rules_for_call_backs_then_they_hold_in_the_hours_and_zone_that_are_named(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    content["call_backs"] = {"retry_minutes": [0.5, 2], "since": "09:00", "until": "18:30", "at_any_hour": ["12345"]}
    path = tmp_path / "hotline.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    rules = load_settings(path).call_backs.rules("Asia/Shanghai")
    assert rules.retry_after == (timedelta(seconds=30), timedelta(minutes=2))
    night = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
    assert not rules.allow("110", night) and rules.allow("12345", night)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        (lambda c: c.update(call_backs={"attempts": 0}), "call_backs.attempts", "太小"),
        (lambda c: c["lines"][1].update(surge={"offer": False}), "lines.1.surge", "one of them is needed"),
        (lambda c: c["lines"][1].update(surge={"waiting_over": 5}), "lines.1.surge.offer", "call_back_key"),
        (lambda c: c["lines"][0].update(surge={"waiting_over": 5}), "lines.0.surge.announce", "answers at once"),
        (
            lambda c: c["lines"][1].update(surge={"waiting_over": 5, "offer": False, "overflow": "12345"}),
            "lines.1.surge.overflow",
            "known: 110, 119",
        ),
        (lambda c: c["lines"][1].update(danger={"target": "911"}), "lines.1.danger.target", "known: 110, 119"),
        (
            lambda c: c["lines"][1].update(danger={"key": "3", "target": "110"}, call_back_key="3"),
            "lines.1.danger.key",
            "call-back already",
        ),
        (lambda c: c["trunks"][0].update(reserved={"110": 5}), "trunks.0.reserved", "set channels"),
        (lambda c: c["trunks"][0].update(channels=5, reserved={"110": 5}), "trunks.0.reserved", "leaves nothing"),
        (lambda c: c["trunks"][0].update(channels=5, reserved={"911": 1}), "trunks.0.reserved.911", "no such line"),
        (lambda c: c.update(call_backs={"retry_minutes": []}), "call_backs.retry_minutes", "at least 1 item"),
        (lambda c: c.update(default_line="999"), "default_line", "known: 110, 12345"),
        (lambda c: c["seats"].append({"id": "1101", "name": "x"}), "seats.7.id", "1101 stands twice"),
        (lambda c: c["lines"][0]["desks"][0]["seats"].append("9999"), "lines.0.desks.0.seats.3", "no seat 9999"),
        (lambda c: c["lines"][1]["desks"][0]["seats"].append("1101"), "lines.1.desks.0.seats.3", "stands twice"),
        (lambda c: c["lines"][1].update(numbers=["110"]), "lines.1.numbers.0", "110 stands twice"),
        (lambda c: c["lines"][1].update(numbers=["abc"]), "lines.1.numbers.0", "格式不对"),
        (lambda c: c["lines"][1].update(id="110"), "lines.1.id", "stands twice"),
        (lambda c: c["lines"][1].update(feature_code="*1"), "lines.1.feature_code", "stands twice"),
        (lambda c: c["linked_numbers"][0].update(trunk="nowhere"), "linked_numbers.0.trunk", "known: pstn"),
        (lambda c: c["linked_numbers"][0].update(number="1 20"), "linked_numbers.0.number", "格式不对"),
        (lambda c: c["trunks"][0].update(match=["not-an-address"]), "trunks.0.match.0", "IP"),
        (lambda c: c["trunks"][0].pop("contact"), "trunks.0.contact", "缺少必填项"),
        (lambda c: c.pop("lines"), "lines", "缺少必填项"),
        (lambda c: c.update(linse=[]), "linse", "没有这一项"),
        (lambda c: c["network"].update(sip_port=70000), "network.sip_port", "太大"),
        (lambda c: c["network"].update(sip_port=8110), "network.http_port", "stands twice"),
        (lambda c: c["network"].update(rtp_end=20001), "network.rtp_end", "rtp_start + 10"),
        (lambda c: c["lines"][0].update(strategy="everyone"), "lines.0.strategy", "取值不对"),
        (lambda c: c["seats"][0].update(name="x;y"), "seats.0.name", "not allowed"),
        (lambda c: c["seats"][0].update(secret="short"), "seats.0.secret", "8"),
    ],
)
def test_given_one_wrong_field_when_loaded_then_it_is_named(
    refused: Refused, change: Callable[[dict[str, Any]], object], field: str, said: str
) -> None:
    message = refused(change)
    assert f"  {field}: " in message
    assert said in message


def test_given_many_wrong_fields_when_loaded_then_the_screen_is_not_flooded(refused: Refused) -> None:
    message = refused(lambda c: c["seats"].extend({"id": "1101", "name": "x"} for _ in range(30)))
    assert "and 24 more" in message


def test_given_no_file_when_loaded_then_the_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsRejected, match=r"nowhere\.yaml"):
        load_settings(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("text", ["- a list", "a: [", "just words"])
def test_given_no_mapping_when_loaded_then_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hotline.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsRejected, match=r"hotline\.yaml"):
        load_settings(path)


def test_given_an_environment_variable_when_loaded_then_it_goes_before_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOTLINE_NETWORK__SIP_PORT", "5099")
    monkeypatch.setenv("HOTLINE_PORT_OFFSET", "100")
    settings = load_settings(PROJECT / "hotline.yaml")
    assert settings.port(settings.network.sip_port) == 5199
    assert settings.network.http_port == 8110


def test_given_an_offset_beyond_the_last_port_when_loaded_then_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_PORT_OFFSET", "40000")
    monkeypatch.setenv("HOTLINE_NETWORK__RTP_END", "30000")
    with pytest.raises(SettingsRejected, match=r"network\.rtp_end"):
        load_settings(PROJECT / "hotline.yaml")


def test_given_a_second_start_when_secrets_are_loaded_then_they_are_the_same(tmp_path: Path) -> None:
    first = load_secrets(tmp_path, seats=("1", "2"), people=("admin",))
    without_two = load_secrets(tmp_path, seats=("1",), people=("admin",))
    again = load_secrets(tmp_path, seats=("1", "2"), people=("admin",))
    assert first == again
    assert without_two.seats == {"1": first.seats["1"]}
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


def test_given_a_damaged_secrets_file_when_loaded_then_it_is_named_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{", encoding="utf-8")
    with pytest.raises(SettingsRejected, match=r"secrets\.json"):
        load_secrets(tmp_path, seats=(), people=())
    assert (tmp_path / "secrets.json").read_text(encoding="utf-8") == "{"
