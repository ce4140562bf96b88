"""The HTTP application, put together from its services. Nothing here starts or stops anything else."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from api import errors, openapi, pages
from api.middleware import BodyGate, RequestLog, TimeLimit
from api.routes import (
    advice,
    callbacks,
    calls,
    catalogues,
    conferences,
    events,
    handoffs,
    health,
    orders,
    presence,
    recordings,
    records,
    reports,
    sessions,
    units,
)
from api.services import Services

VERSION = "1.0.0"

_DESCRIPTION = """110 与 12345 热线一键转接、三方通话 · one-key transfer and three-way calls.

失败一律以 RFC 9457 问题文档答复，程序只应依据 `type` 判断 · every failure is a problem document; branch on its `type`.
主叫号码仅来自受信中继，任何接口都不能设置 · caller numbers come from trusted trunks only; no interface can set one."""

_TAGS = [
    {"name": "handoffs", "description": "一键转接与转接记录"},
    {"name": "conferences", "description": "三方通话"},
    {"name": "calls", "description": "通话"},
    {"name": "call-backs", "description": "回拨"},
    {"name": "presence", "description": "热线与坐席"},
    {"name": "recordings", "description": "录音"},
    {"name": "events", "description": "事件流"},
    {"name": "linkage", "description": "受理目录、分流建议、工单警单"},
    {"name": "reports", "description": "报表"},
    {"name": "records", "description": "导出"},
    {"name": "sign-in", "description": "登录"},
    {"name": "health", "description": "运行状况"},
]


def create_app(services: Services) -> FastAPI:
    return equipped(routed(), services)


def routed() -> FastAPI:
    """The interactive pages are off: they load from the internet, which a hall does not have."""
    app = FastAPI(
        title="热线联动 · Hotline linkage",
        version=VERSION,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    errors.install(app)
    openapi.install(app)
    v1 = APIRouter(prefix="/v1")
    for part in (
        handoffs,
        conferences,
        calls,
        callbacks,
        recordings,
        presence,
        events,
        catalogues,
        advice,
        orders,
        units,
        reports,
        records,
        sessions,
    ):
        v1.include_router(part.router)
    app.include_router(v1)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.mount("/assets", pages.assets)
    return app


def equipped(app: FastAPI, services: Services) -> FastAPI:
    app.state.services = services
    # the one added last is the outermost
    app.add_middleware(BodyGate, limit=services.settings.body_limit)
    settings = services.settings
    longer = {"/v1/reports/": settings.report_seconds}
    app.add_middleware(TimeLimit, seconds=settings.request_seconds, longer=longer)
    app.add_middleware(RequestLog, metrics=services.metrics)
    return app
