"""Handing a caller over: start, cancel, complete."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import structlog

from telephony import commands
from telephony.call import Call
from telephony.conference import SEAT, PartyState
from telephony.errors import (
    AmiActionFailed,
    AmiEffectUnknown,
    AmiNotConnected,
    AmiNotSent,
    HandoffInProgress,
    HandoffNotAnswered,
    HandoffSettled,
    IdempotencyKeyReused,
    ModeNotSupported,
    NotTalking,
    RecordStoreUnavailable,
    TargetHasCall,
    TelephonyError,
    UnknownTarget,
)
from telephony.handoff import Handoff, Happening, Mode, Outcome, Release, Resolution, State, Trigger
from telephony.numbers import mask
from telephony.service.node import Actor, Node

log = structlog.get_logger()

_STORE_SECONDS = 1.0
_REFUSAL_SECONDS = 5.0
"""For the store to say whether a request that is refused otherwise has been made before: no caller waits for that."""
_KEYS_KEPT = 10_000
_NO_CHANNEL = re.compile(r"no such channel|channel does not exist", re.IGNORECASE)
_NOT_UP = re.compile(r"channel not up", re.IGNORECASE)
"""The caller is hanging up, or somebody else's redirect is under way: Asterisk says this of both."""


@dataclass(frozen=True, slots=True)
class HandoffRequest:
    call_id: str
    mode: Mode
    target: str
    release: Release = Release.ON_ANSWER
    category_id: str | None = None
    reason: str | None = None
    idempotency_key: str | None = None

    @property
    def fingerprint(self) -> str:
        """The same request has the same fingerprint."""
        asked = (self.call_id, self.mode, self.target, self.release, self.category_id, self.reason)
        return "\x1f".join("" if value is None else str(value) for value in asked)


class Handoffs(Node):
    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._starting: set[str] = set()
        self._keys: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def start_handoff(self, request: HandoffRequest, actor: Actor) -> Handoff:
        """Start one, or return the one that the same Idempotency-Key has started before.

        Raises CallNotFound, CallEnded, UnknownTarget, TargetHasCall, HandoffInProgress, NotTalking, NotYourCall,
        ModeNotSupported, IdempotencyKeyReused, and AmiNotConnected while Asterisk is out of reach.
        """
        if request.idempotency_key is None:
            return await self._start(request, actor)
        # the same key waits for its first request; another key is never held up by a slow database
        lock = self._locks.setdefault((actor.name, request.idempotency_key), asyncio.Lock())
        async with lock:
            known = await self._remembered(request, actor)
            if known is not None:
                return known
            try:
                handoff = self._prepare(request, actor)
            except TelephonyError:
                # what stands in the way may be the very handoff that this key has started
                found = await self._claimed(request, actor)
                if found is None:
                    raise
                return found
            self._starting.add(handoff.call_id)
            try:
                winner = await self._claim(request, actor, handoff)
            except BaseException:
                self._starting.discard(handoff.call_id)
                raise
        if winner is not None:
            self._starting.discard(handoff.call_id)
            return self.watch.find(winner.id) or winner
        return await self._carry_out(handoff)

    async def _start(self, request: HandoffRequest, actor: Actor) -> Handoff:
        handoff = self._prepare(request, actor)
        self._starting.add(handoff.call_id)
        return await self._carry_out(handoff)

    def _prepare(self, request: HandoffRequest, actor: Actor) -> Handoff:
        if request.mode not in (Mode.TRANSFER, Mode.CONFERENCE):
            raise ModeNotSupported(f"mode {request.mode} is not started by a call")
        call = self._live_call(request.call_id, actor)
        if self.directory.target(request.target) is None:
            raise UnknownTarget(f"no line and no linked number {request.target!r} is configured")
        if call.line == request.target:
            raise TargetHasCall(f"the call is with line {request.target} already")
        if call.id in self._starting or self.tracker.live_handoff(call.id) is not None:
            raise HandoffInProgress("this call is being handed over already")
        if call.seat_channel is None:
            raise NotTalking("no seat has this call")
        if not self.link_up:
            raise AmiNotConnected("Asterisk is out of reach")
        return Handoff(
            id=self._new_id(),
            call_id=call.id,
            mode=request.mode,
            target=request.target,
            created_at=self._clock.now(),
            node=self.node,
            release=request.release,
            original_caller=call.original_caller,
            from_line=call.line,
            from_seat=call.seat,
            category_id=request.category_id,
            reason=request.reason,
            requested_by=actor.name,
        )

    async def _remembered(self, request: HandoffRequest, actor: Actor) -> Handoff | None:
        remembered = self._keys.get((actor.name, request.idempotency_key or ""))
        if remembered is None:
            return None
        if remembered[0] != request.fingerprint:
            raise IdempotencyKeyReused("this Idempotency-Key was used for another request")
        return await self.handoff(remembered[1])

    async def _claimed(self, request: HandoffRequest, actor: Actor) -> Handoff | None:
        try:
            async with asyncio.timeout(_REFUSAL_SECONDS):
                found = await self._store.claimed(actor.name, request.idempotency_key or "", request.fingerprint)
        except (RecordStoreUnavailable, TimeoutError):
            log.warning("handoff.key_unchecked", call_id=request.call_id)
            return None
        return found and (self.watch.find(found.id) or found)

    async def _claim(self, request: HandoffRequest, actor: Actor, handoff: Handoff) -> Handoff | None:
        """On record before it is done. A database that is away does not keep the caller waiting."""
        key = (actor.name, request.idempotency_key or "")
        winner = None
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                winner = await self._store.claim(*key, request.fingerprint, handoff)
        except (RecordStoreUnavailable, TimeoutError) as error:
            log.error("handoff.not_on_record_yet", handoff_id=handoff.id, detail=str(error))
        self._keys[key] = request.fingerprint, (winner or handoff).id
        while len(self._keys) > _KEYS_KEPT:
            self._keys.popitem(last=False)
        return winner

    async def _carry_out(self, handoff: Handoff) -> Handoff:
        """Known here before it is sent, so that its first event finds it."""
        try:
            call = self.tracker.book.calls.get(handoff.call_id)
            if call is None or call.caller_has_left:  # while the record was written
                self.watch.keep(self.tracker.open_ended(handoff, self._clock.now()))
                return await self.handoff(handoff.id)
            self.watch.keep(self.tracker.open(handoff))
        finally:
            self._starting.discard(handoff.call_id)
        log.info(
            "handoff.requested",
            handoff_id=handoff.id,
            call_id=handoff.call_id,
            mode=handoff.mode.value,
            target=handoff.target,
            caller=mask(handoff.original_caller),
        )
        await self._send(handoff, self._command(handoff, call))
        return await self.handoff(handoff.id)

    def _command(self, handoff: Handoff, call: Call) -> commands.Command:
        if handoff.mode is Mode.CONFERENCE:
            return commands.OpenConference(
                handoff.id, call.caller_channel, handoff.target, self._ring_seconds(handoff.target)
            )
        return commands.Transfer(handoff.id, call.caller_channel, handoff.target, handoff.release)

    async def _send(self, handoff: Handoff, command: commands.Command) -> None:
        """Once. What is refused leaves the caller with the seat; what may have been done is settled by events."""
        try:
            await self._control.execute(command)
        except (AmiNotSent, AmiActionFailed) as error:
            log.error("handoff.refused", handoff_id=handoff.id, reason=error.slug, detail=error.message)
            if isinstance(error, AmiActionFailed) and _NOT_UP.search(error.reply):
                await self.watch.until(lambda: self._settled(handoff.id))
            self.watch.keep(self.tracker.happen(handoff.id, self._refused(error)))
        except AmiEffectUnknown as error:
            log.error("handoff.effect_unknown", handoff_id=handoff.id, reason=error.slug)
            known = self.tracker.handoffs.get(handoff.id)
            if known is None or known.state is not State.REQUESTED:
                return  # events have told already
            unknown = Happening(Trigger.LINK_LOST, self._clock.now(), {"reason": error.slug})
            self.watch.keep(self.tracker.happen(handoff.id, unknown))
            await self._control.resync()

    def _refused(self, error: AmiNotSent | AmiActionFailed) -> Happening:
        """Asterisk refuses a channel that is not there any more: the caller has hung up just now."""
        detail = {"reason": error.slug}
        if isinstance(error, AmiActionFailed) and _NO_CHANNEL.search(error.reply):
            return Happening(Trigger.CALLER_GONE, self._clock.now(), detail)
        return Happening(
            Trigger.NOT_STARTED, self._clock.now(), detail, outcome=Outcome.FAILED, rung=Resolution.FIRST_SEAT
        )

    async def cancel_handoff(self, handoff_id: str, actor: Actor) -> Handoff:
        """The caller goes back to the seat. Raises HandoffNotFound, HandoffSettled, NotYourCall, AmiError."""
        handoff = await self._live_handoff(handoff_id, actor)
        call = self.tracker.book.calls.get(handoff.call_id)
        if call is None or handoff.outcome is not None or handoff.returning is not None:
            raise HandoffSettled("the handoff was answered or has ended")
        command: commands.Command
        if handoff.mode is Mode.CONFERENCE:
            command = commands.CancelConference(handoff.id, call.caller_channel)
        else:
            waiting = handoff.release is Release.ON_ANSWER and handoff.via != "refer"
            command = commands.CancelTransfer(call.caller_channel, call.seat_channel if waiting else None)
        try:
            await self._control.execute(command)
        except AmiActionFailed as error:
            raise HandoffSettled("the target has answered already") from error
        await self.watch.until(lambda: self._settled(handoff_id))
        after = await self.handoff(handoff_id)
        if after.outcome is Outcome.ANSWERED:
            raise HandoffSettled("the target answered at the same moment")
        return after

    def _settled(self, handoff_id: str) -> bool:
        handoff = self.tracker.handoffs.get(handoff_id)
        return handoff is None or handoff.outcome is not None

    async def complete_handoff(self, handoff_id: str, actor: Actor) -> Handoff:
        """The seat leaves, caller and target stay. Raises HandoffNotAnswered, HandoffSettled, HandoffNotFound …"""
        handoff = await self._live_handoff(handoff_id, actor)
        try:
            await self._control.execute(self._letting_go(handoff))
        except AmiActionFailed as error:
            raise HandoffSettled("the seat has left already") from error
        return await self.handoff(handoff_id)

    def _letting_go(self, handoff: Handoff) -> commands.Command:
        if handoff.mode is Mode.CONFERENCE:
            if handoff.outcome is not Outcome.ANSWERED:
                raise HandoffNotAnswered("the target has not answered yet")
            conference = self.tracker.rooms.conferences.get(handoff.id)
            seat = conference.party(SEAT) if conference else None
            if seat is None or seat.state is PartyState.LEFT:
                raise HandoffSettled("the seat has left already")
            return commands.HangUp(seat.channel)
        call = self.tracker.book.calls.get(handoff.call_id)
        if call is None or call.seat_channel is None or handoff.outcome is not None or handoff.returning is not None:
            raise HandoffSettled("the seat has left already, or has the caller again")
        return commands.ReleaseSeat(call.seat_channel)
