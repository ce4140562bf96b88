"""Who gets in, how long, and what ends it."""

from pathlib import Path

import pytest
from limits import parse

from api.api_settings import ApiSettings
from api.errors import TokenRejected, TooManyRequests
from api.limits import Counters, shared_storage
from api.tokens import Tokens
from api.valkey import ValkeyServer
from records.accounts import Role
from telephony import commands
from tests.support.hall import PASSWORD, Hall, SetClock, open_hall
from tests.unit.api.conftest import Accounts
from tests.unit.api.test_problems import is_problem


async def sign_in(hall: Hall, user: str, password: str = PASSWORD) -> dict[str, str]:
    answer = await hall.http.post("/v1/sessions", json={"user": user, "password": password})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


@pytest.mark.asyncio
async def test_given_the_right_password_then_a_token_that_tells_who_it_is(hall: Hall) -> None:
    headers = await sign_in(hall, "ban")
    who = (await hall.http.get("/v1/sessions/current", headers=headers)).json()
    assert (who["user"], who["role"], who["seat"]) == ("ban", "supervisor", None)
    assert "see-numbers" in who["permissions"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("user", "password"),
    [("ban", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD)],
    ids=["wrong", "unknown", "closed"],
)
async def test_given_wrong_credentials_then_401_that_does_not_tell_which(hall: Hall, user: str, password: str) -> None:
    document = is_problem(
        await hall.http.post("/v1/sessions", json={"user": user, "password": password}), "credentials-wrong"
    )
    assert document["detail"] == "the user name or the password is wrong"


@pytest.mark.asyncio
async def test_given_nobody_says_who_he_is_then_401_names_the_scheme(hall: Hall) -> None:
    answer = await hall.http.get("/v1/calls")
    is_problem(answer, "not-signed-in")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.asyncio
@pytest.mark.parametrize("credential", ["garbage", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJiYW4ifQ.", "Ａ.ｂ.ｃ"])
async def test_given_a_forged_token_or_key_then_401(hall: Hall, credential: str) -> None:
    headers = {"Authorization": f"Bearer {credential}".encode()}
    is_problem(await hall.http.get("/v1/calls", headers=headers), "token-rejected")
    is_problem(await hall.http.get("/v1/calls", headers={"X-API-Key": credential.encode()}), "token-rejected")


@pytest.mark.asyncio
async def test_given_a_token_of_another_secret_then_401(hall: Hall) -> None:
    others = Tokens(b"1" * 32, hall.services.settings.token_lifetime, hall.clock, hall.services.counters)
    token, _ = others.issue("guan", Role.ADMIN, None)
    is_problem(await hall.http.get("/v1/calls", headers={"Authorization": f"Bearer {token}"}), "token-rejected")


@pytest.mark.asyncio
async def test_given_a_shift_has_passed_then_the_token_is_no_longer_valid(hall: Hall) -> None:
    headers = hall.as_person("ban")
    hall.clock.pass_by(hours=9, minutes=59)
    assert (await hall.http.get("/v1/lines", headers=headers)).status_code == 200
    hall.clock.pass_by(minutes=2)
    is_problem(await hall.http.get("/v1/lines", headers=headers), "token-rejected")


@pytest.mark.asyncio
async def test_given_a_sign_out_then_that_token_is_dead_and_the_persons_other_one_is_not(hall: Hall) -> None:
    first, second = hall.as_person("ban"), hall.as_person("ban")
    assert (await hall.http.delete("/v1/sessions/current", headers=first)).status_code == 204
    is_problem(await hall.http.get("/v1/lines", headers=first), "token-rejected")
    assert (await hall.http.get("/v1/lines", headers=second)).status_code == 200


@pytest.mark.asyncio
async def test_given_a_programs_key_then_either_header_will_do(hall: Hall) -> None:
    for headers in (hall.as_program(), {"Authorization": f"Bearer {hall.keys['city']}"}):
        who = (await hall.http.get("/v1/sessions/current", headers=headers)).json()
        assert (who["user"], who["role"]) == ("key:city", "integrator")


@pytest.mark.asyncio
async def test_given_wrong_passwords_then_the_sixth_has_to_wait_and_others_need_not(
    accounts: Accounts, tmp_path: Path
) -> None:
    # in days: an attempt at the end of one window counts a little less at the beginning of the next
    settings = ApiSettings(sign_in_limit="5/day")
    async with open_hall(*accounts, tmp_path, settings=settings) as hall:
        for _ in range(5):
            is_problem(await hall.http.post("/v1/sessions", json={"user": "li", "password": "x"}), "credentials-wrong")
        answer = await hall.http.post("/v1/sessions", json={"user": "li", "password": PASSWORD})
        is_problem(answer, "too-many-requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 2 * 86400
        await sign_in(hall, "fang")


@pytest.mark.asyncio
async def test_given_guesses_over_many_names_then_the_address_has_to_wait(accounts: Accounts, tmp_path: Path) -> None:
    settings = ApiSettings(sign_in_failures="3/minute")
    async with open_hall(*accounts, tmp_path, settings=settings) as hall:
        for number in range(3):
            await hall.http.post("/v1/sessions", json={"user": f"guess-{number}", "password": "x"})
        answer = await hall.http.post("/v1/sessions", json={"user": "ban", "password": PASSWORD})
        is_problem(answer, "too-many-requests")


@pytest.mark.asyncio
async def test_given_a_change_of_shift_through_one_address_then_everybody_gets_in(
    accounts: Accounts, tmp_path: Path
) -> None:
    settings = ApiSettings(sign_in_failures="1/minute", sign_in_limit="1/minute")
    async with open_hall(*accounts, tmp_path, settings=settings) as hall:
        for user in ("fang", "li", "fang", "ban"):
            await sign_in(hall, user)


@pytest.mark.asyncio
async def test_given_a_program_that_floods_then_429_for_it_alone(accounts: Accounts, tmp_path: Path) -> None:
    async with open_hall(*accounts, tmp_path, settings=ApiSettings(request_limit="3/minute")) as hall:
        codes = [(await hall.http.get("/v1/lines", headers=hall.as_program())).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        assert (await hall.http.get("/v1/lines", headers=hall.as_person("ban"))).status_code == 200


@pytest.mark.asyncio
async def test_given_the_shared_counters_are_away_then_a_node_counts_and_revokes_by_itself(tmp_path: Path) -> None:
    counters = Counters(shared_storage(f"unix://{tmp_path}/nobody-listens"))
    limit = parse("2/minute")
    await counters.hit(limit, "somebody")
    await counters.hit(limit, "somebody")
    with pytest.raises(TooManyRequests):
        await counters.hit(limit, "somebody")
    tokens = Tokens(b"0" * 32, ApiSettings().token_lifetime, SetClock(), counters)
    token, session = tokens.issue("fang", Role.SEAT, "2101")
    assert await tokens.read(token) == session
    await tokens.revoke(session)
    with pytest.raises(TokenRejected):
        await tokens.read(token)


@pytest.mark.asyncio
async def test_given_two_nodes_on_one_redis_then_what_one_revokes_or_counts_holds_on_the_other(
    valkey: ValkeyServer,
) -> None:
    here, there = (Counters(shared_storage(valkey.url), patience=10.0) for _ in range(2))
    lifetime = ApiSettings().token_lifetime
    first, second = (Tokens(b"0" * 32, lifetime, SetClock(), counters) for counters in (here, there))
    token, session = first.issue("fang", Role.SEAT, "2101")
    assert await second.read(token) == session
    await first.revoke(session)
    with pytest.raises(TokenRejected):
        await second.read(token)
    limit = parse("1/minute")
    await here.hit(limit, "somebody")
    with pytest.raises(TooManyRequests):
        await there.hit(limit, "somebody")
    await here.forgive(limit, "somebody")
    await there.hit(limit, "somebody")


def test_given_a_short_secret_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tokens(b"short", ApiSettings().token_lifetime, SetClock(), Counters(shared_storage("unix:///nobody")))


# --- at a seat -------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_given_a_person_signs_in_at_a_seat_then_calls_ring_there_and_the_token_counts_there(
    hall: Hall,
) -> None:
    answer = await hall.http.post("/v1/seats/2101/sign-in", json={"user": "fang", "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["user"], body["seat"], body["presence"]["user"]) == ("fang", "2101", "fang")
    assert body["expires_at"] == "2026-11-21T18:00:00.000Z"
    assert hall.asterisk.commands == [commands.PauseSeat("2101", False, "")]
    headers = {"Authorization": f"Bearer {body['token']}"}
    assert (await hall.http.get("/v1/sessions/current", headers=headers)).json()["seat"] == "2101"


@pytest.mark.asyncio
async def test_given_a_signed_in_person_then_the_seat_asks_for_no_password_again(hall: Hall) -> None:
    answer = await hall.http.post("/v1/seats/2102/sign-in", headers=hall.as_person("fang"))
    assert answer.status_code == 200
    assert answer.json()["seat"] == "2102"


@pytest.mark.asyncio
async def test_given_a_seat_that_is_not_ones_own_then_403_unless_one_manages_seats(hall: Hall) -> None:
    is_problem(await hall.http.post("/v1/seats/1101/sign-in", headers=hall.as_person("fang")), "not-your-seat")
    assert (await hall.http.post("/v1/seats/1101/sign-in", headers=hall.as_person("ban"))).status_code == 200


@pytest.mark.asyncio
async def test_given_a_role_that_takes_no_calls_then_it_cannot_sit(hall: Hall) -> None:
    is_problem(await hall.http.post("/v1/seats/2101/sign-in", headers=hall.as_person("shen")), "not-allowed")


@pytest.mark.asyncio
async def test_given_neither_password_nor_token_then_401_and_half_of_it_is_422(hall: Hall) -> None:
    is_problem(await hall.http.post("/v1/seats/2101/sign-in"), "not-signed-in")
    is_problem(await hall.http.post("/v1/seats/2101/sign-in", headers=hall.as_program()), "not-signed-in")
    document = is_problem(await hall.http.post("/v1/seats/2101/sign-in", json={"user": "fang"}), "invalid-request")
    assert document["errors"][0]["field"] == "body.password"


@pytest.mark.asyncio
async def test_given_a_seat_that_is_not_configured_then_404(hall: Hall) -> None:
    is_problem(await hall.http.post("/v1/seats/9999/sign-in", headers=hall.as_person("ban")), "seat-not-found")


@pytest.mark.asyncio
async def test_given_somebody_else_sits_there_now_then_the_old_token_does_nothing_at_that_seat(hall: Hall) -> None:
    fang = hall.as_person("fang", seat="2101")
    await hall.http.post("/v1/seats/2101/sign-in", headers=hall.as_person("li"))
    await hall.with_call()
    is_problem(await hall.hand_over(fang), "token-rejected")
    is_problem(await hall.http.post("/v1/seats/2101/pause", json={"reason": "x"}, headers=fang), "token-rejected")
    assert not any(isinstance(command, commands.Transfer) for command in hall.asterisk.commands)


@pytest.mark.asyncio
async def test_given_a_sign_out_at_the_seat_then_no_calls_ring_and_the_token_is_dead(hall: Hall) -> None:
    headers = hall.as_person("fang", seat="2101")
    answer = await hall.http.post("/v1/seats/2101/sign-out", headers=headers)
    assert answer.status_code == 200
    assert answer.json()["user"] is None
    assert hall.asterisk.commands[-1] == commands.PauseSeat("2101", True, "signed_out")
    is_problem(await hall.http.get("/v1/lines", headers=headers), "token-rejected")


@pytest.mark.asyncio
async def test_given_a_pause_then_its_reason_goes_along_and_resume_ends_it(hall: Hall) -> None:
    headers = hall.as_person("fang", seat="2101")
    assert (await hall.http.post("/v1/seats/2101/pause", json={"reason": "用餐"}, headers=headers)).status_code == 200
    assert (await hall.http.post("/v1/seats/2101/pause", json={"resume": True}, headers=headers)).status_code == 200
    assert hall.asterisk.commands == [commands.PauseSeat("2101", True, "用餐"), commands.PauseSeat("2101", False, "")]


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [{}, {"reason": "用餐", "resume": True}, {"resume": False}])
async def test_given_a_pause_that_says_both_or_neither_then_422(hall: Hall, body: dict[str, object]) -> None:
    answer = await hall.http.post("/v1/seats/2101/pause", json=body, headers=hall.as_person("fang", seat="2101"))
    is_problem(answer, "invalid-request")


@pytest.mark.asyncio
async def test_given_anothers_seat_then_only_a_supervisor_or_a_program_of_its_line_signs_it_out(hall: Hall) -> None:
    url = "/v1/seats/2101/sign-out"
    is_problem(await hall.http.post(url, headers=hall.as_person("li", seat="1101")), "not-your-seat")
    is_problem(await hall.http.post(url, headers=hall.as_program("police")), "not-your-seat")
    assert (await hall.http.post(url, headers=hall.as_program("city"))).status_code == 200
    assert (await hall.http.post(url, headers=hall.as_person("ban"))).status_code == 200
