"""The flows that are in force: read again when a file changes, for the next call; a broken one never is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from ivr import prompts
from ivr.check import Surroundings, check, check_together
from ivr.flow import Flow
from ivr.load import Mistake, Read, read

log = structlog.get_logger(__name__)

SHIPPED = Path(__file__).parent / "flows"
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where flows and audio are. ``city_*``: the operator's own, before the shipped ones."""

    shipped_prompts: Path
    shipped_flows: Path = SHIPPED
    city_flows: Path | None = None
    city_prompts: Path | None = None

    def flow_files(self) -> tuple[Path, ...]:
        """A city's file takes the place of the shipped one of the same name."""
        found: dict[str, Path] = {}
        for folder in (self.shipped_flows, self.city_flows):
            if folder is not None:
                found |= {path.name: path for path in sorted(folder.glob("*.yaml"))}
        return tuple(found.values())

    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Changes when any of the files does."""
        audio = self.city_prompts.rglob("*.wav*") if self.city_prompts is not None else ()
        stats = ((path, path.stat()) for path in (*self.flow_files(), *sorted(audio)))
        return tuple((str(path), found.st_mtime_ns, found.st_size) for path, found in stats)

    def lengths(self) -> dict[str, float]:
        return prompts.lengths(self.shipped_prompts / "zh", self.city_prompts)


@dataclass(frozen=True, slots=True)
class Stock:
    """What is in force: sound flows by the name of their file, and the length of everything they say."""

    flows: Mapping[str, Flow] = field(default_factory=dict)
    lengths: Mapping[str, float] = field(default_factory=dict)

    def flow(self, line: str, number: str) -> Flow | None:
        """One for the dialled number goes before one for the whole line."""
        of_line = [flow for flow in self.flows.values() if flow.line == line]
        for_number = (flow for flow in of_line if number in flow.numbers)
        return next(for_number, next((flow for flow in of_line if not flow.numbers), None))


def look(files: Iterable[Path], around: Surroundings) -> tuple[list[Read], list[Mistake]]:
    """Every flow, and all that is wrong with them, in order. Reads the files."""
    reads = [read(path) for path in files]
    mistakes = [mistake for each in reads for mistake in check(each, around)]
    return reads, sorted([*mistakes, *check_together(reads)])


def restocked(old: Stock, places: Places, around: Surroundings) -> tuple[Stock, list[Mistake]]:
    """Of a file that has mistakes now, the flow that it had before stays in force. Reads the files."""
    reads, mistakes = look(places.flow_files(), around)
    broken = {mistake.file for mistake in mistakes}
    flows: dict[str, Flow] = {}
    for each in reads:
        name = Path(each.source.file).name
        flow = old.flows.get(name) if each.source.file in broken else each.flow
        if flow is not None:
            flows[name] = flow
    return Stock(flows, around.lengths), mistakes


class Shelf:
    """``around``: what flows may name, given the lengths of the prompts. No call ever waits for a file: see `stock`."""

    def __init__(self, places: Places, around: Callable[[Mapping[str, float]], Surroundings]) -> None:
        self.stock = Stock()
        self._places = places
        self._around = around
        self._stamp: tuple[object, ...] | None = None

    def move(self, places: Places) -> None:
        """Flows and audio are elsewhere now; looked for at the next `refresh`."""
        self._places, self._stamp = places, None

    async def refresh(self) -> None:
        """Takes up what has changed. Files that cannot be read leave everything as it was."""
        try:
            stamp = await asyncio.to_thread(self._places.stamp)
            if stamp == self._stamp:
                return
            lengths = await asyncio.to_thread(self._places.lengths)
            stock, mistakes = await asyncio.to_thread(restocked, self.stock, self._places, self._around(lengths))
        except OSError as error:
            log.warning("ivr.flows_unreadable", error=str(error))
            return
        self._stamp, self.stock = stamp, stock
        for mistake in mistakes:
            log.warning("ivr.flow_refused", mistake=str(mistake))
        for name, flow in stock.flows.items():
            log.info("ivr.flow_in_force", file=name, line=flow.line, version=flow.version)

    async def keep_fresh(self) -> None:
        """Until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(_LOOK_SECONDS)
