"""导出 · what is on record, as a file that comes as it is made."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.auth import Principal, needs
from api.errors import TooManyRequests
from api.export_desk import Outgoing
from api.openapi import problems
from api.permissions import Permission
from api.schemas import Moment, Name, PathId
from api.services import Serving
from records.export.spec import Format, Kind, Language, Spec, language_for
from telephony.errors import ExportNotFound, ExportRefused, NotYourCall, RecordStoreUnavailable
from telephony.handoff import Outcome

router = APIRouter(prefix="/records", tags=["records"])

Exports = Annotated[Principal, needs(Permission.REPORTS)]

_MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSONL: "application/x-ndjson",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PARQUET: "application/vnd.apache.parquet",
}


class ExportResponse(StreamingResponse):
    """An answer that breaks off ends without its last chunk, which every client reports as an error (RFC 9112, 7.1)."""

    def __init__(self, outgoing: Outgoing, spec: Spec) -> None:
        headers = {
            "Content-Disposition": f'attachment; filename="{spec.file_name}"',
            "X-Export-Id": outgoing.id,
            "X-Numbers": "whole" if spec.clear else "masked",
        }
        super().__init__(outgoing.chunks(), 200, headers, _MEDIA_TYPES[spec.format])
        self._outgoing = outgoing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._outgoing.close()


@router.get(
    "/export",
    operation_id="exportRecords",
    summary="导出转接、通话或话路明细 · export handoffs, calls or legs",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The file, as it is made; `X-Export-Id` names it on the ledger, which also has its SHA-256 "
            "and rows, and its manifest (`exportManifest`). An answer that breaks off has no last chunk.",
            "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in _MEDIA_TYPES.values()},
        },
        **problems(ExportRefused, RecordStoreUnavailable, NotYourCall, TooManyRequests),
    },
)
async def export(
    who: Exports,
    services: Serving,
    format: Format,
    since: Moment,
    until: Moment,
    kind: Kind = Kind.HANDOFFS,
    line: Name | None = None,
    seat: Name | None = None,
    outcome: Outcome | None = None,
    number: Annotated[Name | None, Query(description="The caller's whole number; needs see-numbers.")] = None,
    category: Name | None = None,
    language: Annotated[
        Language | None, Query(description="Of headers and words; zh for xlsx, en for all else, when left out.")
    ] = None,
    masked: Annotated[bool, Query(description="Numbers masked although you may see them.")] = False,
) -> ExportResponse:
    """Rows in the order of time, from ``since`` up to but without ``until``; every export is on the ledger."""
    if number is not None:
        who.must(Permission.SEE_NUMBERS)
    if who.line is not None and line not in (None, who.line):
        raise NotYourCall(f"this key acts for the line {who.line} only")
    spec = Spec(
        kind=kind,
        format=format,
        since=since,
        until=until,
        language=language_for(language, format),
        clear=not masked and (Permission.SEE_NUMBERS in who.permissions or who.line is not None),
        line=line or who.line,
        seat=seat,
        outcome=outcome,
        number=number,
        category=category,
    )
    return ExportResponse(await services.exports.open(spec, who.name), spec)


@router.get(
    "/exports/{export_id}/manifest",
    operation_id="exportManifest",
    summary="导出文件的签名清单 · the signed manifest of a file that was exported",
    responses=problems(ExportNotFound, RecordStoreUnavailable),
)
async def manifest(export_id: PathId, who: Exports, services: Serving, response: Response) -> dict[str, Any]:
    """For the file beside which it lies as ``FILE.manifest.json``, ``hotline audit verify FILE`` and the offline
    verifier say whether it is what went out. ``export_id`` is the export's ``X-Export-Id``, of this node.
    """
    found = await services.exports.manifest(export_id)
    if who.line is not None and found["made_by"] != who.name:
        raise ExportNotFound(f"there is no export {export_id} that {who.name} made")
    response.headers["Content-Disposition"] = f'attachment; filename="{found["file"]}.manifest.json"'
    return found
