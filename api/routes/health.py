"""Health and metrics, at the root and open to the network that the node is in: they name no caller and no person."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.openapi import problems
from api.schemas import AliveOut, PartHealth, ReadyOut
from api.services import Services, Serving
from telephony.errors import HotlineError

router = APIRouter(tags=["health"])

_ASTERISK = "asterisk"
_PROBE_SECONDS = 1.0


@router.get(
    "/healthz",
    operation_id="healthz",
    summary="进程存活 · the process is alive",
    responses=problems(parameters=False, protected=False),
)
async def alive() -> AliveOut:
    return AliveOut()


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="是否可以服务 · whether calls can be handed over",
    responses={
        503: {"model": ReadyOut, "description": "Asterisk cannot be reached"},
        **problems(parameters=False, protected=False),
    },
)
async def ready(services: Serving, response: Response) -> ReadyOut:
    """503 while Asterisk cannot be reached. With the database or Redis away: 200 and ``degraded``, calls are served."""
    names = list(services.probes)
    answers = await asyncio.gather(*(_up(services, name) for name in names))
    parts = {_ASTERISK: services.switchboard.link_up, **dict(zip(names, answers, strict=True))}
    status = "ready" if all(parts.values()) else "degraded" if parts[_ASTERISK] else "down"
    response.status_code = 503 if status == "down" else 200
    return ReadyOut(
        status=status,
        node=services.switchboard.node,
        parts={name: PartHealth(status="up" if up else "down") for name, up in parts.items()},
    )


async def _up(services: Services, name: str) -> bool:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await services.probes[name]()
    except (HotlineError, TimeoutError):
        return False
    return True


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Prometheus",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(parameters=False, protected=False),
    },
)
async def metrics(services: Serving) -> Response:
    return Response(services.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
