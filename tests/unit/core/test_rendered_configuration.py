"""Asterisk's configuration from the directory: complete, and refused when a value could change its meaning."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from telephony.asterisk.certificates import Certificate
from telephony.asterisk.render import Site, check, config_source, install, render
from telephony.errors import ConfigurationRejected
from telephony.lines import (
    Danger,
    Desk,
    Directory,
    Line,
    LinkedNumber,
    RecordingRule,
    RingStrategy,
    Seat,
    Surge,
    Trunk,
)

DIRECTORY = Directory(
    lines=(
        Line("110", "报警", ("110",), (Desk("police", "接警", ("1101", "1102")),), feature_code="*1"),
        Line("12345", "便民", ("12345", "62345"), (Desk("hall", "大厅", ("2101",)),), RingStrategy.LINEAR, 15, 60),
    ),
    seats=tuple(Seat(seat, f"坐席{seat}", f"secret-{seat}") for seat in ("1101", "1102", "2101")),
    trunks=(Trunk("pstn", ("127.0.0.1", "127.0.0.2"), "sip:127.0.0.1:5080"),),
    linked_numbers=(LinkedNumber("120", "急救", "pstn", "120", 25, "*3"),),
    default_line="12345",
)
PLACE = Path("/srv/hotline")
SITE = Site(
    node="n1",
    bind="127.0.0.1",
    sip_port=5060,
    ami_port=5038,
    ami_secret="ami-secret",
    rtp_start=10000,
    rtp_end=10100,
    etc_dir=PLACE / "etc",
    var_dir=PLACE / "var",
    run_dir=PLACE / "run",
    log_dir=PLACE / "log",
    spool_dir=PLACE / "spool",
    module_dir=PLACE / "modules",
    data_dir=PLACE / "data",
    sounds_dir=PLACE / "sounds",
    moh_dir=PLACE / "moh",
)


def test_every_template_is_rendered_and_nothing_is_left_of_its_marks() -> None:
    files = render(DIRECTORY, SITE)

    assert set(files) >= {path.name.removesuffix(".j2") for path in config_source().glob("*.j2")}
    assert {"extensions.conf", "pjsip.conf", "queues.conf", "manager.conf", "cel.conf"} <= set(files)
    assert not [name for name, text in files.items() if "{%" in text or "{{" in text]


def test_every_target_can_be_handed_to_by_click_by_refer_and_in_a_conference() -> None:
    contexts: dict[str, list[str]] = {}
    here = ""
    for line in render(DIRECTORY, SITE)["extensions.conf"].splitlines():
        if line.startswith("["):
            here = line[1:].partition("]")[0]
        contexts.setdefault(here, []).append(line)

    for target in ("110", "12345", "120"):
        for context in ("handoff", "refer", "conference-dial", "ring-group"):
            assert any(line.startswith(f"exten => {target},1,") for line in contexts[context]), (context, target)
    for number in ("110", "12345", "62345"):
        assert any(line.startswith(f"exten => {number},1,") for line in contexts["from-trunk"])
    assert "PJSIP/120@pstn" in "\n".join(contexts["ring-group"])


def _context(directory: Directory, name: str) -> list[str]:
    text = render(directory, SITE)["extensions.conf"]
    begin = text.index(f"\n[{name}]")
    return text[begin : text.index("\n[", begin + 1)].splitlines()


def test_a_line_that_is_recorded_is_so_before_anybody_is_rung_and_says_so_only_where_it_is_set() -> None:
    police, hall = DIRECTORY.lines
    always = replace(hall, recording=RecordingRule.ALWAYS)
    directory = replace(DIRECTORY, lines=(police, always))

    def steps(directory: Directory, context: str, exten: str) -> str:
        lines = _context(directory, context)
        begin = next(place for place, line in enumerate(lines) if line.startswith(f"exten => {exten},1,"))
        after = (place for place, line in enumerate(lines) if place > begin and not line.startswith(" same"))
        return "\n".join(lines[begin : next(after, len(lines))])

    line = steps(directory, "line", "12345")
    assert line.index("n,Gosub(recorded,s,1)") < line.index("Queue(")
    assert "call-recorded" not in line
    announced = replace(directory, lines=(police, replace(always, recording_announced=True)))
    assert steps(announced, "line", "12345").count("Playback(${PROMPTS}/call-recorded)") == 1
    for context in ("handoff", "refer"):
        assert "n,Gosub(recorded,s,1)" in steps(directory, context, "12345")
        assert "n,Gosub(recorded,s,1)" not in steps(directory, context, "110")
        assert "Gosub(recorded" in steps(directory, context, "120"), "where the call says so"
    assert "Set(HOTLINE_RECORD=always)" in steps(directory, "conference-dial", "12345")
    assert "HOTLINE_RECORD" not in steps(directory, "conference-dial", "110")


def test_a_line_in_a_surge_tells_offers_and_overflows_as_it_is_set_and_otherwise_says_nothing() -> None:
    police, hall = DIRECTORY.lines
    whole = replace(hall, call_back_key="3", danger=Danger("*", "110"), surge=Surge(5, 120, overflow="120"))
    directory = replace(DIRECTORY, lines=(police, whole))
    surge = "\n".join(_context(directory, "surge"))
    assert surge.index("Read(pressed,${PROMPTS}/ivr-busy&${PROMPTS}/ivr-call-back-offer") < surge.index("transfer.120")
    assert "= 0 & (0${QUEUE_WAITING_COUNT(12345)} > 5 | 0${QUEUEHOLDTIME} > 120)" in surge
    keys = _context(directory, "queue-keys-12345")
    pressed = {key: next(line for line in keys if line.startswith(f"exten => {key},1,")) for key in ("3", "*")}
    assert "danger.110" in "\n".join(keys)
    back = 'GotoIf($["${HOTLINE_FIRST}" = ""]?from-seat,12345,1'
    assert all(back in step for step in pressed.values()), "a seat that calls the line is no citizen"
    assert "context = queue-keys-12345" in render(directory, SITE)["queues.conf"]

    quiet = replace(whole, surge=Surge(wait_over=60, announce=False, offer=False, overflow="110"))
    surge = "\n".join(_context(replace(DIRECTORY, lines=(police, quiet)), "surge"))
    assert "Playback(" not in surge and "Read(" not in surge
    assert "QUEUE_MEMBER(110,free)" in surge and "> 1000000 | 0${QUEUEHOLDTIME} > 60" in surge
    told = replace(whole, surge=Surge(5, offer=False))
    assert "Playback(${PROMPTS}/ivr-busy)" in "\n".join(_context(replace(DIRECTORY, lines=(police, told)), "surge"))
    plain = render(DIRECTORY, SITE)
    assert "[surge]" not in plain["extensions.conf"] and "context = queue-keys" not in plain["queues.conf"]


def test_channels_kept_for_a_line_are_counted_before_another_line_gets_one() -> None:
    trunk = replace(DIRECTORY.trunks[0], channels=10, reserved=(("110", 3),))
    directory = replace(DIRECTORY, trunks=(trunk,))
    admit = "\n".join(_context(directory, "admit"))
    ours, others = admit.split("exten => pstn.12345,1,")
    assert "Hangup(34)" in others and "Hangup" not in ours, "a line with channels of its own is never refused"
    assert "$[3 - 0${GROUP_COUNT(110@trunk-pstn)}]" in "\n".join(_context(directory, "room"))
    ringing = "\n".join(_context(directory, "ring-group"))
    assert '"${HANDOFF_VIA}" = "ivr-danger" | "${HOTLINE_LINE}${FROM_LINE}" = "110"]?done)' in ringing
    assert ringing.count("Gosub(room,pstn,1)") == 1, "no handoff to 120 takes the last of them"
    assert "Gosub(room" not in "\n".join(_context(DIRECTORY, "ring-group"))
    arrivals = [line for line in _context(directory, "from-trunk") if "Gosub" in line]
    assert len(arrivals) == 2 * 4, "three numbers, and those that nobody configured"
    assert "[admit]" not in render(DIRECTORY, SITE)["extensions.conf"]


def test_what_records_can_neither_end_nor_delay_a_call() -> None:
    recorded = _context(DIRECTORY, "recorded")

    assert not [line for line in recorded if "System(" in line or "Wait(" in line or "Playback(" in line]
    assert [line for line in recorded if "MixMonitor(" in line] == [
        line for line in recorded if line.startswith(" same => n,TryExec(MixMonitor(")
    ]


def test_the_key_that_forces_a_recording_is_there_where_it_is_set() -> None:
    with_key = render(replace(DIRECTORY, recording_code="*9"), SITE)

    assert 'record => *9,peer,Gosub,"recorded,s,1"' in with_key["features.conf"]
    assert "DYNAMIC_FEATURES=to-110#to-120#record\n" in with_key["pjsip.conf"]
    assert "record" not in render(DIRECTORY, SITE)["features.conf"]
    assert "DYNAMIC_FEATURES=to-110#to-120\n" in render(DIRECTORY, SITE)["pjsip.conf"]


def test_every_seat_and_trunk_has_its_endpoint_and_every_line_its_queue() -> None:
    files = render(DIRECTORY, SITE)

    for seat in DIRECTORY.seats:
        assert f"[{seat.id}](seat)" in files["pjsip.conf"] and f"password = {seat.secret}" in files["pjsip.conf"]
    assert "[pstn](trunk)" in files["pjsip.conf"] and "match = 127.0.0.1,127.0.0.2" in files["pjsip.conf"]
    assert "member => PJSIP/2101" in files["queues.conf"] and "strategy = linear" in files["queues.conf"]
    assert "*1" in files["features.conf"] and "*3" in files["features.conf"]


def test_without_a_default_line_an_unknown_number_goes_nowhere() -> None:
    with_default = render(DIRECTORY, SITE)["extensions.conf"]
    without = render(replace(DIRECTORY, default_line=None), SITE)["extensions.conf"]

    assert "exten => _[0-9a-zA-Z+*#]!" in with_default and "exten => _[0-9a-zA-Z+*#]!" not in without


@pytest.mark.parametrize("bad", ["a;b", "a\nb", "a\rb", "a\\b", "a\x00b", "a\x1bb"])
@pytest.mark.parametrize("where", ["seat name", "secret", "number", "trunk", "path"])
def test_a_value_that_could_break_out_of_its_line_is_refused(bad: str, where: str) -> None:
    directory, site = DIRECTORY, SITE
    seat, line, trunk = DIRECTORY.seats[0], DIRECTORY.lines[0], DIRECTORY.trunks[0]
    if where == "seat name":
        directory = replace(directory, seats=(replace(seat, name=bad), *DIRECTORY.seats[1:]))
    elif where == "secret":
        directory = replace(directory, seats=(replace(seat, secret=bad), *DIRECTORY.seats[1:]))
    elif where == "number":
        directory = replace(directory, lines=(replace(line, numbers=(bad,)), *DIRECTORY.lines[1:]))
    elif where == "trunk":
        directory = replace(directory, trunks=(replace(trunk, contact=bad),))
    else:
        site = replace(site, sounds_dir=PLACE / bad)

    with pytest.raises(ConfigurationRejected):
        render(directory, site)


def test_a_refused_value_is_an_error_with_its_slug_that_does_not_show_a_whole_secret_file() -> None:
    with pytest.raises(ConfigurationRejected) as refused:
        render(replace(DIRECTORY, default_line="x;y"), SITE)

    assert refused.value.slug == "configuration-rejected" and "control character" in refused.value.message


@pytest.mark.parametrize(
    "jump",
    [
        "exten => s,1,Goto(nowhere,s,1)",
        " same => n,Gosub(nowhere,s,1(a,b))",
        " same => n,GotoIf($[1]?nowhere,s,1)",
        " same => n,GotoIf($[1]?here:nowhere,s,1)",
        " same => n,ChannelRedirect(${CALLER_CHANNEL},nowhere,s,1)",
        " same => n,Dial(PJSIP/1,20,F(nowhere^s^1))",
        " same => n,Dial(PJSIP/1,20,gb(nowhere^s^1(1)))",
    ],
)
def test_a_jump_to_a_context_that_is_not_there_is_refused_with_its_line(jump: str) -> None:
    with pytest.raises(ConfigurationRejected, match=r"extensions\.conf:2: no context \[nowhere\]"):
        check("extensions.conf", f"[here]\n{jump}\n")


def test_a_jump_that_is_there_or_commented_out_is_fine() -> None:
    check("extensions.conf", "[here] ; with words\nexten => s,1,Goto(here,s,1)\n; Goto(nowhere,s,1)\n")
    check("queues.conf", "exten => s,1,Goto(nowhere,s,1)\n")


@pytest.mark.parametrize("second", ["[here]", "[here] ; again"])
def test_a_section_that_stands_twice_is_refused_but_for_pjsip_where_it_must(second: str) -> None:
    with pytest.raises(ConfigurationRejected, match=r"queues\.conf:3: section \[here\] stands twice"):
        check("queues.conf", f"[here]\n\n{second}\n")
    check("pjsip.conf", f"[here]\n\n{second}\n")


def test_files_are_put_in_place_whole_private_and_only_where_they_differ(tmp_path: Path) -> None:
    etc = tmp_path / "a" / "etc"

    assert install({"a.conf": "1\n", "b.conf": "张\n"}, etc) == {"a.conf", "b.conf"}
    assert install({"a.conf": "1\n", "b.conf": "2\n"}, etc) == {"b.conf"}
    assert (etc / "b.conf").read_text() == "2\n"
    assert sorted(path.name for path in etc.iterdir()) == ["a.conf", "b.conf"]
    assert stat.S_IMODE((etc / "a.conf").stat().st_mode) == 0o600


def test_the_templates_are_found_in_an_installed_package_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inside = tmp_path / "_config"
    inside.mkdir()
    monkeypatch.setattr("telephony.asterisk.render.__file__", str(tmp_path / "render.py"))

    assert config_source() == inside


def test_who_is_called_back_by_a_seat_is_recorded_and_told_so_as_on_the_way_to_the_queue() -> None:
    police, hall = DIRECTORY.lines
    always = replace(hall, recording=RecordingRule.ALWAYS, recording_announced=True)
    steps = "\n".join(_context(replace(DIRECTORY, lines=(police, always)), "called-back"))
    recorded = steps.index('ExecIf($["${HOTLINE_LINE}" = "12345"]?Gosub(recorded,s,1))')
    assert steps.index("callback-here") < recorded < steps.index("Playback(${PROMPTS}/call-recorded)")
    assert steps.index("Set(RECORDING_TOLD=1)") < steps.index("Gosub(ring-seat")
    assert "recorded" not in "\n".join(_context(DIRECTORY, "called-back"))


def test_who_is_being_called_back_and_asks_for_it_again_keeps_the_order() -> None:
    first, second = [line for line in _context(DIRECTORY, "call-back-order") if "ExecIf(" in line]
    assert first.endswith('ExecIf($["${CALL_BACK}" != ""]?Set(CALL_BACK_ID=${CALL_BACK}))')
    assert "Set(CALL_BACK_ID=${UUID()})" in second


def _pjsip(directory: Directory, site: Site, section: str) -> list[str]:
    text = render(directory, site)["pjsip.conf"]
    begin = text.index(f"\n[{section}]")
    return text[begin : text.index("\n[", begin + 1)].splitlines()


def test_a_seat_in_a_browser_is_one_for_webrtc_and_a_desk_phone_is_not() -> None:
    seats = tuple(replace(seat, in_browser=seat.id == "2101") for seat in DIRECTORY.seats)
    directory = replace(DIRECTORY, seats=seats)

    assert _pjsip(directory, SITE, "2101")[1] == "[2101](browser-seat)"
    assert _pjsip(directory, SITE, "1101")[1] == "[1101](seat)"
    assert "webrtc = yes" in _pjsip(directory, SITE, "browser-seat")
    assert "icesupport = yes" in render(directory, SITE)["rtp.conf"]


def test_opus_is_offered_where_this_asterisk_can_translate_it(tmp_path: Path) -> None:
    site = replace(SITE, module_dir=tmp_path)
    assert "allow = alaw,ulaw" in _pjsip(DIRECTORY, site, "browser-seat")
    assert "opus" not in render(DIRECTORY, site)["modules.conf"]

    (tmp_path / "codec_opus_open_source.so").touch()

    assert "allow = alaw,ulaw,opus" in _pjsip(DIRECTORY, site, "browser-seat")
    modules = render(DIRECTORY, site)["modules.conf"].splitlines()
    assert {"load = codec_opus_open_source.so", "load = res_format_attr_opus.so"} <= set(modules)


def test_browsers_reach_asterisk_in_plain_from_this_machine_alone() -> None:
    plain = render(DIRECTORY, SITE)["http.conf"]
    assert "bindaddr = 127.0.0.1" in plain and "tlsenable" not in plain
    assert "bindaddr = 0.0.0.0" in render(DIRECTORY, replace(SITE, ws_bind="0.0.0.0"))["http.conf"]

    certificate = Certificate(PLACE / "tls" / "server.pem", PLACE / "tls" / "server.key")
    secure = render(DIRECTORY, replace(SITE, bind="0.0.0.0", certificate=certificate))["http.conf"]
    assert "bindaddr = 127.0.0.1" in secure
    assert "tlsbindaddr = 0.0.0.0:8089" in secure
    assert "tlscertfile = /srv/hotline/tls/server.pem" in secure
