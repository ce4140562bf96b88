"""联动单位与值班 · the units that join in, and who of each is on duty."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from api.auth import Principal, needs
from api.openapi import problems
from api.permissions import Permission
from api.schemas import Moment, PathId
from api.schemas_units import ContactOut, OnDutyOut, UnitOut
from api.services import Services, Serving
from linkage import errors
from linkage.units import OnDuty, Unit

router = APIRouter(prefix="/units", tags=["linkage"])

Reads = Annotated[Principal, needs(Permission.READ)]


@router.get(
    "",
    operation_id="listUnits",
    summary="联动单位及现在的值班人 · the units, with who is on duty",
    responses=problems(),
)
async def listed(who: Reads, services: Serving, at: Moment | None = None) -> list[UnitOut]:
    """``at``: on duty then; now, when left out."""
    return [_shown(unit, services, at) for unit in services.linkage.units.units]


@router.get(
    "/{unit_id}",
    operation_id="getUnit",
    summary="一个联动单位的联系卡 · the card of one unit",
    responses=problems(errors.UnitNotFound),
)
async def one(unit_id: PathId, who: Reads, services: Serving, at: Moment | None = None) -> UnitOut:
    found = services.linkage.units.unit(unit_id)
    if found is None:
        raise errors.UnitNotFound(f"there is no unit {unit_id}")
    return _shown(found, services, at)


def _shown(unit: Unit, services: Services, at: Moment | None) -> UnitOut:
    linkage = services.linkage
    return UnitOut(
        id=unit.id,
        name=unit.name,
        tier=unit.tier,
        service=unit.service,
        area=unit.area,
        limit_minutes=unit.limit_minutes,
        duty_phone=unit.duty_phone,
        target=unit.target,
        leader=ContactOut(name=unit.leader.name, phone=unit.leader.phone),
        liaison=ContactOut(name=unit.liaison.name, phone=unit.liaison.phone),
        on_duty=[_on_duty(each) for each in linkage.on_duty(unit, at or linkage.orders.now())],
    )


def _on_duty(each: OnDuty) -> OnDutyOut:
    return OnDutyOut(name=each.name, phone=each.phone, why=each.why)
