"""A switchboard beside the model of Asterisk, on a clock that jumps; and what holds there whatever happens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from datetime import datetime
from itertools import count
from typing import Any

from telephony import commands, events
from telephony.call import Call
from telephony.callback import CallBack
from telephony.conference import Conference
from telephony.errors import HotlineError
from telephony.handoff import Handoff, State
from telephony.lines import Directory
from telephony.service import Switchboard
from telephony.unheard import unheard
from tests.support.memory import MemoryLiveState, MemoryRecordStore
from tests.support.model.channels import At, Channel
from tests.support.model.control import Fate, ModelAsterisk
from tests.support.virtual_time import VirtualTimeLoop


class WrittenLater:
    """A record sink: what was put there reaches the store only once it is written, and is lost with the process.

    ``newest`` holds what was put last; a record that breaks its promises is not taken.
    """

    def __init__(self, store: MemoryRecordStore) -> None:
        self._store = store
        self.newest: dict[str, Handoff] = dict(store._handoffs)
        self._unwritten: list[Handoff | Call | Conference | CallBack] = []

    def put_handoff(self, handoff: Handoff) -> None:
        before = self.newest.get(handoff.id)
        if before is not None:
            assert before.live or not handoff.live, f"{handoff.id} came back to life"
            assert before.outcome in (None, handoff.outcome), f"{handoff.id} changed its outcome"
        assert handoff.live or (handoff.outcome and handoff.resolution and handoff.ended_at), handoff
        self.newest[handoff.id] = handoff
        self._unwritten.append(handoff)

    def put_call(self, call: Call) -> None:
        self._unwritten.append(call)

    def put_conference(self, conference: Conference) -> None:
        self._unwritten.append(conference)

    def put_call_back(self, order: CallBack) -> None:
        self._unwritten.append(order)

    async def flush(self, timeout: float) -> bool:
        return True

    async def write(self) -> None:
        unwritten, self._unwritten = self._unwritten, []
        await self._store.save_all(unwritten)


class Switchroom:
    def __init__(self, directory: Directory) -> None:
        self.loop = VirtualTimeLoop()
        asyncio.set_event_loop(self.loop)
        self.directory = directory
        self.store, self.live = MemoryRecordStore(), MemoryLiveState()
        self.asterisk = ModelAsterisk(directory)
        self.plan = self.asterisk.plan
        self.ids = count(1)
        self.asked: set[asyncio.Task[Any]] = set()
        self.start()

    def now(self) -> datetime:
        return self.plan.tick()

    def start(self) -> None:
        self.sink = WrittenLater(self.store)
        self.board = Switchboard(
            node="n1",
            directory=self.directory,
            control=self.asterisk,
            store=self.store,
            sink=self.sink,
            live=self.live,
            clock=self,
            new_id=lambda: f"h{next(self.ids)}",
        )
        self.asterisk.recorded = self._recorded
        self.running = self.loop.create_task(self.board.run())
        self.loop.settle()

    def _recorded(self) -> Iterator[events.Event]:
        return unheard(self.board.tracker, self.asterisk.written)

    def kill(self) -> None:
        """The process, with all that it was about to do; Asterisk goes on."""
        for task in (self.running, *self.asked):
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(self.running, *self.asked, return_exceptions=True))
        self.asked.clear()

    def close(self) -> None:
        self.kill()
        self.loop.close()

    def write(self) -> None:
        self.loop.run_until_complete(self.sink.write())

    def ask(self, request: Coroutine[Any, Any, Any], fate: Fate = Fate.DONE) -> asyncio.Task[Any]:
        """What was asked goes on until it has to wait for Asterisk; ``fate`` is that of its command."""
        self.asterisk.fate = fate
        task = self.loop.create_task(request)
        self.asked.add(task)
        self.loop.settle()
        self.asterisk.fate = Fate.DONE
        return task

    def hear(self, number: int | None = None) -> None:
        self.asterisk.deliver(number)
        self.loop.settle()

    def hear_all(self) -> None:
        """Also what Asterisk says of what is done on hearing."""
        self.hear()
        while self.asterisk.waiting:
            self.hear()
        self.loop.pass_time(5)

    # ------------------------------------------------------------ who there is

    def doing(self, *what: At) -> list[Channel]:
        return [each for each in self.plan.channels.values() if each.at in what]

    def seats_that_talk(self) -> list[Channel]:
        """With a caller, in a bridge where a feature code works."""
        callers = set(map(id, self.plan.callers()))
        return [
            each
            for each in self.doing(At.TALKING)
            if self.directory.seat(each.seat) and any(id(other) in callers for other in self.plan.partners(each))
        ]

    # ------------------------------------------------------------ what always holds

    def every_promise_is_kept(self) -> None:
        self.loop.settle()
        self._what_was_asked_is_answered_or_refused_by_name()
        self._no_caller_is_lost()
        self._a_call_has_one_unsettled_handoff_at_most()
        self._nothing_is_unknown_while_the_link_is_up()
        self._no_command_is_repeated()

    def _what_was_asked_is_answered_or_refused_by_name(self) -> None:
        assert not self.running.done()
        for task in [task for task in self.asked if task.done()]:
            self.asked.discard(task)
            error = task.exception()
            assert error is None or isinstance(error, HotlineError), error

    def _no_caller_is_lost(self) -> None:
        assert "lost" not in self.plan.ends.values()
        for caller in self.plan.callers():
            if caller.at is At.TALKING:
                assert self.plan.partners(caller), f"{caller.name} talks with nobody"
            if caller.at in (At.DIALLING, At.FIRST_SEAT):
                assert self.plan.rung_by(caller), f"nobody is rung for {caller.name}"
            if caller.at is At.ROOM:
                assert len(self.plan.members(caller.room)) > 1, f"{caller.name} is alone in a room"

    def _a_call_has_one_unsettled_handoff_at_most(self) -> None:
        """Beside one whose command is on its way."""
        live = [each for each in self.board.tracker.handoffs.values() if not each.settled]
        calls = Counter(handoff.call_id for handoff in live if handoff.state is not State.REQUESTED)
        assert not self.board.link_up or all(number == 1 for number in calls.values()), live

    def _nothing_is_unknown_while_the_link_is_up(self) -> None:
        if self.board.link_up and self.asterisk.link_up:
            unknown = [each for each in self.board.tracker.handoffs.values() if each.state is State.UNKNOWN]
            assert not unknown, unknown

    def _no_command_is_repeated(self) -> None:
        begun = commands.Transfer | commands.OpenConference
        starts = [each.handoff_id for each in self.asterisk.sent if isinstance(each, begun)]
        added = [(each.handoff_id, each.party_id) for each in self.asterisk.sent if isinstance(each, commands.AddParty)]
        assert len(starts) == len(set(starts))
        assert len(added) == len(set(added))
