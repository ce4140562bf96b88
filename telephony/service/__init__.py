"""The use cases of one node: each public coroutine is one thing that a seat, a supervisor or a program can ask for.

Asking changes nothing by itself: what Asterisk then reports does (``telephony.watch``).
"""

from telephony.events import Event
from telephony.service.callbacks import CallBacks
from telephony.service.conferences import Conferences, PartyAction
from telephony.service.corrections import Corrections
from telephony.service.handoffs import HandoffRequest
from telephony.service.joining import Joining
from telephony.service.load import Load
from telephony.service.node import Actor
from telephony.service.nuisance import Nuisances
from telephony.service.recordings import Recordings


class Switchboard(Joining, Conferences, Corrections, CallBacks, Load, Nuisances, Recordings):
    """One per node; ``run`` must be running for anything to change."""

    async def run(self) -> None:
        """Until cancelled: keeps what this node knows current."""
        await self.read_presence()
        self.watch.on_fact = self._heard
        await self.watch.run()

    def _heard(self, fact: Event) -> None:
        self.hear_of_recordings(fact)
        self.hear_of_menus(fact)
        self.hear_of_call_backs(fact)
        self.hear_of_load(fact)
        self.hear_of_nuisance(fact)


__all__ = ["Actor", "HandoffRequest", "PartyAction", "Switchboard"]
