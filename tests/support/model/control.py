"""``CallControl`` on the model of Asterisk, with a wire that can be slow or cut."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from functools import singledispatchmethod

from telephony import commands, events
from telephony.conference import TARGET
from telephony.errors import AmiActionFailed, AmiNotConnected, AmiTimeout
from telephony.lines import Directory
from telephony.rooms import channel_id
from tests.support.model.channels import At, Channel
from tests.support.model.rooms import Dialplan

_WRITTEN = (
    events.ChannelCreated,
    events.ChannelAnswered,
    events.ChannelGone,
    events.BridgeEntered,
    events.BridgeLeft,
    events.CallArrived,
    events.ConferenceJoined,
    events.HandoffReported,
    events.ConferenceReported,
)
"""What CEL holds as well (telephony/cel.py)."""


class Fate(StrEnum):
    """What becomes of the next command."""

    DONE = "done, and so answered"
    REFUSED = "refused"
    SILENT = "done, and not answered"
    LOST = "not done, and not answered"


class ModelAsterisk:
    """``sent`` holds every command that left us. Events wait on the wire until ``deliver``.

    ``written`` is Asterisk's own record (CEL), ``recorded`` what is read of it at each connect, before the snapshot.
    ``fate`` is that of the next command; those after it are done again. ``times``: how often each event arrives.
    """

    def __init__(self, directory: Directory) -> None:
        self.plan = Dialplan(directory, self._say)
        self.sent: list[commands.Command] = []
        self.fate = Fate.DONE
        self.recorded: Callable[[], Iterator[events.Event]] = lambda: iter(())
        self.link_up = False
        self.times = 1
        self.written: list[events.Event] = []
        self._wire: deque[events.Event] = deque()
        self._facts: asyncio.Queue[events.Event | Callable[[], Iterator[events.Event]]] | None = None
        self._last: events.Event | None = None

    # ------------------------------------------------------------ the wire

    def _say(self, fact: events.Event) -> None:
        if isinstance(fact, _WRITTEN) and getattr(fact, "step", "") != "held":
            if isinstance(fact, events.HandoffReported | events.ConferenceReported):
                self.written.append(replace(fact, source="cel"))
            else:
                self.written.append(fact)
        if self.link_up:
            self._wire.append(fact)

    @property
    def waiting(self) -> int:
        return len(self._wire)

    def deliver(self, number: int | None = None) -> None:
        """The first ``number`` of what waits on the wire, else all."""
        for _ in range(len(self._wire) if number is None else min(number, len(self._wire))):
            fact = self._wire.popleft()
            for _ in range(self.times):
                self._arrive(fact)

    def repeat(self) -> None:
        """The last event that has arrived, once more."""
        if self.link_up and self._last is not None:
            self._arrive(self._last)

    def swap(self) -> None:
        """The next two, where they are of two channels: Asterisk's threads keep no order among each other."""
        if len(self._wire) > 1:
            first, second = self._wire[0], self._wire[1]
            if getattr(first, "uniqueid", None) != getattr(second, "uniqueid", None):
                self._wire[0], self._wire[1] = second, first

    def _arrive(self, fact: events.Event) -> None:
        if self._facts is not None:
            self._facts.put_nowait(fact)
            self._last = None if isinstance(fact, events.LinkLost | events.LinkRestored) else fact

    def cut(self) -> None:
        """What waited on the wire is lost with it."""
        if self.link_up:
            self.link_up = False
            self._wire.clear()
            self._arrive(events.LinkLost(self.plan.tick(), "ami-link-lost"))

    def mend(self) -> None:
        if not self.link_up and self._facts is not None:
            self.link_up = True
            self._facts.put_nowait(self._shown)

    def _shown(self) -> Iterator[events.Event]:
        """The snapshot is taken first, and told last."""
        snapshot = self.plan.snapshot()
        yield from self.recorded()
        yield snapshot

    async def events(self) -> AsyncGenerator[events.Event, None]:
        self._facts = asyncio.Queue()
        self.mend()
        try:
            while True:
                fact = await self._facts.get()
                for each in fact() if callable(fact) else (fact,):
                    yield each
        finally:
            self._facts, self.link_up = None, False
            self._wire.clear()

    async def resync(self) -> None:
        self.cut()
        self.mend()

    # ------------------------------------------------------------ commands

    async def execute(self, command: commands.Command) -> None:
        if not self.link_up:
            raise AmiNotConnected("the link is down")
        self.sent.append(command)
        fate, self.fate = self.fate, Fate.DONE
        if fate is Fate.REFUSED:
            raise AmiActionFailed("any", "Permission denied", {})
        if fate is not Fate.LOST:
            self._carry_out(command)
        if fate in (Fate.SILENT, Fate.LOST):
            raise AmiTimeout("no answer")

    def _channel(self, name: str) -> Channel:
        found = self.plan.named(name)
        if found is None:
            raise AmiActionFailed("any", "No such channel", {})
        return found

    @singledispatchmethod
    def _carry_out(self, command: commands.Command) -> None:
        raise NotImplementedError(type(command).__name__)

    @_carry_out.register
    def _transfer(self, command: commands.Transfer) -> None:
        caller = self._channel(command.caller_channel)
        self.plan.hand_over(caller, command.target, command.handoff_id, "api", command.release.value)

    @_carry_out.register
    def _cancel_transfer(self, command: commands.CancelTransfer) -> None:
        if command.seat_channel is None:
            self.plan.cancelled(self._channel(command.caller_channel))
        else:
            self.plan.take_back(self._channel(command.seat_channel))

    @_carry_out.register
    def _release_seat(self, command: commands.ReleaseSeat) -> None:
        self.plan.release(self._channel(command.seat_channel))

    @_carry_out.register
    def _open_conference(self, command: commands.OpenConference) -> None:
        self.plan.open_room(command.caller_channel, command.handoff_id, command.target)

    @_carry_out.register
    def _add_party(self, command: commands.AddParty) -> None:
        self.plan.add_party(command.caller_channel, command.handoff_id, command.party_id, command.target)

    @_carry_out.register
    def _cancel_conference(self, command: commands.CancelConference) -> None:
        caller = self.plan.named(command.caller_channel) if command.caller_channel else None
        if caller is not None:
            caller.variables["HANDOFF_STATE"] = ""
        self.plan.hang_up(self._channel(channel_id(command.handoff_id, TARGET)), "by us")

    @_carry_out.register
    def _hang_up(self, command: commands.HangUp) -> None:
        self.plan.hang_up(self._channel(command.channel), "by us")

    @_carry_out.register
    def _mute(self, command: commands.MuteParty) -> None:
        channel = self._in_room(command.room, command.channel)
        channel.muted = command.muted
        self.plan.say(events.PartyMuted, command.room, channel.uniqueid, command.muted)

    @_carry_out.register
    def _hold(self, command: commands.HoldParty) -> None:
        channel = self._channel(command.channel)
        if command.held:
            self.plan.hold(channel, command.room)
        else:
            self.plan.unhold(channel, command.room)

    @_carry_out.register
    def _pause(self, command: commands.PauseSeat) -> None:
        (self.plan.paused.add if command.paused else self.plan.paused.discard)(command.seat)

    @_carry_out.register
    def _pause_recording(self, command: commands.PauseRecording) -> None:
        self.plan.say(events.RecordingMuted, self._channel(command.caller_channel).uniqueid, command.paused)

    @_carry_out.register
    def _force_recording(self, command: commands.ForceRecording) -> None:
        self._channel(command.caller_channel)

    def _in_room(self, room: str, name: str) -> Channel:
        channel = self._channel(name)
        if channel.at is not At.ROOM or channel.room != room:
            raise AmiActionFailed("any", "No Channel by that name found in Conference.", {})
        return channel
