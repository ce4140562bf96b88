"""What IVR flows may name, and where they and their audio lie, as the settings say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import stamina

from api.clock import SystemClock
from api.settings import Settings
from ivr.caller import where_to
from ivr.check import Surroundings
from ivr.flow import History
from ivr.menu import Gone
from ivr.server import AgiServer, Passage, Reception
from ivr.shelf import Places, Shelf
from telephony.asterisk.render import config_source
from telephony.service import Switchboard

_HOST: Final = "127.0.0.1"
"""Asterisk is beside us; nobody else has to reach the menus."""


def surroundings(settings: Settings, lengths: Mapping[str, float]) -> Surroundings:
    """``lengths``: of `Places.lengths`."""
    return Surroundings(
        desks={line.id: frozenset(desk.id for desk in line.desks) for line in settings.lines},
        numbers={line.id: frozenset(line.numbers) for line in settings.lines},
        targets=frozenset([*(line.id for line in settings.lines), *(each.id for each in settings.linked_numbers)]),
        lengths=lengths,
        no_menu=frozenset(settings.menus.at_once) - frozenset(settings.menus.lines),
    )


def places(settings: Settings) -> Places:
    """Folders that hotline.yaml names are relative to its own."""
    menus, beside = settings.menus, settings.source.resolve().parent
    return Places(
        shipped_prompts=config_source() / "prompts",
        city_flows=beside / menus.flows if menus.flows else None,
        city_prompts=beside / menus.prompts if menus.prompts else None,
    )


class Menus:
    """The menus of a running service: flows kept fresh, callers served. A port that is taken is tried for again.

    ``put``: the id of a call and what is put on the ledger of its way through the menus; must not wait.
    ``board``: knows the callers."""

    def __init__(self, settings: Settings, put: Callable[[str, Mapping[str, Any]], None], board: Switchboard) -> None:
        self._settings = settings
        self.shelf = Shelf(places(settings), lambda lengths: surroundings(self._settings, lengths))
        reception = Reception(
            lambda: self.shelf.stock, lambda: frozenset(self._settings.menus.lines), CallersKnown(board)
        )
        self.server = AgiServer(reception, on_over=lambda passage: put(passage.call.get("uniqueid", ""), told(passage)))

    def take_up(self, settings: Settings) -> None:
        """Changed settings hold from the next call on."""
        self._settings = settings
        self.shelf.move(places(settings))

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.shelf.keep_fresh(), name="flows")
            tasks.create_task(self._listen(), name="menus")

    async def _listen(self) -> None:
        port = self._settings.port(self._settings.network.agi_port)
        async for attempt in stamina.retry_context(on=OSError, attempts=None, timeout=None, wait_max=5.0):
            with attempt:
                await self.server.run(_HOST, port)


class CallersKnown:
    """``ivr.server.Known``: what was counted of the caller, in the words of a flow."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def history(self, call_id: str, number: str) -> frozenset[History] | None:
        found = await self._board.counted(call_id, number, SystemClock().now())
        return None if found is None else frozenset(History(trait) for trait in found.traits)


def told(passage: Passage) -> dict[str, Any]:
    """For the record: which edition of which flow, each step with its time (seconds after the caller came) and keys."""
    ending = passage.ending
    return {
        "line": passage.line,
        "flow": passage.flow,
        "version": passage.version,
        "began": passage.began.isoformat(),
        "path": [{"step": visit.step, "at": visit.at, "key": visit.key} for visit in passage.caller.path],
        "language": passage.caller.language,
        "ending": "gone" if isinstance(ending, Gone) else where_to(ending, passage.line),
        "why": getattr(ending, "why", None),
        "numbers": {"caller": passage.call.get("callerid", "")},
    }
