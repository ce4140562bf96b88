"""Manager events as Asterisk words them, written short, for stories of what a recording says."""

from __future__ import annotations

from telephony.ami.frames import AmiEvent

STATES = {"Down": "0", "Ring": "4", "Ringing": "5", "Up": "6"}


class Stream:
    """Each method appends one event, 10 ms after the one before; ``times`` False leaves the time out."""

    def __init__(self, *, times: bool = True) -> None:
        self.events: list[AmiEvent] = []
        self._times = times
        self._now = 1_700_000_000.0
        self._channels: dict[str, dict[str, str]] = {}

    def event(self, name: str, channel: str = "", *, roles: dict[str, str] | None = None, **headers: str) -> None:
        self._now += 0.01
        found = {"Event": name, **({"Timestamp": f"{self._now:.6f}"} if self._times else {})}
        for role, who in {**({"": channel} if channel else {}), **(roles or {})}.items():
            found.update({role + header: value for header, value in self._channels[who].items()})
        self.events.append(AmiEvent(name, {**found, **headers}))

    def known(self, name: str, serial: int, linkedid: int, state: str = "Up", number: str = "<unknown>") -> None:
        """A channel whose beginning is not told."""
        self._channels[name] = {
            "Channel": name,
            "ChannelState": STATES[state],
            "ChannelStateDesc": state,
            "CallerIDNum": number,
            "Context": "default",
            "Exten": "s",
            "Priority": "1",
            "Uniqueid": f"1700000000.{serial}",
            "Linkedid": f"1700000000.{linkedid}",
        }

    def comes(self, name: str, serial: int, number: str, exten: str) -> None:
        """A caller's channel."""
        self.known(name, serial, serial, "Ring", number)
        self.goes(name, exten)
        self.event("Newchannel", name)

    def rung(self, parent: str, name: str, serial: int, linkedid: int, string: str) -> None:
        """``parent`` (nobody: originated) dials a new channel."""
        self.known(name, serial, linkedid, "Down")
        self.event("Newchannel", name)
        self.event("DialBegin", parent, roles={"Dest": name}, DialString=string)

    def up(self, name: str) -> None:
        self._channels[name].update(ChannelState="6", ChannelStateDesc="Up")
        self.event("Newstate", name)

    def dial_ends(self, parent: str, name: str, status: str) -> None:
        self.event("DialEnd", parent, roles={"Dest": name}, DialStatus=status)

    def goes(self, name: str, exten: str, context: str = "default") -> None:
        """Elsewhere in the dialplan; the channel's next event shows it."""
        self._channels[name].update(Exten=exten, Context=context)

    def joins(self, linkedid: int, *names: str) -> None:
        """The call that these channels belong to from now on."""
        for name in names:
            self._channels[name]["Linkedid"] = f"1700000000.{linkedid}"

    def enters(self, bridge: str, *names: str) -> None:
        for name in names:
            self.event("BridgeEnter", name, BridgeUniqueid=bridge)

    def leaves(self, bridge: str, *names: str) -> None:
        for name in names:
            self.event("BridgeLeave", name, BridgeUniqueid=bridge)

    def hangs_up(self, name: str) -> None:
        self.event("HangupRequest", name, Cause="16")

    def gone(self, name: str, cause: int = 16, sip: str = "") -> None:
        self.event("Hangup", name, Cause=str(cause), **({"TechCause": sip} if sip else {}))
