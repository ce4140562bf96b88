"""From events to facts: what each event says about channels, dials, bridges, queues and rooms.

Every event that names a channel says something about it; nothing depends on one event that may be lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from telephony.ami.frames import AmiEvent
from telephony.ami.translate import variables
from telephony.numbers import is_withheld
from telephony.replay.facts import NEVER, Channel, Dial, Facts, Spell, Stay, is_party_name
from telephony.replay.order import stamp

_UNKNOWN = "<unknown>"
_TRANSFERS_TOLD_TWICE = 20
"""Among so many the same one is looked for: without times ``in_order`` sees only neighbours."""

_SIP_CODE = re.compile(r"\b[3-6][0-9][0-9]\b", re.ASCII)


def observe(events: Iterable[AmiEvent]) -> Facts:
    """``events`` as ``order.in_order`` gives them."""
    observer = _Observer()
    for index, event in enumerate(events):
        observer.take(index, event)
    observer.facts.close()
    return observer.facts


class _Observer:
    def __init__(self) -> None:
        self.facts = Facts()
        self._in_bridge: dict[str, Stay] = {}
        self._bridge_since: dict[str, int] = {}
        self._dialling: dict[str, Dial] = {}
        self._waiting: dict[str, Spell] = {}

    def take(self, index: int, event: AmiEvent) -> None:
        for header in event.headers:
            if header.endswith("Uniqueid") and event.name not in _OF_NO_CHANNEL:
                self._note_channel(index, event, header.removesuffix("Uniqueid"))
        self._bridge_since.setdefault(event.get("BridgeUniqueid"), index)
        handler = _HANDLERS.get(event.name)
        if handler:
            handler(self, index, event)

    # -------------------------------------------------------------- channels

    def _note_channel(self, index: int, event: AmiEvent, role: str) -> None:
        """``role`` is the prefix that the channel's headers have in this event: none, Dest, Transferee, …"""
        uniqueid, name = event.get(f"{role}Uniqueid"), event.get(f"{role}Channel")
        if not uniqueid or not name or uniqueid == _UNKNOWN:
            return
        channel = self.facts.channels.get(uniqueid)
        if channel is None:
            channel = self.facts.channels[uniqueid] = Channel(uniqueid, name, index)
            channel.seen_unanswered = event.name == "Newstate"
        elif not channel.is_party and is_party_name(name):
            channel.name = name  # a phone has come to this id (masquerade)
        self.facts.names[name] = uniqueid
        _add(channel.linkedids, event.get(f"{role}Linkedid"))
        number = event.get(f"{role}CallerIDNum")
        if not is_withheld(number):
            _add(channel.numbers, number)
        channel.mark = variables(event, f"{role}ChanVariable").get("HANDOFF_ID", channel.mark)
        self._note_place(index, event, role, channel)
        self._note_state(index, event, role, channel)

    def _note_place(self, index: int, event: AmiEvent, role: str, channel: Channel) -> None:
        if f"{role}Exten" not in event.headers:
            return
        place = (event.get(f"{role}Context"), event.get(f"{role}Exten"), event.get(f"{role}Priority"))
        if not channel.places or channel.places[-1][1] != place:
            channel.places.append((index, place))

    def _note_state(self, index: int, event: AmiEvent, role: str, channel: Channel) -> None:
        state = event.get(f"{role}ChannelStateDesc")
        if not state or channel.answered < NEVER:
            return
        if state != "Up":
            channel.seen_unanswered = True
        else:
            channel.answered = index
            channel.answered_at = stamp(event) if channel.seen_unanswered else None

    def _new_channel(self, index: int, event: AmiEvent) -> None:
        channel = self._channel(event, "Uniqueid")
        if channel is None:
            return
        channel.came_in = event.get("ChannelStateDesc") in ("Ring", "Up")
        channel.dialled_by_us = not channel.came_in
        channel.own_number = None if is_withheld(event.get("CallerIDNum")) else event.get("CallerIDNum")

    def _asked_to_go(self, index: int, event: AmiEvent) -> None:
        if channel := self._channel(event, "Uniqueid"):
            channel.asked_to_go = min(channel.asked_to_go, index)
            self._note_why(event, channel)

    def _gone(self, index: int, event: AmiEvent) -> None:
        channel = self._channel(event, "Uniqueid")
        if channel is None or channel.gone < NEVER:
            return
        channel.gone, channel.gone_at = index, stamp(event)
        channel.cause = _whole(event.get("Cause"))
        self._note_why(event, channel)
        self._out_of_bridge(channel.uniqueid, index)
        self._out_of_queue(channel.uniqueid, index)

    def _note_why(self, event: AmiEvent, channel: Channel) -> None:
        channel.why = _whole(event.get("Cause")) or channel.why
        told = _SIP_CODE.search(event.get("TechCause"))
        channel.sip_code = int(told[0]) if told else channel.sip_code

    def _channel(self, event: AmiEvent, header: str) -> Channel | None:
        return self.facts.channels.get(event.get(header))

    # -------------------------------------------------------------- dials

    def _dial(self, index: int, event: AmiEvent) -> Dial | None:
        """The dial that this event is about, which may be the first one told of it."""
        dest = event.get("DestUniqueid")
        channel = self.facts.channels.get(dest)
        if channel is None:
            return None
        channel.dialled_by_us = not channel.came_in
        dial = self._dialling.get(dest)
        if dial is None:
            dial = self._dialling[dest] = Dial(None, dest, index)
            self.facts.dials.append(dial)
        parent = event.get("Uniqueid")
        if parent and parent != _UNKNOWN and dial.parent is None:
            dial.parent = parent
            self._out_of_bridge(parent, index)  # who dials is in no bridge, told or not
        dial.string = dial.string or event.get("DialString")
        return dial

    def _dial_told(self, index: int, event: AmiEvent) -> None:
        self._dial(index, event)

    def _dial_ended(self, index: int, event: AmiEvent) -> None:
        dial = self._dial(index, event)
        if dial and not dial.status:
            dial.end, dial.status = index, event.get("DialStatus")

    def _picked_up(self, index: int, event: AmiEvent) -> None:
        """From here on the dial is to the phone that picked up."""
        dial = self._dialling.get(event.get("TargetUniqueid"))
        picker = self._channel(event, "Uniqueid")
        if dial and picker and not dial.status:
            self._dialling[picker.uniqueid] = Dial(dial.parent, picker.uniqueid, index)
            self.facts.dials.append(self._dialling[picker.uniqueid])

    def _verdict(self, index: int, event: AmiEvent) -> None:
        if event.get("Variable") == "DIALSTATUS" and event.get("Value"):
            self.facts.verdicts.append((index, event.get("Uniqueid"), event.get("Value")))

    def _executes(self, index: int, event: AmiEvent) -> None:
        if event.get("Application") in _CALLING:
            self.facts.tried.append((index, event.get("Uniqueid")))

    def _reported(self, index: int, event: AmiEvent) -> None:
        """Our own dialplan says where a caller is sent, and what became of a target that no phone was rung for."""
        if event.get("UserEvent") != "HandoffStep":
            return
        if event.get("Step") == "start":
            self.facts.targets.append((index, event.get("Uniqueid"), event.get("Target")))
            self.facts.tried.append((index, event.get("Uniqueid")))
        elif event.get("Step") == "result":
            self.facts.verdicts.append((index, event.get("Uniqueid"), event.get("Status")))

    # -------------------------------------------------------------- bridges, queues, rooms

    def _into_bridge(self, index: int, event: AmiEvent) -> None:
        channel = self._channel(event, "Uniqueid")
        if channel is None:
            return
        bridge = event.get("BridgeUniqueid")
        now = self._in_bridge.get(channel.uniqueid)
        if now and now.bridge == bridge:
            return
        self._out_of_bridge(channel.uniqueid, index)
        self._out_of_bridge(event.get("SwapUniqueid"), index)
        self._in_bridge[channel.uniqueid] = Stay(channel.uniqueid, bridge, index)
        self.facts.stays.append(self._in_bridge[channel.uniqueid])

    def _left_bridge(self, index: int, event: AmiEvent) -> None:
        """Who leaves has been there, whether or not its coming was told."""
        channel, bridge = self._channel(event, "Uniqueid"), event.get("BridgeUniqueid")
        stay = self._in_bridge.get(event.get("Uniqueid"))
        if channel and (stay is None or stay.bridge != bridge):
            stay = Stay(channel.uniqueid, bridge, self._bridge_since[bridge] - 1, index, left=True)
            self.facts.stays.append(stay)
        elif stay:
            stay.left = True
            self._out_of_bridge(stay.channel, index)

    def _bridge_gone(self, index: int, event: AmiEvent) -> None:
        for stay in [stay for stay in self._in_bridge.values() if stay.bridge == event.get("BridgeUniqueid")]:
            self._out_of_bridge(stay.channel, index)

    def _out_of_bridge(self, uniqueid: str, index: int) -> None:
        if stay := self._in_bridge.pop(uniqueid, None):
            stay.leave = index

    def _into_queue(self, index: int, event: AmiEvent) -> None:
        if channel := self._channel(event, "Uniqueid"):
            self._out_of_bridge(channel.uniqueid, index)
            self._out_of_queue(channel.uniqueid, index)
            spell = Spell(channel.uniqueid, event.get("Queue"), index)
            self._waiting[channel.uniqueid] = spell
            self.facts.queues.append(spell)

    def _left_queue(self, index: int, event: AmiEvent) -> None:
        self._out_of_queue(event.get("Uniqueid"), index)

    def _out_of_queue(self, uniqueid: str, index: int) -> None:
        if spell := self._waiting.pop(uniqueid, None):
            spell.end = index

    def _into_room(self, index: int, event: AmiEvent) -> None:
        if channel := self._channel(event, "Uniqueid"):
            self.facts.rooms.append(
                Spell(channel.uniqueid, event.get("BridgeUniqueid") or event.get("Conference"), index)
            )

    def _transfer(self, index: int, event: AmiEvent) -> None:
        if all(event.headers != known.headers for _, known in self.facts.transfers[-_TRANSFERS_TOLD_TWICE:]):
            self.facts.transfers.append((index, event))


def _add(values: list[str], value: str) -> None:
    if value and value not in values:
        values.append(value)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


_OF_NO_CHANNEL = frozenset({"OriginateResponse"})
"""Events whose headers are those of a request."""

_CALLING = frozenset({"Dial", "Queue"})

_HANDLERS: dict[str, Callable[[_Observer, int, AmiEvent], None]] = {
    "Newchannel": _Observer._new_channel,
    "HangupRequest": _Observer._asked_to_go,
    "Hangup": _Observer._gone,
    "DialBegin": _Observer._dial_told,
    "DialState": _Observer._dial_told,
    "DialEnd": _Observer._dial_ended,
    "Pickup": _Observer._picked_up,
    "VarSet": _Observer._verdict,
    "Newexten": _Observer._executes,
    "UserEvent": _Observer._reported,
    "BridgeEnter": _Observer._into_bridge,
    "BridgeLeave": _Observer._left_bridge,
    "BridgeDestroy": _Observer._bridge_gone,
    "QueueCallerJoin": _Observer._into_queue,
    "QueueCallerLeave": _Observer._left_queue,
    "QueueCallerAbandon": _Observer._left_queue,
    "ConfbridgeJoin": _Observer._into_room,
    "BlindTransfer": _Observer._transfer,
    "AttendedTransfer": _Observer._transfer,
}
