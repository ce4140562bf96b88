"""Keeps a link to Asterisk up, for one consumer: connect, wait, try again. No action is ever repeated."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from telephony.ami.client import AmiClient, AmiReply
from telephony.ami.frames import AmiEvent, Headers, Request
from telephony.errors import (
    AmiConnectError,
    AmiEffectUnknown,
    AmiError,
    AmiLinkLost,
    AmiLoginRefused,
    AmiNotConnected,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Logged in. Take the snapshot now, through ``client``: the events that follow begin with this link."""

    client: AmiClient


@dataclass(frozen=True, slots=True)
class LinkDown:
    """What was pending has failed, and events are being missed until the next LinkUp."""

    reason: AmiLinkLost


LinkItem = LinkUp | AmiEvent | LinkDown


class AmiLink:
    """Times are seconds.

    Args:
        new_client: makes a fresh client, with its address and credentials, for each attempt.
        retry_initial, retry_max: the wait after the n-th failure is drawn from 0 to
            min(retry_max, retry_initial * 2**n).
        refused_wait: the wait after a refused login, which time does not heal and Asterisk may punish.
        pause: a lost link is tried again after 0.5 to 1.5 times this; one that breaks at once does not spin.
    """

    def __init__(
        self,
        new_client: Callable[[], AmiClient],
        *,
        retry_initial: float = 0.1,
        retry_max: float = 10.0,
        refused_wait: float = 60.0,
        pause: float = 0.3,
    ) -> None:
        self._new_client = new_client
        self._backoff = wait_random_exponential(multiplier=retry_initial, max=retry_max)
        self._refused_wait = refused_wait
        self._pause = pause
        self._client: AmiClient | None = None
        self._down_reason: AmiError | None = AmiNotConnected("not connected yet")

    @property
    def client(self) -> AmiClient:
        """Of the current link. Raises AmiNotConnected while there is none."""
        if self._client is None:
            raise AmiNotConnected("the link to Asterisk is down")
        return self._client

    @property
    def down_reason(self) -> AmiError | None:
        """Why there is no link now, or why the last attempt failed; None while it is up."""
        return self._down_reason

    async def action(self, headers: Request, *, timeout: float | None = None) -> AmiReply:
        """``AmiClient.action`` on the current link; AmiNotConnected at once while there is none."""
        return await self.client.action(headers, timeout=timeout)

    async def list_action(self, headers: Request, *, timeout: float | None = None) -> list[Headers]:
        """``AmiClient.list_action`` on the current link; AmiNotConnected at once while there is none."""
        return await self.client.list_action(headers, timeout=timeout)

    async def run(self) -> AsyncGenerator[LinkItem, None]:
        """For each link: LinkUp, its events in wire order, LinkDown. Never ends by itself: cancel the consumer,
        and wrap this in ``contextlib.aclosing`` to have the link closed when the loop is left."""
        while True:
            client = await self._connect()
            self._client, self._down_reason = client, None
            try:
                yield LinkUp(client)
                async for event in client.events():
                    yield event
            finally:
                await client.close()
                reason = client.lost or AmiLinkLost("the link is gone")
                self._client, self._down_reason = None, reason
            log.warning("ami.link_lost", reason=reason.slug, detail=reason.message)
            yield LinkDown(reason)
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))

    async def _connect(self) -> AmiClient:
        # tenacity itself, not stamina: stamina logs every repeat as a warning, with no way out per call.
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((AmiConnectError, AmiEffectUnknown)),
            wait=self._wait,
            before_sleep=self._report,
        )
        client: AmiClient = await retrying(self._attempt)
        log.info("ami.link_up", attempts=retrying.statistics["attempt_number"])
        return client

    async def _attempt(self) -> AmiClient:
        client = self._new_client()
        await client.connect()
        return client

    def _wait(self, state: RetryCallState) -> float:
        return self._refused_wait if isinstance(_failure(state), AmiLoginRefused) else self._backoff(state)

    def _report(self, state: RetryCallState) -> None:
        """The first failure of a kind is loud, its repeats are quiet."""
        error = _failure(state)
        repeated = type(error) is type(self._down_reason)
        self._down_reason = error
        level = "debug" if repeated else "error" if isinstance(error, AmiLoginRefused) else "warning"
        getattr(log, level)("ami.connect_failed", reason=error.slug, detail=error.message)


def _failure(state: RetryCallState) -> AmiError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, AmiError)  # nothing else is retried
    return error
