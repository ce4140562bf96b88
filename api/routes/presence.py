"""热线与坐席 · lines and seats: who is there, who is free; signing in at a seat."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request

from api import views
from api.auth import Asking, Principal, address_of, needs, session_of, still_seated, verified
from api.errors import CredentialsWrong, InvalidRequest, NotSignedIn, NotYourSeat, TokenRejected
from api.openapi import problems
from api.permissions import Permission
from api.schemas import LineOut, PathId, PauseIn, SeatOut, SeatPhoneOut, SeatSessionOut, SeatSignInIn
from api.seat_phones import DOMAIN, socket_for
from api.services import Services, Serving
from api.shield import carried_out
from records.accounts import User
from telephony import errors

router = APIRouter(tags=["presence"])

Reads = Annotated[Principal, needs(Permission.READ)]
Sits = Annotated[Principal, needs(Permission.SIT)]

_SIGN_IN = (CredentialsWrong, NotYourSeat, errors.SeatNotFound, errors.RecordStoreUnavailable)
_BEHIND = (errors.AmiNotConnected, errors.AmiActionFailed, errors.AmiTimeout, errors.LiveStateUnavailable)


@router.get(
    "/lines", operation_id="listLines", summary="热线与联动号码 · lines and linked numbers", responses=problems()
)
async def lines(who: Reads, services: Serving) -> list[LineOut]:
    board = services.switchboard
    return [views.line(status, board.directory) for status in await board.lines()]


@router.get(
    "/seats",
    operation_id="listSeats",
    summary="坐席状态 · seats, and who sits there",
    responses=problems(parameters=False),
)
async def seats(who: Reads, services: Serving) -> list[SeatOut]:
    return [views.seat(status) for status in await services.switchboard.seats()]


@router.post(
    "/seats/{seat_id}/sign-in",
    operation_id="signInAtSeat",
    summary="坐席签入 · sign in at a seat",
    responses=problems(
        CredentialsWrong, NotYourSeat, errors.SeatNotFound, errors.RecordStoreUnavailable, *_BEHIND, body=True
    ),
)
async def sign_in(
    seat_id: PathId,
    request: Request,
    asking: Asking,
    services: Serving,
    body: Annotated[SeatSignInIn | None, Body()] = None,
) -> SeatSessionOut:
    """With user and password, or with a session's token and no body. The token given back counts at this seat only."""
    user = await _person(body or SeatSignInIn(), asking, request, services)
    token, principal = session_of(services, user.id, user.role, seat=seat_id)
    principal.must(Permission.SIT)
    if seat_id not in user.seats and Permission.MANAGE_SEATS not in principal.permissions:
        raise NotYourSeat(f"{user.id} may not sign in at the seat {seat_id}")
    status = await carried_out(services.switchboard.sign_in(seat_id, user.id))
    services.journal.signed_in(user.id, address=address_of(request), seat=seat_id)
    return SeatSessionOut(
        **principal.described(),
        token=token,
        expires_at=principal.expires_at,
        seats=[seat_id],
        presence=views.seat(status),
    )


async def _person(body: SeatSignInIn, asking: Principal | None, request: Request, services: Services) -> User:
    if body.user is not None and body.password is not None:
        return await verified(services, request, body.user, body.password)
    if body.user is not None or body.password is not None:
        missing = "password" if body.password is None else "user"
        raise InvalidRequest([{"field": f"body.{missing}", "code": "missing", "message": "both, or neither"}])
    if asking is None or asking.session is None:
        raise NotSignedIn("user and password, or a session's token, are needed")
    user = await services.accounts.user(asking.name)
    if user is None or user.disabled:
        raise TokenRejected("the account is closed")
    return user


@router.get(
    "/seats/{seat_id}/phone",
    operation_id="getSeatPhone",
    summary="坐席话机帐号 · what the phone of one's own seat registers with",
    responses=problems(NotYourSeat, errors.SeatNotFound),
)
async def phone(seat_id: PathId, who: Sits, request: Request, services: Serving) -> SeatPhoneOut:
    """For who has signed in there, and for nobody else: whoever has the password takes the calls."""
    if who.seat != seat_id:
        raise NotYourSeat(f"this token is not of the seat {seat_id}")
    directory = services.switchboard.directory
    seat = directory.seat(seat_id)
    if seat is None:
        raise errors.SeatNotFound(f"no seat {seat_id}")
    if not seat.in_browser:
        return SeatPhoneOut(seat=seat.id, kind="desk", socket=None, uri=None, password=None, recording_key=None)
    return SeatPhoneOut(
        seat=seat.id,
        kind="browser",
        socket=socket_for(request, services.settings),
        uri=f"sip:{seat.id}@{DOMAIN}",
        password=seat.secret,
        recording_key=directory.recording_code,
    )


@router.post(
    "/seats/{seat_id}/sign-out",
    operation_id="signOutAtSeat",
    summary="坐席签出 · sign out; the seat's token is no longer valid",
    responses=problems(NotYourSeat, errors.SeatNotFound, *_BEHIND),
)
async def sign_out(seat_id: PathId, who: Reads, services: Serving) -> SeatOut:
    """One's own seat, or any with the permission manage-seats."""
    await _may_manage(services, who, seat_id)
    sitting = (await services.switchboard.seat(seat_id)).user
    status = await carried_out(services.switchboard.sign_out(seat_id))
    services.journal.signed_out(sitting or who.name, by=who.name, seat=seat_id)
    if who.session and who.seat == seat_id:
        await services.tokens.revoke(who.session)
    return views.seat(status)


@router.post(
    "/seats/{seat_id}/pause",
    operation_id="pauseSeat",
    summary="示忙与恢复 · no calls for a while, or calls again",
    responses=problems(NotYourSeat, errors.SeatNotFound, *_BEHIND, body=True),
)
async def pause(seat_id: PathId, body: PauseIn, who: Reads, services: Serving) -> SeatOut:
    """One's own seat, or any with the permission manage-seats."""
    await _may_manage(services, who, seat_id)
    if body.resume == (body.reason is not None):
        raise InvalidRequest([{"field": "body.reason", "code": "missing", "message": "a reason, or resume: true"}])
    return views.seat(await carried_out(services.switchboard.pause(seat_id, body.reason)))


async def _may_manage(services: Services, who: Principal, seat_id: str) -> None:
    if Permission.MANAGE_SEATS in who.permissions:
        _of_its_line(services, who, seat_id)
        return
    if who.seat != seat_id:
        raise NotYourSeat(f"this token is not of the seat {seat_id}")
    await still_seated(services, who)


def _of_its_line(services: Services, who: Principal, seat_id: str) -> None:
    line = services.switchboard.directory.line(who.line) if who.line else None
    if who.line and (line is None or seat_id not in line.seats):
        raise NotYourSeat(f"the seat {seat_id} is not of the line {who.line}")
