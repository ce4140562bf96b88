"""登录 · signing in without a seat: supervisors, auditors, administrators; and who one is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request

from api.auth import Principal, address_of, needs, session_of, verified
from api.errors import CredentialsWrong, TooManyRequests
from api.openapi import problems
from api.permissions import Permission
from api.schemas import SessionIn, SessionOut, WhoOut
from api.services import Serving
from telephony import errors

router = APIRouter(prefix="/sessions", tags=["sign-in"])

Reads = Annotated[Principal, needs(Permission.READ)]


@router.post(
    "",
    operation_id="signIn",
    summary="登录 · sign in",
    status_code=201,
    responses=problems(CredentialsWrong, TooManyRequests, errors.RecordStoreUnavailable, body=True, protected=False),
)
async def sign_in(body: SessionIn, request: Request, services: Serving) -> SessionOut:
    user = await verified(services, request, body.user, body.password)
    token, principal = session_of(services, user.id, user.role, seat=None)
    services.journal.signed_in(user.id, address=address_of(request))
    every = tuple(seat.id for seat in services.switchboard.directory.seats)
    seats = every if Permission.MANAGE_SEATS in principal.permissions else user.seats
    return SessionOut(**principal.described(), token=token, expires_at=principal.expires_at, seats=list(seats))


@router.get(
    "/current", operation_id="whoAmI", summary="当前登录者 · who is signed in", responses=problems(parameters=False)
)
async def who_am_i(who: Reads) -> WhoOut:
    return WhoOut(**who.described())


@router.delete(
    "/current",
    operation_id="signOut",
    summary="退出登录 · the token is no longer valid",
    status_code=204,
    responses=problems(parameters=False),
)
async def sign_out(who: Reads, services: Serving) -> None:
    """A program's API key stays as it is."""
    if who.session:
        await services.tokens.revoke(who.session)
        services.journal.signed_out(who.name, by=who.name, seat=who.seat)
