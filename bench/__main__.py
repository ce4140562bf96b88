"""The benchmarks: latency on a real instance, alternating with the floor; the tracker on its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import export, ledger, menus, reports
from bench.report import Figure, percentile, publish
from bench.synthetic.kept import FEW
from demo.stage import Stage, stage
from telephony import events
from telephony.ami.client import AmiClient
from telephony.tracker import Tracker

ROUNDS = 30
CALLS = 5_000
MENU_CALLERS = 200
_EVENTS_GOAL = 50_000
_ADDED_GOAL_MS = 2.0


async def _through_us(ours: Stage, call_id: str, ami: AmiClient) -> float:
    pressed = time.monotonic()
    await ours.hand_over(call_id, "110")
    return pressed


async def _floor(ours: Stage, call_id: str, ami: AmiClient) -> float:
    """A bare Redirect of the same caller into the same dialplan, its variables set beforehand."""
    call = (await ours.api.get(f"/v1/calls/{call_id}")).json()
    caller = next(leg["channel"] for leg in call["legs"] if leg["uniqueid"] == call_id)
    await ami.action({"Action": "Setvar", "Channel": caller, "Variable": "HANDOFF_STATE", "Value": "dialling"})
    pressed = time.monotonic()
    await ami.action({"Action": "Redirect", "Channel": caller, "Context": "handoff", "Exten": "110", "Priority": "1"})
    return pressed


async def _latency(tell: Callable[[str], None]) -> tuple[list[float], list[float]]:
    """Milliseconds from asking to the target's INVITE: through us, and by a bare Redirect, in turn."""
    ours_ms: list[float] = []
    floor_ms: list[float] = []
    async with stage(Path(".local/bench")) as ours:
        ami = AmiClient("127.0.0.1", 5038 + ours.offset, "hotline", ours.secrets["ami"])
        await ami.connect()
        target = await ours.seat("1101")
        for turn in range(2 * ROUNDS):
            tell(f"handoff {turn + 1} of {2 * ROUNDS}")
            ask, into = ((_through_us, ours_ms), (_floor, floor_ms))[turn % 2]
            talk = await ours.talk("13800001111", "12345", "2101")
            pressed = await ask(ours, talk.call_id, ami)
            incoming = await target.incoming()
            into.append((incoming.received_at - pressed) * 1000)
            await talk.citizen.hangup()
            await ours.hang_up_all()
        await ami.close()
    return ours_ms, floor_ms


def _one_call(number: int) -> Iterator[events.Event]:
    """A call that is answered, handed over, answered again and ended, as Asterisk tells it."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    call, seat, target, handoff = f"n-{number}.1", f"n-{number}.2", f"n-{number}.3", f"h-{number}"
    trunk, phone, other = f"PJSIP/pstn-{number}", f"PJSIP/2101-{number}", f"PJSIP/1101-{number}"
    yield events.ChannelCreated(at, call, call, trunk, "13800001111")
    yield events.CallArrived(at, call, call, trunk, "13800001111", "", "allowed", "12345", "12345", "pstn")
    yield events.ChannelAnswered(at, call)
    yield events.ChannelCreated(at, seat, call, phone, "2101")
    yield events.DialStarted(at, seat, call, phone, "13800001111", "")
    yield events.DialRinging(at, seat)
    yield events.ChannelAnswered(at, seat)
    yield events.SeatAnswered(at, seat, call, phone, "2101", "12345")
    yield events.BridgeEntered(at, seat, "b")
    yield events.BridgeEntered(at, call, "b")
    yield events.BridgeLeft(at, call, "b")
    yield events.BridgeLeft(at, seat, "b")
    yield events.HandoffReported(at, "start", handoff, call, call, "key", "110", "12345", "2101", "on_answer")
    yield events.ChannelCreated(at, target, call, other, "1101")
    yield events.DialStarted(at, target, call, other, "13800001111", handoff)
    yield events.DialRinging(at, target)
    yield events.ChannelAnswered(at, target)
    yield events.HandoffReported(
        at, "answered", handoff, target, call, shown="<sip:13800001111@n>", seat="1101", target="110"
    )
    yield events.ChannelGone(at, seat, call, phone, 16, None)
    yield events.BridgeEntered(at, target, "c")
    yield events.BridgeEntered(at, call, "c")
    yield events.ChannelGone(at, target, call, other, 16, None)
    yield events.ChannelGone(at, call, call, trunk, 16, None)


def _tracking() -> float:
    stream = [event for number in range(CALLS) for event in _one_call(number)]
    tracker = Tracker("bench")
    began = time.perf_counter()
    for event in stream:
        tracker.apply(event)
    taken = time.perf_counter() - began
    if tracker.book.calls or tracker.handoffs:
        raise RuntimeError("calls were left over")
    return len(stream) / taken


def main(
    handoffs: Annotated[int, typer.Option(min=FEW, help="导出与报表用的转接次数 · for exports and reports")] = FEW,
    menu_seconds: Annotated[float, typer.Option(min=1, help="菜单压力测试时长（秒） · callers in the menus")] = 300.0,
) -> None:
    """全部性能测试，写入 bench/results.json · all benchmarks."""
    with Console(stderr=True).status("starting an instance with phones") as status:
        ours_ms, floor_ms = asyncio.run(_latency(status.update))
        of_records = export.figures(status.update, handoffs)
        of_reports = reports.figures(status.update, handoffs)
        of_ledger = ledger.figures(status.update)
        status.update(f"{MENU_CALLERS} callers in the menus for {menu_seconds:g} s")
        of_menus = menus.figures(MENU_CALLERS, menu_seconds)
    p50, p50_floor = percentile(ours_ms, 0.5), percentile(floor_ms, 0.5)
    p99, p99_floor = percentile(ours_ms, 0.99), percentile(floor_ms, 0.99)
    publish(
        [
            Figure("key press to the target's INVITE, p50", p50, "ms", "lower", p50_floor),
            Figure("key press to the target's INVITE, p99", p99, "ms", "lower", p99_floor),
            Figure("added over a bare Redirect, p50", p50 - p50_floor, "ms", "lower", goal=_ADDED_GOAL_MS),
            Figure("events through the tracker", _tracking(), "events/s", "higher", goal=_EVENTS_GOAL),
            *of_records,
            *of_reports,
            *of_ledger,
            *of_menus,
        ]
    )


if __name__ == "__main__":
    typer.run(main)
