"""The main paths, each as real calls with what has to come of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from demo.stage import Conversation, Stage
from softphones import IncomingCall

CITIZEN = "13800001111"
CITIZEN_TONE, SEAT_TONE, TARGET_TONE = 440.0, 620.0, 850.0
RINGS_WITHIN = 6.0
_TALK_S = 1.3
"""Who is gone within a second of answering has not spoken with the caller, and a human is rung again."""


@dataclass(slots=True)
class Shown:
    """What the target's phone read from the INVITE it got."""

    from_number: str | None = None
    asserted: str | None = None
    handoff_id: str | None = None
    from_line: str | None = None
    to_ringing_ms: float | None = None


@dataclass(slots=True)
class Result:
    name: str
    name_en: str
    record: dict[str, Any] | None = None
    shown: Shown = field(default_factory=Shown)
    differences: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.differences

    def expect(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.differences.append(f"{what}: {found!r}, 应为 · wanted {wanted!r}")

    def expect_true(self, what: str, found: bool) -> None:
        if not found:
            self.differences.append(what)


Scene = Callable[[Stage, Result], Awaitable[None]]
SCENES: list[tuple[str, str, Scene]] = []


def scene(name: str, name_en: str) -> Callable[[Scene], Scene]:
    def keep(function: Scene) -> Scene:
        SCENES.append((name, name_en, function))
        return function

    return keep


async def play(stage: Stage, tell: Callable[[str], None]) -> list[Result]:
    """All scenes, one after the other; one that breaks is reported and does not keep the others from running."""
    results = []
    for name, name_en, function in SCENES:
        result = Result(name, name_en)
        tell(f"{name} · {name_en}")
        try:
            await function(stage, result)
        except Exception as error:
            result.differences.append(f"{type(error).__name__}: {error}")
        results.append(result)
        await stage.hang_up_all()
        stage.forget_rings()
    return results


async def ringing(stage: Stage, seat: str, pressed_at: float, result: Result) -> IncomingCall:
    """The target's phone rings: what its INVITE says, and how long that took."""
    phone = await stage.seat(seat)
    return note_invite(await phone.incoming(RINGS_WITHIN), pressed_at, result)


def note_invite(incoming: IncomingCall, pressed_at: float, result: Result) -> IncomingCall:
    asserted = incoming.asserted_identity
    result.shown = Shown(
        incoming.from_number,
        asserted.number if asserted else None,
        incoming.headers.get("X-Handoff-Id"),
        incoming.headers.get("X-Handoff-From-Line"),
        (incoming.received_at - pressed_at) * 1000,
    )
    return incoming


async def tones(result: Result, *parties: tuple[str, Any, float]) -> None:
    """Each party sends its own tone; every other party has to hear it."""
    for _, call, tone in parties:
        await call.play_tone(tone)
    for hearer, call, _ in parties:
        for speaker, _, tone in parties:
            if speaker != hearer:
                result.expect_true(f"{hearer} 听不到 · does not hear {speaker}", await call.hears(tone))


async def settled(stage: Stage, result: Result, handoff_id: str, *, outcome: str, resolution: str) -> None:
    """The record has to say this, and the number shown to be the caller's."""
    await stage.handoff_when(handoff_id, outcome=outcome, resolution=resolution)
    result.record = await stage.record(handoff_id)
    result.expect("outcome", result.record["outcome"], outcome)
    result.expect("resolution", result.record["resolution"], resolution)
    result.expect("number_mismatch", result.record["number_mismatch"], False)
    if result.shown.from_number is not None:
        result.expect("From", result.shown.from_number, CITIZEN)
        result.expect("P-Asserted-Identity", result.shown.asserted, CITIZEN)
        result.expect("X-Handoff-Id", result.shown.handoff_id, handoff_id)
        result.expect("X-Handoff-From-Line", result.shown.from_line, result.record["from_line"])
        result.expect("caller_seen_by_target", result.record["caller_seen_by_target"], CITIZEN)


async def transfer(stage: Stage, result: Result, *, line: str, seat: str, target: str, target_seat: str) -> None:
    await stage.seat(target_seat)
    talk = await stage.talk(CITIZEN, line, seat)
    pressed = time.monotonic()
    handoff = await stage.hand_over(talk.call_id, target)
    incoming = await ringing(stage, target_seat, pressed, result)
    await incoming.answer()
    await talk.seat.ended()
    await tones(result, ("caller", talk.citizen, CITIZEN_TONE), ("target", incoming, TARGET_TONE))
    await settled(stage, result, handoff["id"], outcome="answered", resolution="target")
    await goodbye(incoming, talk)
    result.record = await stage.handoff_when(handoff["id"], state="ended")
    result.expect("state", result.record["state"], "ended")


async def goodbye(target: IncomingCall, talk: Conversation) -> None:
    """The target hangs up, and so ends the call."""
    await asyncio.sleep(_TALK_S)
    await target.hangup()
    await talk.citizen.ended()


@scene("12345 一键转接 110", "one key, 12345 to 110")
async def to_110(stage: Stage, result: Result) -> None:
    await transfer(stage, result, line="12345", seat="2101", target="110", target_seat="1101")


@scene("110 一键转接 12345", "one key, 110 to 12345")
async def to_12345(stage: Stage, result: Result) -> None:
    await transfer(stage, result, line="110", seat="1101", target="12345", target_seat="2101")


async def back_with_first_seat(stage: Stage, result: Result, talk: Conversation, handoff_id: str, outcome: str) -> None:
    await settled(stage, result, handoff_id, outcome=outcome, resolution="first_seat")
    result.expect("state", (result.record or {})["state"], "ended")
    result.expect_true("首位坐席已断开 · the first seat was cut off", not talk.seat.is_over)
    await tones(result, ("caller", talk.citizen, CITIZEN_TONE), ("first seat", talk.seat, SEAT_TONE))


@scene("对方忙，来电人回到原坐席", "busy target, the caller comes back")
async def busy(stage: Stage, result: Result) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    pressed = time.monotonic()
    handoff = await stage.hand_over(talk.call_id, "110")
    await (await ringing(stage, "1101", pressed, result)).reject(486)
    await back_with_first_seat(stage, result, talk, handoff["id"], "busy")


@scene("对方无人接听，来电人回到原坐席", "no answer, the caller comes back")
async def no_answer(stage: Stage, result: Result) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    pressed = time.monotonic()
    handoff = await stage.hand_over(talk.call_id, "110")
    await ringing(stage, "1101", pressed, result)
    await back_with_first_seat(stage, result, talk, handoff["id"], "no_answer")


@scene("振铃时来电人挂机", "the caller hangs up while it rings")
async def abandoned(stage: Stage, result: Result) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    pressed = time.monotonic()
    handoff = await stage.hand_over(talk.call_id, "110")
    incoming = await ringing(stage, "1101", pressed, result)
    await talk.citizen.hangup()
    await incoming.ended()
    await settled(stage, result, handoff["id"], outcome="abandoned", resolution="caller_hung_up")
    await talk.seat.ended(8.0)


@scene("坐席取消转接", "the seat takes the caller back")
async def cancelled(stage: Stage, result: Result) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    pressed = time.monotonic()
    handoff = await stage.hand_over(talk.call_id, "110")
    incoming = await ringing(stage, "1101", pressed, result)
    (await stage.api.delete(f"/v1/handoffs/{handoff['id']}")).raise_for_status()
    await incoming.ended()
    await back_with_first_seat(stage, result, talk, handoff["id"], "cancelled")


@scene("话机功能码转接", "feature code on the seat's phone")
async def feature_code(stage: Stage, result: Result) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    await talk.seat.dtmf("*1")
    pressed = time.monotonic()
    incoming = await ringing(stage, "1101", pressed, result)
    await incoming.answer()
    await talk.seat.ended()
    await tones(result, ("caller", talk.citizen, CITIZEN_TONE), ("target", incoming, TARGET_TONE))
    result.expect_true("INVITE 无 X-Handoff-Id · none in the INVITE", bool(result.shown.handoff_id))
    await settled(stage, result, str(result.shown.handoff_id), outcome="answered", resolution="target")


@scene("话机 REFER 转接", "SIP REFER from the seat's phone")
async def refer(stage: Stage, result: Result) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    pressed = time.monotonic()
    referring = asyncio.create_task(talk.seat.refer(f"sip:110@{stage.sip}"))
    incoming = await ringing(stage, "1101", pressed, result)
    await incoming.answer()
    await referring
    await tones(result, ("caller", talk.citizen, CITIZEN_TONE), ("target", incoming, TARGET_TONE))
    result.expect_true("INVITE 无 X-Handoff-Id · none in the INVITE", bool(result.shown.handoff_id))
    await settled(stage, result, str(result.shown.handoff_id), outcome="answered", resolution="target")


@scene("转接联动号码 120（经中继）", "linked number 120, over the trunk")
async def linked_number(stage: Stage, result: Result) -> None:
    outside = await stage.outside()
    talk = await stage.talk(CITIZEN, "12345", "2101")
    pressed = time.monotonic()
    handoff = await stage.hand_over(talk.call_id, "120")
    incoming = note_invite(await outside.incoming(RINGS_WITHIN), pressed, result)
    await incoming.answer()
    await tones(result, ("caller", talk.citizen, CITIZEN_TONE), ("120", incoming, TARGET_TONE))
    await settled(stage, result, handoff["id"], outcome="answered", resolution="target")


@scene("三方通话并记录受理决定", "three-way call with a recorded decision")
async def three_way(stage: Stage, result: Result) -> None:
    await stage.seat("1101")
    talk = await stage.talk(CITIZEN, "12345", "2101")
    pressed = time.monotonic()
    handoff = await stage.hand_over(talk.call_id, "110", mode="conference")
    incoming = await ringing(stage, "1101", pressed, result)
    await incoming.answer()
    await tones(
        result,
        ("caller", talk.citizen, CITIZEN_TONE),
        ("seat", talk.seat, SEAT_TONE),
        ("target", incoming, TARGET_TONE),
    )
    path = f"/v1/conferences/{handoff['id']}/decision"
    (await stage.api.post(path, json={"accepted_by": "110", "reason": "涉及人身安全"})).raise_for_status()
    (await stage.api.post(f"/v1/handoffs/{handoff['id']}/complete")).raise_for_status()
    await talk.seat.ended()
    await tones(result, ("caller", talk.citizen, CITIZEN_TONE), ("target", incoming, TARGET_TONE))
    await goodbye(incoming, talk)
    await settled(stage, result, handoff["id"], outcome="answered", resolution="target")
    result.expect("decision", ((result.record or {})["decision"] or {}).get("accepted_by"), "110")


@scene("直接来电，无语音菜单", "direct call, no menu")
async def direct(stage: Stage, result: Result) -> None:
    phone = await stage.seat("1101")
    citizen = await stage.citizen(CITIZEN)
    pressed = time.monotonic()
    call = await citizen.dial("110")
    incoming = note_invite(await phone.incoming(RINGS_WITHIN), pressed, result)
    await incoming.answer()
    await call.answered()
    await tones(result, ("caller", call, CITIZEN_TONE), ("seat", incoming, SEAT_TONE))
    result.expect("From", result.shown.from_number, CITIZEN)
    result.expect("P-Asserted-Identity", result.shown.asserted, CITIZEN)
