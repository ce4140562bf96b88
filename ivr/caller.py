"""One caller's session with the menus: the engine's actions become AGI commands, their answers its events."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from ivr import agi
from ivr.agi import AgiError, Reply
from ivr.menu import (
    END_KEY,
    ENDS,
    Ask,
    Caller,
    Done,
    Engine,
    Event,
    Failed,
    Gone,
    HandOver,
    HungUp,
    LetGo,
    OrderCallBack,
    Pressed,
    Silence,
    TakeMessage,
    ToHuman,
)

GRACE_SECONDS: Final = 1.0
"""So long may we think between two commands: Asterisk then takes the caller away, to a human."""

_ANSWER_SECONDS: Final = 2.0
_MOST_LINES: Final = 100

NEXT: Final = "IVR_NEXT"
"""The variable in which the dialplan reads what comes after the menus; without it: a human."""

ORDER: Final = "call-back-order"
ORDERED: Final = "CALL_BACK_ID"
"""The dialplan's subroutine that promises a call-back, and the variable that tells that it did."""

_DIALABLE: Final = re.compile(r"\+?[0-9]{3,20}")

Ending: TypeAlias = ToHuman | HandOver | LetGo | Gone


class Gateway:
    """One connection from Asterisk. Every method raises AgiError when Asterisk goes, is silent or talks nonsense."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def environment(self) -> dict[str, str]:
        lines: list[str] = []
        async with _within(GRACE_SECONDS):
            while line := await self._line():
                lines.append(line)
                if len(lines) > _MOST_LINES:
                    raise AgiError("an AGI environment without end")
        return agi.environment(lines)

    async def do(self, command: bytes, seconds: float = 0.0) -> Reply:
        """``seconds``: how long the command itself may take."""
        async with _within(seconds + _ANSWER_SECONDS):
            self._writer.write(command)
            await self._writer.drain()
            while True:
                line = await self._line()
                if line == agi.HANGUP:
                    return Reply(511, "-1")
                answer = agi.reply(line)
                if not answer.more:
                    return answer

    async def _line(self) -> str:
        try:
            line = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
            raise AgiError(f"the connection ended: {error}") from error
        return line.decode("utf-8", "replace").rstrip("\r\n")


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as late:
        raise AgiError("Asterisk did not answer in time") from late


@dataclass(frozen=True, slots=True)
class Visitor:
    """One caller at the menus. ``call``: what Asterisk says of it; ``clock``: seconds, steady."""

    gateway: Gateway
    engine: Engine
    call: Mapping[str, str]
    clock: Callable[[], float]

    async def run(self) -> tuple[Caller, Ending]:
        """To the end of the flow; where the caller goes then is set on its channel. Raises AgiError."""
        began = self.clock()
        caller, action = self.engine.start()
        while not isinstance(action, ENDS):
            event = await self._perform(action)
            caller, action = self.engine.advance(caller, event, self.clock() - began)
        if isinstance(action, LetGo) and action.prompts:
            await self._ask(Ask(action.prompts))
        if not isinstance(action, Gone):
            await self.gateway.do(agi.set_variable(NEXT, where_to(action, self.engine.flow.line)))
        return caller, action

    async def _perform(self, action: Ask | OrderCallBack | TakeMessage) -> Event:
        match action:
            case Ask():
                return await self._ask(action)
            case OrderCallBack():
                return await self._order(action)
            case _:
                return await self._take_message(action)

    async def _ask(self, action: Ask) -> Event:
        lengths = self.engine.lengths
        commands = [(agi.play(prompt), lengths.get(prompt, 0.0)) for prompt in action.prompts]
        if action.seconds or not action.prompts:
            commands.append((agi.wait(action.seconds), action.seconds))
        answer = await self.gateway.do(agi.give_up_after(sum(each for _, each in commands) + GRACE_SECONDS))
        for command, seconds in commands:
            if answer.gone or answer.code != 200:
                break
            answer = await self.gateway.do(command, seconds)
            if answer.code == 200 and not answer.gone and (key := agi.key_of(answer)) is not None:
                return Pressed(key)
        if answer.gone:
            return HungUp()
        return Silence() if answer.code == 200 else Failed()

    async def _order(self, action: OrderCallBack) -> Event:
        if not await self._promise("menu"):
            return Failed()
        heard = await self._ask(Ask(action.prompts)) if action.prompts else Done()
        return heard if isinstance(heard, HungUp) else Done()

    async def _take_message(self, action: TakeMessage) -> Event:
        """It is a part of the call's recording. Who hangs up in the middle of it is called back all the same."""
        heard = await self._ask(Ask(action.prompts)) if action.prompts else Silence()
        if isinstance(heard, HungUp | Failed) or (isinstance(heard, Pressed) and heard.key != END_KEY):
            return heard
        await self.gateway.do(agi.run("recorded"))
        if not await self._promise("message"):
            return Failed()
        heard = await self._ask(Ask((), action.seconds))
        return Done() if heard == Pressed(END_KEY) or isinstance(heard, Silence) else heard

    async def _promise(self, reason: str) -> bool:
        """Whether the dialplan has written down that this caller is to be called back."""
        if not _DIALABLE.fullmatch(self.call.get("callerid", "")):
            return False
        await self.gateway.do(agi.run(ORDER, reason))
        return (await self.gateway.do(agi.variable(ORDERED))).result == "1"


def where_to(ending: Ending, line: str) -> str:
    """One word for the dialplan, so that it holds all of a decision or nothing of it."""
    match ending:
        case ToHuman(desk=str(desk)):
            return f"desk.{ending.line or line}.{desk}"
        case ToHuman(line=str(other)):
            return f"line.{other}"
        case HandOver(danger=True):
            return f"danger.{ending.target}"
        case HandOver():
            return f"{'threeway' if ending.three_way else 'transfer'}.{ending.target}"
        case LetGo():
            return "hangup"
        case _:
            return "human"
