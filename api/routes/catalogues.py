"""受理目录 · acceptance catalogues: what is in force, what was, and what differs."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import Principal, needs
from api.openapi import problems
from api.permissions import Permission
from api.schemas_linkage import CatalogueOut, ConflictOut, DifferenceOut, DifferencesOut
from api.services import Serving
from linkage import checks
from linkage.catalogue import Catalogue
from linkage.errors import CatalogueNotFound

router = APIRouter(prefix="/catalogues", tags=["linkage"])

Reads = Annotated[Principal, needs(Permission.READ)]
City = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", examples=["bayannur"])]
Version = Annotated[
    str | None, Query(pattern=r"^[0-9a-f]{4,16}$", description="Its beginning is enough; in force when left out.")
]


@router.get(
    "",
    operation_id="listCatalogues",
    summary="现行受理目录 · catalogues in force",
    responses=problems(parameters=False),
)
async def catalogues(who: Reads, services: Serving) -> list[CatalogueOut]:
    shelf = services.linkage.catalogues
    return [
        CatalogueOut(
            **{name: getattr(each, name) for name in ("id", "name", "region", "title", "edition", "version", "stamp")},
            categories=sum(len(group.categories) for group in each.lists),
            conflicts=len(checks.conflicts(each)),
            versions=list(await asyncio.to_thread(shelf.archive.versions, each.id)),
        )
        for each in shelf.in_force.values()
    ]


@router.get(
    "/{city}",
    operation_id="getCatalogue",
    summary="受理目录全文 · a whole catalogue",
    responses=problems(CatalogueNotFound),
)
async def catalogue(city: City, who: Reads, services: Serving, version: Version = None) -> Catalogue:
    return await services.linkage.catalogue(city, version)


@router.get(
    "/{city}/conflicts",
    operation_id="catalogueConflicts",
    summary="交叉与冲突事项 · what stands in several categories",
    responses=problems(CatalogueNotFound),
)
async def conflicts(city: City, who: Reads, services: Serving, version: Version = None) -> list[ConflictOut]:
    found = checks.conflicts(await services.linkage.catalogue(city, version))
    return [ConflictOut(text=each.text, line=each.line, ways=dict(each.ways), rule=each.rule) for each in found]


@router.get(
    "/{city}/differences",
    operation_id="catalogueDifferences",
    summary="两个版本的差异 · what differs between two versions",
    responses=problems(CatalogueNotFound),
)
async def differences(
    city: City,
    who: Reads,
    services: Serving,
    before: Annotated[str, Query(pattern=r"^[0-9a-f]{4,16}$")],
    after: Version = None,
) -> DifferencesOut:
    old = await services.linkage.catalogue(city, before)
    new = await services.linkage.catalogue(city, after)
    found = checks.differences(old, new)
    listed = [DifferenceOut(id=each.id, what=each.what, before=each.before, after=each.after) for each in found]
    return DifferencesOut(before=old.stamp, after=new.stamp, differences=listed)
