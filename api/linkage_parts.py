"""The linkage of a running service, put together from the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from api.journal import Journal
from api.loaded import Loaded
from api.settings import Settings
from api.settings_linkage import LinkageSettings
from linkage.catalogue import Catalogue
from linkage.checks import differences
from linkage.deadlines import Limits
from linkage.desk import Handoffs, Named, OrderDesk
from linkage.errors import CatalogueNotFound
from linkage.orders import Act, Order, OrderStep
from linkage.ports import OrderStore
from linkage.shelf import Archive, Catalogues, Taken
from linkage.supervisor import Supervisor
from linkage.units import OnDuty, Unit, Units, on_duty
from telephony.ports import Clock
from telephony.service import Switchboard

_MOST_DIFFERENCES = 200  # on the ledger; the files themselves are kept whole
_NO_UNITS = Units()


def catalogue_folder(settings: Settings) -> Path | None:
    """A folder that hotline.yaml names is relative to its own."""
    own = settings.linkage.catalogues
    return settings.source.resolve().parent / own if own else None


def linkage_of(loaded: Loaded, journal: Journal, switchboard: Switchboard, parts: Parts) -> Linkage:
    """The switchboard tells it of every handoff from now on."""
    settings = loaded.settings
    put = partial(journal.configured, by=settings.node)
    zone, tell = settings.reports.time_zone, switchboard.watch.publisher.tell
    whole = replace(parts, zone=zone, tell=tell, named=switchboard.name_orders)
    linkage = Linkage(settings.linkage, catalogue_folder(settings), loaded.layout.home, put, whole, loaded.units)
    switchboard.watch.publisher.on_handoff = linkage.orders.heard_of
    return linkage


def archive_of(home: Path) -> Archive:
    return Archive(home / "catalogues")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the linkage is built on. ``zone``: whose days are counted.

    ``tell``: puts a notice of that kind and these data on the event stream; must not wait. ``named``: see there.
    """

    orders: OrderStore
    handoffs: Handoffs
    clock: Clock
    zone: str = "Asia/Shanghai"
    tell: Callable[..., None] = lambda kind, **data: None
    named: Named | None = None


class Linkage:
    """``put``: a subject and what of it goes on the ledger as ``configuration``; must not wait."""

    def __init__(
        self,
        settings: LinkageSettings,
        folder: Path | None,
        home: Path,
        put: Callable[[str, Mapping[str, Any]], None],
        parts: Parts,
        units: Units = _NO_UNITS,
    ) -> None:
        self.city = settings.city
        self._put = put
        self.catalogues = Catalogues(archive_of(home), folder, self._taken)
        self.units = units
        self.limits = _limits(settings, parts.zone, units)
        self._tell = parts.tell
        self.supervisor = Supervisor(parts.orders, parts.clock, lambda: self.limits, self._supervised)
        self._zone = parts.zone
        self.orders = OrderDesk(
            parts.orders, parts.handoffs, parts.clock, self.catalogue, settings.local_unit, self._changed, parts.named
        )

    def take_up(self, fresh: Loaded) -> None:
        """Changed settings hold from the next question on."""
        settings = fresh.settings
        self.units = fresh.units
        self.city = settings.linkage.city
        self.orders.local_unit = settings.linkage.local_unit
        self.limits = _limits(settings.linkage, self._zone, fresh.units)
        self.catalogues.move(catalogue_folder(settings))

    async def run(self) -> None:
        """Until cancelled. No order is made before the catalogue has been read that it is to name."""
        await self.catalogues.refresh()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.catalogues.keep_fresh(), name="catalogues")
            tasks.create_task(self.orders.run(), name="orders")
            tasks.create_task(self.supervisor.run(), name="deadlines")

    async def catalogue(self, city: str | None = None, version: str | None = None) -> Catalogue:
        """The one in force, of this city when none is named, or an older one. Raises CatalogueNotFound."""
        name = city or self.city
        in_force = self.catalogues.in_force.get(name)
        if version is None or (in_force is not None and in_force.version.startswith(version)):
            found = in_force
        else:
            found = await asyncio.to_thread(self.catalogues.archive.version, name, version)
        if found is None:
            raise CatalogueNotFound(f"there is no catalogue {name}{f' of version {version}' if version else ''} here")
        return found

    def on_duty(self, unit: Unit, at: datetime) -> tuple[OnDuty, ...]:
        return on_duty(unit, at, self.limits.zone, self.limits.worked)

    def _changed(self, order: Order) -> None:
        """Without the caller and the words: who may see them reads the order."""
        self._tell("order", id=order.id, state=order.state.value, unit=order.unit, to_line=order.to_line)

    def _supervised(self, order: Order, step: OrderStep) -> None:
        self._changed(order)
        if step.act is Act.SUPERVISE:
            alarm = {name: step.detail[name] for name in ("timer", "due", "level")}
            self._tell("alarm", alarm="order_overdue", order_id=order.id, unit=order.unit, **alarm)

    def _taken(self, taken: Taken) -> None:
        changes = differences(taken.before, taken.after) if taken.before else ()
        body = {
            "catalogue": taken.after.stamp,
            "before": taken.before.stamp if taken.before else None,
            "changes": len(changes),
            "changed": [[each.id, each.what, each.before, each.after] for each in changes[:_MOST_DIFFERENCES]],
        }
        self._put(f"catalogue:{taken.after.id}", body)


def _limits(settings: LinkageSettings, zone: str, units: Units) -> Limits:
    """What a unit's own card says goes before; what the settings say of it, before that."""
    limits = settings.deadlines.limits(zone)
    return replace(limits, trades={**units.trades, **limits.trades})
