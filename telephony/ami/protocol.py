"""panoramisk's Action, Message, AMIProtocol and Manager, made safe by subclassing.

Kept of panoramisk 1.4: ids and wire form of actions, the case-insensitive message, the table of pending
actions, connecting and logging in. Replaced: replay and queueing, reconnecting, completion of answers,
reading, callbacks. A SafeManager lives for one link.
"""

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import structlog

# panoramisk ships no types, so its classes are Any to mypy: hence the ignores on the class lines.
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from telephony.ami.frames import AmiEvent, FrameCutter, Headers, Request, check_request, read_frame
from telephony.errors import (
    AmiError,
    AmiLinkLost,
    AmiListTooLong,
    AmiProtocolError,
    UnsafeHeader,
)

log = structlog.get_logger()


class SafeMessage(Message):  # type: ignore[misc]
    """One frame. Its first header is its type: an OriginateResponse event has a ``Response`` header too.
    ``headers`` are as received: panoramisk adds an empty ``content`` to its own view of them."""

    def __init__(self, headers: Headers) -> None:
        super().__init__(headers)
        self.headers = headers

    @property
    def is_event(self) -> bool:
        return next(iter(self), "").lower() == "event"

    @property
    def success(self) -> bool:
        return not self.is_event and self.response in self.success_responses

    @property
    def ends_list(self) -> bool:
        return self.eventlist.lower() in ("complete", "cancelled") or self.event.endswith("Complete")


class SafeAction(Action):  # type: ignore[misc]
    """One request and its ``future``: a SafeMessage, or a list of them where a list was asked for.

    Raises UnsafeHeader instead of coming to be with headers that would break out of their line.
    """

    def __init__(self, headers: Request, *, as_list: bool = False, max_items: int = 0) -> None:
        check_request(headers)
        super().__init__(headers, as_list=as_list)
        self.max_items = max_items

    def add_message(self, message: SafeMessage) -> bool:
        """Takes one frame of the answer; True when nothing more is to come. Only a list takes events."""
        if not message.is_event:
            if self.as_list and message.success:
                return False
            self._settle(message)
            return True
        if message.ends_list:
            self._settle(self.responses)
            return True
        if len(self.responses) >= self.max_items:
            self.fail(AmiListTooLong(f"{self['Action']} listed more than {self.max_items} items"))
        else:
            self.responses.append(message)
        return False

    def fail(self, error: AmiError) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def _settle(self, answer: SafeMessage | list[SafeMessage]) -> None:
        if not self.future.done():
            self.future.set_result(answer)


class SafeProtocol(AMIProtocol):  # type: ignore[misc]
    """One connection. It ends once, through ``lose``, which fails whatever is pending and repeats nothing."""

    def __init__(self, manager: "SafeManager", max_frame_bytes: int) -> None:
        self.manager = manager
        self.frames = FrameCutter(max_frame_bytes)
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.factory = self.manager

    def send(self, data: Request, as_list: bool = False) -> "asyncio.Future[Any]":
        action = data if isinstance(data, SafeAction) else SafeAction(data)
        if action.id in self.responses:
            raise UnsafeHeader("ActionID", "is that of a pending action")
        self.responses[action.id] = action
        self.transport.write(str(action).encode())
        future: asyncio.Future[Any] = action.future
        return future

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self.frames.feed(data):
                if self.closed:
                    return
                self.handle_message(SafeMessage(read_frame(frame)))
        except AmiProtocolError as error:
            self.lose(error)

    def handle_message(self, message: SafeMessage) -> None:
        action = self.responses.get(message.action_id)
        if message.is_event and (action is None or not action.as_list):
            self.factory.dispatch(message)
        elif action is not None:
            if action.add_message(message):
                del self.responses[action.id]
        else:  # the answer to an action that was given up, or no AMI frame at all
            log.debug("ami.frame_without_owner", action_id=message.action_id)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose(AmiLinkLost(f"the link to Asterisk broke: {exc}" if exc else "Asterisk closed the link"))

    def close(self) -> None:
        self.lose(AmiLinkLost("we closed the link"))

    def lose(self, reason: AmiLinkLost) -> None:
        if self.closed:
            return
        self.closed = True
        # Not close(): that waits until a peer which may be half-open has read all we wrote.
        self.transport.abort()
        for action in self.responses.values():
            action.fail(copy.copy(reason))
        self.responses.clear()
        self.factory.connection_lost(reason)


class SafeManager(Manager):  # type: ignore[misc]
    """Connects and logs in, once. Hands each event to ``on_event`` and the end of the link to ``on_lost``;
    both are called by the reader and must not block or raise."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        max_frame_bytes: int,
        on_event: Callable[[AmiEvent], None],
        on_lost: Callable[[AmiLinkLost], None],
    ) -> None:
        check_request({"Username": username, "Secret": secret})
        super().__init__(
            host=host,
            port=port,
            username=username,
            secret=secret,
            loop=asyncio.get_running_loop(),
            protocol_factory=lambda: SafeProtocol(self, max_frame_bytes),
        )
        self.on_event = on_event
        self.on_lost = on_lost

    @property
    def linked(self) -> bool:
        return self.authenticated and not self.protocol.closed

    def connection_made(self, f: "asyncio.Task[Any]") -> None:
        if f.cancelled() or f.exception() is not None or f.result()[1].closed:
            return  # whoever awaits connect() finds out; panoramisk would try again for ever
        super().connection_made(f)
        self.pinger.cancel()  # its pings are never checked; AmiClient's are

    def login(self, future: "asyncio.Future[Any]") -> bool:
        self.authenticated = not future.cancelled() and future.exception() is None and future.result().success
        return bool(self.authenticated)

    def dispatch(self, event: SafeMessage) -> None:
        self.on_event(AmiEvent(event.event, event.headers))

    def connection_lost(self, exc: AmiLinkLost) -> None:
        self.on_lost(exc)
