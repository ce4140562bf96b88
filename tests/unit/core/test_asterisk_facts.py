"""Manager events as Asterisk 22 sends them (captured from one; the numbers are invented), and the facts they state."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from telephony import events
from telephony.ami.frames import AmiEvent, read_frame
from telephony.ami.translate import channel, pause, translate, variables

AT = datetime(2026, 11, 21, 20, 43, 48, 792127, UTC)
CALLER = """\
Channel: PJSIP/pstn-00000000
ChannelState: 6
ChannelStateDesc: Up
CallerIDNum: 13800001111
CallerIDName: 张三
ConnectedLineNum: <unknown>
ConnectedLineName: <unknown>
Language: zh
AccountCode:\x20
Context: from-trunk
Exten: 12345
Priority: 1
Uniqueid: lab-1795293828.0
Linkedid: lab-1795293828.0
ChanVariable: HOTLINE_CALLER=13800001111
ChanVariable: HANDOFF_ID="""
PHONE = """\
DestChannel: PJSIP/1101-00000002
DestChannelState: 0
DestChannelStateDesc: Down
DestCallerIDNum: 1101
DestCallerIDName: 坐席1101
DestConnectedLineNum: 13800001111
DestConnectedLineName: 张三
DestContext: from-seat
DestExten: 110
DestUniqueid: lab-1795293829.4
DestLinkedid: c1-target
DestChanVariable: HOTLINE_CALLER=
DestChanVariable: HANDOFF_ID=c1"""
BRIDGE = """\
BridgeUniqueid: ed299331-044e-4423-b8f7-368d702960c2
BridgeType: base
BridgeTechnology: softmix
BridgeCreator: ConfBridge
BridgeName: c1"""
U, C = "lab-1795293828.0", "PJSIP/pstn-00000000"


def raw(name: str, *parts: str, **headers: str) -> AmiEvent:
    """An event through the real frame reader; ``headers`` replace those of the parts."""
    lines = ["Privilege: call,all", "Timestamp: 1795293828.792127", "SystemName: lab"]
    lines += [line for part in parts for line in part.splitlines() if line.partition(":")[0] not in headers]
    lines += [f"{header}: {value}" for header, value in headers.items()]
    return AmiEvent(name, read_frame("\r\n".join([f"Event: {name}", *lines]).encode()))


def test_a_new_channel() -> None:
    assert translate(raw("Newchannel", CALLER)) == events.ChannelCreated(AT, U, U, C, "13800001111")


@pytest.mark.parametrize("word", ["<unknown>", "anonymous", ""])
def test_a_channel_without_a_number_has_none(word: str) -> None:
    assert translate(raw("Newchannel", CALLER, CallerIDNum=word)) == events.ChannelCreated(AT, U, U, C, "")


def test_a_channel_is_answered_when_it_is_up_and_not_before() -> None:
    assert translate(raw("Newstate", CALLER)) == events.ChannelAnswered(AT, U)
    assert translate(raw("Newstate", CALLER, ChannelStateDesc="Ringing")) is None


@pytest.mark.parametrize(
    ("cause", "tech", "facts"),
    [("16", "", (16, None)), ("17", "486", (17, 486)), ("21", "603", (21, 603)), ("", "²", (None, None))],
)
def test_a_hang_up_brings_cause_and_sip_answer(cause: str, tech: str, facts: tuple[int | None, int | None]) -> None:
    headers = {"Cause": cause, "Cause-txt": "x"} | ({"TechCause": tech} if tech else {})

    assert translate(raw("Hangup", CALLER, **headers)) == events.ChannelGone(AT, U, U, C, *facts)


def test_a_dial_says_which_number_its_invite_carries_and_for_which_handoff() -> None:
    assert translate(raw("DialBegin", CALLER, PHONE, DialString="1101")) == events.DialStarted(
        AT, "lab-1795293829.4", "c1-target", "PJSIP/1101-00000002", "13800001111", "c1"
    )


def test_a_dial_without_a_caller_as_originate_makes_it_is_a_dial_too() -> None:
    begun = translate(raw("DialBegin", PHONE, DestConnectedLineNum="<unknown>", DestChanVariable="HANDOFF_ID="))

    assert isinstance(begun, events.DialStarted)
    assert (begun.shown, begun.handoff_id) == ("", "")


@pytest.mark.parametrize(("status", "rings"), [("RINGING", True), ("PROGRESS", True), ("PROCEEDING", False)])
def test_a_phone_rings_when_it_says_so_or_sends_early_media(status: str, rings: bool) -> None:
    fact = translate(raw("DialState", CALLER, PHONE, DialStatus=status))

    assert fact == (events.DialRinging(AT, "lab-1795293829.4") if rings else None)


def test_bridges() -> None:
    room = "ed299331-044e-4423-b8f7-368d702960c2"

    assert translate(raw("BridgeEnter", BRIDGE, CALLER)) == events.BridgeEntered(AT, U, room)
    assert translate(raw("BridgeLeave", BRIDGE, CALLER)) == events.BridgeLeft(AT, U, room)


def test_rooms() -> None:
    said = {"Conference": "c1", "Admin": "No", "Muted": "No"}

    assert translate(raw("ConfbridgeJoin", BRIDGE, CALLER, **said)) == events.ConferenceJoined(AT, "c1", U, C)
    assert translate(raw("ConfbridgeMute", BRIDGE, CALLER, **said)) == events.PartyMuted(AT, "c1", U, True)
    assert translate(raw("ConfbridgeUnmute", BRIDGE, CALLER, **said)) == events.PartyMuted(AT, "c1", U, False)


def test_holds() -> None:
    assert translate(raw("Hold", CALLER, MusicClass="default")) == events.HoldChanged(AT, U, True)
    assert translate(raw("Unhold", CALLER)) == events.HoldChanged(AT, U, False)


@pytest.mark.parametrize("device", ["Queue:12345_avail", "confbridge:c1", "CBAnn/h", "Local/110@conference-dial"])
def test_a_device_that_is_no_phone_is_none_of_ours(device: str) -> None:
    assert translate(raw("DeviceStateChange", Device=device, State="INUSE")) is None


def test_a_phones_state() -> None:
    fact = translate(raw("DeviceStateChange", Device="PJSIP/1101", State="UNAVAILABLE"))

    assert fact == events.SeatPhoneChanged(AT, "1101", "UNAVAILABLE")


def test_pauses_from_events_and_from_the_queue_status() -> None:
    paused = events.SeatPauseChanged(AT, "2101", "12345", True, "lunch")
    said = {"Queue": "12345", "MemberName": "2101", "Paused": "1", "PausedReason": "lunch"}

    assert translate(raw("QueueMemberPause", Interface="PJSIP/2101", **said)) == paused
    assert pause({"Event": "QueueMember", "Location": "PJSIP/2101", **said}, AT) == paused
    assert pause({"Location": "PJSIP/2101", "Queue": "12345", "Paused": "0"}, AT) == events.SeatPauseChanged(
        AT, "2101", "12345", False, ""
    )
    assert translate(raw("QueueMemberPause", Interface="Local/5@x", **said)) is None


def user_event(kind: str, **said: str) -> events.Event | None:
    return translate(raw("UserEvent", CALLER, UserEvent=kind, **said))


def test_a_call_arrives_with_whatever_its_number_and_name_hold() -> None:
    name = '"; 张三,: <sip:110@x>'
    fact = user_event(
        "CallArrived",
        Number=quote("+8613800001111"),
        Name=quote(name),
        Presentation="allowed_not_screened",
        Dialled="12345",
        Line="12345",
        Trunk="pstn",
    )

    assert fact == events.CallArrived(
        AT, U, U, C, "+8613800001111", name, "allowed_not_screened", "12345", "12345", "pstn"
    )


def test_a_seat_answers() -> None:
    assert user_event("SeatAnswered", Seat="2101", Line="12345") == events.SeatAnswered(AT, U, U, C, "2101", "12345")


def test_a_step_of_a_handoff() -> None:
    fact = user_event(
        "HandoffStep",
        Step="result",
        Handoff="h1",
        Via="api",
        Target="110",
        FromLine="12345",
        Seat="2101",
        Release="on_answer",
        Status="BUSY",
        Cause="21",
        Sip="603",
        Hops="1",
    )

    assert fact == events.HandoffReported(
        AT, "result", "h1", U, U, "api", "110", "12345", "2101", "on_answer", "BUSY", "", 603, 21
    )
    answered = user_event("HandoffStep", Step="answered", Handoff="h1", Shown=quote("<sip:138@h>"), Seat="1101")
    assert isinstance(answered, events.HandoffReported)
    assert (answered.shown, answered.seat, answered.sip_code) == ("<sip:138@h>", "1101", None)


def test_a_step_of_a_party() -> None:
    fact = user_event("ConferenceStep", Step="answered", Handoff="h1", Party="target", Shown="%3Csip%3A138%40h%3E",
                      Seat="1101")  # fmt: skip

    assert fact == events.ConferenceReported(AT, "answered", "h1", "target", U, "", "", "<sip:138@h>", "1101")


@pytest.mark.parametrize("name", ["MusicOnHoldStart", "QueueMemberStatus", "DialEnd", "NoSuchEvent"])
def test_what_nobody_needs_is_no_fact(name: str) -> None:
    assert translate(raw(name, CALLER)) is None
    assert user_event(name) is None


@pytest.mark.parametrize("stamp", ["", "soon", "nan", "inf", "1e300"])
def test_given_no_usable_time_then_it_happens_now(stamp: str) -> None:
    before = datetime.now(UTC)
    fact = translate(raw("Newstate", CALLER, Timestamp=stamp))
    headers = {"Uniqueid": U, "ChannelStateDesc": "Up", "Timestamp": stamp}

    assert fact is not None
    again = translate(AmiEvent("Newstate", headers))
    assert again is not None and before <= again.at <= datetime.now(UTC)


def test_one_channel_variable_is_as_good_as_many() -> None:
    assert variables(AmiEvent("x", {"ChanVariable": "HANDOFF_ID=h1"})) == {"HANDOFF_ID": "h1"}
    assert variables(AmiEvent("x", {"ChanVariable": ["A=", "B=1=2", "C"]})) == {"B": "1=2"}
    assert variables(AmiEvent("x", {})) == {}


def test_a_channel_of_the_snapshot_brings_the_variables_that_were_asked_for() -> None:
    item = read_frame(
        "\r\n".join(
            [
                "Event: Status",
                *CALLER.splitlines(),
                "ConnectedLineNum: 2101",
                "BridgeID: b1",
                "Seconds: 42",
                "Variable: SEAT=2101",
                "Variable: HANDOFF_ID=",
                "Variable: OTHER=x",
            ]
        ).encode()
    )
    item["ConnectedLineNum"] = "2101"

    assert channel(item, ("SEAT", "HANDOFF_ID")) == events.ChannelSnapshot(
        U, U, C, True, "13800001111", "b1", 42, {"SEAT": "2101"}, "2101", "12345"
    )
    assert channel({"ChannelStateDesc": "Ringing"}, ()) == events.ChannelSnapshot("", "", "", False, "", "", 0)


def test_a_recording_that_begins_says_where_it_is_kept() -> None:
    told = raw("UserEvent", CALLER, UserEvent="RecordingStarted", Path="2026-11-21/lab-1795293828.0-1795293828800")

    assert translate(told) == events.RecordingStarted(AT, U, "2026-11-21/lab-1795293828.0-1795293828800")


@pytest.mark.parametrize(("state", "muted"), [("1", True), ("0", False)])
def test_a_recording_is_told_to_pause_and_to_go_on(state: str, muted: bool) -> None:
    told = raw("MixMonitorMute", CALLER, Direction="both", State=state)

    assert translate(told) == events.RecordingMuted(AT, U, muted)
