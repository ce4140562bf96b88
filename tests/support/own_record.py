"""What Asterisk writes down of a call, told by hand in its own rows."""

from __future__ import annotations

from datetime import timedelta

from telephony.cel import Row
from tests.support.records import NOON

CALLER = "n1-1795303379.7"
SEAT = "n1-1795303379.8"
PHONE, OTHER = "n1-1795303379.9", "n1-1795303379.10"
H, ROOM = "h-1", "c-1"
THIRD = f"{ROOM}-target"
NUMBER = "13800001111"
CHANNELS = {CALLER: "PJSIP/pstn-7", SEAT: "PJSIP/2101-8", PHONE: "PJSIP/1101-9", OTHER: "PJSIP/1102-10"}


class OwnRecord:
    """Each row is 2 s after the one before, so that nothing is at the same moment unless ``at_once`` says so."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.now = NOON
        self._bridges: dict[str, str] = {}
        self._calls: dict[str, str] = {}
        self._apart = timedelta(seconds=2)

    def at_once(self) -> OwnRecord:
        self._apart = timedelta(milliseconds=10)
        return self

    def slowly(self) -> OwnRecord:
        self._apart = timedelta(seconds=2)
        return self

    def row(self, event: str, uniqueid: str, **about: object) -> OwnRecord:
        self.now += self._apart
        channel = CHANNELS.get(uniqueid, f"Local/{uniqueid}")
        linkedid = self._calls.get(uniqueid, CALLER)
        self.rows.append(Row(self.now, event, uniqueid, linkedid, channel, **about))  # type: ignore[arg-type]
        return self

    def begins(self, uniqueid: str, linkedid: str = CALLER, number: str = "") -> OwnRecord:
        self._calls[uniqueid] = linkedid
        return self.row("CHAN_START", uniqueid, number=number)

    def answers(self, uniqueid: str) -> OwnRecord:
        return self.row("ANSWER", uniqueid)

    def bridged(self, *uniqueids: str, bridge: str, app: str = "") -> OwnRecord:
        for uniqueid in uniqueids:
            self._bridges[uniqueid] = bridge
            self.row("BRIDGE_ENTER", uniqueid, app=app, extra={"bridge_id": bridge})
        return self

    def parted(self, *uniqueids: str) -> OwnRecord:
        for uniqueid in uniqueids:
            self.row("BRIDGE_EXIT", uniqueid, extra={"bridge_id": self._bridges.pop(uniqueid)})
        return self

    def ends(self, uniqueid: str, cause: int = 16) -> OwnRecord:
        if uniqueid in self._bridges:
            self.parted(uniqueid)
        return self.row("HANGUP", uniqueid, extra={"hangupcause": cause}).row("CHAN_END", uniqueid)

    def handoff(self, words: str, uniqueid: str = CALLER) -> OwnRecord:
        """``step id target status uniqueid seat sip cause shown from-line``; {H}, {C} and {P} stand for the ids."""
        return self.row("HandoffStep", uniqueid, extra={"extra": words.format(H=H, C=CALLER, P=PHONE)})

    def conference(self, words: str, uniqueid: str = f"{THIRD}-dial") -> OwnRecord:
        """``step id party target status uniqueid seat sip cause shown from-line call``"""
        self._calls.setdefault(uniqueid, THIRD)
        return self.row("ConferenceStep", uniqueid, extra={"extra": words.format(R=ROOM, C=CALLER, P=PHONE)})

    # -------------------------------------------------------------- what happens often

    def picked_up(self) -> OwnRecord:
        """Seat 2101 of 12345 has answered the caller; Asterisk has yet to join them."""
        self.begins(CALLER, number=NUMBER).row("CallArrived", CALLER, extra={"extra": f"12345 12345 {NUMBER} pstn"})
        return self.begins(SEAT).answers(SEAT)

    def joined(self) -> OwnRecord:
        return self.bridged(SEAT, bridge="b0", app="AppQueue").bridged(CALLER, bridge="b0")

    def talking(self) -> OwnRecord:
        return self.picked_up().joined()

    def starts(self) -> OwnRecord:
        """A transfer to 110."""
        return self.talking().parted(CALLER, SEAT).handoff("start {H} 110  {C} 2101    12345 api on_answer")

    def rings(self) -> OwnRecord:
        return self.starts().begins(PHONE)

    def answered(self) -> OwnRecord:
        """The target answers and talks with the caller; the seat is released."""
        self.rings().answers(PHONE).handoff(ANSWERED, PHONE)
        return self.bridged(PHONE, CALLER, bridge="b1").ends(SEAT)

    def refused(self, status: str = "BUSY", sip: str = "", cause: int = 17) -> OwnRecord:
        return self.rings().ends(PHONE, cause).handoff(f"result {{H}} 110 {status} {{C}} 2101 {sip} {cause}")

    def back(self) -> OwnRecord:
        return self.handoff("back {H} 110").bridged(SEAT, CALLER, bridge="b2")

    def third_rings(self) -> OwnRecord:
        self.begins(THIRD, THIRD).begins(f"{THIRD}-dial", THIRD)
        return self.conference("dialling {R} target 110  x     12345 {C}").begins(PHONE, THIRD)

    def third_answers(self) -> OwnRecord:
        """All three come to the room."""
        self.answers(PHONE).conference("answered {R} target 110 ANSWER {P} 1101   " + SHOWN, PHONE)
        self.bridged(PHONE, f"{THIRD}-dial", bridge="b3")
        return self.parted(CALLER, SEAT).bridged(CALLER, SEAT, THIRD, bridge="room")

    def dials_third(self) -> OwnRecord:
        return self.talking().third_rings()

    def three_way(self) -> OwnRecord:
        return self.dials_third().third_answers()

    def third_ends(self) -> OwnRecord:
        return self.ends(THIRD).ends(f"{THIRD}-dial").ends(PHONE)


SHOWN = "%3Csip%3A13800001111%40127.0.0.1%3E"
ANSWERED = "answered {H} 110 ANSWER {P} 1101   " + SHOWN
