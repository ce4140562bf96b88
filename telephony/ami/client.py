"""One link to Asterisk: log in, ask, listen. A broken link stays broken; ``link.AmiLink`` makes the next."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from telephony.ami.frames import AmiEvent, Headers, Request
from telephony.ami.protocol import SafeAction, SafeManager, SafeMessage
from telephony.errors import (
    AmiActionFailed,
    AmiError,
    AmiEventOverflow,
    AmiLinkLost,
    AmiLoginRefused,
    AmiNotConnected,
    AmiPeerSilent,
    AmiProtocolError,
    AmiTimeout,
    AmiUnreachable,
)


@dataclass(frozen=True, slots=True)
class AmiReply:
    """Asterisk accepted the action, no more than that: what it leads to comes as events."""

    message: str
    headers: Headers


class AmiClient:
    """All times are seconds. Make it inside a running loop; raises UnsafeHeader for unusable credentials.

    Args:
        action_timeout: deadline of an action that is given none of its own; also of the whole of ``connect``.
        ping_interval, ping_timeout: a peer that stopped answering is noticed within their sum. Never use a
            synchronous Originate: Asterisk answers nothing else on the link meanwhile.
        max_frame_bytes: a larger frame drops the link.
        max_events: more than this waiting for the consumer drop the link: better than losing some silently.
        max_list_items: a longer list answer fails with AmiListTooLong, and the link stays.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        secret: str,
        *,
        action_timeout: float = 5.0,
        ping_interval: float = 5.0,
        ping_timeout: float = 5.0,
        max_frame_bytes: int = 1 << 20,
        max_events: int = 50_000,
        max_list_items: int = 20_000,
    ) -> None:
        self._address = f"{host}:{port}"
        self._action_timeout = action_timeout
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._max_events = max_events
        self._max_list_items = max_list_items
        self._events: asyncio.Queue[AmiEvent | None] = asyncio.Queue()
        self._watchdog: asyncio.Task[None] | None = None
        self._lost: AmiLinkLost | None = None
        self._manager = SafeManager(
            host=host,
            port=port,
            username=username,
            secret=secret,
            max_frame_bytes=max_frame_bytes,
            on_event=self._take_event,
            on_lost=self._take_loss,
        )

    @property
    def lost(self) -> AmiLinkLost | None:
        """Why the link ended; None while it is up, and before."""
        return self._lost

    async def connect(self) -> None:
        """Makes one attempt, once in a client's life.

        Raises:
            AmiUnreachable: nobody listens there, or the peer hung up before it answered the login.
            AmiLoginRefused: wrong name or password, or not permitted from here.
            AmiTimeout: connected or not, the login was not answered in time.
            AmiProtocolError: whoever listens there is not an Asterisk manager.
        """
        if self._manager.protocol is not None:
            raise RuntimeError("a client connects once")
        try:
            reply = await self._log_in()
            if not reply.success:
                raise AmiLoginRefused(f"Asterisk at {self._address} refused the login: {_text(reply)}")
        except BaseException:
            self._manager.close()
            raise
        self._watchdog = asyncio.create_task(self._watch(), name="ami-watchdog")

    async def action(self, headers: Request, *, timeout: float | None = None) -> AmiReply:
        """Sends one action and awaits its own reply. A sequence as value (``Variable``) is a line per item.

        An ``ActionID`` is given to the action unless it brings one.

        Raises:
            UnsafeHeader, AmiNotConnected: surely not sent.
            AmiActionFailed: Asterisk refused it.
            AmiTimeout, AmiLinkLost: it MAY have been executed; it is never sent again.
        """
        answer = await self._ask(SafeAction(headers), timeout)
        return AmiReply(_text(answer), answer.headers)

    async def list_action(self, headers: Request, *, timeout: float | None = None) -> list[Headers]:
        """Like ``action``, for one answered by a list of events: its items in wire order, without the closing
        event.

        To Asterisk some empty lists are errors, hence AmiActionFailed (``ConfbridgeList``: "No active
        conferences.").

        Raises:
            AmiListTooLong: more than ``max_list_items``.
        """
        action = SafeAction(headers, as_list=True, max_items=self._max_list_items)
        return [item.headers for item in await self._ask(action, timeout)]

    async def events(self) -> AsyncGenerator[AmiEvent, None]:
        """Every event in wire order, for one consumer. Ends when the link is lost, after those that came
        before; ``lost`` then says why. Whatever the consumer does, it does not hold up the reader.

        Raises:
            AmiNotConnected: the link has not been up.
        """
        if self._lost is None and not self._manager.linked:
            raise AmiNotConnected("there are no events before the login")
        while (event := await self._events.get()) is not None:
            yield event
        self._events.put_nowait(None)

    async def close(self) -> None:
        """Ends the link; pending actions fail with AmiLinkLost. May be called again, or without a link."""
        self._manager.close()
        if self._watchdog is not None:
            await asyncio.wait([self._watchdog])

    async def _log_in(self) -> SafeMessage:
        try:
            async with asyncio.timeout(self._action_timeout):
                await self._manager.connect()
                if self._lost is not None:  # by its first bytes
                    raise self._lost
                reply: SafeMessage = await self._manager.authenticated_future
                return reply
        except TimeoutError:
            raise AmiTimeout(f"Asterisk at {self._address} did not answer the login in time") from None
        except OSError as error:
            raise AmiUnreachable(f"Asterisk at {self._address} cannot be reached: {error}") from error
        except AmiProtocolError:
            raise
        except AmiLinkLost as error:
            raise AmiUnreachable(f"Asterisk at {self._address} hung up before the login was answered") from error

    async def _ask(self, action: SafeAction, timeout: float | None) -> Any:
        if not self._manager.linked:
            raise AmiNotConnected(f"the link to Asterisk at {self._address} is down")
        future = self._manager.protocol.send(action)
        deadline = self._action_timeout if timeout is None else timeout
        try:
            await asyncio.wait([future], timeout=deadline)
            if not future.done():
                raise AmiTimeout(f"Asterisk did not answer {action['Action']} within {deadline:g} s")
        finally:
            future.cancel()
        answer = future.result()
        if isinstance(answer, SafeMessage) and not answer.success:
            raise AmiActionFailed(action["Action"], _text(answer), answer.headers)
        return answer

    async def _watch(self) -> None:
        while self._lost is None:
            await asyncio.sleep(self._ping_interval)
            try:
                await self.action({"Action": "Ping"}, timeout=self._ping_timeout)
            except AmiTimeout:
                self._manager.protocol.lose(AmiPeerSilent("Asterisk stopped answering pings"))
            except AmiError:
                continue  # refused: it lives; lost: the loop ends

    def _take_event(self, event: AmiEvent) -> None:
        if self._events.qsize() >= self._max_events:
            self._manager.protocol.lose(AmiEventOverflow(f"more than {self._max_events} events were waiting"))
        else:
            self._events.put_nowait(event)

    def _take_loss(self, reason: AmiLinkLost) -> None:
        self._lost = reason
        self._events.put_nowait(None)
        if self._watchdog is not None:
            self._watchdog.cancel()


def _text(reply: SafeMessage) -> str:
    text: str | Sequence[str] = reply.message
    return text if isinstance(text, str) else " ".join(text)
