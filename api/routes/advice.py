"""智能推荐 · advice from a caller's words. It never decides, and nothing waits for it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter

from api.auth import Principal, needs
from api.openapi import problems
from api.permissions import Permission
from api.schemas_linkage import AdviceIn, AdviceOut
from api.services import Serving
from api.triage_cli import described
from linkage.errors import CatalogueNotFound
from linkage.triage import advise

router = APIRouter(prefix="/advice", tags=["linkage"])

Reads = Annotated[Principal, needs(Permission.READ)]


@router.post(
    "",
    operation_id="advise",
    summary="分流建议：类别、去向、是否紧急、依据 · category, what to do, whether urgent, on what grounds",
    response_model=AdviceOut,
    responses=problems(CatalogueNotFound, body=True),
)
async def advice(body: AdviceIn, who: Reads, services: Serving) -> dict[str, Any]:
    """The words are not kept. ``urgent`` is tuned never to miss danger: some of it is a false alarm."""
    catalogue = await services.linkage.catalogue(body.city)
    return described(advise(body.text, received_by=body.received_by, catalogue=catalogue, channel=body.channel))
