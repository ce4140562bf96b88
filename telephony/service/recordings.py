"""Leaving out of a recording what the law wants left out, and going on with it."""

from __future__ import annotations

import asyncio

import structlog

from telephony import commands
from telephony.call import Call
from telephony.errors import AmiActionFailed, AmiEffectUnknown, AmiNotSent, NotRecorded
from telephony.events import Event, LinkRestored, RecordingMuted
from telephony.recordings import Recording
from telephony.service.node import Actor, Node

log = structlog.get_logger()


class Recordings(Node):
    """What was asked for is on disk before Asterisk is told, and told to it again after each lost link.

    A mute is a state and not a step: telling it twice is as good as once, and one that comes late is told anew.
    """

    def recording_of(self, call_id: str) -> Recording | None:
        """That of a live call."""
        return self.recorded.live.get(call_id)

    def is_recorded_now(self, call_id: str) -> bool | None:
        """None while nobody knows, because the link to Asterisk is down."""
        return call_id in self.recorded.live if self.link_up else None

    async def pause_recording(self, call_id: str, reason: str, actor: Actor) -> Recording:
        """From when it returns the recording holds silence; asking again changes nothing.

        Raises CallNotFound, CallEnded, NotYourCall, NotRecorded, AmiError (asked for, and done when the link is back).
        """
        call, recording = self._recorded(call_id, actor)
        if not recording.paused:
            log.info("recording.pause_asked", call_id=call_id, by=actor.name)
            await self._ask(recording.pause(self._clock.now(), actor.name, reason))
        return await self._done(call)

    async def resume_recording(self, call_id: str, actor: Actor) -> Recording:
        """The same for going on."""
        call, recording = self._recorded(call_id, actor)
        if recording.paused:
            log.info("recording.resume_asked", call_id=call_id, by=actor.name)
            await self._ask(recording.resume(actor.name))
        return await self._done(call)

    async def in_danger(self, call_id: str, actor: Actor) -> Call:
        """The panic key: supervisors are alarmed at once, and the caller is recorded from the next room or line on.

        Pressing it again alarms again. Raises CallNotFound, CallEnded, NotYourCall; AmiError (the alarm went out).
        """
        call = self._live_call(call_id, actor)
        log.error("call.in_danger", call_id=call_id, seat=call.seat, by=actor.name)
        self.watch.publisher.tell("alarm", alarm="danger", call_id=call_id, line=call.line, seat=call.seat)
        await self._control.execute(commands.ForceRecording(call.caller_channel))
        return call

    def _recorded(self, call_id: str, actor: Actor) -> tuple[Call, Recording]:
        call = self._live_call(call_id, actor)
        recording = self.recorded.live.get(call.id)
        if recording is None:
            raise NotRecorded("the call is not recorded")
        return call, recording

    async def _ask(self, recording: Recording) -> None:
        self.recorded.put(recording)
        await self.keep_note(recording)
        self.recording_changed(recording)

    async def _done(self, call: Call) -> Recording:
        now = self.recorded.live.get(call.id)
        if now is None:
            raise NotRecorded("the call has ended")
        if not now.settled:
            await self._control.execute(commands.PauseRecording(call.caller_channel, now.paused))
            await self.watch.until(lambda: self._is_settled(call.id))
            now = self.recorded.live.get(call.id, now)
            await self.keep_note(now)  # a service that dies now does not take with it when the pause began
        return now

    def _is_settled(self, call_id: str) -> bool:
        recording = self.recorded.live.get(call_id)
        return recording is None or recording.settled

    # -------------------------------------------------------------- what Asterisk says

    def hear_of_recordings(self, fact: Event) -> None:
        """Each of the facts, after the tracker has had it."""
        for changed in self.recorded.apply(fact):
            self.recording_changed(changed)
        if isinstance(fact, LinkRestored):
            for recording in self.recorded.live.values():
                if recording.pauses:
                    self._tell_again(recording)
        elif isinstance(fact, RecordingMuted):
            recording_now = self.recorded.live.get(fact.uniqueid)
            if recording_now is not None and recording_now.paused != fact.muted and recording_now.settled:
                self._tell_again(recording_now)

    def _tell_again(self, recording: Recording) -> None:
        task = asyncio.create_task(self._tell(recording.call_id))
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def _tell(self, call_id: str) -> None:
        call, recording = self.tracker.book.calls.get(call_id), self.recorded.live.get(call_id)
        if call is None or recording is None:
            return
        try:
            await self._control.execute(commands.PauseRecording(call.caller_channel, recording.paused))
        except (AmiNotSent, AmiActionFailed, AmiEffectUnknown) as error:
            log.warning("recording.not_told", call_id=call_id, paused=recording.paused, reason=error.slug)
