"""What crosses the pipe between a phone host and its parent arrives as it left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphones.wire import Message, Notice, Reply, Request, WireError, decode, encode

VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text())
DETAILS = st.dictionaries(st.text(), VALUES)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Request, st.integers(), st.text(), DETAILS),
    st.builds(Reply, st.integers(), VALUES, st.none() | st.text(), st.text(), st.none() | st.integers()),
    st.builds(Notice, st.text(), st.text(), st.floats(0, 1e9), st.text(), DETAILS),
)


@given(message=MESSAGES)
def test_given_any_message_when_sent_then_it_is_one_line_and_arrives_whole(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize(
    "line",
    [b"", b"re: listening", b"[]", b"3", b"{}", b'{"type":"letter"}', b'{"type":"reply"}', b'{"type":[]}', b"\xff\n"],
)
def test_given_anything_else_then_it_is_refused(line: bytes) -> None:
    with pytest.raises(WireError):
        decode(line)
