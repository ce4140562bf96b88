"""No interface can set a caller number: not the API, not a command, not the manager account, not a seat's phone.

Held by lists written by hand: a new field, command or variable has to be looked at here first. On the real Asterisk:
tests/asterisk/test_numbers_as_they_come.py (a seat's own claims, an address that is no trunk).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from telephony import commands
from telephony.asterisk.render import render
from telephony.handoff import Release
from tests.support.hall import CALL, CALLER, Hall, open_hall
from tests.unit.ami.test_ami_control import Globals, listening
from tests.unit.api.conftest import accounts  # noqa: F401 - a fixture
from tests.unit.core.test_rendered_configuration import DIRECTORY, SITE

OURS = {
    "startHandoff": {"call_id", "mode", "target", "release", "category_id", "reason", "idempotency-key"},
    "correctHandoff": {"handoff_id", "field", "value", "reason"},
    "cancelHandoff": {"handoff_id"},
    "pauseRecording": {"call_id", "reason"},
    "resumeRecording": {"call_id"},
    "playRecording": {"recording_id"},
    "holdRecording": {"recording_id", "reason"},
    "releaseRecording": {"recording_id", "reason"},
    "completeHandoff": {"handoff_id"},
    "addParty": {"conference_id", "target"},
    "controlParty": {"conference_id", "party_id", "action"},
    "takeCallBack": {"order_id"},
    "cancelCallBack": {"order_id", "reason"},
    "decide": {"conference_id", "accepted_by", "reason"},
    "signIn": {"user", "password"},
    "signOut": set(),
    "signInAtSeat": {"seat_id", "user", "password"},
    "signOutAtSeat": {"seat_id"},
    "pauseSeat": {"seat_id", "reason", "resume"},
    "advise": {"text", "received_by", "city", "channel"},
    "openOrder": {
        *("to", "from_line", "content", "category_id", "unit", "place", "urgent", "urban", "handoff_id", "call_id"),
        *("linked_id", "peer_reference", "idempotency-key"),
    },
    "actOnOrder": {"order_id", "act", "reason", "unit", "until", "outcome", "result", "rating"},
    "escalateOrder": {"order_id", "reason", "unit", "until", "outcome", "result", "rating"},
    "callInDanger": {"call_id"},
}
"""What each route that changes something takes: none of it is a caller's number, and ``target`` must be configured."""

COMMANDS = {
    "Transfer": {"handoff_id", "caller_channel", "target", "release"},
    "CancelTransfer": {"caller_channel", "seat_channel"},
    "ReleaseSeat": {"seat_channel"},
    "OpenConference": {"handoff_id", "caller_channel", "target", "ring_seconds"},
    "AddParty": {"handoff_id", "caller_channel", "party_id", "target", "ring_seconds"},
    "CancelConference": {"handoff_id", "caller_channel"},
    "CallBackCitizen": {"order_id", "attempt", "seat"},
    "ForgetCallBack": {"order_id"},
    "HangUp": {"channel"},
    "MuteParty": {"room", "channel", "muted"},
    "HoldParty": {"room", "channel", "held"},
    "PauseSeat": {"seat", "paused", "reason"},
    "PauseRecording": {"caller_channel", "paused"},
    "ForceRecording": {"caller_channel"},
}
EVERY_COMMAND = (
    commands.Transfer("h-1", "PJSIP/pstn-1", "110", Release.ON_ANSWER),
    commands.CancelTransfer("PJSIP/pstn-1", None),
    commands.CancelTransfer("PJSIP/pstn-1", "PJSIP/2101-1"),
    commands.ReleaseSeat("PJSIP/2101-1"),
    commands.OpenConference("h-1", "PJSIP/pstn-1", "110", 20),
    commands.AddParty("h-1", "PJSIP/pstn-1", "p4", "120", 20),
    commands.CancelConference("h-1", "PJSIP/pstn-1"),
    commands.CallBackCitizen("b-1", 1, "2101"),
    commands.ForgetCallBack("b-1"),
    commands.HangUp("PJSIP/2101-1"),
    commands.MuteParty("h-1", "PJSIP/2101-1", True),
    commands.HoldParty("h-1", "PJSIP/2101-1", True),
    commands.PauseSeat("2101", True, "用餐"),
    commands.PauseRecording("PJSIP/pstn-00000001", True),
    commands.ForceRecording("PJSIP/pstn-00000001"),
)
VARIABLES = {"HOTLINE_RECORD", "HANDOFF_STATE", "__CALLER_CHANNEL", "__HANDOFF_ID", "__PARTY", "__FENCE"}
HEADERS = {
    "Action", "ActionID", "Channel", "Context", "Exten", "Priority", "ChannelId", "OtherChannelId", "Async", "Timeout",
    "Variable", "Value", "Cause", "Conference", "Interface", "Paused", "Reason",
    "Codecs", "Direction", "State",
}  # fmt: skip


# -------------------------------------------------------------- the API


@pytest_asyncio.fixture
async def hall(accounts: tuple[Path, Mapping[str, str]], tmp_path: Path) -> Any:  # noqa: F811 - the fixture
    async with open_hall(*accounts, tmp_path) as opened:
        yield opened


def _taken(app: FastAPI) -> Iterator[tuple[str, set[str]]]:
    document = app.openapi()
    for methods in document["paths"].values():
        for method, operation in methods.items():
            names = {each["name"].lower() for each in operation.get("parameters", ())}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                names |= _fields(content["schema"], document)
            if method != "get":
                yield operation["operationId"], names


def _fields(schema: Mapping[str, Any], document: Mapping[str, Any]) -> set[str]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    either = (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ()))
    return set(schema.get("properties", ())).union(*(_fields(each, document) for each in either))


@pytest.mark.asyncio
async def test_no_route_that_changes_anything_takes_a_caller_number(hall: Hall) -> None:
    assert dict(_taken(hall.app)) == OURS


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "claim", ["original_caller", "caller", "caller_id", "number", "from", "display_name", "presentation", "variables"]
)
async def test_given_a_number_in_the_body_then_the_request_is_refused_and_asterisk_hears_nothing(
    hall: Hall, claim: str
) -> None:
    await hall.with_call()

    answer = await hall.hand_over(hall.as_person("guan"), **{claim: "13900009999"})

    assert answer.status_code == 422
    assert hall.asterisk.commands == []


@pytest.mark.asyncio
@pytest.mark.parametrize("target", ["13900009999", "120;CALLERID(num)=1", "110&PJSIP/1101", "110^x"])
async def test_given_a_target_that_is_not_configured_then_the_request_is_refused(hall: Hall, target: str) -> None:
    await hall.with_call()

    assert (await hall.hand_over(hall.as_person("guan"), target=target)).status_code in (404, 409, 422)
    assert hall.asterisk.commands == []


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["transfer", "conference"])
async def test_given_headers_that_claim_a_number_then_the_one_that_arrived_is_on_record(hall: Hall, mode: str) -> None:
    await hall.with_call()
    claims = ("From", "P-Asserted-Identity", "Remote-Party-ID", "X-Caller", "X-Original-Caller", "X-Forwarded-For")
    who = hall.as_person("guan") | dict.fromkeys(claims, "<sip:13900009999@x>")

    record = (await hall.hand_over(who, mode=mode)).json()

    assert record["original_caller"] == CALLER
    assert "13900009999" not in str(record)
    (command,) = hall.asterisk.commands
    assert "13900009999" not in str(command)
    assert CALLER not in str(command)  # not even the right one: the dialplan reads it from the caller's own channel
    assert record["call_id"] == CALL


# -------------------------------------------------------------- the commands, and what they are on the wire


def test_no_command_has_room_for_a_caller_number() -> None:
    kinds = {
        name: kind
        for name, kind in vars(commands).items()
        if isinstance(kind, type) and kind.__module__ == commands.__name__
    }
    fields = {name: {field.name for field in dataclasses.fields(kind)} for name, kind in kinds.items()}
    assert fields == COMMANDS
    assert {type(command).__name__ for command in EVERY_COMMAND} == set(COMMANDS)


@pytest.mark.asyncio
async def test_no_action_sets_a_callerid_or_a_variable_that_holds_one() -> None:
    async with listening(Globals()) as (peer, control, _):
        before = len(peer.lines)
        for command in EVERY_COMMAND:
            await control.execute(command)
        sent = [line.partition(": ") for action in peer.lines[before:] for line in action]

    assert {name for name, _, _ in sent} <= HEADERS
    told = {value.partition("=")[0] for name, _, value in sent if name == "Variable"}
    assert told == VARIABLES


# -------------------------------------------------------------- what Asterisk is told to allow


def _section(text: str, name: str) -> list[str]:
    body = re.search(rf"^\[{re.escape(name)}\][^\n]*\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    assert body
    return [line.strip() for line in body[1].splitlines() if line.strip() and not line.startswith(";")]


def test_the_manager_account_can_neither_run_commands_nor_change_the_configuration() -> None:
    manager = render(DIRECTORY, SITE)["manager.conf"]
    account = dict(line.split(" = ", 1) for line in _section(manager, "hotline") if " = " in line)

    assert re.findall(r"^\[(\w+)\]", manager, re.MULTILINE) == ["general", "hotline"]
    assert set(account["write"].split(",")) == {"call", "agent", "reporting", "originate", "user"}
    assert account["deny"] == "0.0.0.0/0.0.0.0"
    assert account["permit"] == "127.0.0.1/255.255.255.255"
    assert "webenabled = no" in manager


def test_only_trunks_are_believed_and_no_endpoint_shows_a_number_of_its_own() -> None:
    pjsip = render(DIRECTORY, SITE)["pjsip.conf"]

    assert "trust_id_inbound = no" in _section(pjsip, "seat")
    assert "trust_id_inbound = yes" in _section(pjsip, "trunk")
    assert "from_user" not in pjsip
    for seat in DIRECTORY.seats:
        assert f"callerid = {seat.name} <{seat.id}>" in _section(pjsip, seat.id)
    assert len(re.findall(r"^callerid = ", pjsip, re.MULTILINE)) == len(DIRECTORY.seats)


def test_the_dialplan_takes_the_number_once_from_the_trunk_and_shows_nothing_else() -> None:
    """Set on arrival, carried by the caller's channel, put back before each INVITE.

    Who is called back is shown the number of the line; then the number that Asterisk kept at the promise stands for it.
    """
    dialplan = render(DIRECTORY, SITE)["extensions.conf"]
    assigned = re.findall(
        r"Set\((?:\w+\()?_*(CALLERID\(\w+\)|CONNECTEDLINE\([\w-]+\)|HOTLINE_(?:CALLER|NAME|PRES))\)?=(.*)\)$",
        dialplan,
        re.MULTILINE,
    )

    assert set(assigned) == {
        ("HOTLINE_CALLER", "${CALLERID(num)}"),
        ("HOTLINE_NAME", "${CALLERID(name)}"),
        ("HOTLINE_PRES", "${CALLERID(num-pres)}"),
        ("HOTLINE_CALLER", "${IMPORT(${CALLER_CHANNEL},HOTLINE_CALLER)}"),
        ("HOTLINE_NAME", "${IMPORT(${CALLER_CHANNEL},HOTLINE_NAME)}"),
        ("HOTLINE_PRES", "${IMPORT(${CALLER_CHANNEL},HOTLINE_PRES)}"),
        ("CALLERID(num)", "${CUT(kept,/,3)}"),
        *(("CALLERID(num)", line.numbers[0]) for line in DIRECTORY.lines),
        ("CALLERID(pres)", "allowed"),
        ("CALLERID(all)", ""),
        ("CALLERID(num)", "${HOTLINE_CALLER}"),
        ("CALLERID(name)", "${HOTLINE_NAME}"),
        ("CALLERID(pres)", "${HOTLINE_PRES}"),
    }
    mentioned = len(re.findall(r"CALLERID\([\w-]+\)=|CONNECTEDLINE\(.*?\)=|HOTLINE_(?:CALLER|NAME|PRES)=", dialplan))
    assert mentioned == len(assigned)
    assert set(re.findall(r"Set\(DB\(call-back/[^=]*=(.*)\)$", dialplan, re.MULTILINE)) == {
        "${line}/${HOTLINE_TRUNK}/${HOTLINE_CALLER}"
    }


def test_calls_from_seats_reach_lines_and_seats_alone() -> None:
    """A seat cannot call out over a trunk, where its own number would go out for a caller's."""
    dialplan = render(DIRECTORY, SITE)["extensions.conf"]
    for line in _section(dialplan, "from-seat"):
        assert "@" not in line
        assert "Local/" not in line


def test_modules_that_could_set_one_from_outside_are_not_loaded() -> None:
    modules = render(DIRECTORY, SITE)["modules.conf"]
    loaded = {line.partition("=")[2].strip() for line in modules.splitlines() if line.startswith("load =")}
    outside = ("res_ari", "pbx_spool", "app_system", "func_shell", "res_stasis", "app_originate", "res_clialiases")
    assert not [name for name in loaded if name.startswith(outside)]
