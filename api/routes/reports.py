"""报表 · reports: of a day to a year, the daily number proof, and our records against Asterisk's own."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from api import views
from api.auth import Principal, needs
from api.differences import differences_table
from api.openapi import problems
from api.permissions import Permission
from api.schemas_reports import NumberProofOut, ReconciliationOut, ReportOut
from api.services import Serving
from api.shield import carried_out
from records.reports.formats import file_name, laid_out
from records.reports.layout.page import policy
from records.reports.layout.plain import plain
from records.reports.layout.table import table_page, table_workbook
from records.reports.model import Format
from records.reports.periods import Kind
from telephony import errors
from telephony.service.apart import apart

router = APIRouter(prefix="/reports", tags=["reports"])

Reports = Annotated[Principal, needs(Permission.REPORTS)]

_MEDIA_TYPE = {
    Format.PAGE: "text/html; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PDF: "application/pdf",
}
_FILE = {"schema": {"type": "string", "format": "binary"}}


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
    response_model=ReconciliationOut,
    responses={200: {"content": {"text/html": _FILE, _MEDIA_TYPE[Format.XLSX]: _FILE}}, **problems()},
)
async def reconciliation(
    who: Reports,
    services: Serving,
    format: Annotated[
        Literal["json", "page", "xlsx"], Query(description="page: HTML to look at and print; numbers are masked there.")
    ] = "json",
) -> Response | ReconciliationOut:
    """What the node's last comparison found, and what earlier ones found and no later one has seen right."""
    if format == "json":
        return views.reconciliation(services.reconciliation, who.viewer)
    table = differences_table(services.reconciliation, services.settings.time_zone)
    if format == "xlsx":
        headers = {"Content-Disposition": 'attachment; filename="reconciliation.xlsx"'}
        content = await asyncio.to_thread(table_workbook, table)
        return Response(content, headers=headers, media_type=_MEDIA_TYPE[Format.XLSX])
    return Response(table_page(table), headers=_shut_in(), media_type=_MEDIA_TYPE[Format.PAGE])


@router.get(
    "/{kind}",
    operation_id="report",
    summary="日报、周报、半月报、月报、季报、年报 · the report of a period",
    response_model=ReportOut,
    responses={
        200: {"content": {media_type.partition(";")[0]: _FILE for media_type in _MEDIA_TYPE.values()}},
        **problems(errors.NoSuchPeriod, errors.RecordStoreUnavailable),
    },
)
async def report(
    who: Reports,
    services: Serving,
    kind: Annotated[Kind, Path(description="half-month: the 1st to the 15th, and the 16th to the end.")],
    day: Annotated[date | None, Query(description="A day in the period; the running one when left out.")] = None,
    format: Annotated[Format, Query(description="page: HTML, as `/reports` shows it.")] = Format.JSON,
) -> Response | ReportOut:
    """Each figure has the address of the list that it is the length of; numbers are masked for everybody.

    Counting goes on when the request times out, so that of a period that is over the next request is quick.
    """
    made = await carried_out(services.reports.of(services.reports.period(kind, day)))
    if format is Format.JSON:
        return ReportOut.model_validate(plain(made))
    content = await apart(laid_out, made, format)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(made.period, format)}"'}
    if format is Format.PAGE:
        headers = _shut_in()
    return Response(content, headers=headers, media_type=_MEDIA_TYPE[format])


def _shut_in() -> dict[str, str]:
    return {"Content-Security-Policy": f"{policy()}; frame-ancestors 'none'"}
