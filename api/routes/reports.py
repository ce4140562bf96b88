"""报表 · reports: the daily number proof, and our records against Asterisk's own."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from api import views
from api.auth import Principal, needs
from api.openapi import problems
from api.permissions import Permission
from api.schemas import NumberProofOut, ReconciliationOut
from api.services import Serving
from telephony import errors

router = APIRouter(prefix="/reports", tags=["reports"])

Reports = Annotated[Principal, needs(Permission.REPORTS)]


@router.get(
    "/number-proof",
    operation_id="numberProof",
    summary="主叫号码一致性日报 · whether targets were shown the numbers that arrived, one day",
    responses=problems(errors.RecordStoreUnavailable),
)
async def number_proof(
    who: Reports,
    services: Serving,
    day: Annotated[date | None, Query(description="A day in China (UTC+8); today when left out.")] = None,
) -> NumberProofOut:
    """Of the handoffs asked for in that day; the ids of those that mismatch lead to their records."""
    return views.number_proof(await services.proofs.of(day or services.proofs.today()))


@router.get(
    "/reconciliation",
    operation_id="reconciliation",
    summary="与交换机记录逐条核对 · our records against Asterisk's own, one by one",
    responses=problems(parameters=False),
)
async def reconciliation(who: Reports, services: Serving) -> ReconciliationOut:
    """What the node's last comparison found, and what earlier ones found and no later one has seen right."""
    return views.reconciliation(services.reconciliation, who.viewer)
