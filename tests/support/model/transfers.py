"""Asterisk with our dialplan, as a small model: asterisk-config/extensions.conf.j2 told in Python.

Nothing happens by itself. People act (``answer``, ``refuse``, ``hang_up``, ``key`` …), time passes (``time_out``),
commands come in (``hand_over``, ``take_back`` …), and each is followed to where everybody waits again. Where two
threads of Asterisk race, the one that is worse for the caller wins.

``ends`` says of each caller who has left why: nobody may be ``lost``. ``truth`` says of each handoff what came of it.
"""

from __future__ import annotations

from telephony import events
from telephony.handoff import Outcome, Resolution
from tests.support.model.channels import At, Channel, Channels, Truth

REFUSALS = {486: ("BUSY", 17), 603: ("BUSY", 21), 403: ("CONGESTION", 21), 503: ("CONGESTION", 34)}
"""SIP answer → Dial's word and the Q.850 cause."""
MAX_HOPS = 3

OUTCOME = {
    "": Outcome.ABANDONED,
    "BUSY/": Outcome.BUSY,
    "BUSY/486": Outcome.BUSY,
    "BUSY/603": Outcome.REJECTED,
    "CONGESTION/403": Outcome.REJECTED,
    "CONGESTION/503": Outcome.UNREACHABLE,
    "CONGESTION/": Outcome.UNREACHABLE,
    "NOANSWER/": Outcome.NO_ANSWER,
    "CHANUNAVAIL/": Outcome.UNREACHABLE,
    "CANCELLED/": Outcome.CANCELLED,
    "LOOP/": Outcome.REJECTED,
    "TAKEN/": Outcome.FAILED,
    "CANCEL/": Outcome.ABANDONED,
}


class Transfers(Channels):
    # ------------------------------------------------------------ arrival

    def arrive(self, number: str, line: str, seat: str) -> Channel:
        """A citizen calls the line, and that seat of it answers."""
        caller = self.make(f"PJSIP/pstn-{self.number():08x}", number=number)
        caller.up, caller.at = True, At.LINE
        caller.variables = {
            "HOTLINE_CALLER": number,
            "HOTLINE_DIALLED": line,
            "HOTLINE_LINE": line,
            "HOTLINE_FIRST": line,
            "CALLER_CHANNEL": caller.name,
        }
        self.say(
            events.CallArrived, caller.uniqueid, caller.uniqueid, caller.name, number, "", "allowed", line, line, "pstn"
        )
        self.say(events.ChannelAnswered, caller.uniqueid)
        self.ring(caller, [seat])
        self.answer(self.rung_by(caller)[0])
        return caller

    # ------------------------------------------------------------ phones that were rung

    def answer(self, phone: Channel) -> None:
        dialler = self.channels[phone.dialler]
        phone.up = True
        self.say(events.ChannelAnswered, phone.uniqueid)
        if dialler.at is At.DIALLING and dialler["PARTY"]:
            self.third_answers(dialler, phone)
            return
        if dialler.at is At.DIALLING:
            self._target_answers(dialler, phone)
        else:
            self._seat_answers(dialler, phone)
        dialler.came_by = dialler.at
        self.stop_ringing(dialler, phone)
        self.bridged(phone, dialler)

    def _seat_answers(self, caller: Channel, phone: Channel) -> None:
        where = {At.FIRST_SEAT: Resolution.FIRST_SEAT, At.QUEUE: Resolution.QUEUE}.get(caller.at)
        caller.variables |= {"SEAT": phone.seat, "SEAT_CHANNEL": phone.name}
        self.say(events.SeatAnswered, phone.uniqueid, caller.uniqueid, phone.name, phone.seat, caller["HOTLINE_LINE"])
        if where is not None:
            self.served(caller, where)

    def _target_answers(self, caller: Channel, phone: Channel) -> None:
        first = self.named(caller["SEAT_CHANNEL"])
        line = self.directory.line(caller["HANDOFF_TARGET"])
        seat = phone.seat if line else ""
        caller.variables |= {
            "HANDOFF_ANSWERED": "1",
            "HANDOFF_HOPS": str(int(caller["HANDOFF_HOPS"] or 0) + 1),
            "HANDOFF_STATE": "answered",
            "HOTLINE_LINE": caller["HANDOFF_TARGET"],
            "SEAT": seat,
            "SEAT_CHANNEL": phone.name,
            "SEAT_WAITING": "",
        }
        self.answered(caller["HANDOFF_ID"], caller, phone, seat)
        self.truth[caller["HANDOFF_ID"]].ends(Outcome.ANSWERED, Resolution.TARGET)
        if first is not None:
            self.gone(first)

    def answered(self, handoff_id: str, caller: Channel, phone: Channel, seat: str) -> None:
        shown = f"<sip:{phone.shown}@127.0.0.1>"
        said = {"shown": shown, "seat": seat}
        self.say(events.HandoffReported, "answered", handoff_id, phone.uniqueid, caller.uniqueid, **said)

    def refuse(self, phone: Channel, sip: int) -> None:
        dialler = self.channels[phone.dialler]
        status, cause = REFUSALS[sip]
        dialler.refusals.append(sip)
        self.gone(phone, cause, sip)
        if not self.rung_by(dialler):
            alike = len(set(dialler.refusals)) == 1 and len(dialler.refusals) == dialler.rung
            self._unanswered(dialler, status, sip if alike else None)

    def time_out(self, dialler: Channel) -> None:
        """Nobody has answered for as long as it may ring."""
        self._unanswered(dialler, "NOANSWER", None)

    def _unanswered(self, dialler: Channel, status: str, sip: int | None) -> None:
        if dialler["PARTY"]:
            self.third_unanswered(dialler, status, sip)
        elif dialler.at is At.DIALLING:
            self.failed(dialler, status, sip)
        elif dialler.at is At.FIRST_SEAT:
            self.stop_ringing(dialler)
            self.queue(dialler)
        elif dialler.at is At.QUEUE and status == "NOANSWER":
            self.stop_ringing(dialler)
            self._call_back(dialler)

    # ------------------------------------------------------------ [handoff-run]

    def hand_over(self, caller: Channel, target: str, handoff_id: str, via: str, release: str) -> None:
        left = self.leave(caller)
        caller.variables |= {
            "HANDOFF_ID": handoff_id,
            "HANDOFF_TARGET": target,
            "HANDOFF_VIA": via,
            "HANDOFF_RELEASE": release,
            "HANDOFF_STATE": "dialling",
            "HANDOFF_STATUS": "",
            "HANDOFF_ANSWERED": "",
            "HANDOFF_SIP": "",
            "HANDOFF_LINE": caller["HOTLINE_LINE"],
            "HANDOFF_SEAT": caller["SEAT"],
            "HANDOFF_CHANNEL": caller["SEAT_CHANNEL"],
        }
        self.truth.setdefault(handoff_id, Truth(caller.uniqueid))
        self.step(caller, "start")
        for each in left:
            self.seat_left(each, caller)
        if int(caller["HANDOFF_HOPS"] or 0) >= MAX_HOPS:
            self.failed(caller, "LOOP", None)
            return
        caller.at = At.DIALLING
        endpoints, status = self.ring_group(target)
        if not self.ring(caller, endpoints):
            self.failed(caller, status, None)

    def leave(self, caller: Channel) -> list[Channel]:
        """The caller is taken out of what it does; returns who was bridged with it."""
        if truth := self.truth.get(caller["HANDOFF_ID"]):
            truth.ends(OUTCOME[truth.status] if truth.status else Outcome.CANCELLED, Resolution.FIRST_SEAT)
        self.stop_ringing(caller)
        partners = self.partners(caller)
        if caller.at is At.ROOM:
            self.out_of_bridge(caller)
            return []
        for each in (caller, *partners):
            self.out_of_bridge(each)
        return partners

    def seat_left(self, seat: Channel, caller: Channel) -> None:
        """[seat-left]: what becomes of a phone whose caller has left the bridge."""
        state = caller["HANDOFF_STATE"] if caller.uniqueid in self.channels else ""
        if state == "dialling" and caller["HANDOFF_RELEASE"] != "now":
            self._waits(seat, caller)
        elif state == "joining":
            self.join(seat, caller["CONFERENCE"])
        else:
            self.gone(seat)

    def failed(self, caller: Channel, status: str, sip: int | None) -> None:
        caller.variables |= {"HANDOFF_STATUS": status, "HANDOFF_SIP": str(sip or "")}
        truth = self.truth[caller["HANDOFF_ID"]]
        truth.status = truth.status or f"{status}/{sip or ''}"
        self.step(caller, "result")
        self.stop_ringing(caller)
        self.ladder(caller)

    # ------------------------------------------------------------ [ladder]

    def ladder(self, caller: Channel) -> None:
        seat = self.named(caller["SEAT_CHANNEL"])
        if seat is not None and caller["HANDOFF_RELEASE"] != "now":
            caller.variables |= {"HANDOFF_STATE": "back", "SEAT_WAITING": ""}
            self.step(caller, "back")
            self.served(caller, Resolution.FIRST_SEAT)
            caller.came_by = At.WAITING
            self.bridged(seat, caller)
        elif caller["SEAT"]:
            caller.variables |= {"HANDOFF_STATE": "back", "SEAT_CHANNEL": ""}
            self.step(caller, "ring-seat")
            caller.at = At.FIRST_SEAT
            if not self.ring(caller, [caller["SEAT"]] if self.is_free(caller["SEAT"]) else []):
                self.queue(caller)
        else:
            self.queue(caller)

    def queue(self, caller: Channel) -> None:
        caller.variables |= {"HANDOFF_STATE": "queue", "SEAT": "", "SEAT_CHANNEL": ""}
        self.step(caller, "queue")
        self._wait_in(caller, At.QUEUE)

    def _wait_in(self, caller: Channel, where: At) -> None:
        """A linked number has no queue: the line that took the call first has."""
        line = self.directory.line(caller["HOTLINE_LINE"]) or self.directory.line(caller["HOTLINE_FIRST"])
        assert line is not None
        caller.variables["SEAT_CHANNEL"] = ""
        caller.at = where
        self.ring(caller, self.ring_group(line.id)[0])

    def _call_back(self, caller: Channel) -> None:
        if not caller["HOTLINE_CALLER"]:
            self._wait_in(caller, At.LINE)
            return
        caller.variables["HANDOFF_STATE"] = "call-back"
        self.step(caller, "call-back")
        caller.at = At.PROMISED
        self.served(caller, Resolution.CALLBACK_ORDER)

    def served(self, caller: Channel, where: Resolution) -> None:
        truth = self.truth.get(caller["HANDOFF_ID"])
        if truth is not None:
            truth.ends(OUTCOME[truth.status], where)

    # ------------------------------------------------------------ people

    def hang_up(self, channel: Channel, why: str = "hung up", *, soon: bool = False) -> None:
        """A phone hangs up, ``soon`` after it had answered; or it is hung up by us. And what comes of it."""
        if channel["CALLER_CHANNEL"] == channel.name:
            self.end(channel, why)
        elif channel.at in (At.ROOM, At.HELD):
            self.out_of_room(channel)
        elif channel.name.startswith("Local/"):
            self.hang_up_third(channel)
        elif channel.at is At.RINGING:
            self.refuse(channel, 486)
        else:
            partners = self.partners(channel)
            self.gone(channel)
            for each in partners:
                self._partner_left(each, "talked" if why == "hung up" else "lost", soon)

    def _partner_left(self, channel: Channel, why: str, soon: bool) -> None:
        """Dial, Queue or Bridge is over. Who has talked is hung up; who has not goes on to the next human."""
        if channel.name.startswith("Local/"):
            self.hang_up_third(channel)
        elif channel["CALLER_CHANNEL"] != channel.name:
            self.gone(channel)
        elif not soon or channel.came_by is At.WAITING:
            self._talk_over(channel, why)
        else:
            self.out_of_bridge(channel)
            self._on_to_the_next(channel)

    def _talk_over(self, caller: Channel, why: str) -> None:
        """[talk-over]: a third party that is being rung for the caller is waited for."""
        if caller.came_by is At.DIALLING:
            caller.variables["HANDOFF_STATUS"] = "ANSWER"
        if caller["HANDOFF_STATE"] == "conference":
            self.out_of_bridge(caller)
            caller.variables["SEAT_CHANNEL"] = ""
            caller.at = At.AWAITING
        else:
            self.end(caller, why)

    def _on_to_the_next(self, caller: Channel) -> None:
        if caller.came_by is At.DIALLING:
            self._first_seat(caller)
            self.ladder(caller)
        elif caller.came_by is At.FIRST_SEAT:
            self.queue(caller)
        else:
            self._wait_in(caller, caller.came_by)

    def _first_seat(self, caller: Channel) -> None:
        """[first-seat]: the target answered and does not have the caller."""
        caller.variables |= {
            "SEAT": caller["HANDOFF_SEAT"],
            "SEAT_CHANNEL": caller["HANDOFF_CHANNEL"],
            "HOTLINE_LINE": caller["HANDOFF_LINE"],
        }

    def end(self, caller: Channel, why: str) -> None:
        """The caller's channel ends: ``h`` of whatever context it is in."""
        self.ends[caller.uniqueid] = why
        in_room = caller.at in (At.ROOM, At.HELD)
        self.stop_ringing(caller)
        partners = [] if in_room else self.partners(caller)
        for each in () if in_room else (caller, *partners):
            self.out_of_bridge(each)
        if caller["HANDOFF_ID"] and not in_room:
            self.step(caller, "gone")
        if truth := self.truth.get(caller["HANDOFF_ID"]):
            truth.ends(OUTCOME[truth.status], None if in_room else Resolution.CALLER_HUNG_UP)
        held = self.named(caller["SEAT_WAITING"])
        if caller["HANDOFF_STATE"] == "dialling" and held and caller["SEAT_WAITING"] == caller["SEAT_CHANNEL"]:
            held.at = At.TOLD
        if in_room:
            self.out_of_room(caller)
        self.gone(caller)
        for each in partners:
            self.seat_left(each, caller)

    def key(self, seat: Channel, target: str) -> None:
        """The feature code on the phone of a seat that talks with a caller."""
        caller = self.partners(seat)[0]
        self.hand_over(caller, target, f"k{self.number()}", "key", "on_answer")

    def refer(self, seat: Channel, target: str) -> None:
        """A blind transfer by the seat's phone, which leaves by itself."""
        caller = self.partners(seat)[0]
        self.hand_over(caller, target, f"r{self.number()}", "refer", "now")

    def take_back(self, seat: Channel) -> None:
        """[seat-cancel], with *0 or by a redirect: runs on the seat's channel."""
        caller = self._led_away(seat)
        if caller is None or caller["HANDOFF_ANSWERED"] == "1":
            self.gone(seat)
        elif caller["HANDOFF_STATE"] == "back":
            self._together_again(seat, caller)
        else:
            self._waits(seat, caller)
            self.cancelled(caller)

    def release(self, seat: Channel) -> None:
        """[seat-release]: the seat need not wait for the answer."""
        caller = self._led_away(seat)
        if caller is not None and caller["HANDOFF_STATE"] == "back":
            self._together_again(seat, caller)
        else:
            self.gone(seat)

    def _led_away(self, seat: Channel) -> Channel | None:
        """A redirect takes the seat out of whatever it does; a caller who came down the ladder looks where it is."""
        partners = self.partners(seat)
        for each in (seat, *partners):
            self.out_of_bridge(each)
        for each in partners:
            if each.came_by is not At.WAITING:
                self.end(each, "lost")
        return self.named(seat["CALLER_CHANNEL"])

    def _together_again(self, seat: Channel, caller: Channel) -> None:
        self._waits(seat, caller)
        caller.variables["SEAT_WAITING"] = ""
        self.step(caller, "back")
        self.bridged(seat, caller)

    def _waits(self, seat: Channel, caller: Channel) -> None:
        seat.at = At.WAITING
        caller.variables["SEAT_WAITING"] = seat.name

    def cancelled(self, caller: Channel) -> None:
        """[handoff-cancelled]"""
        left = self.partners(caller)
        for each in (caller, *left):
            self.out_of_bridge(each)
        for each in left:
            self.seat_left(each, caller)
        if caller["HANDOFF_ANSWERED"] == "1":
            self._first_seat(caller)
        self.failed(caller, "CANCELLED", None)
