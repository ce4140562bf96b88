"""``CallControl`` without an Asterisk: takes commands down, and says what a test tells it to say."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from telephony import commands, events
from telephony.errors import HotlineError

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


class FakeAsterisk:
    """``commands`` holds what was asked, in order. ``refuse`` fails the next command with that error."""

    def __init__(self) -> None:
        self.commands: list[commands.Command] = []
        self.refuse: HotlineError | None = None
        self.resyncs = 0
        self._facts: asyncio.Queue[events.Event] = asyncio.Queue()

    def say(self, *facts: events.Event) -> None:
        for fact in facts:
            self._facts.put_nowait(fact)

    async def events(self) -> AsyncGenerator[events.Event, None]:
        yield events.LinkRestored(NOW, ())
        while True:
            yield await self._facts.get()
            self._facts.task_done()

    async def heard(self) -> None:
        """Until everything said so far was taken."""
        await self._facts.join()

    async def execute(self, command: commands.Command) -> None:
        self.commands.append(command)
        if self.refuse is not None:
            error, self.refuse = self.refuse, None
            raise error

    async def resync(self) -> None:
        self.resyncs += 1


def talking_call(
    call_id: str = "n-1.0", *, caller: str = "13800001111", line: str = "12345", seat: str = "2101"
) -> list[events.Event]:
    """The facts of a call that arrived on ``line`` and that ``seat`` has answered."""
    trunk, phone = f"PJSIP/pstn-{call_id}", f"PJSIP/{seat}-{call_id}"
    seat_id = f"{call_id}-s"
    return [
        events.ChannelCreated(NOW, call_id, call_id, trunk, caller),
        events.CallArrived(NOW, call_id, call_id, trunk, caller, "", "allowed", line, line, "pstn"),
        events.ChannelAnswered(NOW, call_id),
        events.ChannelCreated(NOW, seat_id, call_id, phone, seat),
        events.DialStarted(NOW, seat_id, call_id, phone, caller, ""),
        events.DialRinging(NOW, seat_id),
        events.ChannelAnswered(NOW, seat_id),
        events.SeatAnswered(NOW, seat_id, call_id, phone, seat, line),
        events.BridgeEntered(NOW, seat_id, "b1"),
        events.BridgeEntered(NOW, call_id, "b1"),
    ]
