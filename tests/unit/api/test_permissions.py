"""Each route against each role, from a list written by hand: what the service allows is what the city decided."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from records.accounts import Role
from tests.support.hall import CALL, Hall

SEAT, SUPERVISOR, AUDITOR, ADMIN, INTEGRATOR = Role.SEAT, Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN, Role.INTEGRATOR
EVERYBODY = frozenset(Role)
WHO_ACTS = EVERYBODY - {AUDITOR}
WHO_SITS = frozenset({SEAT, SUPERVISOR, ADMIN})
WHO_REPORTS = frozenset({SUPERVISOR, AUDITOR, ADMIN})

PUBLIC = {"healthz", "readyz", "metrics", "signIn"}
ALLOWED = {
    "startHandoff": WHO_ACTS,
    "listHandoffs": EVERYBODY,
    "getHandoff": EVERYBODY,
    "correctHandoff": WHO_REPORTS,
    "cancelHandoff": WHO_ACTS,
    "completeHandoff": WHO_ACTS,
    "getConference": EVERYBODY,
    "addParty": WHO_ACTS,
    "controlParty": WHO_ACTS,
    "decide": WHO_ACTS,
    "listCalls": EVERYBODY,
    "listLiveCalls": EVERYBODY,
    "getCall": EVERYBODY,
    "callInDanger": WHO_ACTS,
    "listLines": EVERYBODY,
    "listSeats": EVERYBODY,
    "signInAtSeat": WHO_SITS,
    "getSeatPhone": frozenset({SEAT}),  # of one's own seat alone
    "signOutAtSeat": WHO_ACTS,
    "pauseSeat": WHO_ACTS,
    "numberProof": WHO_REPORTS,
    "reconciliation": WHO_REPORTS,
    "exportRecords": WHO_REPORTS,
    "exportManifest": WHO_REPORTS,
    "pauseRecording": WHO_ACTS,
    "resumeRecording": WHO_ACTS,
    "listRecordings": WHO_REPORTS,
    "recordingFaults": WHO_REPORTS,
    "getRecording": WHO_REPORTS,
    "playRecording": WHO_REPORTS,
    "recordingAudio": WHO_REPORTS,
    "recordingWaveform": WHO_REPORTS,
    "holdRecording": WHO_REPORTS,
    "releaseRecording": WHO_REPORTS,
    "report": WHO_REPORTS,
    "listCallBacks": EVERYBODY,
    "getCallBack": EVERYBODY,
    "takeCallBack": WHO_ACTS,
    "cancelCallBack": EVERYBODY - {SEAT, AUDITOR},
    "listCatalogues": EVERYBODY,
    "advise": EVERYBODY,
    "listUnits": EVERYBODY,
    "getUnit": EVERYBODY,
    "openOrder": WHO_ACTS,
    "listOrders": EVERYBODY,
    "getOrder": EVERYBODY,
    "orderDeadlines": EVERYBODY,
    "escalateOrder": WHO_ACTS,
    "actOnOrder": WHO_ACTS,
    "getCatalogue": EVERYBODY,
    "catalogueConflicts": EVERYBODY,
    "catalogueDifferences": EVERYBODY,
    "whoAmI": EVERYBODY,
    "signOut": EVERYBODY,
}
STREAM = "streamEvents"  # it never ends; test_events has its own
BODIES: dict[str, dict[str, Any]] = {
    "startHandoff": {"call_id": CALL, "mode": "transfer", "target": "110"},
    "addParty": {"target": "120"},
    "openOrder": {"to": "12345", "from_line": "110", "content": "路灯不亮"},
    "escalateOrder": {"reason": "x"},
    "actOnOrder": {"reason": "x"},
    "advise": {"text": "路灯不亮", "received_by": "110"},
    "decide": {"accepted_by": "110", "reason": "x"},
    "correctHandoff": {"field": "reason", "value": "x", "reason": "y"},
    "pauseSeat": {"resume": True},
    "pauseRecording": {"reason": "x"},
    "holdRecording": {"reason": "x"},
    "cancelCallBack": {"reason": "x"},
    "releaseRecording": {"reason": "x"},
}


def operations(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path


def filled(path: str) -> str:
    return path.format(
        handoff_id="h-1",
        conference_id="h-1",
        party_id="caller",
        action="mute",
        act="accept",
        order_id="o-1",
        unit_id="water",
        call_id=CALL,
        seat_id="2101",
        recording_id="r-1",
        export_id="e-1",
        kind="day",
        city="bayannur",
    )


@pytest.mark.asyncio
async def test_every_route_is_public_or_on_the_list(hall: Hall) -> None:
    assert {name for name, _, _ in operations(hall.app)} == PUBLIC | set(ALLOWED) | {STREAM}


@pytest.mark.asyncio
async def test_given_nobody_then_every_route_that_is_not_public_is_shut(hall: Hall) -> None:
    for name, method, path in operations(hall.app):
        headers = {"Idempotency-Key": "press-1"}
        answer = await hall.http.request(method, filled(path), json=BODIES.get(name), headers=headers)
        assert (answer.status_code == 401) is (name not in PUBLIC), (name, answer.text)


@pytest.mark.asyncio
@pytest.mark.parametrize("role", Role)
async def test_given_a_role_then_it_gets_in_where_the_list_says_and_nowhere_else(hall: Hall, role: Role) -> None:
    await hall.with_call()
    for name, method, path in operations(hall.app):
        if name in PUBLIC or name == STREAM:
            continue
        headers = {**hall.as_role(role), "Idempotency-Key": f"press-{name}"}
        if name == "signInAtSeat" and role is Role.INTEGRATOR:
            continue  # a program has no session to sit down with: see test_sign_in
        answer = await hall.http.request(method, filled(path), json=BODIES.get(name), headers=headers)
        assert answer.status_code not in (401, 500), (name, answer.text)
        assert (answer.status_code != 403) is (role in ALLOWED[name]), (name, answer.text)
