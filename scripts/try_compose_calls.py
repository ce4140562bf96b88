"""The calls of scripts/try-compose.sh, which runs this on the network of the phones: a machine beside the host.

    python scripts/try_compose_calls.py HOST SEATS_IP TRUNK_IP:PORT SERVICE ASTERISK POSTGRES

The last three are names of containers. Exits 1 if anything is not as it has to be.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import httpx
import orjson

from demo.stage import Stage
from softphones import Call, PhoneHost

CITIZEN = "13800001111"
CITIZEN_TONE, SEAT_TONE = 440.0, 850.0
READY_SECONDS = 60.0
NOTICED_SECONDS = 10.0

began = time.monotonic()


def report(text: str) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)


def hold(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, should be {wanted!r}")


async def inside(container: str, *command: str) -> str:
    """What a command in a container prints. Raises AssertionError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *("podman", "exec", container, *command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, problem = await process.communicate()
    hold(f"{' '.join(command)}: {problem.decode(errors='replace')}", process.returncode, 0)
    return output.decode().strip()


async def hear_each_other(citizen: Call, other: Call) -> None:
    """Each plays its own tone and has to hear that of the other."""
    for call in (citizen, other):
        await call.silence()
    await citizen.play_tone(CITIZEN_TONE)
    await other.play_tone(SEAT_TONE)
    hold("the citizen hears the other party", await citizen.hears(SEAT_TONE), True)
    hold("the other party hears the citizen", await other.hears(CITIZEN_TONE), True)


class Trial:
    def __init__(self, stage: Stage, service: str, asterisk: str, postgres: str) -> None:
        self.stage = stage
        self.service, self.asterisk, self.postgres = service, asterisk, postgres

    async def sign_in(self) -> None:
        people = self.stage.secrets["people"]
        reply = await self.stage.api.post("/v1/sessions", json={"user": "admin", "password": people["admin"]})
        reply.raise_for_status()
        self.stage.api.headers["Authorization"] = f"Bearer {reply.json()['token']}"

    async def stored(self, handoff_id: str) -> list[str]:
        columns = "state, outcome, resolution, original_caller, caller_seen_by_target"
        query = f"SELECT {columns} FROM handoffs WHERE id = '{handoff_id}'"
        return (await inside(self.postgres, "psql", "-U", "hotline", "-tAc", query)).split("|")

    async def kill(self, container: str, pid_file: str) -> None:
        await inside(container, "sh", "-c", f"kill -9 $(cat /var/lib/hotline/run/{pid_file})")

    async def transfer_and_kill_the_service(self) -> None:
        stage = self.stage
        talk = await stage.talk(CITIZEN, "12345", "2101")
        await hear_each_other(talk.citizen, talk.seat)
        report("a citizen calls 12345 from outside, 2101 answers, sound both ways")

        target = await stage.seat("1101")
        pressed = time.monotonic()
        handoff = await stage.hand_over(talk.call_id, "110")
        incoming = await target.incoming()
        milliseconds = (incoming.received_at - pressed) * 1000
        asserted = incoming.asserted_identity
        hold("From at the target", incoming.from_number, CITIZEN)
        hold("P-Asserted-Identity at the target", asserted.number if asserted else None, CITIZEN)
        hold("X-Handoff-Id at the target", incoming.headers.get("X-Handoff-Id"), handoff["id"])
        report(f"POST /v1/handoffs: 110 rings after {milliseconds:.0f} ms; From and PAI are {CITIZEN}")

        await incoming.answer()
        await talk.seat.ended()
        await hear_each_other(talk.citizen, incoming)
        record = await stage.handoff_when(handoff["id"], outcome="answered", caller_seen_by_target=CITIZEN)
        hold("the record", (record["outcome"], record["caller_seen_by_target"]), ("answered", CITIZEN))
        hold("PostgreSQL", await self.stored(handoff["id"]), ["answered", "answered", "target", CITIZEN, CITIZEN])
        report("110 answered, sound both ways, the record is in PostgreSQL")

        await self.kill(self.service, "service.pid")
        killed = time.monotonic()
        await hear_each_other(talk.citizen, incoming)
        report("kill -9 of the service: both go on talking")
        await stage.until(self._answers, READY_SECONDS)
        report(f"the service is back by itself, {time.monotonic() - killed:.1f} s after it was killed")
        await hear_each_other(talk.citizen, incoming)
        live = (await stage.api.get("/v1/calls/live")).json()
        hold("the live call", [(call["id"], call["state"]) for call in live], [(talk.call_id, "talking")])
        record = await stage.record(handoff["id"])
        hold("the record", (record["state"], record["outcome"]), ("answered", "answered"))
        report("the live call and its handoff are shown rightly, both still hear each other")

        await incoming.hangup()
        await talk.citizen.ended()
        record = await stage.handoff_when(handoff["id"], state="ended")
        wanted = ("ended", "answered", "target", CITIZEN)
        found = tuple(record[name] for name in ("state", "outcome", "resolution", "caller_seen_by_target"))
        hold("the record at the end", found, wanted)
        ended = ["ended", "answered", "target", CITIZEN, CITIZEN]

        async def written() -> bool:
            return await self.stored(handoff["id"]) == ended

        await stage.until(written)
        report("hung up: the record has ended, in PostgreSQL too")

    async def kill_asterisk(self) -> None:
        """It is started again in its container, and the service on the same network finds it."""
        await self.kill(self.asterisk, "asterisk.pid")
        killed = time.monotonic()
        await self.stage.until(self._away, NOTICED_SECONDS)
        await self.stage.until(self._answers, READY_SECONDS)
        report(f"kill -9 of Asterisk: started again and linked {time.monotonic() - killed:.1f} s later")
        await self.stage.until(self._seat_is_there, READY_SECONDS)
        report(f"the seat's phone is known again {time.monotonic() - killed:.1f} s after it")
        talk = await self.stage.talk(CITIZEN, "110", "1101")
        await hear_each_other(talk.citizen, talk.seat)
        await talk.end()
        report("a new call, sound both ways")

    async def _seat_is_there(self) -> bool:
        seats = (await self.stage.api.get("/v1/seats")).json()
        return any(seat["id"] == "1101" and seat["state"] == "idle" for seat in seats)

    async def _answers(self) -> bool:
        try:
            return bool((await self.stage.api.get("/readyz")).json().get("status") == "ready")
        except httpx.TransportError:
            return False

    async def _away(self) -> bool:
        return not await self._answers()


async def main(host: str, seats_ip: str, trunk: str, service: str, asterisk: str, postgres: str) -> None:
    trunk_ip, trunk_port = trunk.split(":")
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        kept = await inside(service, "cat", "/var/lib/hotline/secrets.json")
        (home / "secrets.json").write_bytes(orjson.dumps(orjson.loads(kept)))
        async with (
            httpx.AsyncClient(base_url=f"http://{host}:8110", timeout=20.0, trust_env=False) as api,
            PhoneHost(ip=seats_ip) as seats,
            PhoneHost(ip=trunk_ip, port=int(trunk_port)) as outside,
        ):
            stage = Stage(home, 0, api, seats, outside)
            stage.sip = f"{host}:5060"
            trial = Trial(stage, service, asterisk, postgres)
            await trial.sign_in()
            await trial.transfer_and_kill_the_service()
            await trial.kill_asterisk()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except (AssertionError, TimeoutError, httpx.HTTPError) as failure:
        sys.exit(f"✗ {type(failure).__name__}: {failure}")
