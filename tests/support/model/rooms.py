"""Three-way calls in the model of Asterisk, and what it shows to who connects."""

from __future__ import annotations

from telephony import events
from telephony.conference import TARGET
from telephony.events import ChannelSnapshot, LinkRestored
from telephony.handoff import Outcome, Resolution
from telephony.resync import VARIABLES
from telephony.rooms import channel_id
from tests.support.model.channels import At, Channel, Truth
from tests.support.model.transfers import OUTCOME, Transfers


class Dialplan(Transfers):
    """All of it: calls, transfers, the ladder, rooms."""

    # ------------------------------------------------------------ [conference-dial], [conference-third]

    def open_room(self, caller_channel: str, handoff_id: str, target: str) -> None:
        """[conference-run] on the far half of the pair: without its caller there is nothing to join."""
        caller = self.named(caller_channel)
        near, far = self._pair(caller_channel, handoff_id, TARGET, target)
        self.truth[handoff_id] = Truth(caller.uniqueid if caller else "")
        if caller is None or caller["HANDOFF_STATE"] in ("dialling", "joining") or not caller["SEAT_CHANNEL"]:
            self.third_unanswered(far, "TAKEN" if caller else "CANCEL", None)
            return
        caller.variables |= {
            "HANDOFF_ID": handoff_id,
            "CONFERENCE": handoff_id,
            "HANDOFF_STATUS": "",
            "HANDOFF_STATE": "conference",
        }
        self._ring_third(caller, near, far, target)

    def add_party(self, caller_channel: str, handoff_id: str, party: str, target: str) -> None:
        near, far = self._pair(caller_channel, handoff_id, party, target)
        self._ring_third(self.named(caller_channel), near, far, target)

    def _pair(self, caller_channel: str, handoff_id: str, party: str, target: str) -> tuple[Channel, Channel]:
        near_id, name = channel_id(handoff_id, party), f"Local/{target}@conference-dial-{self.number():08x}"
        near = self.make(f"{name};1", uniqueid=near_id)
        far = self.make(f"{name};2", near_id, f"{near_id}-dial")
        for half in (near, far):
            half.variables = {"CALLER_CHANNEL": caller_channel, "HANDOFF_ID": handoff_id, "PARTY": party}
        near.at, far.at = At.THIRD, At.DIALLING
        self.say(events.DialStarted, near_id, near_id, near.name, "", handoff_id)
        return near, far

    def _ring_third(self, caller: Channel | None, near: Channel, far: Channel, target: str) -> None:
        far.variables["HOTLINE_CALLER"] = caller["HOTLINE_CALLER"] if caller else ""
        endpoints, status = self.ring_group(target)
        if not endpoints:
            self.third_unanswered(far, status, None)
            return
        self._party(far, "dialling", far.uniqueid, target=target)
        self.ring(far, endpoints, near.uniqueid)
        self.say(events.DialRinging, near.uniqueid)

    def _party(self, half: Channel, step: str, uniqueid: str, **said: str | int | None) -> None:
        self.say(events.ConferenceReported, step, half["HANDOFF_ID"], half["PARTY"], uniqueid, **said)

    def third_answers(self, far: Channel, phone: Channel) -> None:
        near, caller = self.channels[far.linkedid], self.named(far["CALLER_CHANNEL"])
        seat = phone.seat if self.directory.seat(phone.seat) else ""
        self._party(far, "answered", phone.uniqueid, shown=f"<sip:{phone.shown}@127.0.0.1>", seat=seat)
        self.stop_ringing(far, phone)
        near.up = far.up = True
        for half in (near, far):
            self.say(events.ChannelAnswered, half.uniqueid)
        self.bridged(phone, far)
        room = far["HANDOFF_ID"]
        if far["PARTY"] != TARGET:
            self.join(near, room)
        elif caller is None or caller["CONFERENCE"] != room or caller["HANDOFF_STATE"] != "conference":
            near.at = At.TOLD
        else:
            caller.variables["HANDOFF_STATE"] = "joining"
            self.truth[room].ends(Outcome.ANSWERED, None)
            left = self.leave(caller)
            self.join(caller, room)
            for each in left:
                self.seat_left(each, caller)
            self.join(near, room)

    def third_unanswered(self, far: Channel, status: str, sip: int | None) -> None:
        self.stop_ringing(far)
        self._party(far, "result", far.uniqueid, status=status, sip_code=sip)
        if far["PARTY"] == TARGET:
            truth = self.truth[far["HANDOFF_ID"]]
            truth.status = f"{status}/{sip or ''}"
            if not self._awaited(far):
                truth.ends(OUTCOME[truth.status], Resolution.FIRST_SEAT)
        self.gone(far)
        self.gone(self.channels[far.linkedid])
        self._need_not_wait(far)

    def _awaited(self, half: Channel) -> Channel | None:
        caller = self.named(half["CALLER_CHANNEL"])
        waits = caller is not None and caller.at is At.AWAITING and caller["CONFERENCE"] == half["HANDOFF_ID"]
        return caller if waits and half["PARTY"] == TARGET else None

    def _need_not_wait(self, half: Channel) -> None:
        """h of [conference-run]: the caller, if it waits for this, goes down the ladder."""
        if caller := self._awaited(half):
            self.ladder(caller)

    def hang_up_third(self, half: Channel) -> None:
        """Either half of the pair, or the phone behind it, has ended: so do the others."""
        near, far = self.channels.get(half.linkedid), self.channels.get(f"{half.linkedid}-dial")
        if near is not None and near.at in (At.ROOM, At.HELD):
            self._leaves_room(near)
        elif near is not None:
            if near.at is At.THIRD and near["PARTY"] == TARGET:
                where = None if self._awaited(near) else Resolution.FIRST_SEAT
                self.truth[near["HANDOFF_ID"]].ends(Outcome.CANCELLED, where)
            self.gone(near)
        if far is not None:
            self.stop_ringing(far)
            partners = self.partners(far)
            self.gone(far)
            for each in partners:
                self.gone(each)
        self._need_not_wait(half)

    # ------------------------------------------------------------ [conference], [conference-hold], [conference-left]

    def members(self, room: str) -> list[Channel]:
        """Who is in it or held out of it: GROUP_COUNT."""
        return [each for each in self.channels.values() if each.room == room] if room else []

    def inside(self, room: str) -> list[Channel]:
        return [each for each in self.members(room) if each.at is At.ROOM]

    def join(self, channel: Channel, room: str) -> None:
        channel.room, channel.at, channel.bridge, channel.muted = room, At.ROOM, f"conf-{room}", False
        channel.variables["CONFERENCE"] = room
        self.say(events.BridgeEntered, channel.uniqueid, channel.bridge)
        self.say(events.ConferenceJoined, room, channel.uniqueid, channel.name)

    def hold(self, channel: Channel, room: str) -> None:
        self.out_of_bridge(channel)
        channel.at = At.HELD
        self.say(events.ConferenceReported, "held", room, "", channel.uniqueid)

    def unhold(self, channel: Channel, room: str) -> None:
        """[conference-in]: out of whatever the channel does, and into the room where somebody else is of it."""
        self.stop_ringing(channel)
        self.out_of_bridge(channel)
        if self.inside(room) or len(self.members(room)) > 1:
            self.join(channel, room)
        elif channel["CALLER_CHANNEL"] == channel.name:
            self.ladder(channel)
        else:
            self.gone(channel)

    def music_ends(self, channel: Channel) -> None:
        """Every few seconds a held party looks whether it waits for anybody."""
        if len(self.members(channel.room)) > 1:
            return
        if channel["CALLER_CHANNEL"] == channel.name:
            self.ladder(channel)
        else:
            self.out_of_room(channel)

    def out_of_room(self, channel: Channel) -> None:
        if channel.name.startswith("Local/"):
            self.hang_up_third(channel)
        else:
            self._leaves_room(channel)

    def _leaves_room(self, channel: Channel) -> None:
        room, channel.room = channel.room, ""
        self.gone(channel)
        left = self.members(room)
        if len(left) == 1:
            for each in self.inside(room):
                self.kick(each)

    def kick(self, channel: Channel) -> None:
        if channel["CALLER_CHANNEL"] == channel.name:
            self.end(channel, "the last in a room")
        else:
            self.out_of_room(channel)

    # ------------------------------------------------------------ what is there

    def snapshot(self) -> LinkRestored:
        at = self.tick()
        channels = tuple(
            ChannelSnapshot(
                each.uniqueid,
                each.linkedid,
                each.name,
                each.up,
                each.number,
                each.bridge,
                5,
                {name: value for name in VARIABLES if (value := each[name])},
                each.shown,
            )
            for each in self.channels.values()
        )
        rooms = {each.room for each in self.channels.values() if each.at is At.ROOM}
        inside = {room: tuple(each.uniqueid for each in self.inside(room)) for room in sorted(rooms)}
        return LinkRestored(at, channels, inside)
