"""The gateway interface: what Asterisk says is read, what we say stays one command; every session ends at a human."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ivr import agi
from ivr.agi import AgiError, Reply
from ivr.caller import where_to
from ivr.menu import Gone, HandOver, LetGo, ToHuman, Why
from ivr.server import AgiServer, Passage, Reception
from ivr.shelf import Stock
from tests.support.fake_agi import ENVIRONMENT, Answer, FakeCall, heard
from tests.support.flows import EVERYTHING, LENGTHS, flow_of, shipped


def test_given_an_environment_when_read_then_by_its_names_and_anything_else_is_refused() -> None:
    lines = ["agi_network: yes", "agi_callerid: 138", "agi_arg_1:"]
    assert agi.environment(lines) == {"network": "yes", "callerid": "138", "arg_1": ""}
    with pytest.raises(AgiError):
        agi.environment(["GET / HTTP/1.1"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("200 result=1", Reply(200, "1")),
        ("200 result=49 endpos=8000", Reply(200, "49")),
        ("200 result=-1", Reply(200, "-1")),
        ("100 result=0 Trying...", Reply(100, "0", more=True)),
        ("200 result=0 Gosub complete", Reply(200, "0")),
        ("510 Invalid or unknown command", Reply(510, "")),
        ("520-Invalid command syntax.  Proper usage follows:", Reply(520, "", more=True)),
        ("511 Command Not Permitted on a dead channel or intercept routine", Reply(511, "")),
    ],
)
def test_given_a_reply_when_read_then_it_says_this(line: str, expected: Reply) -> None:
    assert agi.reply(line) == expected
    assert expected.gone == (line.startswith("511") or "-1" in line)


def test_given_nonsense_when_read_as_a_reply_then_it_is_refused() -> None:
    with pytest.raises(AgiError):
        agi.reply("hello")


def test_given_words_when_made_a_command_then_they_stay_one() -> None:
    assert agi.command("SET", "VARIABLE", "A", 'b "c" \\') == b'SET VARIABLE A "b \\"c\\" \\\\"\n'
    assert agi.command("EXEC", "") == b'EXEC ""\n'
    for bad in ("a\nHANGUP", "a\r", "a\0"):
        with pytest.raises(AgiError):
            agi.command("SET", bad)


def test_given_a_prompt_or_a_wait_when_a_key_ends_it_then_it_is_read_from_the_answer() -> None:
    assert agi.play("a/b") == b"STREAM FILE a/b 0123456789*#\n"
    assert agi.wait(2.5) == b"WAIT FOR DIGIT 2500\n"
    assert agi.wait(0.0) == b"WAIT FOR DIGIT 1\n"
    assert [agi.key_of(Reply(200, str(ord(key)))) for key in "5*#A"] == ["5", "*", "#", "A"]
    assert agi.key_of(Reply(200, "0")) is None
    for odd in ("12", "x", "", "120"):
        with pytest.raises(AgiError):
            agi.key_of(Reply(200, odd))


def test_given_an_ending_when_told_to_the_dialplan_then_in_one_word() -> None:
    assert where_to(ToHuman(Why.NO_KEY), "12345") == "human"
    assert where_to(ToHuman(Why.FLOW, "110"), "12345") == "line.110"
    assert where_to(ToHuman(Why.FLOW, None, "police"), "12345") == "desk.12345.police"
    assert where_to(HandOver("110", True, True, Why.DANGER), "12345") == "danger.110"
    assert where_to(HandOver("110", True, False, Why.FLOW), "12345") == "threeway.110"
    assert where_to(HandOver("110", False, False, Why.FLOW), "12345") == "transfer.110"
    assert where_to(LetGo(()), "12345") == "hangup"
    assert where_to(Gone(), "12345") == "human"


# --- the server -------------------------------------------------------------------------------------------------------

STOCK = Stock({"12345.yaml": shipped("12345")}, LENGTHS)
ALL = Stock({"all.yaml": flow_of(EVERYTHING)}, LENGTHS)


@asynccontextmanager
async def serving(most: int = 10, stock: Stock = STOCK) -> AsyncIterator[tuple[AgiServer, int, list[Passage]]]:
    over: list[Passage] = []
    reception = Reception(lambda: stock, lambda: frozenset({"12345"}))
    server = AgiServer(reception, on_over=over.append, most_sessions=most)
    listening = await server.listen("127.0.0.1", 0)
    async with listening:
        yield server, listening.sockets[0].getsockname()[1], over


async def call(
    answer: Answer, stock: Stock = STOCK, number: str = "13800001111"
) -> tuple[str, list[str], list[Passage]]:
    async with serving(stock=stock) as (_, port, over):
        caller = await FakeCall.comes(port, {**ENVIRONMENT, "agi_callerid": number})
        where = await caller.plays(answer)
        return where, caller.said, over


@pytest.mark.asyncio
async def test_given_a_caller_when_a_key_is_pressed_then_the_dialplan_is_told_and_the_passage_is_on_record() -> None:
    where, said, (passage,) = await call(heard("1"))
    assert where == "transfer.110"
    assert said[0].startswith("SET VARIABLE TIMEOUT(absolute) ")
    assert said[1:4] == [
        "STREAM FILE ivr-welcome-12345 0123456789*#",
        "STREAM FILE ivr-menu-12345 0123456789*#",
        "WAIT FOR DIGIT 3000",
    ]
    assert (passage.line, passage.version) == ("12345", STOCK.flows["12345.yaml"].version)
    assert [(visit.step, visit.key) for visit in passage.caller.path][-2:] == [("menu", "1"), ("police", "")]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("keys", "where"),
    [("-", "human"), ("0", "human"), ("77", "human"), ("7-", "human"), ("71", "transfer.110"), ("*", "danger.110"),
     ("2", "desk.12345.police"), ("!", ""), ("7!", "")],
)  # fmt: skip
async def test_given_what_a_caller_does_when_it_is_over_then_this_is_where_it_goes(keys: str, where: str) -> None:
    assert (await call(heard(*keys)))[0] == where


@pytest.mark.asyncio
async def test_given_a_prompt_when_a_key_comes_before_its_end_then_the_rest_is_not_played() -> None:
    where, said, _ = await call(lambda command: f"200 result={49 if 'STREAM' in command else 1}\n")
    assert where == "transfer.110"
    assert not any("ivr-menu-12345" in line for line in said)


@pytest.mark.asyncio
async def test_given_digits_when_they_are_said_then_each_is_read_and_a_human_follows() -> None:
    where, said, _ = await call(heard("6", "1", "2", "#"), ALL)
    assert where == "human"
    assert said.index("STREAM FILE digits/2 0123456789*#") == said.index("STREAM FILE digits/1 0123456789*#") + 1


@pytest.mark.asyncio
async def test_given_a_call_back_is_chosen_then_the_dialplan_has_promised_it_before_the_caller_is_told() -> None:
    where, said, _ = await call(heard("3"), ALL)
    assert where == "hangup"
    assert said.index("GOSUB call-back-order s 1 menu") < said.index("GET VARIABLE CALL_BACK_ID") < len(said) - 3


@pytest.mark.asyncio
@pytest.mark.parametrize("number", ["unknown", "anonymous", "12", ""])
@pytest.mark.parametrize("key", ["3", "4"])
async def test_given_nobody_to_call_back_when_it_is_chosen_then_a_human(key: str, number: str) -> None:
    where, said, _ = await call(heard(key), ALL, number)
    assert where == "human"
    assert not [line for line in said if "call-back-order" in line]


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["3", "4"])
async def test_given_a_promise_that_the_dialplan_did_not_make_then_a_human(key: str) -> None:
    keys = heard(key)
    assert (await call(lambda line: "200 result=0\n" if "GET VARIABLE" in line else keys(line), ALL))[0] == "human"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("keys", "where"), [("4#", "hangup"), ("4-", "hangup"), ("40", "human"), ("47", "human"), ("4*", "danger.110"),
                        ("4!", "")],
)  # fmt: skip
async def test_given_a_message_is_chosen_then_the_call_is_recorded_and_called_back_whatever_comes_then(
    keys: str, where: str
) -> None:
    went, said, _ = await call(heard(*keys), ALL)
    assert went == where
    asked = [line for line in said if line.startswith("GOSUB")]
    assert asked == ["GOSUB recorded s 1", "GOSUB call-back-order s 1 message"]
    assert "WAIT FOR DIGIT 10000" in said


@pytest.mark.asyncio
async def test_given_a_message_when_a_key_is_pressed_while_it_is_explained_then_it_begins_or_a_human_comes() -> None:
    def pressing(key: str) -> Answer:
        menu = heard("4")
        begun: list[str] = []

        def answer(line: str) -> str | None:
            if line.startswith("WAIT"):
                begun.append(line)
            if line.startswith("STREAM") and len(begun) == 1:
                begun.append(line)
                return f"200 result={ord(key)}\n"
            return menu(line)

        return answer

    assert (await call(pressing("#"), ALL))[0] == "hangup"
    assert (await call(pressing("7"), ALL))[0] == "human"


@pytest.mark.asyncio
@pytest.mark.parametrize("reply", ["510 Invalid or unknown command\n", "520-Usage\n520 End of proper usage.\n"])
async def test_given_an_asterisk_that_refuses_when_asked_then_a_human(reply: str) -> None:
    assert (await call(lambda command: reply))[0] == "human"


@pytest.mark.asyncio
@pytest.mark.parametrize("reply", ["what?\n", "200 result=99\n", "x" * 9000])
async def test_given_an_asterisk_that_talks_nonsense_when_asked_then_it_is_left_and_the_next_is_served(
    reply: str,
) -> None:
    async with serving() as (server, port, over):
        where = await (await FakeCall.comes(port)).plays(
            lambda command: reply if "WAIT" in command else "200 result=1\n"
        )
        assert (where, over) == ("", [])
        assert await (await FakeCall.comes(port)).plays(heard("1")) == "transfer.110"
        assert server.sessions == 0


@pytest.mark.asyncio
async def test_given_an_asterisk_that_says_nothing_or_goes_when_waited_for_then_the_session_ends() -> None:
    async with serving() as (server, port, over):
        mute = await FakeCall.comes(port, {})
        half = FakeCall(*await asyncio.open_connection("127.0.0.1", port))
        half.send("agi_network: yes\n")
        assert await mute.plays(heard()) == await half.plays(heard()) == ""
        gone = await FakeCall.comes(port)
        gone.leaves()
        endless = FakeCall(*await asyncio.open_connection("127.0.0.1", port))
        endless.send("agi_network: yes\n" * 200)
        assert await endless.plays(heard()) == ""
        async with asyncio.timeout(20):
            while server.sessions:
                await asyncio.sleep(0)
        assert over == []


@pytest.mark.asyncio
async def test_given_a_line_without_menu_when_it_asks_then_it_is_left_to_the_dialplan() -> None:
    async with serving() as (_, port, over):
        other = await FakeCall.comes(port, {**ENVIRONMENT, "agi_arg_1": "110", "agi_arg_3": "", "agi_arg_4": ""})
        assert (await other.plays(heard()), other.said, over) == ("", [], [])


@pytest.mark.asyncio
async def test_given_as_many_callers_as_there_may_be_when_one_more_comes_then_it_goes_to_a_human_at_once() -> None:
    async with serving(most=2) as (server, port, _):
        first = [await FakeCall.comes(port) for _ in range(2)]
        async with asyncio.timeout(20):
            while server.sessions < 2:
                await asyncio.sleep(0)
        assert await (await FakeCall.comes(port)).plays(heard("1")) == ""
        assert await asyncio.gather(*(each.plays(heard("1")) for each in first)) == ["transfer.110"] * 2
        assert await (await FakeCall.comes(port)).plays(heard("1")) == "transfer.110"


@pytest.mark.asyncio
async def test_given_two_hundred_callers_at_once_when_they_press_keys_then_each_is_told_its_own() -> None:
    async with serving(most=500) as (_, port, over):
        calls = [await FakeCall.comes(port) for _ in range(200)]
        keys = ["1", "2", "0", "*"] * 50
        went = await asyncio.gather(*(each.plays(heard(key)) for each, key in zip(calls, keys, strict=True)))
        where = {"1": "transfer.110", "2": "desk.12345.police", "0": "human", "*": "danger.110"}
        assert went == [where[key] for key in keys]
        assert len(over) == 200
