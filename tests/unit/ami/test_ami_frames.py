"""Frames as pure data: however the stream is cut into reads, the same frames come out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.ami.frames import AmiEvent, FrameCutter, check_request, read_frame
from telephony.errors import AmiProtocolError, UnsafeHeader

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
NAME = "市民热线张三"

values = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=30)
frames = st.lists(values.map(lambda value: f"Event: X\r\nName: {value}".encode()), max_size=8)
ends = st.sampled_from([b"\r\n\r\n", b"\r\n\n"])


def cut(*chunks: bytes, limit: int = 1000) -> list[bytes]:
    cutter = FrameCutter(limit)
    return [frame for chunk in chunks for frame in cutter.feed(chunk)]


@given(frames, ends, st.data())
def test_given_any_cut_into_reads_when_fed_then_the_frames_are_the_same(
    sent: list[bytes], end: bytes, data: st.DataObject
) -> None:
    stream = GREETING + b"".join(frame + end for frame in sent)
    borders = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[a:b] for a, b in zip([0, *borders], [*borders, len(stream)], strict=True)]
    assert cut(*chunks) == cut(stream) == sent


@given(values)
def test_given_any_value_we_accept_when_read_back_then_it_is_unchanged(value: str) -> None:
    try:
        check_request({"Name": value})
    except UnsafeHeader:
        assert "\0" in value
    else:
        assert read_frame(f"Event: X\r\nName: {value}".encode())["Name"] == value


@pytest.mark.parametrize("stranger", [b"SSH-2.0-OpenSSH_9.2\r\n", b"H", b"Asterisk Call Mangler/1\r\n"])
def test_given_no_asterisk_greeting_when_fed_then_the_peer_is_refused(stranger: bytes) -> None:
    with pytest.raises(AmiProtocolError, match="greet"):
        cut(stranger)


def test_given_an_endless_greeting_when_fed_then_it_is_capped() -> None:
    with pytest.raises(AmiProtocolError, match="1000 bytes"):
        cut(b"Asterisk Call Manager/" + b"1" * 1000)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_given_a_frame_beyond_the_cap_when_fed_then_the_frames_before_it_still_come(end: bytes) -> None:
    cutter = FrameCutter(1000)
    fed = cutter.feed(GREETING + b"Event: A\r\n\r\n" + b"x" * 1001 + end)
    assert next(fed) == b"Event: A"
    with pytest.raises(AmiProtocolError, match="1000 bytes"):
        next(fed)


def test_given_many_small_frames_in_one_read_when_fed_then_their_sum_is_not_capped() -> None:
    assert len(cut(GREETING, b"Event: A\r\n\r\n" * 500, limit=100)) == 500


def test_given_a_repeated_header_when_read_then_all_values_are_kept_in_order_under_its_first_spelling() -> None:
    read = read_frame(b"Event: Status\r\nChanVariable: A=1\r\nchanvariable: B=2\r\nChanVariable: C=3")
    assert read == {"Event": "Status", "ChanVariable": ["A=1", "B=2", "C=3"]}


def test_given_a_second_type_or_id_when_read_then_the_first_counts() -> None:
    read = read_frame(
        b"Event: UserEvent\r\nActionID: 1\r\nevent: Hangup\r\nActionID: 2\r\nEventList: x\r\nEVENTLIST: y"
    )
    assert read == {"Event": "UserEvent", "ActionID": "1", "EventList": "x"}


def test_given_odd_lines_when_read_then_what_can_be_read_is_kept() -> None:
    read = read_frame(b"\r\nEvent: X\r\nno header\r\nA:1\r\nB:  two\r\nC:\r\nD: a: b\r\nE: \xc4\xe3")
    assert read == {"Event": "X", "A": "1", "B": " two", "C": "", "D": "a: b", "E": "\ufffd\ufffd"}


def test_an_event_gives_one_value_or_all() -> None:
    event = AmiEvent("Status", {"Event": "Status", "ChanVariable": ["A=1", "B=2"], "Exten": NAME})
    assert (event.get("Exten"), event.get("ChanVariable"), event.get("None", "-")) == (NAME, "A=1", "-")
    assert event.values("ChanVariable") == ["A=1", "B=2"]
    assert event.values("Exten") == [NAME]
    assert event.values("None") == []


def test_given_a_line_at_asterisks_limit_when_checked_then_one_byte_more_is_refused() -> None:
    fits = "x" * (1022 - len("Name: "))
    check_request({"Name": fits, "Variable": ["A=1", NAME]})
    with pytest.raises(UnsafeHeader, match="1022 bytes"):
        check_request({"Name": fits + "x"})


def test_a_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(UnsafeHeader) as caught:
        check_request({"CallerID": "13800001111\r\n"})
    assert "13800001111" not in str(caught.value)
    assert caught.value.header == "CallerID"
